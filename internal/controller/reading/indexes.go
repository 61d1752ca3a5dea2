// SPDX-License-Identifier: Apache-2.0

package reading

import (
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/compact"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/people"
)

// Indexes of the cache: what is asked for by something other than its name is found without a list.
const (
	// IndexAddress: Invitations by normalised address. Members are found by MembersWithAddress.
	IndexAddress = "roster.address"
	// IndexMemberRef: Invitations by spec.memberRef.
	IndexMemberRef = "roster.memberRef"
	// IndexOpen: Invitations that are to be mailed, perhaps again, or wait for an answer, under "true".
	IndexOpen = "roster.open"
	// IndexProfile: Members and Invitations by the profiles that their spec names.
	IndexProfile = "roster.profile"
	// IndexSource: active Members by the Roles of the sources that their spec names.
	IndexSource = "roster.source"
	// IndexBoundRole: RoleBindings by the Role that their name says they are about.
	IndexBoundRole = "roster.boundRole"
	// IndexUsername: Accounts by spec.username.
	IndexUsername = "roster.username"
	// IndexResponsible: SocialProfiles by spec.responsibleRef.
	IndexResponsible = "roster.responsible"
	// IndexOwner: Organizations by spec.ownerRef and by the Member whose ownership is in force.
	IndexOwner = "roster.owner"
	// IndexOwnerAddress: Organizations by the normalised address of the owner, across namespaces.
	IndexOwnerAddress = "roster.ownerAddress"
	// IndexPlan: Organizations by the Plan that counts for them.
	IndexPlan = "roster.plan"
	// IndexRole: Members by the roles that their spec names anywhere, and by the one that counts for them in the organisation.
	IndexRole = "roster.role"
	// IndexWorkspace: Members by the Workspaces that their spec names.
	IndexWorkspace = "roster.workspace"
	// IndexTeamMember: Teams by spec.members.
	IndexTeamMember = "roster.teamMember"
	// IndexTeamRole: Teams by spec.role.
	IndexTeamRole = "roster.teamRole"
	// IndexCredentials: SocialProfiles by spec.credentialsSecretRef.
	IndexCredentials = "roster.credentials"
	// IndexApplicationTeam: Applications by the Teams in spec.members.
	IndexApplicationTeam = "roster.applicationTeam"
	// IndexApplicationSecret: Applications by the Secret that the operator keeps their client secret in.
	IndexApplicationSecret = "roster.applicationSecret"
	// IndexConnectedBy: SocialProfiles by the normalised address in spec.connectedBy.
	IndexConnectedBy = "roster.connectedBy"
	// IndexSoleAdministrator: SocialProfiles by the Member who alone is named Administrator.
	IndexSoleAdministrator = "roster.soleAdministrator"
	// IndexSoleRenewer: SocialProfiles by the Member who alone may connect them again.
	IndexSoleRenewer = "roster.soleRenewer"
)

type index struct {
	object  client.Object
	field   string
	extract client.IndexerFunc
	// local: it is asked in a namespace only.
	local bool
}

// inNamespace is an index that is asked in a namespace only, of a kind of which there are most.
func (i index) inNamespace() index {
	i.local = true
	return i
}

func (i index) add(ctx context.Context, c cache.Cache) error {
	if i.local {
		return compact.AddIndex(ctx, c, i.object, i.field, compact.InNamespace, i.extract)
	}
	return c.IndexField(ctx, i.object, i.field, i.extract)
}

// AddIndexes adds all indexes to a cache. The prefix stands before the address of a person in their user name.
func AddIndexes(ctx context.Context, c cache.Cache, userPrefix string) error {
	all := slices.Concat(peopleIndexes(), profileIndexes(userPrefix), organizationIndexes(), applicationIndexes(), bindingIndexes())
	for _, i := range all {
		if err := i.add(ctx, c); err != nil {
			return fmt.Errorf("index %s of %T: %w", i.field, i.object, err)
		}
	}
	return people.AddIndex(ctx, c)
}

// on makes an index of one kind.
func on[T client.Object](object T, field string, extract func(o T) []string) index {
	return index{object: object, field: field, extract: func(o client.Object) []string { return extract(o.(T)) }}
}

func peopleIndexes() []index {
	member, inv := &rosterv1alpha1.Member{}, &rosterv1alpha1.Invitation{}
	return []index{
		on(&rosterv1alpha1.Account{}, IndexUsername, UsernameKey).inNamespace(),
		on(member, IndexProfile, func(m *rosterv1alpha1.Member) []string { return profileNames(m.Spec.Profiles) }).inNamespace(),
		on(member, IndexWorkspace, func(m *rosterv1alpha1.Member) []string { return WorkspaceNames(m.Spec.Workspaces) }).inNamespace(),
		on(member, IndexSource, memberSources),
		on(member, IndexRole, memberRoles).inNamespace(),
		on(inv, IndexProfile, func(inv *rosterv1alpha1.Invitation) []string { return profileNames(inv.Spec.Profiles) }),
		on(inv, IndexAddress, InvitationAddress),
		on(inv, IndexMemberRef, func(inv *rosterv1alpha1.Invitation) []string { return refKey(inv.Spec.MemberRef) }),
		on(inv, IndexOpen, func(inv *rosterv1alpha1.Invitation) []string {
			if invitation.NeedsPlan(inv) {
				return []string{"true"}
			}
			return nil
		}),
	}
}

