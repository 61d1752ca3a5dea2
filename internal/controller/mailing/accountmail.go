// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/backoff"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// accountMails sends the mails about Accounts that the portal asks for. The portal itself has no way to a relay.
type accountMails struct {
	Options

	sent memory[sentMails]
	// limiters keep strangers from having somebody mailed again and again about a topic.
	limiters map[rosterv1alpha1.AccountMailTopic]*limit.Limiter[string]
}

// sentMails is what is remembered of one Account.
type sentMails struct {
	mails []rosterv1alpha1.AccountMail
	// failures since the last mail that was sent.
	failures int
}

func newAccountMails(o Options) *accountMails {
	return &accountMails{
		Options:  o,
		limiters: accountLimiters(),
	}
}

// asksForMail reports whether a mail about an Account has ever been asked for. The others do not go through the queue, which keeps the
// memory that it took when all of them were in it.
func asksForMail(o client.Object) bool {
	a, ok := o.(*rosterv1alpha1.Account)
	return ok && (len(a.Status.MailRequests) > 0 || a.Spec.FactorsResetRequestedAt != nil)
}

// Reconcile sends what is due about an Account, and notes it in one write.
func (r *accountMails) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := reading.Optional[rosterv1alpha1.Account](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if a == nil || a.DeletionTimestamp != nil {
		r.sent.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if !address.IsOf(a) {
		return ctrl.Result{}, nil // The condition of the Account says what is wrong with it.
	}
	known, _ := r.sent.unshown(a, func(known sentMails) bool {
		return known.failures == 0 && !slices.ContainsFunc(known.mails, func(m rosterv1alpha1.AccountMail) bool {
			return !hasMail(a.Status.MailsSent, m)
		})
	})
	var answered []rosterv1alpha1.AccountMail
	retry := time.Duration(0)
	if reset := a.Spec.FactorsResetRequestedAt; reset != nil && reset.After(r.Clock.Now()) {
		retry = reset.Sub(r.Clock.Now())
	}
	for _, due := range account.MailsDue(a, r.Clock.Now()) {
		if after, ok := r.answer(ctx, a, due, known.mails); !ok {
			retry = after
			continue
		}
		answered = append(answered, due.AccountMail)
	}
	if len(answered) == 0 {
		return ctrl.Result{RequeueAfter: retry}, nil
	}
	for _, m := range answered {
		a.Status.MailsSent = rosterv1alpha1.WithMail(a.Status.MailsSent, m.Topic, m.Time)
	}
	ctx, cancel := Finish(ctx)
	defer cancel()
	return ctrl.Result{RequeueAfter: retry}, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.Client, a))
}

// answer sends a mail, unless it is to be left out or has been sent. It returns false where the mail has to be tried again, and after how
// long.
func (r *accountMails) answer(
	ctx context.Context, a *rosterv1alpha1.Account, due account.MailDue, sent []rosterv1alpha1.AccountMail,
) (after time.Duration, ok bool) {
	if hasMail(sent, due.AccountMail) {
		return 0, true
	}
	if due.Drop != "" {
		r.leaveOut(ctx, a, due.Topic, due.Drop)
		return 0, true
	}
	mailed, err := r.deliver(ctx, a, due)
	if err == nil {
		if mailed {
			r.sent.change(a, func(known *sentMails) {
				known.mails, known.failures = rosterv1alpha1.WithMail(known.mails, due.Topic, due.Time), 0
			})
		}
		return 0, true
	}
	if after, ok := waits(err); ok {
		return after, false
	}
	log.FromContext(ctx).Error(err, "A mail about an account is failing", "account", a.Name, "topic", due.Topic)
	r.sent.change(a, func(known *sentMails) {
		if known.failures == 0 {
			r.Events.Warn(a, rosterv1alpha1.ReasonDeliveryFailing, "Mail", triedAgain("The mail "+string(due.Topic), err.Error()))
		}
		after = backoff.Spread(backoff.Pause(known.failures, firstRetry, lastRetry))
		known.failures++
	})
	return after, false
}

