// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// leavers does what people have decided about their memberships at the portal, which may not write Members itself: to leave, to take an
// organisation over, and not to own it.
type leavers struct {
	client client.Client
}

func setupLeavers(mgr manager.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("leave").For(&rosterv1alpha1.Account{}).Complete(&leavers{client: mgr.GetClient()})
}

// Reconcile notes in Members what the person of an Account has answered, deletes those that they have given up, and then forgets that they
// asked for it.
func (r *leavers) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil || len(a.Status.Leaving)+len(a.Status.Ownership) == 0 {
		return ctrl.Result{}, err
	}
	for _, answer := range a.Status.Ownership {
		if err := r.answer(ctx, a, answer); err != nil {
			return ctrl.Result{}, fmt.Errorf("noting what the Member %s in namespace %s answers: %w", answer.Member, answer.Namespace, err)
		}
	}
	for _, l := range a.Status.Leaving {
		if err := r.end(ctx, a, l); err != nil {
			return ctrl.Result{}, fmt.Errorf("ending the membership of Member %s in namespace %s: %w", l.Member, l.Namespace, err)
		}
	}
	a.Status.Leaving, a.Status.Ownership = nil, nil
	return ctrl.Result{}, ignoreConflict(writeStatus(ctx, r.client, a))
}

// membership is the Member of an entry and its organisation, if it is that person's; nil where it is not, or not any more.
func (r *leavers) membership(ctx context.Context, a *rosterv1alpha1.Account, namespace, name, uid string) (
	*rosterv1alpha1.Member, *rosterv1alpha1.Organization, error,
) {
	m, err := optional[rosterv1alpha1.Member](ctx, r.client, namespace, name)
	if m == nil || err != nil || string(m.UID) != uid || m.DeletionTimestamp != nil || !membership.BelongsTo(m, a) {
		return nil, nil, err
	}
	organization, err := countingOrganization(ctx, r.client, namespace)
	return m, organization, err
}

// answer notes in a Member that is named the owner, or is it, what its person says to that.
func (r *leavers) answer(ctx context.Context, a *rosterv1alpha1.Account, answer rosterv1alpha1.OwnershipAnswer) error {
	m, organization, err := r.membership(ctx, a, answer.Namespace, answer.Member, answer.UID)
	if m == nil || err != nil || organization == nil || !membership.IsOwner(organization, m.Name) {
		return err
	}
	says := rosterv1alpha1.OwnershipDeclined
	if ptr.Deref(answer.Agrees, false) {
		says = rosterv1alpha1.OwnershipAgreed
	}
	if m.Annotations[rosterv1alpha1.OwnershipAnnotation] == says {
		return nil
	}
	return markOwnership(ctx, r.client, m, says)
}

// end deletes a Member. The owner may leave as well: they give the ownership up first, which the admission policies let them.
func (r *leavers) end(ctx context.Context, a *rosterv1alpha1.Account, l rosterv1alpha1.Leaving) error {
	m, organization, err := r.membership(ctx, a, l.Namespace, l.Member, l.UID)
	if m == nil || err != nil {
		return err
	}
	before := m.DeepCopy()
	if _, marked := m.Annotations[rosterv1alpha1.LeftAnnotation]; !marked {
		// spec.guardrails.deleteOnlySuspended is against mistakes, and lets Members who have left go.
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.LeftAnnotation, l.RequestedTime.UTC().Format("2006-01-02T15:04:05Z"))
	}
	if organization != nil && membership.IsOwner(organization, m.Name) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipDeclined)
	}
	if !maps.Equal(before.Annotations, m.Annotations) {
		if err := r.client.Patch(ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return err
		}
	}
	err = r.client.Delete(ctx, m, client.Preconditions{UID: new(types.UID(l.UID))})
	return client.IgnoreNotFound(err)
}
