// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// accounts records which organisations people have joined, and reports Accounts that nobody can use, because their name is not the one that
// follows from their address, and user names that several have.
type accounts struct {
	client client.Client
	clock  clock.PassiveClock
}

// Reconcile brings the conditions and the memberships of an Account to what they should be.
func (r *accounts) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := reading.Optional[rosterv1alpha1.Account](ctx, r.client, req.Namespace, req.Name)
	if a == nil || err != nil || a.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	in := membership.AccountInput{Account: a}
	if in.Namesakes, err = namesakes(ctx, r.client, a); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.gatherMemberships(ctx, &in); err != nil {
		return ctrl.Result{}, err
	}
	now := r.clock.Now()
	decided, wake := membership.DecideAccount(in, now)
	result := ctrl.Result{RequeueAfter: until(wake, now)}
	if equality.Semantic.DeepEqual(decided, a.Status) {
		return result, nil
	}
	a.Status = decided
	return result, reporting.IgnoreConflict(reporting.WriteStatus(ctx, r.client, a))
}

// gatherMemberships reads by which Members the person belongs to which organisations.
func (r *accounts) gatherMemberships(ctx context.Context, in *membership.AccountInput) error {
	members, err := reading.MembersBoundTo(ctx, r.client, "", in.Account.Name)
	if err != nil {
		return err
	}
	in.Members, in.Organizations = members, map[string]string{}
	for _, m := range in.Members {
		o, err := reading.CountingOrganization(ctx, r.client, m.Namespace)
		if err != nil {
			return err
		}
		if o != nil {
			in.Organizations[m.Namespace] = o.Name
		}
	}
	return nil
}

// accountOfMember is that of the address, whether or not the Member is bound to it.
func accountOfMember(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
	name := membership.PersonOf(o.(*rosterv1alpha1.Member))
	if name == "" {
		return nil, nil
	}
	return []client.ObjectKey{{Namespace: rosterv1alpha1.AccountNamespace, Name: name}}, nil
}

// namesakes are the Accounts of the same user name.
func namesakes(ctx context.Context, c client.Reader, a *rosterv1alpha1.Account) ([]*rosterv1alpha1.Account, error) {
	var list rosterv1alpha1.AccountList
	for _, name := range reading.UsernameKey(a) {
		if err := c.List(ctx, &list, reading.ByIndex(a.Namespace, reading.IndexUsername, name)...); err != nil {
			return nil, err
		}
	}
	return pointers.To(list.Items), nil
}

// accountsOfUsername are the Accounts of the same user name, this one among them.
func (f finder) accountsOfUsername(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	found, err := namesakes(ctx, f.reader, o.(*rosterv1alpha1.Account))
	return keys(found), err
}
