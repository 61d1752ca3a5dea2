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

// organizations reports on Organizations: who owns them and how many belong to them.
type organizations struct {
	client client.Client
	clock  clock.PassiveClock
	events Events
}

// Reconcile brings the status of an Organization to what it should be.
func (r *organizations) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o, err := optional[rosterv1alpha1.Organization](ctx, r.client, req.Namespace, req.Name)
	if o == nil || err != nil || o.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	in := membership.OrganizationInput{Organization: o}
	if in.Counting, err = countingOrganization(ctx, r.client, o.Namespace); err != nil {
		return ctrl.Result{}, err
	}
	if ref := o.Spec.OwnerRef; ref != nil {
		if in.Owner, err = optional[rosterv1alpha1.Member](ctx, r.client, o.Namespace, ref.Name); err != nil {
			return ctrl.Result{}, err
		}
	}
	if in.Counts, err = r.count(ctx, o.Namespace); err != nil {
		return ctrl.Result{}, err
	}
	status := membership.DecideOrganization(in, r.clock.Now())
	if equality.Semantic.DeepEqual(o.Status, status) {
		return ctrl.Result{}, nil
	}
	before := o.DeepCopy()
	o.Status = status
	if err := writeStatus(ctx, r.client, o); err != nil {
		return ctrl.Result{}, ignoreConflict(err)
	}
	r.events.organization(before, o)
	return ctrl.Result{}, nil
}

// count reads the cache without copying it; it runs at most once in a while, see soon.
func (r *organizations) count(ctx context.Context, namespace string) (membership.Counts, error) {
	var counts membership.Counts
	var people rosterv1alpha1.MemberList
	if err := r.client.List(ctx, &people, inNamespace(namespace)...); err != nil {
		return counts, err
	}
	counts.Members = int32(len(people.Items))
	for i := range people.Items {
		if membership.IsActive(&people.Items[i]) {
			counts.ActiveMembers++
		}
	}
	open, err := invitationsBy(ctx, r.client, namespace, indexOpen, "true")
	if err != nil {
		return counts, err
	}
	counts.OpenInvitations = int32(len(open))
	var profiles rosterv1alpha1.SocialProfileList
	err = r.client.List(ctx, &profiles, inNamespace(namespace)...)
	counts.SocialProfiles = int32(len(profiles.Items))
	return counts, err
}
