// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
)

// notices mails people about the tokens of SocialProfiles. It writes status.credential.notice and nothing else.
type notices struct {
	client   client.Client
	clock    clock.PassiveClock
	events   Events
	metrics  *Metrics
	composer *mail.Composer
	mailer   Mailer

	mu   sync.Mutex
	sent map[client.ObjectKey]sentNotice
}

// sentNotice is the last mail about the tokens of a profile. Within a process it is not sent again because the cache is stale or the status
// could not be written; another process sends it under the same Message-ID.
type sentNotice struct {
	uid    types.UID
	notice rosterv1alpha1.CredentialNotice
}

// Reconcile sends the mail that is due.
func (r *notices) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := optional[rosterv1alpha1.SocialProfile](ctx, r.client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p == nil || p.DeletionTimestamp != nil || p.Status.Credential == nil {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	now := r.clock.Now()
	due := credential.Notice(p, now)
	if due == nil {
		return nextNotice(p, now), nil
	}
	to, err := r.recipient(ctx, p.Namespace, due.To)
	if to == nil || err != nil {
		return nextNotice(p, now), err
	}
	if already := r.remembered(p); already != nil && already.Fingerprint == due.Fingerprint && already.Cause == due.Cause {
		due = already
	} else if err := r.send(ctx, p, to, due); err != nil {
		return ctrl.Result{}, err
	}
	before := p.DeepCopy()
	p.Status.Credential.Notice = due
	if err := writeStatus(ctx, r.client, p); err != nil {
		return ctrl.Result{}, ignoreConflict(err)
	}
	r.events.notice(before, p)
	return ctrl.Result{}, nil
}

// nextNotice waits until there may be something new to say.
func nextNotice(p *rosterv1alpha1.SocialProfile, now time.Time) ctrl.Result {
	next := credential.NextNotice(p, now)
	if next.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: next.Sub(now)}
}

// send hands the mail to the relay. A mail that is refused for good counts as sent: nobody gets it by being asked again.
func (r *notices) send(ctx context.Context, p *rosterv1alpha1.SocialProfile, to *recipient, due *rosterv1alpha1.CredentialNotice) error {
	message, err := r.compose(ctx, p, to, due)
	if err != nil {
		return err
	}
	start := r.clock.Now()
	err = r.mailer.Send(ctx, message)
	result, words := outcome(err)
	r.metrics.sent("notice", result, r.clock.Now().Sub(start))
	if result == invitation.Failing {
		return fmt.Errorf("mail to %s about %s: %s", due.To, due.Cause, words)
	}
	if result == invitation.Rejected {
		r.events.warn(p, rosterv1alpha1.ReasonRejected, "Notify", fmt.Sprintf("%s was not told about the tokens: %s", due.To, words))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[client.ObjectKeyFromObject(p)] = sentNotice{uid: p.UID, notice: *due}
	return nil
}

// recipient is the person who is to hear of it.
type recipient struct {
	address invitation.Address
	name    string
	locale  rosterv1alpha1.Locale
}

// recipient finds out who an address belongs to; nil for somebody who wants no such mails.
func (r *notices) recipient(ctx context.Context, namespace, to string) (*recipient, error) {
	address, err := invitation.ParseAddress(to)
	if err != nil {
		return nil, err
	}
	found := &recipient{address: address}
	members, err := membersBy(ctx, r.client, namespace, indexAddress, string(address))
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		found.name = m.Status.DisplayName
	}
	account, err := peek[rosterv1alpha1.Account](ctx, r.client, rosterv1alpha1.AccountNamespace, address.AccountName())
	if err != nil || account == nil {
		return found, err
	}
	if !ptr.Deref(account.Spec.Notifications.Credentials, true) {
		return nil, nil
	}
	found.locale = account.Spec.Locale
	return found, nil
}

// compose writes the mail.
func (r *notices) compose(
	ctx context.Context, p *rosterv1alpha1.SocialProfile, to *recipient, due *rosterv1alpha1.CredentialNotice,
) (*mail.Message, error) {
	o, err := countingOrganization(ctx, r.client, p.Namespace)
	if err != nil {
		return nil, err
	}
	n := mail.TokenNotice{
		To: string(to.address), Name: to.name, Locale: to.locale, Network: p.Spec.Network, Profile: string(p.Spec.Network) + " " + p.Spec.Handle,
		Namespace: p.Namespace, Secret: p.Spec.CredentialsSecretRef.Name, Cause: due.Cause, Why: due.Why, Now: due.Time.Time,
		Nobody:    meta.IsStatusConditionFalse(p.Status.Conditions, rosterv1alpha1.ConditionRenewerAvailable),
		MessageID: fmt.Sprintf("%s.%s.%s@%s", p.UID, due.Fingerprint, due.Cause, r.composer.Domain()),
	}
	if o != nil {
		n.Organization, n.Locale = o.Spec.DisplayName, cmp.Or(to.locale, o.Spec.Locale)
	}
	if due.Cause != rosterv1alpha1.NoticeAccessLost {
		n.End = p.Status.Credential.ReconnectByTime.Time
	}
	return r.composer.TokenNotice(n)
}

func (r *notices) remembered(p *rosterv1alpha1.SocialProfile) *rosterv1alpha1.CredentialNotice {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.sent[client.ObjectKeyFromObject(p)]; ok && s.uid == p.UID {
		return s.notice.DeepCopy()
	}
	return nil
}

func (r *notices) forget(key client.ObjectKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sent, key)
}
