// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/membership"
)

// Reason is why a grant does not count; empty if it does. Reasons are written to the log and kept with grants that end.
type Reason string

// The reasons.
const (
	// ReasonAccountGone: the Account has been deleted, or is another of its name.
	ReasonAccountGone Reason = "AccountGone"
	// ReasonSuspended: the Account is suspended, or was.
	ReasonSuspended Reason = "AccountSuspended"
	// ReasonUnseen: the Account may have been suspended while the operator was away. It will say so.
	ReasonUnseen Reason = "AccountUnseen"
	// ReasonSignedOut: the person signed out of the browser, or everywhere, or chose a new password.
	ReasonSignedOut Reason = "SignedOut"
	// ReasonFactorsReset: an administrator asked for the second factors to be reset.
	ReasonFactorsReset Reason = "FactorsReset"
	// ReasonApplicationGone: the application was deleted, or is another of its name.
	ReasonApplicationGone Reason = "ApplicationGone"
	// ReasonNoMember: the person is no active member of the organisation with a seat.
	ReasonNoMember Reason = "NoMember"
	// ReasonNotAdmitted: the application is for others in the organisation.
	ReasonNotAdmitted Reason = "NotAdmitted"
	// ReasonSignInMethod: the organisation asks for another way to sign in.
	ReasonSignInMethod Reason = "SignInMethod"
	// ReasonSecondFactor: the organisation or the application asks for a second factor that was not given.
	ReasonSecondFactor Reason = "SecondFactor"
	// ReasonPasskey: the application asks for a passkey, which was not used.
	ReasonPasskey Reason = "Passkey"
	// ReasonNotConfigured: the configuration of this portal does not name the application, or names it for other roles. Another portal may
	// have another one, while it is rolled out.
	ReasonNotConfigured Reason = "NotConfigured"
	// ReasonOver: its time is over.
	ReasonOver Reason = "Over"
	// ReasonReused: a code or a refresh token was used twice.
	ReasonReused Reason = "Reused"
	// ReasonRevoked: the application gave it back.
	ReasonRevoked Reason = "Revoked"
	// ReasonLoggedOut: the person signed out at the application, which said so.
	ReasonLoggedOut Reason = "LoggedOut"
	// ReasonTooMany: the person signed in to more applications than are kept.
	ReasonTooMany Reason = "TooMany"
)

// Lasting reports whether a grant that does not count for that reason is at its end. Otherwise it may count again in a moment.
func (r Reason) Lasting() bool { return r != "" && r != ReasonUnseen }

// OfApplication reports whether a reason may be what is known of an Application, of which the cache may be behind.
func (r Reason) OfApplication() bool {
	switch r {
	case ReasonApplicationGone, ReasonNotAdmitted, ReasonSecondFactor, ReasonPasskey:
		return true
	}
	return false
}

// Facts are what a grant rests on, as it is now.
type Facts struct {
	// Account of the person; nil if it is gone.
	Account *rosterv1alpha1.Account
	// Credentials of the Account, with the grants.
	Credentials account.Credentials
	// Memberships of the person, in all organisations, as they are at this time.
	Memberships []Membership
	// Application of the grant; nil if it is gone, or belongs to the platform.
	Application *rosterv1alpha1.Application
	// Platform is the application if it is one of the platform; nil if the configuration does not name it.
	Platform *Platform
}

// Platform is an application of the platform.
type Platform struct {
	// Roles in an organisation that it is for; all, if there are none.
	Roles []rosterv1alpha1.OrganizationRole
	// To is where it is told that a sign-in has ended; empty if nowhere.
	To string
}

// Note writes down what a grant rests on of its application, for when not every portal knows that.
func (g *Grant) Note(f Facts) {
	switch {
	case f.Application != nil:
		g.To = f.Application.Spec.BackChannelLogoutURI
	case f.Platform != nil:
		g.Roles, g.To = f.Platform.Roles, f.Platform.To
	}
}

// admits reports whether an application of the platform is for a member.
func (p *Platform) admits(m *Membership) bool {
	return p == nil || len(p.Roles) == 0 || slices.Contains(p.Roles, membership.RoleOf(m.Organization, m.Member))
}

// Membership is a Member of the person, and the organisation; nil where the namespace has none.
type Membership struct {
	Member       *rosterv1alpha1.Member
	Organization *rosterv1alpha1.Organization
}

// In is the membership in an organisation; nil where there is none.
func (f Facts) In(namespace string) *Membership {
	for i := range f.Memberships {
		if f.Memberships[i].Member.Namespace == namespace {
			return &f.Memberships[i]
		}
	}
	return nil
}

// Counts returns why a grant does not count; nothing if it does.
func Counts(g *Grant, f Facts, now time.Time) Reason {
	if g.Ending != nil {
		return g.Ending.Reason
	}
	if !now.Before(g.Until()) {
		return ReasonOver
	}
	if why := countsFor(g, f, now); why != "" {
		return why
	}
	if g.OfPlatform() {
		return countsOfPlatform(g, f, now)
	}
	if f.Application == nil || f.Application.UID != g.ApplicationUID || f.Application.DeletionTimestamp != nil {
		return ReasonApplicationGone
	}
	return countsIn(g, f, now)
}

