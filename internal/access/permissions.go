// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Permission is a verb on the resource socialprofiles.
type Permission string

// What can be allowed on a profile. Get is Kubernetes' own; the others are verbs that programs ask the API server about with a
// SubjectAccessReview.
const (
	Get       Permission = "get"
	Schedule  Permission = "schedule"
	Publish   Permission = "publish"
	Moderate  Permission = "moderate"
	Report    Permission = "report"
	Configure Permission = "configure"
	Connect   Permission = "connect"
)

// Permissions are all permissions on a profile.
func Permissions() []Permission {
	return []Permission{Get, Schedule, Publish, Moderate, Report, Configure, Connect}
}

// Set is a set of permissions on a profile: one bit each, in the order of Permissions.
type Set uint8

// NewSet is the set of some permissions; what is no permission on a profile is left out.
func NewSet(permissions ...Permission) Set {
	var s Set
	for i, p := range Permissions() {
		if slices.Contains(permissions, p) {
			s |= 1 << i
		}
	}
	return s
}

// Contains reports whether a set has everything that another has.
func (s Set) Contains(other Set) bool { return s&other == other }

// Permissions are what is in the set, in the order of Permissions.
func (s Set) Permissions() []Permission {
	var all []Permission
	for i, p := range Permissions() {
		if s&(1<<i) != 0 {
			all = append(all, p)
		}
	}
	return all
}

// verbs are the RBAC verbs that a set stands for: people who configure a profile may change the object, people who connect one may take
// it away again.
func (s Set) verbs() []string {
	var all []string
	for _, p := range s.Permissions() {
		switch p {
		case Configure:
			all = append(all, "configure", "update", "patch")
		case Connect:
			all = append(all, "connect", "delete")
		case Get, Schedule, Publish, Moderate, Report:
			all = append(all, string(p))
		}
	}
	return all
}

// ProfileRoles are the built-in roles on a profile, strongest first. Each has all that the next one has.
func ProfileRoles() []rosterv1alpha1.ProfileRole {
	return []rosterv1alpha1.ProfileRole{
		rosterv1alpha1.ProfileAdministrator, rosterv1alpha1.ProfileEditor, rosterv1alpha1.ProfileModerator, rosterv1alpha1.ProfileGuest,
	}
}

// ProfilePermissions is what a built-in role allows on a profile; nothing for any other.
func ProfilePermissions(role rosterv1alpha1.ProfileRole) Set {
	switch role {
	case rosterv1alpha1.ProfileAdministrator:
		return NewSet(Permissions()...)
	case rosterv1alpha1.ProfileEditor:
		return NewSet(Get, Schedule, Publish, Moderate, Report)
	case rosterv1alpha1.ProfileModerator:
		return NewSet(Get, Schedule, Moderate)
	case rosterv1alpha1.ProfileGuest:
		return NewSet(Get)
	}
	return 0
}

// Roles are the CustomRoles of an organisation by name.
type Roles map[string]rosterv1alpha1.CustomRoleSpec

// OnProfile is what a role, built-in or custom, allows on a profile.
func (r Roles) OnProfile(role rosterv1alpha1.ProfileRole) (Set, bool) {
	if s := ProfilePermissions(role); s != 0 {
		return s, true
	}
	custom, ok := r[string(role)]
	if !ok || custom.Scope != rosterv1alpha1.ScopeProfile {
		return 0, false
	}
	permissions := []Permission{Get} // Nobody works on what they cannot see.
	for _, p := range custom.Permissions {
		permissions = append(permissions, Permission(p))
	}
	return NewSet(permissions...), true
}

// InOrganization is what a role, built-in or custom, allows in the organisation.
func (r Roles) InOrganization(role rosterv1alpha1.OrganizationRole) ([]rosterv1alpha1.RolePermission, bool) {
	if slices.Contains(organizationRoles(), role) {
		return OrganizationPermissions(role), true
	}
	custom, ok := r[string(role)]
	if !ok || custom.Scope != rosterv1alpha1.ScopeOrganization {
		return nil, false
	}
	return custom.Permissions, true
}

// Shown is what a role as Grant shows it allows on a profile: several with + between where none has all that the others have.
func (r Roles) Shown(shown string, in rosterv1alpha1.OrganizationRole) Set {
	var held Set
	for name := range strings.SplitSeq(shown, "+") {
		if name == Connector {
			held |= connecting(in)
			continue
		}
		s, _ := r.OnProfile(rosterv1alpha1.ProfileRole(name))
		held |= s
	}
	return held
}

// connecting is what somebody may do on a profile that they connected, if they may connect any.
func connecting(in rosterv1alpha1.OrganizationRole) Set {
	if in == rosterv1alpha1.RoleProfileConnector {
		return NewSet(Get, Connect)
	}
	return NewSet(Get, Configure, Connect)
}

