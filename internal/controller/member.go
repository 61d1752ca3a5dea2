// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/quota"
)

// members invites declared Members, and decides who is active. What active Members hold, grants compiles.
type members struct {
	client  client.Client
	clock   clock.PassiveClock
	events  Events
	metrics *Metrics
	find    finder
	joining *joining
}

// Reconcile brings the invitation and the status of a Member to what they should be.
func (r *members) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	m, err := reading.Optional[rosterv1alpha1.Member](ctx, r.client, req.Namespace, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if m == nil || m.DeletionTimestamp != nil {
		r.joining.giveUp(ctx, req.NamespacedName)
		return ctrl.Result{}, r.settle(ctx, m)
	}
	now := r.clock.Now()
	in, err := r.goOn(ctx, m, now)
	if err != nil {
		return ctrl.Result{}, err
	}
	d := membership.DecideMember(*in, now)
	again := ctrl.Result{RequeueAfter: until(d.Wake, now)}
	if bound, err := r.isBound(ctx, in, d); !bound || err != nil {
		return again, err // It comes again when it is.
	}
	if d.Invite {
		// It comes before the status, which tells what became of it.
		in.Invitation, err = r.invite(ctx, in.Member)
		if in.Refused = asProblem(err); err != nil && in.Refused == nil {
			return ctrl.Result{}, err
		}
	}
	if d.Invite || in.Refused != nil {
		d = membership.DecideMember(*in, now)
	}
	if in.Refused != nil {
		again.RequeueAfter = refusedRetry
	}
	if err := reporting.Status(ctx, r.client, m, &m.Status, d.Status, r.events.member); err != nil {
		return ctrl.Result{}, err
	}
	return again, reporting.IgnoreConflict(r.settle(ctx, m))
}

// goOn gathers what decides about a Member, which goes on with the membership that its person has already.
func (r *members) goOn(ctx context.Context, m *rosterv1alpha1.Member, now time.Time) (*membership.MemberInput, error) {
	in, err := r.gather(ctx, m)
	if err != nil {
		return nil, err
	}
	ms := membership.Continues(*in, now)
	if ms == nil {
		return in, nil
	}
	if err := r.bind(ctx, m, ms); err != nil {
		return nil, err
	}
	return r.gather(ctx, m)
}

// isBound reports whether the status of a Member can be written: who is to be active, or to hold something else, is bound to the Roles
// first.
func (r *members) isBound(ctx context.Context, in *membership.MemberInput, d membership.MemberDecision) (bool, error) {
	m, key := in.Member, client.ObjectKeyFromObject(in.Member)
	if !d.Holds {
		r.joining.giveUp(ctx, key)
		return true, nil
	}
	if membership.IsActive(m) && m.Status.ObservedGeneration == m.Generation {
		if in.Refused = r.joining.problem(key); in.Refused == nil {
			r.joining.forget(key)
		}
		return true, nil
	}
	roles, err := r.find.rolesFor(ctx, m)
	if err != nil {
		return false, err
	}
	bound, problem := r.joining.await(ctx, m, roles)
	in.Refused = problem
	return bound || problem != nil, nil
}

