// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// finder finds what a change concerns in the cache.
type finder struct {
	reader client.Reader
	// userPrefix stands before the address of a person in their user name.
	userPrefix string
}

func (f finder) organizations(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, reading.InNamespace(o.GetNamespace())...)
	return keys(pointers.To(list.Items)), err
}

// invitationsOfMember are the ones that are for the Member, or that are to the same address.
func (f finder) invitationsOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	m := o.(*rosterv1alpha1.Member)
	declared, err := reading.InvitationsBy(ctx, f.reader, m.Namespace, reading.IndexMemberRef, m.Name)
	if err != nil {
		return nil, err
	}
	same, err := f.invitationsOfAddress(ctx, m, reading.MemberAddress(m))
	return append(keys(declared), same...), err
}

// invitationsOfInvitation are the others to the same address, one of which may count when this one no longer does.
func (f finder) invitationsOfInvitation(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	inv := o.(*rosterv1alpha1.Invitation)
	same, err := f.invitationsOfAddress(ctx, inv, reading.InvitationAddress(inv))
	return slices.DeleteFunc(same, func(key client.ObjectKey) bool { return key == client.ObjectKeyFromObject(inv) }), err
}

func (f finder) invitationsOfAddress(ctx context.Context, o client.Object, address []string) ([]client.ObjectKey, error) {
	if len(address) == 0 {
		return nil, nil
	}
	same, err := reading.InvitationsBy(ctx, f.reader, o.GetNamespace(), reading.IndexAddress, address[0])
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
	same, err := f.membersOfAddress(ctx, inv.Namespace, reading.InvitationAddress(inv))
	return append(found, same...), err
}

func (f finder) membersOfAddress(ctx context.Context, namespace string, address []string) ([]client.ObjectKey, error) {
	if len(address) == 0 {
		return nil, nil
	}
	same, err := reading.MembersWithAddress(ctx, f.reader, namespace, address[0])
	return keys(same), err
}

// membersOfMember are the others with the same address, one of which may count when this one is gone.
func (f finder) membersOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	return f.membersOfAddress(ctx, o.GetNamespace(), reading.MemberAddress(o.(*rosterv1alpha1.Member)))
}

// invitationsOfProfile are those that offer a role on it, themselves or by the declared Member that they are for.
func (f finder) invitationsOfProfile(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	applied, err := reading.InvitationsBy(ctx, f.reader, o.GetNamespace(), reading.IndexProfile, o.GetName())
	if err != nil {
		return nil, err
	}
	found := keys(applied)
	people, err := reading.MembersBy(ctx, f.reader, o.GetNamespace(), reading.IndexProfile, o.GetName())
	if err != nil {
		return nil, err
	}
	for _, m := range people {
		if m.Spec.AccountRef != nil {
			continue // joined: nothing is open
		}
		declared, err := reading.InvitationsBy(ctx, f.reader, m.Namespace, reading.IndexMemberRef, m.Name)
		if err != nil {
			return nil, err
		}
		found = append(found, keys(declared)...)
	}
	return found, nil
}

// membersOfAccount are those that are bound to it, and those of its address.
func (f finder) membersOfAccount(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	bound, err := reading.MembersBoundTo(ctx, f.reader, "", o.GetName())
	if err != nil {
		return nil, err
	}
	found := keys(bound)
	for _, address := range reading.AddressKey(o.(*rosterv1alpha1.Account).Spec.Email) {
		same, err := reading.MembersWithAddress(ctx, f.reader, "", address)
		if err != nil {
			return nil, err
		}
		found = append(found, keys(same)...)
	}
	return found, nil
}

// profilesOfMember are those that the Member holds a role on, or would if they were active, and those that they look after.
func (f finder) profilesOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	m := o.(*rosterv1alpha1.Member)
	everywhere, err := f.worksEverywhere(ctx, m)
	if err != nil {
		return nil, err
	}
	if everywhere {
		return f.profilesOfNamespace(ctx, m)
	}
	looked, err := reading.ProfilesBy(ctx, f.reader, m.Namespace, reading.IndexResponsible, m.Name)
	if err != nil {
		return nil, err
	}
	found := keys(looked)
	for _, g := range m.Spec.Profiles {
		found = append(found, client.ObjectKey{Namespace: m.Namespace, Name: g.Name})
	}
	for _, of := range reading.MemberAddress(m) {
		connected, err := reading.ProfilesBy(ctx, f.reader, m.Namespace, reading.IndexConnectedBy, of)
		if err != nil {
			return nil, err
		}
		found = append(found, keys(connected)...)
	}
	groups, err := f.groupsOf(ctx, m)
	for _, g := range groups {
		in, err := f.profilesIn(ctx, m.Namespace, g)
		if err != nil {
			return nil, err
		}
		found = append(found, in...)
	}
	return found, err
}

