// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/quota"
)

// Whose rights a change concerns. What is missed here would leave somebody with rights that they should not have until something else
// happens, so a doubt queues one more Member: one that has what it should costs no write.

// membersOfTeam are the members of a Team; where only its list of members changed, those who came and went. Where profiles wait for their
// first Team, everybody who has a role on one that comes or goes.
func (f finder) membersOfTeam(ctx context.Context, before, after *rosterv1alpha1.Team) ([]client.ObjectKey, error) {
	var was, is []string
	if before != nil {
		was = before.Spec.Members
	}
	if after != nil {
		is = after.Spec.Members
	}
	t := either(before, after)
	if !differs(before, after, teamGives) {
		return inNamespaceOf(t, exchanged(was, is)), nil
	}
	found := inNamespaceOf(t, append(slices.Clone(was), is...))
	o, err := reading.CountingOrganization(ctx, f.reader, t.GetNamespace())
	if err != nil || !membership.RequiresTeam(o) {
		return found, err
	}
	for _, version := range []*rosterv1alpha1.Team{before, after} {
		if version == nil {
			continue
		}
		profiles, err := f.profilesOfTeam(ctx, version)
		if err != nil {
			return nil, err
		}
		for _, key := range profiles {
			others, err := f.membersNaming(ctx, key)
			if err != nil {
				return nil, err
			}
			found = append(found, others...)
		}
	}
	return found, nil
}

// exchanged are the names that are in one of two lists and not in the other.
func exchanged(a, b []string) []string {
	count := map[string]int{}
	for _, name := range a {
		count[name]++
	}
	for _, name := range b {
		count[name]--
	}
	var out []string
	for name, n := range count {
		if n != 0 {
			out = append(out, name)
		}
	}
	return out
}

// membersOfWorkspace are those who have the Workspace.
func (f finder) membersOfWorkspace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	found, err := reading.MembersBy(ctx, f.reader, o.GetNamespace(), reading.IndexWorkspace, o.GetName())
	return keys(found), err
}

// membersOfRole are those who hold the CustomRole from any source, and those who may give roles to others: which ones depends on what
// the CustomRoles allow.
func (f finder) membersOfRole(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	custom, err := customRoles(ctx, f.reader, o.GetNamespace())
	if err != nil {
		return nil, err
	}
	roles := []string{o.GetName()}
	for _, role := range []rosterv1alpha1.OrganizationRole{rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager} {
		roles = append(roles, string(role))
	}
	for name, spec := range custom {
		if slices.Contains(spec.Permissions, rosterv1alpha1.PermissionManageMembers) {
			roles = append(roles, name)
		}
	}
	var found []client.ObjectKey
	for _, role := range roles {
		members, err := reading.MembersBy(ctx, f.reader, o.GetNamespace(), reading.IndexRole, role)
		if err != nil {
			return nil, err
		}
		found = append(found, keys(members)...)
	}
	teams, err := reading.TeamsBy(ctx, f.reader, o.GetNamespace(), reading.IndexTeamRole, o.GetName())
	for _, t := range teams {
		found = append(found, inNamespaceOf(t, t.Spec.Members)...)
	}
	return found, err
}

// membersOfProfile are those who have a role on the profile from any source, and where only the last one named Administrator or the last
// one who may connect it changed, that one.
func (f finder) membersOfProfile(ctx context.Context, before, after *rosterv1alpha1.SocialProfile) ([]client.ObjectKey, error) {
	var found []client.ObjectKey
	wider := differs(before, after, profileForMembers)
	for _, p := range []*rosterv1alpha1.SocialProfile{before, after} {
		if p == nil {
			continue
		}
		found = append(found, inNamespaceOf(p, append(reading.NameKey(p.Status.SoleAdministrator), reading.NameKey(p.Status.SoleRenewer)...))...)
		if !wider {
			continue
		}
		holders, err := f.holders(ctx, p)
		if err != nil {
			return nil, err
		}
		found = append(found, holders...)
	}
	return found, nil
}

