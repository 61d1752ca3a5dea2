// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/backoff"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
	"github.com/roster-dev/roster/internal/offer"
)

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

// Finish is a context for writing down what became of a mail: that goes on when the manager is told to stop, else the next one would
// mail again.
func Finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finishing)
}

// How often the same address is mailed a new link: several at once, since people correct themselves, then one an hour. Deleting
// and creating an object again and again, as a GitOps loop gone wrong does, must not flood anybody.
const (
	Burst    = 5
	Interval = time.Hour
)

// maxLimited is how many of those who were mailed lately are counted, see limit.New.
const maxLimited = 10000

// How long the outbox waits before it tries a failing relay again: the pause doubles from the first to the last.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Outbox mails, and remembers what the status does not show yet: within a process a mail that was sent is not sent again because the
// cache is stale or the status could not be written.
type Outbox struct {
	Options

	letters memory[letter]
	limiter *limit.Limiter[string]
}

// letter is what the outbox remembers of one Invitation.
type letter struct {
	report   *invitation.Report
	failures int
}

// NewOutbox gives an outbox that has sent nothing yet.
func NewOutbox(o Options) *Outbox {
	return &Outbox{Options: o, limiter: limit.New[string](limit.Rate{Every: Interval, Burst: Burst}, maxLimited)}
}

// Forget drops what is remembered of an Invitation that is gone.
func (b *Outbox) Forget(key client.ObjectKey) { b.letters.forget(key) }

// Report is what became of the last mail, if the status does not show it. What it shows is forgotten.
func (b *Outbox) Report(inv *rosterv1alpha1.Invitation) *invitation.Report {
	l, _ := b.letters.unshown(inv, func(l letter) bool { return l.report != nil && l.report.Shown(inv.Status) })
	return l.report
}

// ThrottledUntil is when the next mail may go to an address; zero if it may go now.
func (b *Outbox) ThrottledUntil(namespace string, to address.Address) time.Time {
	now := b.Clock.Now()
	if pause := b.limiter.Wait(limiterKey(namespace, to), now); pause > 0 {
		return now.Add(pause)
	}
	return time.Time{}
}

// Send mails what a decision asks for. It returns what became of it and, where that failed for now, how long to wait before trying again.
// Whatever keeps the mail from going out is in the report, so that it shows in the status; there is none where the mail only waits for its
// turn.
func (b *Outbox) Send(ctx context.Context, in *invitation.Input, d invitation.Decision) (*invitation.Report, time.Duration) {
	inv := in.Invitation
	to, message, id, err := b.compose(ctx, in, d)
	start := b.Clock.Now()
	if err == nil {
		err = b.hand(ctx, kindOf(d.Mail.Reminder), d.Mail.Attempt, message)
	}
	now := b.Clock.Now()
	report := invitation.NewReport(*in, d, id, now)
	report.Outcome, report.Message = became(err)
	if !untried(err) {
		b.Metrics.mail(report, now.Sub(start))
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

func (b *Outbox) compose(ctx context.Context, in *invitation.Input, d invitation.Decision) (
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
	keys, err := b.Keys.Get(ctx)
	if err != nil {
		return to, nil, "", err
	}
	token, err := invitation.Token(keys, invitation.LinkID(inv), d.Mail.Attempt, to)
	if err != nil {
		return to, nil, "", err
	}
	told, err := offer.Present(ctx, b.Client, in.Offer, b.UserPrefix)
	if err != nil {
		return to, nil, "", err
	}
	content := mail.Invitation{
		Envelope: mail.Envelope{
			To: string(to), Locale: in.Locale(), Now: b.Clock.Now(),
			MessageID: invitation.MessageID(invitation.LinkID(inv), d.Mail.Attempt, d.Mail.Reminder, b.Composer.Domain()),
		},
		Presentation: told, Link: b.PortalURL + "/invitations/" + token, Expiry: d.Mail.Expiry, Reminder: d.Mail.Reminder,
		Again: d.Mail.Attempt > 1,
	}
	if in.Member != nil {
		content.Name = in.Member.Spec.DisplayName
	}
	message, err = b.Composer.Invitation(content)
	return to, message, content.MessageID, err
}

// remember keeps a report until the status shows it, and counts the mail against its address.
func (b *Outbox) remember(inv *rosterv1alpha1.Invitation, to address.Address, r invitation.Report) {
	b.letters.change(inv, func(l *letter) { *l = letter{report: &r} })
	if r.Reminder == 0 {
		b.limiter.Take(limiterKey(inv.Namespace, to), b.Clock.Now())
	}
}

// failed counts a failure and says how long to wait.
func (b *Outbox) failed(inv *rosterv1alpha1.Invitation) (pause time.Duration) {
	b.letters.change(inv, func(l *letter) {
		pause = backoff.Spread(backoff.Pause(l.failures, firstRetry, lastRetry))
		l.failures++
	})
	return pause
}

func limiterKey(namespace string, to address.Address) string { return namespace + "/" + string(to) }
