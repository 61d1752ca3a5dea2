// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/conditions"
	"github.com/roster-dev/roster/internal/network"
)

// soon is how long before the end of tokens people hear of it.
const soon = 14 * 24 * time.Hour

// Obstacle is why the network was not asked: a reason for the condition Connected, and what to do about it.
type Obstacle struct {
	Reason, Message string
	// Refused: it is not a matter of looking again. The tokens are not for this profile.
	Refused bool
}

// Finding is what is known about the tokens of a profile at one time.
type Finding struct {
	// Obstacle is set where the network was not asked; what follows Tokens is then empty.
	Obstacle *Obstacle
	// Tokens as the Secret has them now.
	Tokens network.Tokens
	Traits network.Traits
	// Server that has the account, of networks that have several.
	Server string
	// Wanted are the scopes that the profile needs.
	Wanted []string
	// Report and Err are what Check returned.
	Report network.Report
	Err    error
	// Failures is how many answers that said nothing there were one after the other, this one included.
	Failures int
	// Renewal is the error of a renewal that was due; nil where there was none or it worked.
	Renewal error
	// Renewed means that Tokens are new ones, which the network gave for those before.
	Renewed bool
	// Unread is how many items nobody has looked at; nil where nobody asked or the network does not tell.
	Unread *int32
	// Lost means that a renewal began and was never finished: the new tokens, if there were any, are gone.
	Lost bool
}

func (f Finding) validity() network.Validity { return network.ValidityOf(f.Err) }

// renews reports whether the operator keeps these tokens fresh by itself.
func (f Finding) renews(p *rosterv1alpha1.SocialProfile) bool {
	return p.Spec.Refresh == rosterv1alpha1.RefreshBeforeExpiry && f.Traits.Renewable != nil && f.Traits.Renewable(f.Tokens)
}

// RenewalDue reports whether to renew, after a check. Tokens are verified before they are rotated: while the network does not say how they
// stand, and while they belong to another account than the profile's, they are left alone. That the network limits how often it is asked is
// no reason to let tokens end that it took before: then the expiry that is known counts.
func RenewalDue(p *rosterv1alpha1.SocialProfile, f Finding, now time.Time) bool {
	if f.Obstacle != nil || !f.renews(p) {
		return false
	}
	switch f.validity() {
	case network.Invalid:
		return true
	case network.Valid:
		return reached(RenewAt(p.UID, Expiry(f.Tokens, f.Report, now), f.Traits.Lead), now) && !f.strange(p)
	case network.Unknown:
		return limited(f.Err) && reached(renewsUnasked(p, f, now), now)
	}
	return false
}