// Strongest is the strongest built-in role that a set has everything of; empty for none.
func (s Set) Strongest() rosterv1alpha1.ProfileRole {
	for _, role := range ProfileRoles() {
		if s.Contains(ProfilePermissions(role)) {
			return role
		}
	}
	return ""
}

// organizationRoles are the roles in an organisation, strongest first.
func organizationRoles() []rosterv1alpha1.OrganizationRole {
	return []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager,
		rosterv1alpha1.RoleAdvancedMember, rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector,
	}
}

// AllOrganizationPermissions are all permissions in an organisation but the transfer of it, which is the owner's alone.
func AllOrganizationPermissions() []rosterv1alpha1.RolePermission {
	return []rosterv1alpha1.RolePermission{
		rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers, rosterv1alpha1.PermissionManageTeams,
		rosterv1alpha1.PermissionManageRoles, rosterv1alpha1.PermissionManageSettings, rosterv1alpha1.PermissionViewSubscription,
		rosterv1alpha1.PermissionBuyAddOns, rosterv1alpha1.PermissionManageSubscription, rosterv1alpha1.PermissionManageContacts,
		rosterv1alpha1.PermissionAdministerProfiles, rosterv1alpha1.PermissionAddProfiles,
	}
}

// OrganizationPermissions is what a built-in role allows in the organisation.
func OrganizationPermissions(role rosterv1alpha1.OrganizationRole) []rosterv1alpha1.RolePermission {
	switch role {
	case rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner:
		return AllOrganizationPermissions()
	case rosterv1alpha1.RoleManager:
		return slices.DeleteFunc(AllOrganizationPermissions(), func(p rosterv1alpha1.RolePermission) bool {
			return p == rosterv1alpha1.PermissionManageSubscription
		})
	case rosterv1alpha1.RoleAdvancedMember:
		return []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionAddProfiles}
	}
	return nil
}

// Administering are the roles in the organisation that give everything on every profile, sorted.
func (r Roles) Administering() []string {
	var names []string
	for _, role := range organizationRoles() {
		if slices.Contains(OrganizationPermissions(role), rosterv1alpha1.PermissionAdministerProfiles) {
			names = append(names, string(role))
		}
	}
	for name, spec := range r {
		if spec.Scope == rosterv1alpha1.ScopeOrganization && slices.Contains(spec.Permissions, rosterv1alpha1.PermissionAdministerProfiles) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// LooksAfter reports whether somebody with those permissions looks after the organisation: sees its team, or changes it or its settings.
// Such people have use of the console.
func LooksAfter(held []rosterv1alpha1.RolePermission) bool {
	return slices.ContainsFunc(held, func(p rosterv1alpha1.RolePermission) bool {
		switch p {
		case rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers, rosterv1alpha1.PermissionManageTeams,
			rosterv1alpha1.PermissionManageRoles, rosterv1alpha1.PermissionManageSettings:
			return true
		}
		return false
	})
}

// LookingAfter are the roles in the organisation whose holders look after it.
func (r Roles) LookingAfter() []rosterv1alpha1.OrganizationRole {
	names := slices.DeleteFunc(organizationRoles(), func(role rosterv1alpha1.OrganizationRole) bool {
		return !LooksAfter(OrganizationPermissions(role))
	})
	for name, spec := range r {
		if spec.Scope == rosterv1alpha1.ScopeOrganization && LooksAfter(spec.Permissions) {
			names = append(names, rosterv1alpha1.OrganizationRole(name))
		}
	}
	return names
}

// Grantable are the roles in the organisation, sorted by strength and then by name, that somebody with those permissions may give to
// others: none that allows what they do not have.
func (r Roles) Grantable(held []rosterv1alpha1.RolePermission) []string {
	if !slices.Contains(held, rosterv1alpha1.PermissionManageMembers) {
		return nil
	}
	within := func(permissions []rosterv1alpha1.RolePermission) bool {
		return !slices.ContainsFunc(permissions, func(p rosterv1alpha1.RolePermission) bool { return !slices.Contains(held, p) })
	}
	var names []string
	for _, role := range organizationRoles()[1:] {
		if within(OrganizationPermissions(role)) {
			names = append(names, string(role))
		}
	}
	var custom []string
	for name, spec := range r {
		if spec.Scope == rosterv1alpha1.ScopeOrganization && within(spec.Permissions) {
			custom = append(custom, name)
		}
	}
	slices.Sort(custom)
	return append(names, custom...)
}

// HasFeature reports whether an organisation has a feature: its plan lists it, or there is no plan.
func HasFeature(plan rosterv1alpha1.PlanInEffect, f rosterv1alpha1.Feature) bool {
	return plan.Name == "" || slices.Contains(plan.Features, f)
}