// holders are the Members who have a role on the profile from any source but their role in the organisation.
func (f finder) holders(ctx context.Context, p *rosterv1alpha1.SocialProfile) ([]client.ObjectKey, error) {
	found, err := f.membersNaming(ctx, client.ObjectKeyFromObject(p))
	if err != nil {
		return nil, err
	}
	teams, err := f.teamsWith(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, t := range teams {
		found = append(found, inNamespaceOf(t, t.Spec.Members)...)
	}
	workspaces, err := f.workspacesWith(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, w := range workspaces {
		members, err := f.membersOfWorkspace(ctx, w)
		if err != nil {
			return nil, err
		}
		found = append(found, members...)
	}
	connector, err := f.membersOfAddress(ctx, p.Namespace, reading.ConnectorKey(p, f.userPrefix))
	return append(found, connector...), err
}

// membersNaming are the Members whose spec names the profile, or whose status shows that they hold something on it.
func (f finder) membersNaming(ctx context.Context, profile client.ObjectKey) ([]client.ObjectKey, error) {
	var found []client.ObjectKey
	for _, field := range []string{reading.IndexProfile, reading.IndexGrant} {
		members, err := reading.MembersBy(ctx, f.reader, profile.Namespace, field, profile.Name)
		if err != nil {
			return nil, err
		}
		found = append(found, keys(members)...)
	}
	return found, nil
}

// membersOfOrganization are all where a policy or the plan changed; else the former and the new owner, and those for whom the places of
// the plan make a difference.
func (f finder) membersOfOrganization(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.MemberList
	if err := f.reader.List(ctx, &list, reading.InNamespace(either(before, after).GetNamespace())...); err != nil {
		return nil, err
	}
	all := reading.Pointers(list.Items)
	if differs(before, after, organizationForMembers) {
		return keys(all), nil
	}
	var found []client.ObjectKey
	if differs(before, after, organizationOwner) {
		found = append(inNamespaceOf(before, reading.OrganizationOwners(before)), inNamespaceOf(after, reading.OrganizationOwners(after))...)
	}
	was, is := before.Status.Plan, after.Status.Plan
	found = append(found, keys(slices.DeleteFunc(all, func(m *rosterv1alpha1.Member) bool {
		return !quota.Between(was.Seats, is.Seats, quota.PlaceOfMember(m))
	}))...)
	profiles, err := f.profilesBetween(ctx, before, after)
	if err != nil {
		return nil, err
	}
	for _, p := range profiles {
		holders, err := f.holders(ctx, p)
		if err != nil {
			return nil, err
		}
		found = append(found, holders...)
	}
	return found, nil
}

// profilesBetween are those whose place in the plan is another than before.
func (f finder) profilesBetween(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]*rosterv1alpha1.SocialProfile, error) {
	was, is := before.Status.Plan.SocialProfiles, after.Status.Plan.SocialProfiles
	if equality.Semantic.DeepEqual(was, is) {
		return nil, nil
	}
	var list rosterv1alpha1.SocialProfileList
	err := f.reader.List(ctx, &list, reading.InNamespace(after.Namespace)...)
	return slices.DeleteFunc(reading.Pointers(list.Items), func(p *rosterv1alpha1.SocialProfile) bool {
		return !quota.Between(was, is, quota.PlaceOf(p))
	}), err
}

// profilesOfOrganization are all where a policy or the plan changed, else those whose place in the plan is another.
func (f finder) profilesOfOrganization(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
	if differs(before, after, organizationForProfiles) {
		return f.profilesOfNamespace(ctx, either(before, after))
	}
	found, err := f.profilesBetween(ctx, before, after)
	return keys(found), err
}

// invitationsOfOrganization are the open ones where a policy or the plan changed, else those for whom the places of the plan make a
// difference.
func (f finder) invitationsOfOrganization(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
	o := either(before, after)
	if differs(before, after, organizationForInvitations) {
		return f.openInvitations(ctx, o)
	}
	open, err := reading.InvitationsBy(ctx, f.reader, o.GetNamespace(), reading.IndexOpen, "true")
	if err != nil {
		return nil, err
	}
	was, is := before.Status.Plan.Seats, after.Status.Plan.Seats
	var found []client.ObjectKey
	for _, inv := range open {
		place := quota.PlaceOfInvitation(inv)
		if ref := inv.Spec.MemberRef; ref != nil {
			m, err := reading.Peek[rosterv1alpha1.Member](ctx, f.reader, inv.Namespace, ref.Name)
			if err != nil {
				return nil, err
			}
			if m == nil {
				continue
			}
			place = quota.PlaceOfMember(m)
		}
		if quota.Between(was, is, place) {
			found = append(found, client.ObjectKeyFromObject(inv))
		}
	}
	return found, nil
}
