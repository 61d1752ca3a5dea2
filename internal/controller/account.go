// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// accounts reports Accounts that nobody can use, because their name is not the one that follows from their address, and user names that
// several have.
type accounts struct {
	client client.Client
	clock  clock.PassiveClock
}

// Reconcile brings the conditions of an Account to what they should be.
func (r *accounts) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	in := membership.AccountInput{Account: a}
	if in.Namesakes, err = namesakes(ctx, r.client, a); err != nil {
		return ctrl.Result{}, err
	}
	decided := membership.DecideAccount(in, r.clock.Now())
	if equality.Semantic.DeepEqual(decided, a.Status) {
		return ctrl.Result{}, nil
	}
	a.Status = decided
	return ctrl.Result{}, ignoreConflict(writeStatus(ctx, r.client, a))
}

// namesakes are the Accounts of the same user name.
func namesakes(ctx context.Context, c client.Reader, a *rosterv1alpha1.Account) ([]*rosterv1alpha1.Account, error) {
	var list rosterv1alpha1.AccountList
	for _, name := range usernameKey(a) {
		if err := c.List(ctx, &list, byIndex(a.Namespace, indexUsername, name)...); err != nil {
			return nil, err
		}
	}
	return pointers(list.Items), nil
}

func usernameKey(a *rosterv1alpha1.Account) []string {
	if a.Spec.Username == "" {
		return nil
	}
	return []string{a.Spec.Username}
}

// accountsOfUsername are the Accounts of the same user name, this one among them.
func (f finder) accountsOfUsername(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	found, err := namesakes(ctx, f.reader, o.(*rosterv1alpha1.Account))
	return keys(found), err
}