// bind has a Member go on with the membership of its person, who keeps their place in the queue for seats.
func (r *members) bind(ctx context.Context, m *rosterv1alpha1.Member, ms *rosterv1alpha1.Membership) error {
	before := m.DeepCopy()
	m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: membership.PersonOf(m)}
	if ms.Place != "" && ms.Place != quota.Annotation(quota.PlaceOfMember(m)) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.PlaceAnnotation, ms.Place)
	}
	return r.client.Patch(ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// settle takes off the finalizers that keep a Member until the Invitation that it came by has noted it.
func (r *members) settle(ctx context.Context, m *rosterv1alpha1.Member) error {
	if m == nil || len(m.Finalizers) == 0 {
		return nil
	}
	var invited []*rosterv1alpha1.Invitation
	for _, address := range reading.AddressKey(m.Spec.Email) {
		var err error
		if invited, err = reading.LatestInvitations(ctx, r.client, m.Namespace, reading.IndexAddress, address); err != nil {
			return err
		}
	}
	// A person who accepted with the Account of another address of theirs is a Member of that one, mostly under the name of the Invitation.
	if inv, err := reading.Peek[rosterv1alpha1.Invitation](ctx, r.client, m.Namespace, m.Name); err != nil {
		return err
	} else if inv != nil {
		invited = append(invited, inv)
	}
	left := membership.Settled(m, invited)
	if len(left) == len(m.Finalizers) {
		return nil
	}
	before := m.DeepCopy()
	m.Finalizers = left
	return client.IgnoreNotFound(r.client.Patch(ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

// gather reads what decides about a Member.
func (r *members) gather(ctx context.Context, m *rosterv1alpha1.Member) (*membership.MemberInput, error) {
	in, err := r.standing(ctx, m)
	if err != nil {
		return nil, err
	}
	if in.SoleAdministratorOf, err = r.soleOf(ctx, m, reading.IndexSoleAdministrator); err != nil {
		return nil, err
	}
	in.SoleRenewerOf, err = r.soleOf(ctx, m, reading.IndexSoleRenewer)
	return in, err
}

// standing reads what decides what the person of a Member holds.
func (r *members) standing(ctx context.Context, m *rosterv1alpha1.Member) (*membership.MemberInput, error) {
	in := &membership.MemberInput{Member: m}
	var err error
	if in.Organization, err = reading.CountingOrganization(ctx, r.client, m.Namespace); err != nil {
		return nil, err
	}
	if in.Account, err = reading.AccountBehind(ctx, r.client, m.Spec.AccountRef); err != nil {
		return nil, err
	}
	address, wrong := address.OfMember(m)
	if in.Sources, err = sourcesNamed(ctx, r.client, m.Namespace, &m.Spec, in.Organization); err != nil {
		return nil, err
	}
	if in.Teams, err = r.teamsOf(ctx, m); wrong != nil || err != nil {
		return in, err // DecideMember says what is wrong with the address.
	}
	twins, err := reading.MembersWithAddress(ctx, r.client, m.Namespace, string(address))
	if err != nil {
		return nil, err
	}
	if in.Person = in.Account; m.Spec.AccountRef == nil || m.Spec.AccountRef.Name != address.AccountName() {
		if in.Person, err = reading.AccountNamed(ctx, r.client, address.AccountName()); err != nil {
			return nil, err
		}
	}
	in.Twin = membership.FindTwin(m, twins, membership.NamedOwner(in.Organization))
	in.TwinJoined = membership.TwinJoined(m, twins)
	in.Successor = membership.FindSuccessor(*in, twins, r.clock.Now())
	in.Invitation, err = r.findInvitation(ctx, m, address)
	return in, err
}

// teamsOf are the names of the Teams that name a Member, sorted.
func (r *members) teamsOf(ctx context.Context, m *rosterv1alpha1.Member) ([]string, error) {
	const most = 1000 // as the API takes
	teams, err := reading.TeamsBy(ctx, r.client, m.Namespace, reading.IndexTeamMember, m.Name)
	var names []string
	for _, t := range teams {
		if t.DeletionTimestamp == nil {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), most)], err
}

// soleOf are the first of the profiles whose status names the Member as the only one of something.
func (r *members) soleOf(ctx context.Context, m *rosterv1alpha1.Member, field string) ([]string, error) {
	const most = 100 // as the API takes
	profiles, err := reading.ProfilesBy(ctx, r.client, m.Namespace, field, m.Name)
	var names []string
	for _, p := range profiles {
		if p.DeletionTimestamp == nil {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), most)], err
}

// findInvitation is the Invitation by which a person comes or came in: the Member's own, else one to the same address that is
// mailed and waits for an answer, or that led to the Member. Nil where there is none.
func (r *members) findInvitation(
	ctx context.Context, m *rosterv1alpha1.Member, address address.Address,
) (*rosterv1alpha1.Invitation, error) {
	for _, name := range namesFor(m) {
		inv, err := reading.Optional[rosterv1alpha1.Invitation](ctx, r.client, m.Namespace, name)
		if err != nil {
			return nil, err
		}
		if inv != nil && metav1.IsControlledBy(inv, m) {
			return inv, nil
		}
	}
	for field, value := range map[string]string{reading.IndexMemberRef: m.Name, reading.IndexAddress: string(address)} {
		found, err := reading.LatestInvitations(ctx, r.client, m.Namespace, field, value)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(found, func(inv *rosterv1alpha1.Invitation) bool {
			// Its own can have another name than those, made of the UID that the Member had before it was restored.
			return metav1.IsControlledBy(inv, m) || membership.BringsIn(inv, m) || membership.IsJoining(inv, m)
		}); i >= 0 {
			return found[i], nil
		}
	}
	return nil, nil
}

// invite creates the Invitation of a declared Member. It goes when the Member goes.
func (r *members) invite(ctx context.Context, m *rosterv1alpha1.Member) (*rosterv1alpha1.Invitation, error) {
	for _, name := range namesFor(m) {
		inv := &rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: m.Namespace, Name: name,
				Labels: reading.Managed(),
				OwnerReferences: []metav1.OwnerReference{{
					APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "Member", Name: m.Name, UID: m.UID, Controller: ptr.To(true),
				}},
			},
			Spec: rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: m.Name}},
		}
		err := r.client.Create(ctx, inv)
		if err == nil {
			return inv, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, r.metrics.refused(err, "Invitation", name)
		}
		existing, err := reading.Optional[rosterv1alpha1.Invitation](ctx, r.client, m.Namespace, name)
		if err != nil {
			return nil, err
		}
		if existing == nil {
			return nil, fmt.Errorf("the Invitation %q exists but is not seen yet", name)
		}
		if metav1.IsControlledBy(existing, m) {
			return existing, nil
		}
	}
	return nil, fmt.Errorf("no name is free for the Invitation of the Member %q", m.Name)
}
