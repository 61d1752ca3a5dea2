// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/quota"
)

// join makes a member of the person who accepted: it binds the declared Member, or one that has the address meanwhile, and creates one
// otherwise. It can be called again after a crash at any point, and makes nobody a member twice: a Member that it led to stays, even
// deleted, until the Invitation has noted it. It returns the name of the Member.
func (r *lifecycle) join(ctx context.Context, in *invitation.Input) (string, error) {
	inv := in.Invitation
	if in.Member != nil && !in.MemberMissing() {
		return in.Member.Name, r.bind(ctx, in.Member, inv)
	}
	email, err := r.joining(ctx, inv)
	if err != nil {
		return "", err
	}
	address, err := address.Parse(email)
	if err != nil {
		return "", err
	}
	members, err := reading.MembersWithAddress(ctx, r.client, inv.Namespace, string(address))
	if err != nil {
		return "", err
	}
	if m := membership.LedTo(inv, members); m != nil {
		return m.Name, nil
	}
	for _, m := range members {
		if m.DeletionTimestamp == nil {
			return m.Name, r.bind(ctx, m, inv)
		}
	}
	return r.createMember(ctx, in, email)
}

// joining is the address of the person who accepted: the invited one, or that of the Account that the person accepted with instead, whose
// the invited one is, too.
func (r *lifecycle) joining(ctx context.Context, inv *rosterv1alpha1.Invitation) (string, error) {
	ref, email := inv.Status.AccountRef, cmp.Or(inv.Spec.Email, inv.Status.Email)
	if invited, err := address.Parse(email); err != nil || ref == nil || ref.Name == invited.AccountName() {
		return email, err
	}
	account, err := reading.AccountNamed(ctx, r.client, ref.Name)
	switch {
	case err != nil:
		return "", err
	case account == nil:
		return "", fmt.Errorf("the Account %q, which accepted, is not seen yet", ref.Name)
	}
	return account.Spec.Email, nil
}

// bind notes in a Member which Account accepted, and whether that was to owning the organisation. The rest of the spec is its writer's and
// stays as it is.
func (r *lifecycle) bind(ctx context.Context, m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation) error {
	bound := m.DeepCopy()
	if bound.Spec.AccountRef == nil {
		bound.Spec.AccountRef = inv.Status.AccountRef
		if inv.Status.Role == string(rosterv1alpha1.RoleOwner) {
			metav1.SetMetaDataAnnotation(&bound.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipAgreed)
		}
	}
	if inv.Spec.MemberRef == nil { // That of a declared Member is for that object alone.
		controllerutil.AddFinalizer(bound, membership.JoiningFinalizer(inv))
	}
	if equality.Semantic.DeepEqual(m, bound) {
		return nil
	}
	err := r.client.Patch(ctx, bound, client.MergeFromWithOptions(m, client.MergeFromWithOptimisticLock{}))
	return r.metrics.refused(err, "Member", m.Name)
}

// createMember creates the Member of an applied Invitation under its name, or one close to it if that is taken by somebody else.
func (r *lifecycle) createMember(ctx context.Context, in *invitation.Input, email string) (string, error) {
	inv := in.Invitation
	for _, name := range namesFor(inv) {
		m := &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: inv.Namespace, Name: name, Finalizers: []string{membership.JoiningFinalizer(inv)},
				// A person who accepts keeps the place of the invitation in the order in which seats are given.
				Annotations: map[string]string{rosterv1alpha1.PlaceAnnotation: quota.Annotation(quota.PlaceOfInvitation(inv))},
			},
			Spec: rosterv1alpha1.MemberSpec{
				Email: email, Role: in.Role(), Profiles: inv.Spec.Profiles, Workspaces: inv.Spec.Workspaces,
				CanManageProfiles: inv.Spec.CanManageProfiles, EndTime: inv.Spec.EndTime, AccountRef: inv.Status.AccountRef,
			},
		}
		err := r.client.Create(ctx, m)
		if err == nil {
			return name, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return "", r.metrics.refused(err, "Member", name)
		}
		existing, err := reading.Optional[rosterv1alpha1.Member](ctx, r.client, inv.Namespace, name)
		if err != nil {
			return "", err
		}
		if existing == nil {
			return "", fmt.Errorf("the Member %q exists but is not seen yet", name)
		}
		if address.Same(existing.Spec.Email, email) {
			if existing.DeletionTimestamp != nil {
				return "", fmt.Errorf("the Member %q is being deleted", name)
			}
			return name, r.bind(ctx, existing, inv)
		}
	}
	return "", fmt.Errorf("no name is free for the Member of the Invitation %q", inv.Name)
}

// namesFor are the names that an object can have: that of its owner or, where somebody else's object has that, one with a part of the
// owner's UID, shortened to the 200 characters that a Member and an Invitation may have.
func namesFor(owner client.Object) []string {
	const most = 200
	name, suffix := owner.GetName(), "-"+string(owner.GetUID()[:8])
	return []string{name, strings.TrimRight(name[:min(len(name), most-len(suffix))], "-.") + suffix}
}
