// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// leavers ends the memberships that people have given up at the portal, which may not write Members itself.
type leavers struct {
	client  client.Client
	events  Events
	metrics *Metrics
}

func setupLeavers(mgr manager.Manager, r *leavers) error {
	return ctrl.NewControllerManagedBy(mgr).Named("leave").For(&rosterv1alpha1.Account{}).Complete(r)
}

// Reconcile deletes the Members that the person of an Account has given up, then forgets that they asked for it.
func (r *leavers) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil || len(a.Status.Leaving) == 0 {
		return ctrl.Result{}, err
	}
	for _, l := range a.Status.Leaving {
		err := r.end(ctx, a, l)
		if p := asProblem(err); p != nil {
			r.events.leave(l, p)
			return ctrl.Result{RequeueAfter: refusedRetry}, nil
		}
		if err != nil {
			return ctrl.Result{}, fmt.Errorf("ending the membership of Member %s in namespace %s: %w", l.Member, l.Namespace, err)
		}
	}
	a.Status.Leaving = nil
	return ctrl.Result{}, ignoreConflict(writeStatus(ctx, r.client, a))
}

// end deletes a Member, if it is that person's and not the owner's.
func (r *leavers) end(ctx context.Context, a *rosterv1alpha1.Account, l rosterv1alpha1.Leaving) error {
	m, err := optional[rosterv1alpha1.Member](ctx, r.client, l.Namespace, l.Member)
	if m == nil || err != nil || string(m.UID) != l.UID || m.DeletionTimestamp != nil {
		return err
	}
	if !membership.BelongsTo(m, a) {
		return nil
	}
	organization, err := countingOrganization(ctx, r.client, l.Namespace)
	if err != nil || organization != nil && membership.IsOwner(organization, m.Name) {
		return err
	}
	if _, marked := m.Annotations[rosterv1alpha1.LeftAnnotation]; !marked {
		// spec.guardrails.deleteOnlySuspended is against mistakes, and lets Members who have left go.
		before := m.DeepCopy()
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.LeftAnnotation, l.RequestedTime.UTC().Format("2006-01-02T15:04:05Z"))
		if err := r.client.Patch(ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return r.metrics.refused(err, "Member", m.Name)
		}
	}
	err = r.client.Delete(ctx, m, client.Preconditions{UID: new(types.UID(l.UID))})
	return r.metrics.refused(client.IgnoreNotFound(err), "Member", m.Name)
}
