// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
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
	// unwritten tells of Roles that Kubernetes refuses.
	unwritten *unwritten
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
	o, err := reading.Optional[rosterv1alpha1.Organization](ctx, r.client, req.Namespace, req.Name)
	if o == nil || err != nil || o.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	in, err := r.gather(ctx, o)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.settleOwnership(ctx, in); err != nil {
		return ctrl.Result{}, err
	}
	decided := membership.DecideOrganization(*in, r.clock.Now())
	return ctrl.Result{}, reporting.Status(ctx, r.client, o, &o.Status, decided, r.events.organization)
}

func (r *organizations) gather(ctx context.Context, o *rosterv1alpha1.Organization) (*membership.OrganizationInput, error) {
	in := &membership.OrganizationInput{Organization: o, Issuers: r.issuers, Refused: r.unwritten.of(kindOrganization, o)}
	trouble := r.trouble()
	in.Trouble, in.TroubleWords = string(trouble.Reason), trouble.Words
	var err error
	if in.Counting, err = reading.CountingOrganization(ctx, r.client, o.Namespace); err != nil {
		return nil, err
	}
	if in.Owner, err = reading.Referenced[rosterv1alpha1.Member](ctx, r.client, o.Namespace, o.Spec.OwnerRef); err != nil {
		return nil, err
	}
	if in.Former, err = reading.Referenced[rosterv1alpha1.Member](ctx, r.client, o.Namespace, o.Status.OwnerRef); err != nil {
		return nil, err
	}
	if in.Plan, err = reading.Optional[rosterv1alpha1.Plan](ctx, r.client, "", membership.PlanName(o)); err != nil {
		return nil, err
	}
	if in.Elsewhere, err = r.elsewhere(ctx, o, in.OwnerInForce()); err != nil {
		return nil, err
	}
	return in, r.count(ctx, in)
}

// settleOwnership keeps in the Members how their people stand to owning the organisation. A person who is to be asked is mailed first:
// after a crash between the two they are mailed again, rather than not at all.
func (r *organizations) settleOwnership(ctx context.Context, in *membership.OrganizationInput) error {
	for _, mark := range in.OwnershipMarks() {
		if mark.Says == rosterv1alpha1.OwnershipAsked {
			if err := r.offer(ctx, mark.Member); err != nil {
				return fmt.Errorf("asking the Member %s to own the organisation: %w", mark.Member.Name, err)
			}
		}
		if err := markOwnership(ctx, r.client, mark.Member, mark.Says); err != nil {
			return err
		}
	}
	return nil
}

// offer has the person of a Member mailed that they are to own the organisation.
func (r *organizations) offer(ctx context.Context, m *rosterv1alpha1.Member) error {
	a, err := reading.AccountNamed(ctx, r.client, membership.PersonOf(m))
	if a == nil || err != nil || !membership.BelongsTo(m, a) {
		return err
	}
	a.Status.MailRequests = rosterv1alpha1.WithMail(
		a.Status.MailRequests, rosterv1alpha1.MailOwnershipOffered, metav1.MicroTime{Time: r.clock.Now()})
	return reporting.WriteStatus(ctx, r.client, a)
}

// markOwnership writes into a Member how its person stands to owning the organisation, unless the Member has changed: what the person has
// answered meanwhile is not lost.
func markOwnership(ctx context.Context, c client.Client, m *rosterv1alpha1.Member, says string) error {
	marked := m.DeepCopy()
	if says == "" {
		delete(marked.Annotations, rosterv1alpha1.OwnershipAnnotation)
	} else {
		metav1.SetMetaDataAnnotation(&marked.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, says)
	}
	return c.Patch(ctx, marked, client.MergeFromWithOptions(m, client.MergeFromWithOptimisticLock{}))
}

// elsewhere reports whether the owner has owned another organisation for longer.
func (r *organizations) elsewhere(ctx context.Context, o *rosterv1alpha1.Organization, owner *rosterv1alpha1.Member) (bool, error) {
	if owner == nil {
		return false, nil
	}
	var list rosterv1alpha1.OrganizationList
	for _, address := range reading.AddressKey(owner.Spec.Email) {
		if err := r.client.List(ctx, &list, reading.ByIndex("", reading.IndexOwnerAddress, address)...); err != nil {
			return false, err
		}
	}
	return slices.ContainsFunc(pointers.To(list.Items), func(other *rosterv1alpha1.Organization) bool {
		return other.UID != o.UID && other.DeletionTimestamp == nil && membership.OwnsBefore(other, o, owner)
	}), nil
}

// count reads the cache without copying it; it runs at most once in a while, see enqueueAfter.
func (r *organizations) count(ctx context.Context, in *membership.OrganizationInput) error {
	namespace := in.Organization.Namespace
	var people rosterv1alpha1.MemberList
	var invited rosterv1alpha1.InvitationList
	var profiles rosterv1alpha1.SocialProfileList
	for _, list := range []client.ObjectList{&people, &invited, &profiles} {
		if err := r.client.List(ctx, list, reading.InNamespace(namespace)...); err != nil {
			return err
		}
	}
	in.Count(pointers.To(people.Items), pointers.To(invited.Items), pointers.To(profiles.Items))
	return nil
}