func reached(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

func limited(err error) bool {
	fault, ok := errors.AsType[*network.Error](err)
	return ok && fault.Kind == network.KindLimit
}

// renewsUnasked is when tokens that the network took before are renewed although it does not let itself be asked; zero for never.
func renewsUnasked(p *rosterv1alpha1.SocialProfile, f Finding, now time.Time) time.Time {
	if !f.renews(p) || bound(p, f.Tokens).Fingerprint == "" {
		return time.Time{}
	}
	expiry := Expiry(f.Tokens, f.Report, now)
	if c := p.Status.Credential; expiry.IsZero() && c.AccessExpiryTime != nil {
		expiry = c.AccessExpiryTime.Time
	}
	return RenewAt(p.UID, expiry, f.Traits.Lead)
}

// strange reports whether the tokens open another account than they should.
func (f Finding) strange(p *rosterv1alpha1.SocialProfile) bool {
	want := Expected(p)
	return want != "" && f.Report.AccountID != "" && !network.SameAccount(f.Report.AccountID, want)
}

// Decide decides what the status should be and when to look again. It changes only what is about credentials.
func Decide(p *rosterv1alpha1.SocialProfile, f Finding, now time.Time) (rosterv1alpha1.SocialProfileStatus, time.Time) {
	d := decision{p: p, f: f, now: now, status: *p.Status.DeepCopy()}
	if p.Spec.CredentialsSecretRef == nil {
		d.nothing()
		return d.status, time.Time{}
	}
	if d.status.Credential == nil {
		d.status.Credential = &rosterv1alpha1.CredentialStatus{}
	}
	d.end = d.lasts()
	d.facts()
	d.connected()
	d.expiring()
	d.scopes()
	d.engagement()
	return WithRenewer(p, d.status, now), d.next()
}

type decision struct {
	p      *rosterv1alpha1.SocialProfile
	f      Finding
	now    time.Time
	status rosterv1alpha1.SocialProfileStatus
	// end is when a person has to act; zero where that is not known or never.
	end time.Time
}

func (d *decision) set(kind string, status metav1.ConditionStatus, reason, message string) {
	d.conditions().Set(kind, status, reason, message)
}

func (d *decision) conditions() conditions.Setter {
	return conditions.In(&d.status.Conditions, d.p.Generation, d.now)
}

// nothing is the status of a profile without credentials.
func (d *decision) nothing() {
	d.status.Credential, d.status.Engagement = nil, nil
	d.conditions().Remove(rosterv1alpha1.ConditionConnected, rosterv1alpha1.ConditionTokenExpiring,
		rosterv1alpha1.ConditionScopesSufficient, rosterv1alpha1.ConditionRenewerAvailable)
}

// facts records what the network told. What it did not tell this time, of the same tokens, stays.
func (d *decision) facts() {
	c := d.status.Credential
	if d.f.Obstacle != nil {
		return
	}
	fingerprint := FingerprintOf(d.p, d.f.Tokens)
	fresh := c.Fingerprint != fingerprint
	c.Fingerprint, c.FingerprintSalt = fingerprint, salt(d.p)
	d.bind()
	if d.f.validity() == network.Unknown && !fresh {
		return
	}
	c.AccessExpiryTime = timeOf(Expiry(d.f.Tokens, d.f.Report, d.now))
	c.RefreshExpiryTime = timeOf(Trust(d.f.Tokens.RefreshExpiry, d.now))
	c.DataAccessExpiryTime = timeOf(Trust(d.f.Report.DataAccessExpiry, d.now))
	c.ReconnectByTime = timeOf(d.end)
	c.Scopes = sortedScopes(d.granted())
	if d.f.strange(d.p) || d.f.Report.AccountID == "" {
		return
	}
	c.AccountID = d.f.Report.AccountID
	c.Handle = d.f.Report.Handle
}

// FingerprintOf tells the tokens of a profile from others of the same profile. It stays what it is when the profile is restored.
func FingerprintOf(p *rosterv1alpha1.SocialProfile, t network.Tokens) string {
	return t.Fingerprint(salt(p))
}

func salt(p *rosterv1alpha1.SocialProfile) string {
	if c := p.Status.Credential; c != nil && c.FingerprintSalt != "" {
		return c.FingerprintSalt
	}
	return string(p.UID)
}

// granted are the scopes as the network has them, else as the Secret has.
func (d *decision) granted() []string {
	if d.f.Report.Scopes != nil {
		return d.f.Report.Scopes
	}
	return d.f.Tokens.Scopes
}

func (d *decision) connected() {
	const kind = rosterv1alpha1.ConditionConnected
	on := d.p.Spec.Network
	switch {
	case d.f.Obstacle != nil:
		d.obstacle(*d.f.Obstacle)
	case d.f.validity() == network.Valid && d.f.strange(d.p):
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonAccountChanged, fmt.Sprintf(
			"The tokens open the account %s on %s, and the profile is the account %s. Put tokens of that account into the Secret %s, or, "+
				"if the profile has moved, name the new account in spec.accountID.",
			d.f.Report.AccountID, on, Expected(d.p), d.p.Spec.CredentialsSecretRef.Name))
	case d.f.validity() == network.Valid:
		d.set(kind, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected, fmt.Sprintf("%s accepts the tokens%s.", on, d.whose()))
	case d.f.closed() != nil:
		d.closed(d.f.closed())
	case d.f.validity() == network.Invalid && network.ValidityOf(d.f.Renewal) == network.Unknown:
		d.set(kind, metav1.ConditionUnknown, unknownReason(d.f.Renewal), fmt.Sprintf(
			"%s no longer accepts the access token, and the renewal has not worked yet: %s. The operator tries again.", on, d.f.Renewal))
	case d.f.validity() == network.Invalid && d.f.Lost:
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonRenewalLost, fmt.Sprintf(
			"A renewal was interrupted, and %s takes a refresh token only once: the new tokens are lost. Reconnect the profile.", on))
	case d.f.validity() == network.Invalid:
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonTokenInvalid, fmt.Sprintf(
			"%s no longer accepts the tokens: %s. Reconnect the profile.", on, d.f.Err))
	case d.patient():
	case unknownReason(d.f.Err) == rosterv1alpha1.ReasonAccountForbidden:
		d.set(kind, metav1.ConditionUnknown, rosterv1alpha1.ReasonAccountForbidden, fmt.Sprintf(
			"%s accepts the tokens, but they give no access to %s: %s. Connect the profile as someone who has a role on that account, and grant "+
				"what is requested.", on, cmp.Or(d.p.Spec.AccountID, "the account"), d.f.Err))
	default:
		d.set(kind, metav1.ConditionUnknown, unknownReason(d.f.Err), fmt.Sprintf(
			"%s does not report the state of the tokens: %s. The operator checks again.", on, d.f.Err))
	}
}

