// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/quota"
)

// Which Members, profiles and invitations a change concerns, whose status would else tell of what was.

// membersOfTeam are those who came and went: what the Team gives changes no Member.
func (f finder) membersOfTeam(_ context.Context, before, after *rosterv1alpha1.Team) ([]client.ObjectKey, error) {
	var was, is []string
	if before != nil {
		was = before.Spec.Members
	}
	if after != nil && after.DeletionTimestamp == nil {
		is = after.Spec.Members
	}
	return inNamespaceOf(either(before, after), exchanged(was, is)), nil
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

// membersOfRole are those whose spec names the CustomRole.
func (f finder) membersOfRole(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	members, err := reading.MembersBy(ctx, f.reader, o.GetNamespace(), reading.IndexRole, o.GetName())
	return keys(members), err
}

// membersOfProfile are those who have a role on the profile by name, and where only the last one named Administrator or the last one who
// may connect it changed, that one.
func (f finder) membersOfProfile(ctx context.Context, before, after *rosterv1alpha1.SocialProfile) ([]client.ObjectKey, error) {
	var found []client.ObjectKey
	for _, p := range []*rosterv1alpha1.SocialProfile{before, after} {
		if p != nil {
			found = append(found, inNamespaceOf(p, append(reading.NameKey(p.Status.SoleAdministrator), reading.NameKey(p.Status.SoleRenewer)...))...)
		}
	}
	if !differs(before, after, profileAlive) {
		return found, nil
	}
	named, err := f.membersNaming(ctx, either(before, after))
	return append(found, named...), err
}

// membersNaming are the Members whose spec names the profile.
func (f finder) membersNaming(ctx context.Context, p client.Object) ([]client.ObjectKey, error) {
	members, err := reading.MembersBy(ctx, f.reader, p.GetNamespace(), reading.IndexProfile, p.GetName())
	return keys(members), err
}

// membersOfOrganization are all where a policy or the plan changed; else the former and the new owner, and those for whom the places of
// the plan make a difference.
func (f finder) membersOfOrganization(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.MemberList
	if err := f.reader.List(ctx, &list, reading.InNamespace(either(before, after).GetNamespace())...); err != nil {
		return nil, err
	}
	all := pointers.To(list.Items)
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
		named, err := f.membersNaming(ctx, p)
		if err != nil {
			return nil, err
		}
		found = append(found, named...)
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
	return slices.DeleteFunc(pointers.To(list.Items), func(p *rosterv1alpha1.SocialProfile) bool {
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
	offering, err := f.invitationsOfProfiles(ctx, before, after)
	return append(found, offering...), err
}

// invitationsOfProfiles are those that offer a role on a profile whose place in the plan is another than before.
func (f finder) invitationsOfProfiles(ctx context.Context, before, after *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
	profiles, err := f.profilesBetween(ctx, before, after)
	if err != nil {
		return nil, err
	}
	var found []client.ObjectKey
	for _, p := range profiles {
		offering, err := f.invitationsOfProfile(ctx, p)
		if err != nil {
			return nil, err
		}
		found = append(found, offering...)
	}
	return found, nil
}

// mayHold are the Members who may hold something on the one profile of a Snapshot, each once, sorted by name.
func (f finder) mayHold(ctx context.Context, about *membership.Snapshot) ([]*rosterv1alpha1.Member, error) {
	p := about.Profiles[0]
	found := map[string]*rosterv1alpha1.Member{}
	add := func(members []*rosterv1alpha1.Member, err error) error {
		for _, m := range members {
			found[m.Name] = m
		}
		return err
	}
	by := func(field, value string) error {
		return add(reading.MembersBy(ctx, f.reader, p.Namespace, field, value))
	}
	roles := membership.CustomRoles(about.Roles)
	errs := []error{by(reading.IndexProfile, p.Name)}
	for _, role := range roles.Administering() {
		errs = append(errs, by(reading.IndexRole, role))
	}
	for _, of := range reading.ConnectorKey(p, f.userPrefix) {
		errs = append(errs, add(reading.MembersWithAddress(ctx, f.reader, p.Namespace, of)))
	}
	for _, w := range about.Workspaces {
		errs = append(errs, by(reading.IndexWorkspace, w.Name))
	}
	for _, t := range about.Teams {
		for _, name := range t.Spec.Members {
			m, err := reading.Peek[rosterv1alpha1.Member](ctx, f.reader, p.Namespace, name)
			if m != nil {
				found[name] = m
			}
			errs = append(errs, err)
		}
	}
	sorted := make([]*rosterv1alpha1.Member, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[name])
	}
	return sorted, errors.Join(errs...)
}
