// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
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

	mu sync.Mutex
	// sent are the last mails that the status may not show yet: within a process none is sent twice because the cache is stale or a write
	// failed.
	sent map[sentMail]metav1.MicroTime
	// limiters keep strangers from having somebody mailed link after link.
	limiters map[sentMail]*rate.Limiter
	failures map[types.UID]int
}

type sentMail struct {
	account types.UID
	topic   rosterv1alpha1.AccountMailTopic
}

func setupAccountMails(mgr manager.Manager, o Options, keys *LinkKeys, metrics *Metrics) error {
	return ctrl.NewControllerManagedBy(mgr).Named("account-mail").For(&rosterv1alpha1.Account{}).Complete(&accountMails{
		client: mgr.GetClient(), clock: o.Clock, composer: o.Composer, mailer: o.Mailer, keys: keys, metrics: metrics,
		portalURL: strings.TrimSuffix(o.Config.Portal.URL, "/"),
		sent:      map[sentMail]metav1.MicroTime{}, limiters: map[sentMail]*rate.Limiter{}, failures: map[types.UID]int{},
	})
}

// Reconcile sends what is due about an Account, and notes it in one write.
func (r *accountMails) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	if !address.IsOf(a) {
		return ctrl.Result{}, nil // The condition of the Account says what is wrong with it.
	}
	r.forgetShown(a)
	var answered []rosterv1alpha1.AccountMail
	retry := time.Duration(0)
	if reset := a.Spec.FactorsResetRequestedAt; reset != nil && reset.After(r.clock.Now()) {
		retry = reset.Sub(r.clock.Now())
	}
	for _, due := range account.MailsDue(a, r.clock.Now()) {
		switch {
		case due.Drop, r.isSent(a, due.AccountMail), r.tooMany(a, due.Topic):
		default:
			err := r.send(ctx, a, due.AccountMail)
			if after, ok := waits(err); ok {
				retry = after
				continue
			}
			if err != nil {
				log.FromContext(ctx).Error(err, "A mail about an account is failing", "account", a.Name, "topic", due.Topic)
				retry = r.pause(a)
				continue
			}
			r.remember(a, due.AccountMail)
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

func (r *accountMails) isSent(a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.sent[sentMail{a.UID, m.Topic}]
	return ok && at.Equal(&m.Time)
}

func (r *accountMails) remember(a *rosterv1alpha1.Account, m rosterv1alpha1.AccountMail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[sentMail{a.UID, m.Topic}] = m.Time
	delete(r.failures, a.UID)
	if interval(m.Topic) > 0 {
		r.limiter(a, m.Topic).AllowN(r.clock.Now(), 1)
	}
}

// forgetShown drops what the status shows by now, and limiters that say no more than new ones.
func (r *accountMails) forgetShown(a *rosterv1alpha1.Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, shown := range a.Status.MailsSent {
		key := sentMail{a.UID, shown.Topic}
		if at, ok := r.sent[key]; ok && at.Equal(&shown.Time) {
			delete(r.sent, key)
		}
	}
	if len(r.limiters) < maxLimiters {
		return
	}
	now := r.clock.Now()
	for key, l := range r.limiters {
		if l.TokensAt(now) >= mailBurst {
			delete(r.limiters, key)
		}
	}
}

// resetInterval is shorter than a link lives: whenever the next mail is left out, the one before brought a link that still works. So nobody
// can keep a person from getting one by asking in their name.
const resetInterval = account.ResetLifetime * 2 / 3

// interval is the pause between mails of a topic that somebody else can have a person mailed about; zero for other topics.
func interval(topic rosterv1alpha1.AccountMailTopic) time.Duration {
	switch topic {
	case rosterv1alpha1.MailPasswordReset:
		return resetInterval
	case rosterv1alpha1.MailOwnershipOffered:
		return mailInterval
	}
	return 0
}

// tooMany reports whether a person has been mailed so often about that lately that the next mail is left out: other than an invitation, it
// would be of no use later.
func (r *accountMails) tooMany(a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return interval(topic) > 0 && r.limiter(a, topic).TokensAt(r.clock.Now()) < 1
}

func (r *accountMails) limiter(a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic) *rate.Limiter {
	key := sentMail{a.UID, topic}
	l := r.limiters[key]
	if l == nil {
		l = rate.NewLimiter(rate.Every(interval(topic)), mailBurst)
		r.limiters[key] = l
	}
	return l
}

// pause is how long to wait after a failure: longer each time.
func (r *accountMails) pause(a *rosterv1alpha1.Account) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.failures[a.UID]
	r.failures[a.UID] = n + 1
	return min(firstRetry<<min(n, 6), lastRetry)
}
