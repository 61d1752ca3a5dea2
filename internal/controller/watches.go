// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
)

// summaryDelay is how long the counts in a status may lag behind: however many objects change meanwhile, they cost one write.
const summaryDelay = 2 * time.Second

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// related finds the objects that another object's change concerns.
type related func(ctx context.Context, o client.Object) ([]client.ObjectKey, error)

// enqueue queues what a change concerns, as the object was and as it is.
func enqueue(find related) handler.EventHandler { return enqueueAfter(find, 0) }

// enqueueAfter is enqueue after a pause, in which further changes add nothing to the queue.
func enqueueAfter(find related, pause time.Duration) handler.EventHandler {
	add := func(ctx context.Context, q queue, objects ...client.Object) {
		for _, o := range objects {
			keys, err := find(ctx, o)
			if err != nil {
				log.FromContext(ctx).Error(err, "find what a change concerns", "object", client.ObjectKeyFromObject(o))
			}
			for _, key := range keys {
				q.AddAfter(reconcile.Request{NamespacedName: key}, pause)
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, q, e.Object) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, q, e.ObjectOld, e.ObjectNew) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, q, e.Object) },
	}
}

// finder finds what a change concerns in the cache.
type finder struct{ reader client.Reader }

func (f finder) organizations(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, inNamespace(o.GetNamespace())...)
	return keys(pointers(list.Items)), err
}

// invitationsOfOrganization are the ones that are still open: a changed policy concerns them.
func (f finder) invitationsOfOrganization(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	open, err := invitationsBy(ctx, f.reader, o.GetNamespace(), indexOpen, "true")
	return keys(open), err
}

// invitationsOfMember are the ones that are for the Member, or that are to the same address.
func (f finder) invitationsOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	m := o.(*rosterv1alpha1.Member)
	declared, err := invitationsBy(ctx, f.reader, m.Namespace, indexMemberRef, m.Name)
	if err != nil {
		return nil, err
	}
	same, err := f.invitationsOfAddress(ctx, m, addressKey(m.Spec.Email))
	return append(keys(declared), same...), err
}

// invitationsOfInvitation are the others to the same address, one of which may count when this one no longer does.
func (f finder) invitationsOfInvitation(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	inv := o.(*rosterv1alpha1.Invitation)
	same, err := f.invitationsOfAddress(ctx, inv, invitationAddress(inv))
	return slices.DeleteFunc(same, func(key client.ObjectKey) bool { return key == client.ObjectKeyFromObject(inv) }), err
}

func (f finder) invitationsOfAddress(ctx context.Context, o client.Object, address []string) ([]client.ObjectKey, error) {
	if len(address) == 0 {
		return nil, nil
	}
	same, err := invitationsBy(ctx, f.reader, o.GetNamespace(), indexAddress, address[0])
	return keys(same), err
}

// membersOfInvitation are the Member that it is for, the one that it led to, and the one who has the address.
func (f finder) membersOfInvitation(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	inv := o.(*rosterv1alpha1.Invitation)
	var found []client.ObjectKey
	for _, ref := range []*rosterv1alpha1.LocalReference{inv.Spec.MemberRef, inv.Status.MemberRef} {
		if ref != nil {
			found = append(found, client.ObjectKey{Namespace: inv.Namespace, Name: ref.Name})
		}
	}
	same, err := f.membersOfAddress(ctx, inv.Namespace, invitationAddress(inv))
	return append(found, same...), err
}

func (f finder) membersOfAddress(ctx context.Context, namespace string, address []string) ([]client.ObjectKey, error) {
	if len(address) == 0 {
		return nil, nil
	}
	same, err := membersBy(ctx, f.reader, namespace, indexAddress, address[0])
	return keys(same), err
}

// membersOfMember are the others with the same address, one of which may count when this one is gone.
func (f finder) membersOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	return f.membersOfAddress(ctx, o.GetNamespace(), addressKey(o.(*rosterv1alpha1.Member).Spec.Email))
}