// obstacle is what keeps the network from being asked.
func (d *decision) obstacle(o Obstacle) {
	status := metav1.ConditionUnknown
	if o.Refused {
		status = metav1.ConditionFalse
	}
	d.set(rosterv1alpha1.ConditionConnected, status, o.Reason, o.Message)
}

// closed is how the network said that it has closed the account; nil where it has not.
func (f Finding) closed() error {
	switch {
	case f.validity() == network.Closed:
		return f.Err
	case f.validity() == network.Invalid && network.ValidityOf(f.Renewal) == network.Closed:
		return f.Renewal
	}
	return nil
}

// closed reports what the network did to the account.
func (d *decision) closed(err error) {
	fault, _ := errors.AsType[*network.Error](err)
	reason, what, remedy := rosterv1alpha1.ReasonAccountDisabled, "has disabled the account for now",
		"Sign in there as the person who connected the profile, and do what the network asks for; the operator checks again."
	switch fault.Kind {
	case network.KindSuspended:
		reason, what = rosterv1alpha1.ReasonAccountSuspended, "has suspended or closed the account"
		remedy = "Ask the network about it; the operator checks again."
	case network.KindMoved:
		reason, what = rosterv1alpha1.ReasonAccountMoved, "says that the account has moved"
		remedy = "Connect the account that it has moved to as a separate profile, and delete this one."
	}
	d.set(rosterv1alpha1.ConditionConnected, metav1.ConditionFalse, reason, fmt.Sprintf("%s %s: %s. %s", d.p.Spec.Network, what, err, remedy))
}

// patient reports whether what the network said before of the same tokens still counts: one answer that says nothing is no news.
func (d *decision) patient() bool {
	was := meta.FindStatusCondition(d.p.Status.Conditions, rosterv1alpha1.ConditionConnected)
	same := d.p.Status.Credential != nil && d.p.Status.Credential.Fingerprint == d.status.Credential.Fingerprint
	return d.f.Failures < patience && was != nil && was.Status == metav1.ConditionTrue && same
}

func unknownReason(err error) string {
	fault, ok := errors.AsType[*network.Error](err)
	switch {
	case ok && fault.Kind == network.KindLimit:
		return rosterv1alpha1.ReasonRateLimited
	case ok && fault.Kind == network.KindScope:
		return rosterv1alpha1.ReasonAccountForbidden
	}
	return rosterv1alpha1.ReasonNoAnswer
}

