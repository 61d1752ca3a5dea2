// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// accountMails sends the mails about Accounts that the portal asks for. The portal itself has no way to a relay.
type accountMails struct {
	client    client.Client
	clock     clock.PassiveClock
	composer  *mail.Composer
	mailer    Mailer
	keys      *LinkKeys
	metrics   *Metrics
	portalURL string

	sent memory[sentMails]
	// limiters keep strangers from having somebody mailed again and again about a topic.
	limiters map[rosterv1alpha1.AccountMailTopic]*limit.Limiter[types.UID]
}

// sentMails is what is remembered of one Account.
type sentMails struct {
	mails []rosterv1alpha1.AccountMail
	// failures since the last mail that was sent.
	failures int
}

func setupAccountMails(mgr manager.Manager, o Options, keys *LinkKeys, metrics *Metrics) error {
	return ctrl.NewControllerManagedBy(mgr).Named("account-mail").For(&rosterv1alpha1.Account{}).Complete(&accountMails{
		client: mgr.GetClient(), clock: o.Clock, composer: o.Composer, mailer: o.Mailer, keys: keys, metrics: metrics,
		portalURL: strings.TrimSuffix(o.Config.Portal.URL, "/"),
		limiters: map[rosterv1alpha1.AccountMailTopic]*limit.Limiter[types.UID]{
			rosterv1alpha1.MailPasswordReset:    limit.New[types.UID](limit.Rate{Every: resetInterval, Burst: mailBurst}, maxLimited),
			rosterv1alpha1.MailOwnershipOffered: limit.New[types.UID](limit.Rate{Every: mailInterval, Burst: mailBurst}, maxLimited),
		},
	})
}

// Reconcile sends what is due about an Account, and notes it in one write.
func (r *accountMails) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
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
	if reset := a.Spec.FactorsResetRequestedAt; reset != nil && reset.After(r.clock.Now()) {
		retry = reset.Sub(r.clock.Now())
	}
	for _, due := range account.MailsDue(a, r.clock.Now()) {
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
	ctx, cancel := finish(ctx)
	defer cancel()
	return ctrl.Result{RequeueAfter: retry}, ignoreConflict(writeStatus(ctx, r.client, a))
}

// answer sends a mail, unless it is to be left out or has been sent. It returns false where the mail has to be tried again, and after how
// long.
func (r *accountMails) answer(
	ctx context.Context, a *rosterv1alpha1.Account, due account.MailDue, sent []rosterv1alpha1.AccountMail,
) (after time.Duration, ok bool) {
	if due.Drop || hasMail(sent, due.AccountMail) || r.tooMany(a, due.Topic) {
		return 0, true
	}
	err := r.send(ctx, a, due.AccountMail)
	if err == nil {
		r.sent.change(a, func(known *sentMails) {
			known.mails, known.failures = rosterv1alpha1.WithMail(known.mails, due.Topic, due.Time), 0
		})
		return 0, true
	}
	r.giveBack(a, due.Topic)
	if after, ok := waits(err); ok {
		return after, false
	}
	log.FromContext(ctx).Error(err, "A mail about an account is failing", "account", a.Name, "topic", due.Topic)
	r.sent.change(a, func(known *sentMails) {
		after = backoff(known.failures)
		known.failures++
	})
	return after, false
}

// send hands a mail to the relay. A mail that the relay refuses for good has been dealt with.
func (r *accountMails) send(ctx context.Context, a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail) error {
	message, err := r.compose(ctx, a, m)
	if err != nil {
		return err
	}
	start := r.clock.Now()
	err = r.mailer.Send(ctx, message)
	if untried(err) {
		return err
	}
	result := mail.OutcomeOf(err)
	r.metrics.sent("account", result, r.clock.Since(start))
	switch result {
	case outcome.Held:
		return err
	case outcome.Rejected:
		log.FromContext(ctx).Info("The relay refused a mail about an account", "account", a.Name, "why", mail.Explain(err))
	case outcome.Failing:
		return errors.New(mail.Explain(err))
	}
	return nil
}

func (r *accountMails) compose(ctx context.Context, a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail) (*mail.Message, error) {
	notice := mail.Notice{
		Topic: m.Topic, To: a.Spec.Email, Name: a.Spec.DisplayName, Locale: a.Spec.Locale, Link: r.portalURL + "/forgotten",
		Now: r.clock.Now(), Happened: m.Time.Time, MessageID: account.MailID(a, m, r.composer.Domain()),
	}
	switch m.Topic {
	case rosterv1alpha1.MailOwnershipOffered:
		notice.Link = r.portalURL + "/account"
	case rosterv1alpha1.MailPasswordReset:
		keys, err := r.keys.Get(ctx)
		if err != nil {
			return nil, err
		}
		token, err := account.ResetToken(keys, a, m.Time.Time)
		if err != nil {
			return nil, err
		}
		notice.Link, notice.Expiry = r.portalURL+"/reset/"+token, m.Time.Add(account.ResetLifetime)
	default: // What they tell of, the person may not have done.
	}
	message, err := r.composer.Notice(notice)
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

// tooMany counts a mail, and reports whether a person has been mailed so often about that lately that it is left out: other than an
// invitation, it would be of no use later. Only topics that somebody else can have a person mailed about are limited.
func (r *accountMails) tooMany(a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic) bool {
	l := r.limiters[topic]
	return l != nil && l.Take(a.UID, r.clock.Now()) > 0
}

// giveBack takes back a mail that was counted and not sent.
func (r *accountMails) giveBack(a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic) {
	if l := r.limiters[topic]; l != nil {
		l.Return(a.UID)
	}
}
