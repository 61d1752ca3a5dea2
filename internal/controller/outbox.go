// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// Mailer hands mails to a relay, and knows what keeps it from that. *mail.Gate is the real one.
type Mailer interface {
	Send(ctx context.Context, m *mail.Message) error
	Trouble() mail.Trouble
	Watch(f func(mail.Trouble))
}

// waits reports whether a mail is to be sent again after a while though nothing is wrong with it.
func waits(err error) (after time.Duration, ok bool) {
	if held, ok := errors.AsType[*mail.HeldError](err); ok {
		return held.Retry, true
	}
	return firstRetry, mail.Interrupted(err)
}

// untried reports whether the relay has not been asked.
func untried(err error) bool {
	held, ok := errors.AsType[*mail.HeldError](err)
	return ok && !held.Tried || mail.Interrupted(err)
}

// finishing is how long writing down what became of a mail may take after the manager was told to stop.
const finishing = 10 * time.Second

// finish is a context for writing down what became of a mail: that goes on when the manager is told to stop, else the next one would
// mail again.
func finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finishing)
}

// How often the same address is mailed a new link: several at once, since people correct themselves, then one an hour. Deleting
// and creating an object again and again, as a GitOps loop gone wrong does, must not flood anybody.
const (
	mailBurst    = 5
	mailInterval = time.Hour
)

// How long the outbox waits before it tries a failing relay again: the pause doubles from the first to the last.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// outbox mails, and remembers what the status does not show yet: within a process a mail that was sent is not sent again because the
// cache is stale or the status could not be written.
type outbox struct {
	client    client.Reader
	clock     clock.PassiveClock
	composer  *mail.Composer
	mailer    Mailer
	keys      *LinkKeys
	metrics   *Metrics
	portalURL string
	// userPrefix stands before the address of a person in their user name.
	userPrefix string

	mu       sync.Mutex
	letters  map[client.ObjectKey]*letter
	limiters map[string]*rate.Limiter
}

// letter is what the outbox remembers of one Invitation.
type letter struct {
	uid      types.UID
	report   *invitation.Report
	failures int
}

func newOutbox(o Options, c client.Reader, keys *LinkKeys, metrics *Metrics) *outbox {
	return &outbox{
		client: c, clock: o.Clock, composer: o.Composer, mailer: o.Mailer, keys: keys, metrics: metrics,
		portalURL: strings.TrimSuffix(o.Config.Portal.URL, "/"), userPrefix: o.Config.RBAC.UserPrefix,
		letters: map[client.ObjectKey]*letter{}, limiters: map[string]*rate.Limiter{},
	}
}

// report is what became of the last mail, if the status does not show it. What it shows is forgotten.
func (b *outbox) report(inv *rosterv1alpha1.Invitation) *invitation.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.letters[client.ObjectKeyFromObject(inv)]
	if l == nil || l.uid != inv.UID || l.report == nil {
		return nil
	}
	if l.report.Shown(inv.Status) {
		delete(b.letters, client.ObjectKeyFromObject(inv))
		return nil
	}
	return l.report
}

// throttledUntil is when the next mail may go to an address; zero if it may go now.
func (b *outbox) throttledUntil(namespace string, to address.Address) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter := b.limiters[limiterKey(namespace, to)]
	now := b.clock.Now()
	if limiter == nil || limiter.TokensAt(now) >= 1 {
		return time.Time{}
	}
	missing := 1 - limiter.TokensAt(now)
	return now.Add(time.Duration(missing * float64(mailInterval)))
}