func (d *decision) whose() string {
	c := d.status.Credential
	switch {
	case c.Handle != "" && c.AccountID != "":
		return fmt.Sprintf(" of %s (%s)", c.Handle, c.AccountID)
	case c.AccountID != "":
		return " of the account " + c.AccountID
	}
	return ""
}

// lasts is when somebody has to connect the profile again. Tokens that the operator renews last as long as what renews them.
func (d *decision) lasts() time.Time {
	f := d.f
	if f.Obstacle != nil {
		return time.Time{}
	}
	access, refresh := Expiry(f.Tokens, f.Report, d.now), Trust(f.Tokens.RefreshExpiry, d.now)
	ends := []time.Time{Trust(f.Report.DataAccessExpiry, d.now)}
	switch {
	case f.renews(d.p):
		if f.Tokens.AppPassword == "" { // which opens another session
			ends = append(ends, refresh)
		}
		if f.Renewal != nil {
			ends = append(ends, access)
		}
	case f.Tokens.Refresh != "" && access.After(d.now):
		ends = append(ends, refresh) // somebody else renews
	default:
		ends = append(ends, access)
	}
	var end time.Time
	for _, e := range ends {
		if !e.IsZero() && (end.IsZero() || e.Before(end)) {
			end = e
		}
	}
	return end
}

func (d *decision) expiring() {
	const kind = rosterv1alpha1.ConditionTokenExpiring
	switch {
	case d.f.Obstacle != nil:
		d.set(kind, metav1.ConditionUnknown, d.f.Obstacle.Reason, "The tokens are not known.")
	case d.end.IsZero() && d.f.renews(d.p):
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonNotExpiring, "The operator renews the tokens.")
	case d.end.IsZero() && d.f.Tokens.Refresh != "" && d.status.Credential.AccessExpiryTime != nil:
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonNotExpiring,
			"The Secret has a refresh token, and spec.refresh is Never: the owner of the Secret renews the tokens.")
	case d.end.IsZero():
		d.set(kind, metav1.ConditionUnknown, rosterv1alpha1.ReasonExpiryUnknown, fmt.Sprintf(
			"Neither %s nor the entry %s of the Secret specifies when the tokens expire. They may never expire.", d.p.Spec.Network, network.KeyAccessExpiry))
	case !d.end.After(d.now):
		d.set(kind, metav1.ConditionTrue, rosterv1alpha1.ReasonExpired,
			fmt.Sprintf("The tokens expired on %s. Reconnect the profile.%s", day(d.end), d.helpless()))
	case d.end.Sub(d.now) <= soon:
		d.set(kind, metav1.ConditionTrue, rosterv1alpha1.ReasonExpiring,
			fmt.Sprintf("The tokens expire on %s. Reconnect the profile before then.%s", day(d.end), d.helpless()))
	default:
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonNotExpiring, fmt.Sprintf("The tokens last until %s.%s", day(d.end), d.helpless()))
	}
}

// helpless says why the operator does not renew what it should.
func (d *decision) helpless() string {
	if d.p.Spec.Refresh != rosterv1alpha1.RefreshBeforeExpiry || d.f.renews(d.p) {
		return ""
	}
	return fmt.Sprintf(" The operator cannot renew them: that takes the entry %s in the Secret, and for most networks an app in the "+
		"operator's configuration (networks).", network.KeyRefresh)
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

func (d *decision) scopes() {
	const kind = rosterv1alpha1.ConditionScopesSufficient
	granted := d.status.Credential.Scopes
	missing := network.Missing(granted, d.f.Wanted)
	switch {
	case d.f.Obstacle != nil:
		d.set(kind, metav1.ConditionUnknown, d.f.Obstacle.Reason, "The tokens are not known.")
	case len(d.f.Wanted) == 0:
		d.set(kind, metav1.ConditionTrue, rosterv1alpha1.ReasonScopesSufficient, "No scopes are required.")
	case len(granted) == 0:
		d.set(kind, metav1.ConditionUnknown, rosterv1alpha1.ReasonScopesUnknown, fmt.Sprintf(
			"Neither %s nor the entry %s of the Secret specifies which scopes the token has.", d.p.Spec.Network, network.KeyScope))
	case len(missing) > 0:
		d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonScopesMissing, fmt.Sprintf(
			"The token lacks %s. Reconnect the profile and grant them.", strings.Join(missing, ", ")))
	default:
		d.set(kind, metav1.ConditionTrue, rosterv1alpha1.ReasonScopesSufficient, "The token has all required scopes.")
	}
}

