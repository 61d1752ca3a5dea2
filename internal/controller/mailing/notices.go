// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/mail"
)

// notices mails people about the tokens of SocialProfiles. It writes status.credential.notice and nothing else.
type notices struct {
	courier

	// sent are the last mails. Another process sends one again under the same Message-ID.
	sent memory[*rosterv1alpha1.CredentialNotice]
}

// Reconcile sends the mail that is due.
func (r *notices) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := reading.Optional[rosterv1alpha1.SocialProfile](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p == nil || p.DeletionTimestamp != nil || p.Status.Credential == nil {
		r.sent.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	now := r.Clock.Now()
	due := credential.Notice(p, now)
	if due == nil {
		return nextNotice(p, now), nil
	}
	to, err := r.recipient(ctx, p.Namespace, due.To, func(n rosterv1alpha1.Notifications) *bool { return n.Credentials })
	if to == nil || err != nil {
		return nextNotice(p, now), err
	}
	another := func(sent *rosterv1alpha1.CredentialNotice) bool {
		return sent.Fingerprint != due.Fingerprint || sent.Cause != due.Cause
	}
	if already, ok := r.sent.unshown(p, another); ok {
		due = already.DeepCopy()
	} else if err := r.send(ctx, p, to, due); err != nil {
		return later(err)
	}
	ctx, cancel := Finish(ctx)
	defer cancel()
	p.Status.Credential.Notice = due
	return ctrl.Result{}, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.Client, p))
}

// nextNotice waits until there may be something new to say.
func nextNotice(p *rosterv1alpha1.SocialProfile, now time.Time) ctrl.Result {
	next := credential.NextNotice(p, now)
	if next.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: next.Sub(now)}
}

func (r *notices) send(ctx context.Context, p *rosterv1alpha1.SocialProfile, to *recipient, due *rosterv1alpha1.CredentialNotice) error {
	message, err := r.compose(p, to, due)
	if err != nil {
		return err
	}
	taken, err := r.deliver(ctx, p, kindNotice, message)
	if err != nil {
		return err
	}
	r.sent.change(p, func(sent **rosterv1alpha1.CredentialNotice) { *sent = due.DeepCopy() })
	if taken {
		r.Events.Tell(p, string(due.Cause), "Notify", "%s was mailed about the tokens.", due.To)
	}
	return nil
}

// compose writes the mail.
func (r *notices) compose(
	p *rosterv1alpha1.SocialProfile, to *recipient, due *rosterv1alpha1.CredentialNotice,
) (*mail.Message, error) {
	n := mail.TokenNotice{
		Envelope:     r.envelope(p, to, due.Fingerprint+"."+string(due.Cause), due.Time.Time),
		Organization: to.organization, Network: p.Spec.Network, Profile: called(p),
		Namespace: p.Namespace, Secret: p.Spec.CredentialsSecretRef.Name, Cause: due.Cause, Why: due.Why,
		Nobody: meta.IsStatusConditionFalse(p.Status.Conditions, rosterv1alpha1.ConditionRenewerAvailable),
	}
	if due.Cause != rosterv1alpha1.NoticeAccessLost {
		n.End = p.Status.Credential.ReconnectByTime.Time
	}
	return r.Composer.TokenNotice(n)
}
