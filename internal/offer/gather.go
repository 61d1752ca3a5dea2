// SPDX-License-Identifier: Apache-2.0

package offer

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/roles"
)

// named are the objects that an offer names, as far as they exist, by their names.
type named struct {
	customRoles roles.Custom
	workspaces  map[string]string
	profiles    map[string]*rosterv1alpha1.SocialProfile
	owner       *rosterv1alpha1.Member
	inviter     invitation.Inviter
	inviters    []*rosterv1alpha1.Member
}

func gather(ctx context.Context, c client.Reader, o invitation.Offer, userPrefix string) (named, error) {
	n := named{customRoles: roles.Custom{}, workspaces: map[string]string{}, profiles: map[string]*rosterv1alpha1.SocialProfile{}}
	var errs []error
	get := func(name string, into client.Object) bool {
		err := c.Get(ctx, client.ObjectKey{Namespace: o.Invitation.Namespace, Name: name}, into, client.UnsafeDisableDeepCopy,
			client.DisableReadYourWritesConsistency)
		errs = append(errs, client.IgnoreNotFound(err))
		return err == nil
	}
	for _, name := range o.CustomRoleNames() {
		if role := (&rosterv1alpha1.CustomRole{}); get(name, role) {
			n.customRoles[name] = role.Spec
		}
	}
	for _, g := range o.WorkspaceGrants() {
		if w := (&rosterv1alpha1.Workspace{}); get(g.Name, w) {
			n.workspaces[g.Name] = w.Spec.DisplayName
		}
	}
	for _, g := range o.Profiles() {
		if p := (&rosterv1alpha1.SocialProfile{}); get(g.Name, p) {
			n.profiles[g.Name] = p
		}
	}
	if o.Organization != nil && o.Organization.Spec.OwnerRef != nil && o.Role() != rosterv1alpha1.RoleOwner {
		if m := (&rosterv1alpha1.Member{}); get(o.Organization.Spec.OwnerRef.Name, m) {
			n.owner = m
		}
	}
	var err error
	n.inviter, n.inviters, err = Inviter(ctx, c, o, userPrefix)
	return n, errors.Join(append(errs, err)...)
}

// Inviter is who invites, and the Members with that address. It has no address unless it is a person: other user names, such as those of
// service accounts and certificates, mean nothing to the reader.
func Inviter(
	ctx context.Context, c client.Reader, o invitation.Offer, userPrefix string,
) (invitation.Inviter, []*rosterv1alpha1.Member, error) {
	who, ok := invitation.ParseInviter(o.InvitedBy(), userPrefix)
	if !ok || who.Address == "" {
		return invitation.Inviter{}, nil, nil
	}
	var list rosterv1alpha1.MemberList
	err := c.List(ctx, &list, client.InNamespace(o.Invitation.Namespace), client.MatchingFields{address.Index: string(who.Address)},
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	members := make([]*rosterv1alpha1.Member, len(list.Items))
	for i := range list.Items {
		members[i] = &list.Items[i]
	}
	return who, members, err
}