// invitationsOfProfile are those that offer a role on it, themselves or by the declared Member that they are for.
func (f finder) invitationsOfProfile(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	applied, err := invitationsBy(ctx, f.reader, o.GetNamespace(), indexProfile, o.GetName())
	if err != nil {
		return nil, err
	}
	found := keys(applied)
	people, err := membersBy(ctx, f.reader, o.GetNamespace(), indexProfile, o.GetName())
	if err != nil {
		return nil, err
	}
	for _, m := range people {
		if m.Spec.AccountRef != nil {
			continue // joined: nothing is open
		}
		declared, err := invitationsBy(ctx, f.reader, m.Namespace, indexMemberRef, m.Name)
		if err != nil {
			return nil, err
		}
		found = append(found, keys(declared)...)
	}
	return found, nil
}

func (f finder) membersOfProfile(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	found, err := membersBy(ctx, f.reader, o.GetNamespace(), indexProfile, o.GetName())
	return keys(found), err
}

func (f finder) membersOfAccount(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.MemberList
	err := f.reader.List(ctx, &list, byIndex("", indexAccount, o.GetName())...)
	return keys(pointers(list.Items)), err
}

// membersOfOrganization are all of the namespace: their rules name the Organization.
func (f finder) membersOfOrganization(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.MemberList
	err := f.reader.List(ctx, &list, inNamespace(o.GetNamespace())...)
	return keys(pointers(list.Items)), err
}

func ownerOf(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
	if ref := o.(*rosterv1alpha1.Organization).Spec.OwnerRef; ref != nil {
		return []client.ObjectKey{{Namespace: o.GetNamespace(), Name: ref.Name}}, nil
	}
	return nil, nil
}

// profilesOfMember are those that the Member holds a role on or looks after.
func (f finder) profilesOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	m := o.(*rosterv1alpha1.Member)
	granted := memberGrants(m)
	options := inNamespace(m.Namespace)
	if !slices.Contains(granted, access.AllProfiles) {
		options = byIndex(m.Namespace, indexResponsible, m.Name)
	}
	var list rosterv1alpha1.SocialProfileList
	err := f.reader.List(ctx, &list, options...)
	found := keys(pointers(list.Items))
	for _, name := range granted {
		if name != access.AllProfiles {
			found = append(found, client.ObjectKey{Namespace: m.Namespace, Name: name})
		}
	}
	return found, err
}

// organizationsOwnedBy are the ones whose owner the Member is.
func (f finder) organizationsOwnedBy(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, byIndex(o.GetNamespace(), indexOwner, o.GetName())...)
	return keys(pointers(list.Items)), err
}

func keys[T client.Object](objects []T) []client.ObjectKey {
	out := make([]client.ObjectKey, len(objects))
	for i, o := range objects {
		out[i] = client.ObjectKeyFromObject(o)
	}
	return out
}

// changed lets an update through when what is asked about the object has another answer than before.
func changed[T client.Object](about func(o T) any) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !equality.Semantic.DeepEqual(about(e.ObjectOld.(T)), about(e.ObjectNew.(T)))
	}}
}

// What of an object concerns others.

func memberStanding(m *rosterv1alpha1.Member) any {
	return []any{membership.IsActive(m), m.Status.Grants}
}

func memberForInvitation(m *rosterv1alpha1.Member) any {
	return []any{m.Spec.AccountRef != nil, m.Spec.Suspended, m.Spec.Role, m.Spec.Profiles, m.DeletionTimestamp != nil}
}

func memberAlive(m *rosterv1alpha1.Member) any { return m.DeletionTimestamp == nil }

func invitationOpen(inv *rosterv1alpha1.Invitation) any { return invitation.IsOpen(inv) }

func invitationForMember(inv *rosterv1alpha1.Invitation) any {
	return []any{inv.Status.State, inv.Status.MemberRef, invitation.IsOpen(inv)}
}

func profileAlive(p *rosterv1alpha1.SocialProfile) any { return p.DeletionTimestamp == nil }

func organizationAlive(o *rosterv1alpha1.Organization) any { return o.DeletionTimestamp == nil }

func organizationOwner(o *rosterv1alpha1.Organization) any { return o.Spec.OwnerRef }

func organizationPolicy(o *rosterv1alpha1.Organization) any {
	return []any{o.Spec.Invitations, o.Spec.OwnerRef, o.DeletionTimestamp != nil}
}

func accountForMember(a *rosterv1alpha1.Account) any {
	return []any{a.Spec.DisplayName, a.Status.LastSignInTime}
}