// deliver sends a mail, unless the link that its code is for is not good any more, or there have been too many of its kind.
func (r *accountMails) deliver(ctx context.Context, a *rosterv1alpha1.Account, due account.MailDue) (mailed bool, err error) {
	var code *codeMail
	if due.Topic == rosterv1alpha1.MailAddressCode {
		if code, err = r.codeMail(ctx, a, r.Clock.Now()); err != nil {
			return false, err
		}
		if code == nil {
			r.leaveOut(ctx, a, due.Topic, "the link of the invitation does not work any more")
			return false, nil
		}
	}
	counted := limitedBy(a, code)
	if r.tooMany(due.Topic, counted) {
		r.leaveOut(ctx, a, due.Topic, fmt.Sprintf("there have been %d of its kind lately, to this person or this mailbox", Burst))
		return false, nil
	}
	if err := r.send(ctx, a, due.AccountMail, code); err != nil {
		r.giveBack(due.Topic, counted)
		return false, err
	}
	return true, nil
}

// leaveOut reports a mail that nobody gets. The person does not hear of it, since strangers may have asked for it.
func (r *accountMails) leaveOut(ctx context.Context, a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic, why string) {
	log.FromContext(ctx).Info("A mail about an account is left out", "account", a.Name, "topic", topic, "why", why)
	r.Events.Warn(a, rosterv1alpha1.ReasonMailLeftOut, "Mail", fmt.Sprintf("The mail %s was left out: %s.", topic, why))
}

// send hands a mail to the relay. A mail that the relay refuses for good has been dealt with.
func (r *accountMails) send(ctx context.Context, a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail, code *codeMail) error {
	message, err := r.compose(ctx, a, m, code)
	if err != nil {
		return err
	}
	start := r.Clock.Now()
	err = r.hand(ctx, kindAccount, 0, message)
	if untried(err) {
		return err
	}
	result := mail.OutcomeOf(err)
	r.Metrics.sent(kindAccount, result, r.Clock.Since(start))
	switch result {
	case outcome.Held:
		return err
	case outcome.Rejected:
		why := mail.Explain(err)
		log.FromContext(ctx).Info("The relay refused a mail about an account", "account", a.Name, "topic", m.Topic, "why", why)
		r.Events.Warn(a, rosterv1alpha1.ReasonRejected, "Mail", fmt.Sprintf("The mail %s: %s", m.Topic, why))
	case outcome.Failing:
		return errors.New(mail.Explain(err))
	}
	return nil
}

func (r *accountMails) compose(
	ctx context.Context, a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail, code *codeMail,
) (*mail.Message, error) {
	if code != nil {
		return r.composeCode(ctx, a, m, code)
	}
	notice := mail.Notice{
		Envelope: mail.Envelope{
			To: a.Spec.Email, Name: a.Spec.DisplayName, Locale: a.Spec.Locale, Now: r.Clock.Now(),
			MessageID: account.MailID(a, m, r.Composer.Domain()),
		},
		Topic: m.Topic, Link: r.PortalURL + "/forgotten", Happened: m.Time.Time,
	}
	switch m.Topic {
	case rosterv1alpha1.MailOwnershipOffered:
		notice.Link = r.PortalURL + "/account"
	case rosterv1alpha1.MailPasswordReset:
		keys, err := r.Keys.Get(ctx)
		if err != nil {
			return nil, err
		}
		token, err := account.ResetToken(keys, a, m.Time.Time)
		if err != nil {
			return nil, err
		}
		notice.Link, notice.Expiry = r.PortalURL+"/reset/"+token, m.Time.Add(account.ResetLifetime)
	default: // What they tell of, the person may not have done.
	}
	message, err := r.Composer.Notice(notice)
	if err != nil {
		return nil, fmt.Errorf("writing the mail: %w", err)
	}
	return message, nil
}

func hasMail(mails []rosterv1alpha1.AccountMail, m rosterv1alpha1.AccountMail) bool {
	return slices.ContainsFunc(mails, func(other rosterv1alpha1.AccountMail) bool {
		return other.Topic == m.Topic && other.Time.Equal(&m.Time)
	})
}

// resetInterval is shorter than a link lives: whenever the next mail is left out, the one before brought a link that still works. So nobody
// can keep a person from getting one by asking in their name.
const resetInterval = account.ResetLifetime * 2 / 3