// send mails what a decision asks for. It returns what became of it and, where that failed for now, how long to wait before trying again.
// Whatever keeps the mail from going out is in the report, so that it shows in the status; there is none where the mail only waits for its
// turn.
func (b *outbox) send(ctx context.Context, in *invitation.Input, d invitation.Decision) (*invitation.Report, time.Duration) {
	inv := in.Invitation
	to, message, id, err := b.compose(ctx, in, d)
	start := b.clock.Now()
	if err == nil {
		err = b.mailer.Send(ctx, message)
	}
	now := b.clock.Now()
	report := invitation.NewReport(*in, d, id, now)
	report.Outcome, report.Message = became(err)
	if !untried(err) {
		b.metrics.mail(report, now.Sub(start))
	}
	if retry, ok := waits(err); ok {
		if held, ok := errors.AsType[*mail.HeldError](err); !ok || held.Reason == "" {
			return nil, retry
		}
		return &report, retry
	}
	if report.Outcome == outcome.Failing {
		log.FromContext(ctx).Info("mail is failing", "invitation", inv.Name, "why", report.Message, "error", err.Error())
		return &report, b.failed(inv)
	}
	b.remember(inv, to, report)
	return &report, 0
}

// composeError is why a mail could not even be written.
type composeError struct{ error }

// became is what became of the mail about an Invitation, and what explains it.
func became(err error) (outcome.Outcome, string) {
	result := mail.OutcomeOf(err)
	if result == outcome.Held {
		return result, invitation.HeldMessage
	}
	if _, unwritten := errors.AsType[composeError](err); unwritten {
		return result, fmt.Sprintf("The mail could not be written: %s.", err)
	}
	return result, mail.Explain(err)
}

func (b *outbox) compose(ctx context.Context, in *invitation.Input, d invitation.Decision) (
	to address.Address, message *mail.Message, id string, err error,
) {
	defer func() {
		if err != nil {
			err = composeError{err}
		}
	}()
	inv := in.Invitation
	if to, err = address.Parse(in.Email()); err != nil {
		return to, nil, "", err
	}
	keys, err := b.keys.Get(ctx)
	if err != nil {
		return to, nil, "", err
	}
	token, err := invitation.Token(keys, invitation.LinkID(inv), d.Mail.Attempt, to)
	if err != nil {
		return to, nil, "", err
	}
	who, err := b.inviter(ctx, in.Offer)
	if err != nil {
		return to, nil, "", err
	}
	profiles, err := b.profiles(ctx, in)
	if err != nil {
		return to, nil, "", err
	}
	if err := b.describe(ctx, in); err != nil {
		return to, nil, "", err
	}
	content := mail.Invitation{
		To: string(to), Locale: in.Locale(), Organization: in.Organization.Spec.DisplayName,
		Inviter: who.name, InviterAddress: who.address, Role: in.Role(), AddsProfiles: in.CanManageProfiles(),
		Profiles: profiles, Workspaces: in.CalledWorkspaces(), CustomRoles: in.CustomRoles,
		Environments: in.Organization.Spec.Environments, Message: inv.Spec.Message,
		Link: b.portalURL + "/invitations/" + token, Now: b.clock.Now(), Expiry: d.Mail.Expiry, Reminder: d.Mail.Reminder,
		MessageID: invitation.MessageID(invitation.LinkID(inv), d.Mail.Attempt, d.Mail.Reminder, b.composer.Domain()),
	}
	if in.Member != nil {
		content.Name = in.Member.Spec.DisplayName
	}
	message, err = b.composer.Invitation(content)
	return to, message, content.MessageID, err
}

// profiles are what is offered, each profile called as people know it: by its network and handle. One that does not exist keeps
// the name of its object.
func (b *outbox) profiles(ctx context.Context, in *invitation.Input) ([]rosterv1alpha1.ProfileGrant, error) {
	var called []rosterv1alpha1.ProfileGrant
	for _, grant := range in.Profiles() {
		p, err := optional[rosterv1alpha1.SocialProfile](ctx, b.client, in.Invitation.Namespace, grant.Name)
		if err != nil {
			return nil, err
		}
		if p != nil {
			grant.Name = string(p.Spec.Network) + " " + p.Spec.Handle
		}
		called = append(called, grant)
	}
	return called, nil
}

