// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/mail"
)

// digests mails people about new items on the profiles that they look after. Of status.engagement it writes all but how many there are.
type digests struct {
	courier

	mu   sync.Mutex
	sent map[client.ObjectKey]sentDigest
}

// sentDigest is the last mail about a profile, as sentNotice is.
type sentDigest struct {
	uid    types.UID
	status rosterv1alpha1.EngagementStatus
}

// Reconcile sends the mail that is due.
func (r *digests) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := optional[rosterv1alpha1.SocialProfile](ctx, r.client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p == nil || p.DeletionTimestamp != nil || p.Status.Engagement == nil {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if sent := r.remembered(p); sent != nil && (p.Status.Engagement.Time == nil || p.Status.Engagement.Time.Before(sent.Time)) {
		p.Status.Engagement.Known, p.Status.Engagement.To, p.Status.Engagement.Time = sent.Known, sent.To, sent.Time
		return ctrl.Result{}, ignoreConflict(writeStatus(ctx, r.client, p))
	}
	now := r.clock.Now()
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
	ctx, cancel := finish(ctx)
	defer cancel()
	p.Status.Engagement = due
	return ctrl.Result{}, ignoreConflict(writeStatus(ctx, r.client, p))
}

func (r *digests) send(
	ctx context.Context, p *rosterv1alpha1.SocialProfile, to *recipient, due *rosterv1alpha1.EngagementStatus, fresh int,
) error {
	last := int64(0)
	if at := p.Status.Engagement.Time; at != nil {
		last = at.Unix()
	}
	message, err := r.composer.Digest(mail.Digest{
		To: string(to.address), Name: to.name, Locale: to.locale, Organization: to.organization,
		Profile: string(p.Spec.Network) + " " + p.Spec.Handle, Items: fresh, Now: due.Time.Time,
		MessageID: fmt.Sprintf("%s.items.%d@%s", p.UID, last, r.composer.Domain()),
	})
	if err != nil {
		return err
	}
	if err := r.deliver(ctx, p, "digest", message); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[client.ObjectKeyFromObject(p)] = sentDigest{uid: p.UID, status: *due}
	return nil
}

func (r *digests) remembered(p *rosterv1alpha1.SocialProfile) *rosterv1alpha1.EngagementStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.sent[client.ObjectKeyFromObject(p)]; ok && s.uid == p.UID {
		return s.status.DeepCopy()
	}
	return nil
}

func (r *digests) forget(key client.ObjectKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sent, key)
}