// worksEverywhere reports whether the role of a Member may be one on every profile.
func (f finder) worksEverywhere(ctx context.Context, m *rosterv1alpha1.Member) (bool, error) {
	custom, err := customRoles(ctx, f.reader, m.Namespace)
	if err != nil {
		return false, err
	}
	for _, role := range []rosterv1alpha1.OrganizationRole{m.Spec.Role, rosterv1alpha1.OrganizationRole(m.Status.Role)} {
		held, _ := custom.InOrganization(role)
		if slices.Contains(held, rosterv1alpha1.PermissionAdministerProfiles) {
			return true, nil
		}
	}
	return false, nil
}

// groupsOf are the profiles of each Team and each Workspace of a Member.
func (f finder) groupsOf(ctx context.Context, m *rosterv1alpha1.Member) ([]membership.Group, error) {
	teams, err := reading.TeamsBy(ctx, f.reader, m.Namespace, reading.IndexTeamMember, m.Name)
	if err != nil {
		return nil, err
	}
	var groups []membership.Group
	for _, t := range teams {
		groups = append(groups, membership.GroupOfTeam(t))
	}
	for _, name := range reading.WorkspaceNames(m.Spec.Workspaces) {
		w, err := reading.Peek[rosterv1alpha1.Workspace](ctx, f.reader, m.Namespace, name)
		if err != nil {
			return nil, err
		}
		if w != nil {
			groups = append(groups, membership.GroupOfWorkspace(w))
		}
	}
	return groups, nil
}

// profilesLookedAfterBy are those whose responsible person is the Member of that name.
func (f finder) profilesLookedAfterBy(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	found, err := reading.ProfilesBy(ctx, f.reader, o.GetNamespace(), reading.IndexResponsible, o.GetName())
	return keys(found), err
}

// profilesOfSecret are those whose tokens are in the Secret.
func (f finder) profilesOfSecret(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.SocialProfileList
	err := f.reader.List(ctx, &list, reading.ByIndex(o.GetNamespace(), reading.IndexCredentials, o.GetName())...)
	return keys(pointers.To(list.Items)), err
}

// applicationsOfSecret are those whose client secret is in the Secret.
func (f finder) applicationsOfSecret(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	return f.applications(ctx, reading.ByIndex(o.GetNamespace(), reading.IndexApplicationSecret, o.GetName()))
}

// applicationsOfTeam are those that the Team may sign in to.
func (f finder) applicationsOfTeam(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	return f.applications(ctx, reading.ByIndex(o.GetNamespace(), reading.IndexApplicationTeam, o.GetName()))
}

func (f finder) applicationsOfNamespace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	return f.applications(ctx, reading.InNamespace(o.GetNamespace()))
}

func (f finder) applications(ctx context.Context, options []client.ListOption) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.ApplicationList
	err := f.reader.List(ctx, &list, options...)
	return keys(pointers.To(list.Items)), err
}

// organizationsOwnedBy are the ones whose owner the Member is.
func (f finder) organizationsOwnedBy(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, reading.ByIndex(o.GetNamespace(), reading.IndexOwner, o.GetName())...)
	return keys(pointers.To(list.Items)), err
}

func keys[T client.Object](objects []T) []client.ObjectKey {
	out := make([]client.ObjectKey, len(objects))
	for i, o := range objects {
		out[i] = client.ObjectKeyFromObject(o)
	}
	return out
}

// openInvitations are those of the namespace that are to be mailed or wait for an answer.
func (f finder) openInvitations(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	open, err := reading.InvitationsBy(ctx, f.reader, o.GetNamespace(), reading.IndexOpen, "true")
	return keys(open), err
}

// organizationsOfPlan are those that the Plan counts for.
func (f finder) organizationsOfPlan(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, reading.ByIndex("", reading.IndexPlan, o.GetName())...)
	return keys(pointers.To(list.Items)), err
}

// organizationsWithoutMail are those that say why their mail is held.
func (f finder) organizationsWithoutMail(ctx context.Context, _ client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, reading.InNamespace("")...)
	return keys(slices.DeleteFunc(pointers.To(list.Items), func(o *rosterv1alpha1.Organization) bool {
		return !meta.IsStatusConditionFalse(o.Status.Conditions, rosterv1alpha1.ConditionMailDelivered)
	})), err
}

// planOf is the Plan that counts for an Organization.
func planOf(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
	return []client.ObjectKey{{Name: membership.PlanName(o.(*rosterv1alpha1.Organization))}}, nil
}

// organizationsOfOwner are those in any namespace that the same person owns: of them, one counts.
func (f finder) organizationsOfOwner(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	var found []client.ObjectKey
	for _, address := range reading.AddressKey(o.(*rosterv1alpha1.Organization).Status.Owner) {
		if err := f.reader.List(ctx, &list, reading.ByIndex("", reading.IndexOwnerAddress, address)...); err != nil {
			return nil, err
		}
		found = append(found, keys(pointers.To(list.Items))...)
	}
	return found, nil
}

