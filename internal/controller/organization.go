// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/membership"
)

// organizations reports on Organizations: who owns them and how many belong to them.
type organizations struct {
	client client.Client
	clock  clock.PassiveClock
	events Events
	// issuers that the configuration has, by name.
	issuers []string
	// trouble that keeps mail from going out.
	trouble func() mail.Trouble
}

func issuerNames(issuers []config.Issuer) []string {
	var names []string
	for _, i := range issuers {
		names = append(names, i.Name)
	}
	return names
}

// Reconcile brings the status of an Organization to what it should be.
func (r *organizations) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o, err := optional[rosterv1alpha1.Organization](ctx, r.client, req.Namespace, req.Name)
	if o == nil || err != nil || o.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	in, err := r.gather(ctx, o)
	if err != nil {
		return ctrl.Result{}, err
	}
	decided := membership.DecideOrganization(*in, r.clock.Now())
	return ctrl.Result{}, report(ctx, r.client, o, &o.Status, decided, r.events.organization)
}

func (r *organizations) gather(ctx context.Context, o *rosterv1alpha1.Organization) (*membership.OrganizationInput, error) {
	in := &membership.OrganizationInput{Organization: o, Issuers: r.issuers}
	trouble := r.trouble()
	in.Trouble, in.TroubleWords = string(trouble.Reason), trouble.Words
	var err error
	if in.Counting, err = countingOrganization(ctx, r.client, o.Namespace); err != nil {
		return nil, err
	}
	if in.Owner, err = referenced[rosterv1alpha1.Member](ctx, r.client, o.Namespace, o.Spec.OwnerRef); err != nil {
		return nil, err
	}
	if in.Former, err = referenced[rosterv1alpha1.Member](ctx, r.client, o.Namespace, o.Status.OwnerRef); err != nil {
		return nil, err
	}
	if in.Plan, err = optional[rosterv1alpha1.Plan](ctx, r.client, "", membership.PlanName(o)); err != nil {
		return nil, err
	}
	if in.Elsewhere, err = r.elsewhere(ctx, o, in.OwnerInForce()); err != nil {
		return nil, err
	}
	return in, r.count(ctx, in)
}

// elsewhere says whether the owner has owned another organisation for longer.
func (r *organizations) elsewhere(ctx context.Context, o *rosterv1alpha1.Organization, owner *rosterv1alpha1.Member) (bool, error) {
	if owner == nil {
		return false, nil
	}
	var list rosterv1alpha1.OrganizationList
	for _, address := range addressKey(owner.Spec.Email) {
		if err := r.client.List(ctx, &list, byIndex("", indexOwnerAddress, address)...); err != nil {
			return false, err
		}
	}
	return slices.ContainsFunc(pointers(list.Items), func(other *rosterv1alpha1.Organization) bool {
		return other.UID != o.UID && other.DeletionTimestamp == nil && membership.OwnsBefore(other, o, owner.Name)
	}), nil
}

// count reads the cache without copying it; it runs at most once in a while, see enqueueAfter.
func (r *organizations) count(ctx context.Context, in *membership.OrganizationInput) error {
	namespace := in.Organization.Namespace
	var people rosterv1alpha1.MemberList
	var invited rosterv1alpha1.InvitationList
	var profiles rosterv1alpha1.SocialProfileList
	for _, list := range []client.ObjectList{&people, &invited, &profiles} {
		if err := r.client.List(ctx, list, inNamespace(namespace)...); err != nil {
			return err
		}
	}
	in.Count(pointers(people.Items), pointers(invited.Items), pointers(profiles.Items))
	return nil
}