// describe reads what the CustomRoles and Workspaces that are offered are called. One that does not exist keeps the name of its object.
func (b *outbox) describe(ctx context.Context, in *invitation.Input) error {
	in.CustomRoles, in.Workspaces = map[string]rosterv1alpha1.CustomRoleSpec{}, map[string]string{}
	for _, name := range in.CustomRoleNames() {
		role, err := peek[rosterv1alpha1.CustomRole](ctx, b.client, in.Invitation.Namespace, name)
		if err != nil {
			return err
		}
		if role != nil {
			in.CustomRoles[name] = role.Spec
		}
	}
	for _, grant := range in.WorkspaceGrants() {
		w, err := peek[rosterv1alpha1.Workspace](ctx, b.client, in.Invitation.Namespace, grant.Name)
		if err != nil {
			return err
		}
		if w != nil {
			in.Workspaces[grant.Name] = w.Spec.DisplayName
		}
	}
	return nil
}

// inviter is who invites: by name if a Member has that address, where answers go, and the name of the Member who has joined.
type inviter struct{ name, address, member string }

// inviter finds out who invites. User names that are no addresses, such as those of certificates, mean nothing to the reader: then the
// organisation invites.
func (b *outbox) inviter(ctx context.Context, o invitation.Offer) (inviter, error) {
	named, ok := invitation.ParseInviter(o.InvitedBy(), b.userPrefix)
	if !ok || named.Address == "" {
		return inviter{}, nil
	}
	members, err := membersBy(ctx, b.client, o.Invitation.Namespace, indexAddress, string(named.Address))
	if err != nil {
		return inviter{}, err
	}
	who := inviter{name: named.Written, address: string(named.Address), member: invitation.JoinedMember(members)}
	for _, m := range members {
		if called := cmp.Or(m.Status.DisplayName, m.Spec.DisplayName); called != "" {
			who.name = called
			break
		}
	}
	return who, nil
}

// remember keeps a report until the status shows it, and counts the mail against its address.
func (b *outbox) remember(inv *rosterv1alpha1.Invitation, to address.Address, r invitation.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters[client.ObjectKeyFromObject(inv)] = &letter{uid: inv.UID, report: &r}
	if r.Reminder > 0 {
		return
	}
	b.forgetIdle()
	key := limiterKey(inv.Namespace, to)
	limiter := b.limiters[key]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Every(mailInterval), mailBurst)
		b.limiters[key] = limiter
	}
	limiter.AllowN(b.clock.Now(), 1)
}

// failed counts a failure and says how long to wait: longer each time, and not for all at the same moment.
func (b *outbox) failed(inv *rosterv1alpha1.Invitation) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.letters[client.ObjectKeyFromObject(inv)]
	if l == nil || l.uid != inv.UID {
		l = &letter{uid: inv.UID}
		b.letters[client.ObjectKeyFromObject(inv)] = l
	}
	pause := lastRetry
	if l.failures < 6 {
		pause = firstRetry << l.failures
	}
	l.failures++
	return pause/2 + rand.N(pause/2) //nolint:gosec // spreads load, guards nothing
}

// forget drops what is remembered of an Invitation that is gone.
func (b *outbox) forget(key client.ObjectKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.letters, key)
}

// maxLimiters is how many addresses are counted before those that may be mailed freely again are dropped.
const maxLimiters = 10000

// forgetIdle drops limiters that are full again; they say no more than a new one.
func (b *outbox) forgetIdle() {
	if len(b.limiters) < maxLimiters || len(b.limiters)%1000 != 0 {
		return
	}
	now := b.clock.Now()
	for key, limiter := range b.limiters {
		if limiter.TokensAt(now) >= mailBurst {
			delete(b.limiters, key)
		}
	}
}

func limiterKey(namespace string, to address.Address) string { return namespace + "/" + string(to) }