// countsOfPlatform is about an application of the platform. What the grant began with decides whether it ends, and all portals find it in
// the grant; what the configuration says decides only whether it counts here.
func countsOfPlatform(g *Grant, f Facts, now time.Time) Reason {
	configured := f.Platform
	f.Platform = &Platform{Roles: g.Roles}
	if why := countsIn(g, f, now); why != "" {
		return why
	}
	if f.Platform = configured; configured == nil || Opens(f, g.Namespace, g.Session(), now) != "" {
		return ReasonNotConfigured
	}
	return ""
}

// countsIn is about the organisations.
func countsIn(g *Grant, f Facts, now time.Time) Reason {
	if why := Opens(f, g.Namespace, g.Session(), now); why != "" {
		return why
	}
	if m := f.In(g.Namespace); m != nil && !sameMembership(g, m.Member) {
		return ReasonNoMember
	}
	return ""
}

// countsFor is about the Account.
func countsFor(g *Grant, f Facts, now time.Time) Reason {
	a := f.Account
	switch {
	case a == nil || a.DeletionTimestamp != nil:
		return ReasonAccountGone
	case account.SuspendedSince(a, g.Began):
		return ReasonSuspended
	case account.MayHaveBeenSuspended(a, g.Generation):
		return ReasonUnseen
	case g.Epoch != f.Credentials.Sessions.Epoch || !onDevice(g, f.Credentials.Sessions):
		return ReasonSignedOut
	}
	// Times in the API have seconds: what began in the second of the reset is before it, too.
	reset := a.Spec.FactorsResetRequestedAt
	if reset != nil && !reset.After(now) && g.Began.Before(reset.Truncate(time.Second).Add(time.Second)) {
		return ReasonFactorsReset
	}
	return ""
}

// onDevice reports whether the browser is signed in, and has been since the grant began: signing out on a browser ends what was signed in
// to from it.
func onDevice(g *Grant, s account.Sessions) bool {
	return slices.ContainsFunc(s.Devices, func(d account.Device) bool { return d.ID == g.Device && !d.Added.After(g.Began) })
}

// sameMembership reports whether a Member stands for the membership that a grant began with. Objects come and go while a person belongs to
// an organisation; somebody who was removed and has joined again signs in again.
func sameMembership(g *Grant, m *rosterv1alpha1.Member) bool {
	joined := m.Status.JoinedTime
	return m.UID == g.MemberUID || joined != nil && !joined.After(g.Began)
}

// Opens returns why a session does not open an application to a person; nothing if it does. With an application of the platform that speaks
// of no organisation, the namespace is empty: then the session must be what every organisation of the person asks for, since what the
// person may do in each is what comes of it. If it is for some roles, the person needs one of them in any organisation.
func Opens(f Facts, namespace string, s account.Session, now time.Time) Reason {
	if namespace == "" {
		return opensAll(f, s, now)
	}
	m := f.In(namespace)
	if m == nil {
		return ReasonNoMember
	}
	if why := m.opens(s, now); why != "" {
		return why
	}
	if f.Application == nil {
		if !f.Platform.admits(m) {
			return ReasonNotAdmitted
		}
		return ""
	}
	if !Admits(f.Application, m) {
		return ReasonNotAdmitted
	}
	switch f.Application.Spec.MultiFactor {
	case rosterv1alpha1.ApplicationFactorRequired:
		if !account.Satisfies(m.Organization.Spec.Security, s) {
			return ReasonSecondFactor
		}
	case rosterv1alpha1.ApplicationFactorPhishingResistant:
		if s.Proved(account.MethodPasskey, account.MethodPasskeyAlone).IsZero() {
			return ReasonPasskey
		}
	}
	return ""
}

func opensAll(f Facts, s account.Session, now time.Time) Reason {
	active, admitted := false, false
	for _, m := range f.Memberships {
		switch why := m.opens(s, now); why {
		case "":
			active, admitted = true, admitted || f.Platform.admits(&m)
		case ReasonNoMember:
		default:
			return why
		}
	}
	switch {
	case !active:
		return ReasonNoMember
	case !admitted:
		return ReasonNotAdmitted
	}
	return ""
}

// opens returns why a session does not open an organisation to its member.
func (m *Membership) opens(s account.Session, now time.Time) Reason {
	o := m.Organization
	switch {
	case o == nil || o.DeletionTimestamp != nil || !membership.IsActive(membership.At(o, m.Member, now)):
		return ReasonNoMember
	case !account.Admits(o.Spec.Security, s):
		return ReasonSignInMethod
	case account.DemandsFactor(o, m.Member) && !account.Satisfies(o.Spec.Security, s):
		return ReasonSecondFactor
	}
	return ""
}

// Admits reports whether an application is for that member of its organisation.
func Admits(a *rosterv1alpha1.Application, m *Membership) bool {
	return application.Admits(a, string(membership.RoleOf(m.Organization, m.Member)), m.Member.Status.Teams)
}
