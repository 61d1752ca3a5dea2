// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/tracing"
)

// leavers does what people have decided about their memberships at the portal, which may not write Members itself: to leave, to take an
// organisation over, and not to own it.
type leavers struct {
	client  client.Client
	events  Events
	metrics *Metrics
}

func setupLeavers(mgr manager.Manager, r *leavers) error {
	return ctrl.NewControllerManagedBy(mgr).Named("leave").
		For(&rosterv1alpha1.Account{}, builder.WithPredicates(predicate.NewPredicateFuncs(hasAnswered))).
		Complete(tracing.Reconciler("leave", "Account", r))
}

// hasAnswered reports whether there is something to do for an Account. For most there is not, and a queue keeps the memory that it took
// when all of them were in it.
func hasAnswered(o client.Object) bool {
	a, ok := o.(*rosterv1alpha1.Account)
	return ok && len(a.Status.Leaving)+len(a.Status.Ownership) > 0
}

// Reconcile notes in Members what the person of an Account has answered, deletes those that they have given up, and then forgets that they
// asked for it.
func (r *leavers) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := reading.Optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil || len(a.Status.Leaving)+len(a.Status.Ownership) == 0 {
		return ctrl.Result{}, err
	}
	for _, answer := range a.Status.Ownership {
		if err := r.answer(ctx, a, answer); err != nil {
			return ctrl.Result{}, fmt.Errorf("noting what the Member %s in namespace %s answers: %w", answer.Member, answer.Namespace, err)
		}
	}
	var kept []rosterv1alpha1.Leaving // What one organisation refuses keeps nobody in another.
	for _, l := range a.Status.Leaving {
		err := r.end(ctx, a, l)
		if p := asProblem(err); p != nil {
			r.events.leave(l, p)
			kept = append(kept, l)
		} else if err != nil {
			return ctrl.Result{}, fmt.Errorf("ending the membership of Member %s in namespace %s: %w", l.Member, l.Namespace, err)
		}
	}
	return r.forget(ctx, a, kept)
}

// forget drops what the person of an Account asked for, but for what is kept, which is tried again.
func (r *leavers) forget(ctx context.Context, a *rosterv1alpha1.Account, kept []rosterv1alpha1.Leaving) (ctrl.Result, error) {
	again := ctrl.Result{}
	if len(kept) > 0 {
		again.RequeueAfter = refusedRetry
	}
	if len(kept) == len(a.Status.Leaving) && len(a.Status.Ownership) == 0 {
		return again, nil
	}
	in := func(all []rosterv1alpha1.Leaving, namespace string) bool {
		return slices.ContainsFunc(all, func(l rosterv1alpha1.Leaving) bool { return l.Namespace == namespace })
	}
	a.Status.Memberships = slices.DeleteFunc(a.Status.Memberships, func(ms rosterv1alpha1.Membership) bool {
		return in(a.Status.Leaving, ms.Namespace) && !in(kept, ms.Namespace)
	})
	a.Status.Leaving, a.Status.Ownership = kept, nil
	return again, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.client, a))
}

// answer notes in a Member that is named the owner, or is it, what its person says to that.
func (r *leavers) answer(ctx context.Context, a *rosterv1alpha1.Account, answer rosterv1alpha1.OwnershipAnswer) error {
	m, err := reading.Optional[rosterv1alpha1.Member](ctx, r.client, answer.Namespace, answer.Member)
	if m == nil || err != nil || string(m.UID) != answer.UID || m.DeletionTimestamp != nil || !membership.BelongsTo(m, a) {
		return err
	}
	organization, err := reading.CountingOrganization(ctx, r.client, answer.Namespace)
	if err != nil || organization == nil || !membership.IsOwner(organization, m.Name) {
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

// end deletes the Members by which the person belonged to the organisation when they asked: the one that they saw, and others that have
// taken its place or are about to.
func (r *leavers) end(ctx context.Context, a *rosterv1alpha1.Account, l rosterv1alpha1.Leaving) error {
	members, err := reading.MembersBoundTo(ctx, r.client, l.Namespace, a.Name)
	if err != nil {
		return err
	}
	for _, m := range members {
		if !membership.BelongsTo(m, a) || m.DeletionTimestamp != nil || !membership.JoinedBefore(m, l) {
			continue
		}
		if err := r.remove(ctx, m.DeepCopy(), l); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a Member. The owner may leave as well: they give the ownership up first, which the admission policies let them.
func (r *leavers) remove(ctx context.Context, m *rosterv1alpha1.Member, l rosterv1alpha1.Leaving) error {
	organization, err := reading.CountingOrganization(ctx, r.client, l.Namespace)
	if err != nil {
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
			return r.metrics.refused(err, "Member", m.Name)
		}
	}
	err = r.client.Delete(ctx, m, client.Preconditions{UID: &m.UID})
	return r.metrics.refused(client.IgnoreNotFound(err), "Member", m.Name)
}