func profileIndexes(userPrefix string) []index {
	profile, team := &rosterv1alpha1.SocialProfile{}, &rosterv1alpha1.Team{}
	return []index{
		on(profile, IndexResponsible, func(p *rosterv1alpha1.SocialProfile) []string { return refKey(p.Spec.ResponsibleRef) }),
		on(profile, IndexCredentials, func(p *rosterv1alpha1.SocialProfile) []string { return refKey(p.Spec.CredentialsSecretRef) }),
		on(profile, IndexConnectedBy, func(p *rosterv1alpha1.SocialProfile) []string { return ConnectorKey(p, userPrefix) }),
		on(profile, IndexSoleAdministrator, func(p *rosterv1alpha1.SocialProfile) []string { return NameKey(p.Status.SoleAdministrator) }),
		on(profile, IndexSoleRenewer, func(p *rosterv1alpha1.SocialProfile) []string { return NameKey(p.Status.SoleRenewer) }),
		on(team, IndexTeamMember, func(t *rosterv1alpha1.Team) []string { return t.Spec.Members }),
		on(team, IndexTeamRole, func(t *rosterv1alpha1.Team) []string { return []string{string(t.Spec.Role)} }),
	}
}

func applicationIndexes() []index {
	application := &rosterv1alpha1.Application{}
	return []index{
		on(application, IndexApplicationTeam, func(a *rosterv1alpha1.Application) []string {
			if a.Spec.Members == nil {
				return nil
			}
			return a.Spec.Members.Teams
		}),
		on(application, IndexApplicationSecret, func(a *rosterv1alpha1.Application) []string { return []string{a.SecretName()} }),
	}
}

func bindingIndexes() []index {
	return []index{on(&rbacv1.RoleBinding{}, IndexBoundRole, func(b *rbacv1.RoleBinding) []string {
		return []string{access.BoundRole(b.Name)}
	})}
}

func organizationIndexes() []index {
	organization := &rosterv1alpha1.Organization{}
	return []index{
		on(organization, IndexOwner, OrganizationOwners),
		on(organization, IndexOwnerAddress, func(o *rosterv1alpha1.Organization) []string { return AddressKey(o.Status.Owner) }),
		on(organization, IndexPlan, func(o *rosterv1alpha1.Organization) []string { return []string{membership.PlanName(o)} }),
	}
}

// AddressKey is empty for what is not an address: such objects are reported and have no twins.
func AddressKey(email string) []string {
	address, err := address.Parse(email)
	if err != nil {
		return nil
	}
	return []string{string(address)}
}

// MemberAddress is the normalised address of a Member; empty where it has none.
func MemberAddress(m *rosterv1alpha1.Member) []string {
	of, err := address.OfMember(m)
	if err != nil {
		return nil
	}
	return []string{string(of)}
}

// InvitationAddress takes the address of a declared Member's invitation from its status, since only that object is at hand.
func InvitationAddress(inv *rosterv1alpha1.Invitation) []string {
	if inv.Spec.MemberRef != nil {
		return AddressKey(inv.Status.Email)
	}
	return AddressKey(inv.Spec.Email)
}

// ConnectorKey is the address of the person who connected a profile.
func ConnectorKey(p *rosterv1alpha1.SocialProfile, userPrefix string) []string {
	of, err := membership.Connector(p, userPrefix)
	if err != nil {
		return nil
	}
	return []string{string(of)}
}

// NameKey is the name, unless it is empty.
func NameKey(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

func refKey(ref *rosterv1alpha1.LocalReference) []string {
	if ref == nil {
		return nil
	}
	return []string{ref.Name}
}

func profileNames(grants []rosterv1alpha1.ProfileGrant) []string {
	var names []string
	for _, grant := range grants {
		names = append(names, grant.Name)
	}
	return names
}

// WorkspaceNames are the Workspaces that grants name.
func WorkspaceNames(grants []rosterv1alpha1.WorkspaceGrant) []string {
	var names []string
	for _, grant := range grants {
		names = append(names, grant.Name)
	}
	return names
}

// memberSources are the Roles of the sources that the spec of an active Member names.
func memberSources(m *rosterv1alpha1.Member) []string {
	if !membership.IsActive(m) {
		return nil
	}
	var names []string
	for _, s := range access.OfSpec(&m.Spec) {
		names = append(names, s.RoleName())
	}
	return names
}

// memberRoles are the roles that a Member's spec names anywhere, and the one that counts; each once.
func memberRoles(m *rosterv1alpha1.Member) []string {
	roles := []string{string(m.Spec.Role), m.Status.Role}
	for _, grant := range m.Spec.Profiles {
		roles = append(roles, string(grant.Role))
	}
	for _, grant := range m.Spec.Workspaces {
		roles = append(roles, string(grant.Role))
	}
	slices.Sort(roles)
	return slices.DeleteFunc(slices.Compact(roles), func(role string) bool { return role == "" })
}

// OrganizationOwners are the Member that spec.ownerRef names and the one whose ownership is in force; once if they are the same.
func OrganizationOwners(o *rosterv1alpha1.Organization) []string {
	return slices.Compact(append(refKey(o.Spec.OwnerRef), refKey(o.Status.OwnerRef)...))
}

// UsernameKey is spec.username of an Account.
func UsernameKey(a *rosterv1alpha1.Account) []string {
	if a.Spec.Username == "" {
		return nil
	}
	return []string{a.Spec.Username}
}
