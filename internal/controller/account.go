// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
)

// accounts reports Accounts that nobody can use, because their name is not the one that follows from their address.
type accounts struct {
	client client.Client
	clock  clock.PassiveClock
}

// Reconcile brings the Ready condition of an Account to what it should be.
func (r *accounts) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	before := a.Status.DeepCopy()
	condition := metav1.Condition{
		Type: rosterv1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: rosterv1alpha1.ReasonReady,
		Message: "The account can be used.", ObservedGeneration: a.Generation, LastTransitionTime: metav1.NewTime(r.clock.Now()),
	}
	switch address, err := invitation.ParseAddress(a.Spec.Email); {
	case err != nil:
		condition.Status, condition.Reason = metav1.ConditionFalse, rosterv1alpha1.ReasonInvalidEmail
		condition.Message = fmt.Sprintf("The address %s. Delete the Account.", err)
	case string(address) != a.Spec.Email || address.AccountName() != a.Name:
		condition.Status, condition.Reason = metav1.ConditionFalse, rosterv1alpha1.ReasonNameMismatch
		condition.Message = fmt.Sprintf("The Account of %s has to be named %s. Delete this one.", address, address.AccountName())
	case a.Spec.Suspended != nil && *a.Spec.Suspended:
		condition.Status, condition.Reason = metav1.ConditionFalse, rosterv1alpha1.ReasonSuspended
		condition.Message = "The account is suspended: nobody can sign in with it until spec.suspended is false again."
	}
	if condition.Reason == rosterv1alpha1.ReasonSuspended && !isSuspended(a) {
		a.Status.SuspendedTime = &metav1.MicroTime{Time: r.clock.Now()}
	}
	meta.SetStatusCondition(&a.Status.Conditions, condition)
	a.Status.ObservedGeneration = a.Generation
	if equality.Semantic.DeepEqual(*before, a.Status) {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, ignoreConflict(writeStatus(ctx, r.client, a))
}

// isSuspended says whether the status shows that already.
func isSuspended(a *rosterv1alpha1.Account) bool {
	ready := meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionReady)
	return ready != nil && ready.Reason == rosterv1alpha1.ReasonSuspended && a.Status.SuspendedTime != nil
}