// limitedOrganizations are those of the namespace whose plan limits something: there, people wait to be counted.
func (f finder) limitedOrganizations(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.OrganizationList
	err := f.reader.List(ctx, &list, reading.InNamespace(o.GetNamespace())...)
	limited := slices.DeleteFunc(pointers.To(list.Items), func(o *rosterv1alpha1.Organization) bool {
		return o.Status.Plan.Seats.Limit == nil && o.Status.Plan.SocialProfiles.Limit == nil
	})
	return keys(limited), err
}

// teamsOfMember are those that name the Member.
func (f finder) teamsOfMember(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	teams, err := reading.TeamsBy(ctx, f.reader, o.GetNamespace(), reading.IndexTeamMember, o.GetName())
	return keys(teams), err
}

// teamsOfProfile are those that work on the profile.
func (f finder) teamsOfProfile(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	teams, err := f.teamsWith(ctx, o.(*rosterv1alpha1.SocialProfile))
	return keys(teams), err
}

func (f finder) teamsWith(ctx context.Context, p *rosterv1alpha1.SocialProfile) ([]*rosterv1alpha1.Team, error) {
	var list rosterv1alpha1.TeamList
	err := f.reader.List(ctx, &list, reading.InNamespace(p.Namespace)...)
	others := func(t *rosterv1alpha1.Team) bool { return !names(membership.GroupOfTeam(t), p) }
	return slices.DeleteFunc(pointers.To(list.Items), others), err
}

// workspacesOfProfile are those that the profile lies in.
func (f finder) workspacesOfProfile(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	found, err := f.workspacesWith(ctx, o.(*rosterv1alpha1.SocialProfile))
	return keys(found), err
}

func (f finder) workspacesWith(ctx context.Context, p *rosterv1alpha1.SocialProfile) ([]*rosterv1alpha1.Workspace, error) {
	var list rosterv1alpha1.WorkspaceList
	err := f.reader.List(ctx, &list, reading.InNamespace(p.Namespace)...)
	others := func(w *rosterv1alpha1.Workspace) bool { return !names(membership.GroupOfWorkspace(w), p) }
	return slices.DeleteFunc(pointers.To(list.Items), others), err
}

// names reports whether a group finds a profile, even one that is being deleted.
func names(g membership.Group, p *rosterv1alpha1.SocialProfile) bool {
	alive := *p
	alive.DeletionTimestamp = nil
	return g.Has(&alive)
}

// workspacesOfMember are those that the Member's spec names.
func workspacesOfMember(_ context.Context, o client.Object) ([]client.ObjectKey, error) {
	return inNamespaceOf(o, reading.WorkspaceNames(o.(*rosterv1alpha1.Member).Spec.Workspaces)), nil
}

// teamsOfNamespace, workspacesOfNamespace, rolesOfNamespace and profilesOfNamespace are all of their kind.

func (f finder) teamsOfNamespace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.TeamList
	err := f.reader.List(ctx, &list, reading.InNamespace(o.GetNamespace())...)
	return keys(pointers.To(list.Items)), err
}

func (f finder) workspacesOfNamespace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.WorkspaceList
	err := f.reader.List(ctx, &list, reading.InNamespace(o.GetNamespace())...)
	return keys(pointers.To(list.Items)), err
}

func (f finder) rolesOfNamespace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.CustomRoleList
	err := f.reader.List(ctx, &list, reading.InNamespace(o.GetNamespace())...)
	return keys(pointers.To(list.Items)), err
}

func (f finder) profilesOfNamespace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	var list rosterv1alpha1.SocialProfileList
	err := f.reader.List(ctx, &list, reading.InNamespace(o.GetNamespace())...)
	return keys(pointers.To(list.Items)), err
}

// teamsOfRole are those that give the CustomRole.
func (f finder) teamsOfRole(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	teams, err := reading.TeamsBy(ctx, f.reader, o.GetNamespace(), reading.IndexTeamRole, o.GetName())
	return keys(teams), err
}

// profilesOfWorkspace are those in the Workspace.
func (f finder) profilesOfWorkspace(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	w := o.(*rosterv1alpha1.Workspace)
	return f.profilesIn(ctx, w.Namespace, membership.GroupOfWorkspace(w))
}

// profilesOfTeam are those that the Team works on.
func (f finder) profilesOfTeam(ctx context.Context, o client.Object) ([]client.ObjectKey, error) {
	t := o.(*rosterv1alpha1.Team)
	return f.profilesIn(ctx, t.Namespace, membership.GroupOfTeam(t))
}

func (f finder) profilesIn(ctx context.Context, namespace string, g membership.Group) ([]client.ObjectKey, error) {
	found, err := selected(ctx, f.reader, namespace, g)
	all := keys(found)
	for _, name := range g.Names {
		all = append(all, client.ObjectKey{Namespace: namespace, Name: name})
	}
	return all, err
}

func inNamespaceOf(o client.Object, names []string) []client.ObjectKey {
	all := make([]client.ObjectKey, len(names))
	for i, name := range names {
		all[i] = client.ObjectKey{Namespace: o.GetNamespace(), Name: name}
	}
	return all
}