// WithRenewer reports whether anybody can do what has to be done. It follows from the rest of the status alone, and has to be said again
// when members come and go.
func WithRenewer(p *rosterv1alpha1.SocialProfile, s rosterv1alpha1.SocialProfileStatus, now time.Time) rosterv1alpha1.SocialProfileStatus {
	d := decision{p: p, now: now, status: *s.DeepCopy()}
	const kind = rosterv1alpha1.ConditionRenewerAvailable
	expiring := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionTokenExpiring)
	connected := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionConnected)
	var what string
	switch {
	case connected != nil && connected.Status == metav1.ConditionFalse:
		what = "The profile is not connected"
	case expiring != nil && expiring.Status == metav1.ConditionTrue && s.Credential != nil && s.Credential.ReconnectByTime != nil:
		what = "The tokens expire on " + day(s.Credential.ReconnectByTime.Time)
	default:
		d.conditions().Remove(kind)
		return d.status
	}
	if n := s.Renewers; n != nil && *n > 0 {
		d.set(kind, metav1.ConditionTrue, rosterv1alpha1.ReasonRenewerAvailable,
			fmt.Sprintf("%s. Active members who may reconnect the profile: %d.", what, *n))
		return d.status
	}
	d.set(kind, metav1.ConditionFalse, rosterv1alpha1.ReasonNobodyCanRenew, what+
		", and nobody active may reconnect the profile. Make someone its Administrator, through spec.profiles of a Member, a Team or a Workspace.")
	return d.status
}

// next is when to look again.
func (d *decision) next() time.Time {
	f := d.f
	switch {
	case f.Obstacle != nil:
		return d.now.Add(min(Pause(d.p.UID, f.Failures, 0), lastLook))
	case f.validity() == network.Unknown && f.Renewal == nil && limited(f.Err):
		return earliest(d.now, d.now.Add(Pause(d.p.UID, f.Failures, RestOf(f.Err))), renewsUnasked(d.p, f, d.now))
	case f.validity() == network.Unknown && f.Renewal == nil:
		return d.now.Add(Pause(d.p.UID, f.Failures, RestOf(f.Err)))
	case f.Renewal != nil:
		return d.now.Add(Pause(d.p.UID, f.Failures, RestOf(f.Renewal)))
	}
	times := append(thresholds(d.end), NextSlot(d.p.UID, d.now))
	expiry := Expiry(f.Tokens, f.Report, d.now)
	if f.renews(d.p) {
		times = append(times, RenewAt(d.p.UID, expiry, f.Traits.Lead))
	}
	return earliest(d.now, append(times, expiry)...)
}

// Rest is how long to let a network alone that asks for it: until a renewal is due, at the longest.
func Rest(p *rosterv1alpha1.SocialProfile, f Finding, asked time.Duration, now time.Time) time.Duration {
	return earliest(now, now.Add(asked), renewsUnasked(p, f, now)).Sub(now)
}

// RestOf is how long the network asked to be let alone in an error; zero where it did not.
func RestOf(err error) time.Duration {
	if fault, ok := errors.AsType[*network.Error](err); ok {
		return fault.RetryAfter
	}
	return 0
}

func timeOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t.Truncate(time.Second)}
}

// sortedScopes fit into the status: no duplicates, and none that is no scope.
func sortedScopes(scopes []string) []string {
	const most = 64
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	sorted = slices.DeleteFunc(slices.Compact(sorted), func(s string) bool { return s == "" || len(s) > 253 })
	return sorted[:min(len(sorted), most)]
}
