// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/quota"
)

// join makes a member of whoever accepted: it binds the declared Member, or one that has the address meanwhile, and creates one
// otherwise. It can be called again after a crash at any point. It returns the name of the Member.
func (r *lifecycle) join(ctx context.Context, in *invitation.Input) (string, error) {
	inv := in.Invitation
	if in.Member != nil {
		return in.Member.Name, r.bind(ctx, in.Member, inv)
	}
	address, err := invitation.ParseAddress(inv.Spec.Email)
	if err != nil {
		return "", err
	}
	members, err := membersBy(ctx, r.client, inv.Namespace, indexAddress, string(address))
	if err != nil {
		return "", err
	}
	for _, m := range members {
		if m.DeletionTimestamp == nil {
			return m.Name, r.bind(ctx, m, inv)
		}
	}
	return r.createMember(ctx, in, address)
}

// bind notes in a Member which Account accepted, and whether that was to owning the organisation. The rest of the spec is its writer's and
// stays as it is.
func (r *lifecycle) bind(ctx context.Context, m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation) error {
	if m.Spec.AccountRef != nil {
		return nil
	}
	bound := m.DeepCopy()
	bound.Spec.AccountRef = inv.Status.AccountRef
	if inv.Status.Role == string(rosterv1alpha1.RoleOwner) {
		metav1.SetMetaDataAnnotation(&bound.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, rosterv1alpha1.OwnershipAgreed)
	}
	return r.client.Patch(ctx, bound, client.MergeFromWithOptions(m, client.MergeFromWithOptimisticLock{}))
}

// createMember creates the Member of an applied Invitation under its name, or one close to it if that is taken by somebody else.
func (r *lifecycle) createMember(ctx context.Context, in *invitation.Input, address invitation.Address) (string, error) {
	inv := in.Invitation
	for _, name := range []string{inv.Name, inv.Name + "-" + string(inv.UID[:8])} {
		m := &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: inv.Namespace, Name: name,
				// Whoever accepts keeps the place of the invitation in the order in which seats are given.
				Annotations: map[string]string{rosterv1alpha1.PlaceAnnotation: quota.Annotation(quota.PlaceOfInvitation(inv))},
			},
			Spec: rosterv1alpha1.MemberSpec{
				Email: inv.Spec.Email, Role: in.Role(), Profiles: inv.Spec.Profiles, Workspaces: inv.Spec.Workspaces,
				CanManageProfiles: inv.Spec.CanManageProfiles, AccountRef: inv.Status.AccountRef,
			},
		}
		err := r.client.Create(ctx, m)
		if err == nil {
			return name, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return "", err
		}
		existing, err := optional[rosterv1alpha1.Member](ctx, r.client, inv.Namespace, name)
		if err != nil {
			return "", err
		}
		if existing == nil {
			return "", fmt.Errorf("the Member %q exists but is not seen yet", name)
		}
		if other, err := invitation.ParseAddress(existing.Spec.Email); err == nil && other == address {
			return name, r.bind(ctx, existing, inv)
		}
	}
	return "", fmt.Errorf("no name is free for the Member of the Invitation %q", inv.Name)
}
