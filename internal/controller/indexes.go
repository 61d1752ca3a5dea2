// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/membership"
)

// Indexes of the cache: what is asked for by something other than its name is found without a list.
const (
	// indexAddress: Members and Invitations by normalised address.
	indexAddress = "roster.address"
	// indexMemberRef: Invitations by spec.memberRef.
	indexMemberRef = "roster.memberRef"
	// indexOpen: Invitations that are to be mailed, perhaps again, or wait for an answer, under "true".
	indexOpen = "roster.open"
	// indexProfile: Members and Invitations by the profiles that their spec names.
	indexProfile = "roster.profile"
	// indexGrant: Members by the profiles that their status says they hold a role on, "*" for all.
	indexGrant = "roster.grant"
	// indexAccount: Members by spec.accountRef.
	indexAccount = "roster.account"
	// indexUsername: Accounts by spec.username.
	indexUsername = "roster.username"
	// indexResponsible: SocialProfiles by spec.responsibleRef.
	indexResponsible = "roster.responsible"
	// indexOwner: Organizations by spec.ownerRef and by the Member whose ownership is in force.
	indexOwner = "roster.owner"
	// indexOwnerAddress: Organizations by the normalised address of the owner, across namespaces.
	indexOwnerAddress = "roster.ownerAddress"
	// indexPlan: Organizations by the Plan that counts for them.
	indexPlan = "roster.plan"
	// indexRole: Members by the roles that their spec names anywhere, and by the one that counts for them in the organisation.
	indexRole = "roster.role"
	// indexWorkspace: Members by the Workspaces that their spec names.
	indexWorkspace = "roster.workspace"
	// indexTeamMember: Teams by spec.members.
	indexTeamMember = "roster.teamMember"
	// indexTeamRole: Teams by spec.role.
	indexTeamRole = "roster.teamRole"
	// indexCredentials: SocialProfiles by spec.credentialsSecretRef.
	indexCredentials = "roster.credentials"
	// indexConnectedBy: SocialProfiles by the normalised address in spec.connectedBy.
	indexConnectedBy = "roster.connectedBy"
	// indexSoleAdministrator: SocialProfiles by the Member who alone is named Administrator.
	indexSoleAdministrator = "roster.soleAdministrator"
	// indexSoleRenewer: SocialProfiles by the Member who alone may connect them anew.
	indexSoleRenewer = "roster.soleRenewer"
)

type index struct {
	object  client.Object
	field   string
	extract client.IndexerFunc
}

func addIndexes(ctx context.Context, indexer client.FieldIndexer, userPrefix string) error {
	for _, i := range slices.Concat(peopleIndexes(), profileIndexes(userPrefix), organizationIndexes()) {
		if err := indexer.IndexField(ctx, i.object, i.field, i.extract); err != nil {
			return fmt.Errorf("index %s of %T: %w", i.field, i.object, err)
		}
	}
	return nil
}

// on makes an index of one kind.
func on[T client.Object](object T, field string, extract func(o T) []string) index {
	return index{object, field, func(o client.Object) []string { return extract(o.(T)) }}
}

func peopleIndexes() []index {
	member, inv := &rosterv1alpha1.Member{}, &rosterv1alpha1.Invitation{}
	return []index{
		on(member, indexAddress, memberAddress),
		on(&rosterv1alpha1.Account{}, indexUsername, usernameKey),
		on(member, indexAccount, func(m *rosterv1alpha1.Member) []string { return refKey(m.Spec.AccountRef) }),
		on(member, indexProfile, func(m *rosterv1alpha1.Member) []string { return profileNames(m.Spec.Profiles) }),
		on(member, indexWorkspace, func(m *rosterv1alpha1.Member) []string { return workspaceNames(m.Spec.Workspaces) }),
		on(member, indexGrant, memberGrants),
		on(member, indexRole, memberRoles),
		on(inv, indexProfile, func(inv *rosterv1alpha1.Invitation) []string { return profileNames(inv.Spec.Profiles) }),
		on(inv, indexAddress, invitationAddress),
		on(inv, indexMemberRef, func(inv *rosterv1alpha1.Invitation) []string { return refKey(inv.Spec.MemberRef) }),
		on(inv, indexOpen, func(inv *rosterv1alpha1.Invitation) []string {
			if needsPlan(inv) {
				return []string{"true"}
			}
			return nil
		}),
	}
}

func profileIndexes(userPrefix string) []index {
	profile, team := &rosterv1alpha1.SocialProfile{}, &rosterv1alpha1.Team{}
	return []index{
		on(profile, indexResponsible, func(p *rosterv1alpha1.SocialProfile) []string { return refKey(p.Spec.ResponsibleRef) }),
		on(profile, indexCredentials, func(p *rosterv1alpha1.SocialProfile) []string { return refKey(p.Spec.CredentialsSecretRef) }),
		on(profile, indexConnectedBy, func(p *rosterv1alpha1.SocialProfile) []string { return connectorKey(p, userPrefix) }),
		on(profile, indexSoleAdministrator, func(p *rosterv1alpha1.SocialProfile) []string { return nameKey(p.Status.SoleAdministrator) }),
		on(profile, indexSoleRenewer, func(p *rosterv1alpha1.SocialProfile) []string { return nameKey(p.Status.SoleRenewer) }),
		on(team, indexTeamMember, func(t *rosterv1alpha1.Team) []string { return t.Spec.Members }),
		on(team, indexTeamRole, func(t *rosterv1alpha1.Team) []string { return []string{string(t.Spec.Role)} }),
	}
}

func organizationIndexes() []index {
	organization := &rosterv1alpha1.Organization{}
	return []index{
		on(organization, indexOwner, organizationOwners),
		on(organization, indexOwnerAddress, func(o *rosterv1alpha1.Organization) []string { return addressKey(o.Status.Owner) }),
		on(organization, indexPlan, func(o *rosterv1alpha1.Organization) []string { return []string{membership.PlanName(o)} }),
	}
}

// addressKey is empty for what is not an address: such objects are reported and have no twins.
func addressKey(email string) []string {
	address, err := address.Parse(email)
	if err != nil {
		return nil
	}
	return []string{string(address)}
}

func memberAddress(m *rosterv1alpha1.Member) []string {
	of, err := address.OfMember(m)
	if err != nil {
		return nil
	}
	return []string{string(of)}
}

// invitationAddress takes the address of a declared Member's invitation from its status, since only that object is at hand.
func invitationAddress(inv *rosterv1alpha1.Invitation) []string {
	if inv.Spec.MemberRef != nil {
		return addressKey(inv.Status.Email)
	}
	return addressKey(inv.Spec.Email)
}

// connectorKey is the address of whoever connected a profile. The API server fills in a user name, before whose address may stand a prefix.
func connectorKey(p *rosterv1alpha1.SocialProfile, userPrefix string) []string {
	return addressKey(strings.TrimPrefix(p.Spec.ConnectedBy, userPrefix))
}

func nameKey(name string) []string {
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

func workspaceNames(grants []rosterv1alpha1.WorkspaceGrant) []string {
	var names []string
	for _, grant := range grants {
		names = append(names, grant.Name)
	}
	return names
}

func memberGrants(m *rosterv1alpha1.Member) []string {
	var names []string
	for _, grant := range m.Status.Grants {
		names = append(names, grant.Profile)
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

// organizationOwners are the Member that spec.ownerRef names and the one whose ownership is in force; once if they are the same.
func organizationOwners(o *rosterv1alpha1.Organization) []string {
	return slices.Compact(append(refKey(o.Spec.OwnerRef), refKey(o.Status.OwnerRef)...))
}
