// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/mail"
)

// digests mails people about new items on the profiles that they look after. Of status.engagement it writes all but how many there are.
type digests struct {
	courier

	// sent are the last mails, as for notices.
	sent memory[*rosterv1alpha1.EngagementStatus]
}

// Reconcile sends the mail that is due.
func (r *digests) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := reading.Optional[rosterv1alpha1.SocialProfile](ctx, r.Client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p == nil || p.DeletionTimestamp != nil || p.Status.Engagement == nil {
		r.sent.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	shown := func(sent *rosterv1alpha1.EngagementStatus) bool {
		return p.Status.Engagement.Time != nil && !p.Status.Engagement.Time.Before(sent.Time)
	}
	if sent, ok := r.sent.unshown(p, shown); ok {
		sent = sent.DeepCopy()
		p.Status.Engagement.Known, p.Status.Engagement.To, p.Status.Engagement.Time = sent.Known, sent.To, sent.Time
		return ctrl.Result{}, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.Client, p))
	}
	now := r.Clock.Now()
	due, fresh := credential.Digest(p, now)
	if due == nil {
		if next := credential.NextDigest(p, now); !next.IsZero() {
			return ctrl.Result{RequeueAfter: next.Sub(now)}, nil
		}
		return ctrl.Result{}, nil
	}
	to, err := r.recipient(ctx, p.Namespace, due.To, func(n rosterv1alpha1.Notifications) *bool { return n.Engagement })
	if to == nil || err != nil {
		return ctrl.Result{}, err
	}
	if err := r.send(ctx, p, to, due, fresh); err != nil {
		return later(err)
	}
	ctx, cancel := Finish(ctx)
	defer cancel()
	p.Status.Engagement = due
	return ctrl.Result{}, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.Client, p))
}

func (r *digests) send(
	ctx context.Context, p *rosterv1alpha1.SocialProfile, to *recipient, due *rosterv1alpha1.EngagementStatus, fresh int,
) error {
	last := int64(0)
	if at := p.Status.Engagement.Time; at != nil {
		last = at.Unix()
	}
	message, err := r.Composer.Digest(mail.Digest{
		Envelope:     r.envelope(p, to, fmt.Sprintf("items.%d", last), due.Time.Time),
		Organization: to.organization, Profile: called(p), Items: fresh,
	})
	if err != nil {
		return err
	}
	if _, err := r.deliver(ctx, p, kindDigest, message); err != nil {
		return err
	}
	r.sent.change(p, func(sent **rosterv1alpha1.EngagementStatus) { *sent = due.DeepCopy() })
	return nil
}
