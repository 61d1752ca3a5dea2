// SPDX-License-Identifier: Apache-2.0

// Package access holds what each role may do and compiles the roles of a member to Kubernetes RBAC rules. It does no I/O.
package access

import (
	"slices"

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

// ProfilePermissions is what a role allows on a profile; nothing for a role that does not exist.
func ProfilePermissions(role rosterv1alpha1.ProfileRole) []Permission {
	switch role {
	case rosterv1alpha1.ProfileAdministrator:
		return Permissions()
	case rosterv1alpha1.ProfileEditor:
		return []Permission{Get, Schedule, Publish, Moderate, Report}
	case rosterv1alpha1.ProfileModerator:
		return []Permission{Get, Schedule, Moderate}
	case rosterv1alpha1.ProfileGuest:
		return []Permission{Get}
	}
	return nil
}

// verbs are the RBAC verbs that a permission stands for: whoever configures a profile may change the object, whoever connects
// one may take it away again.
func verbs(p Permission) []string {
	switch p {
	case Configure:
		return []string{"configure", "update", "patch"}
	case Connect:
		return []string{"connect", "delete"}
	}
	return []string{string(p)}
}

// organizationRoles are the roles in an organisation, strongest first.
func organizationRoles() []rosterv1alpha1.OrganizationRole {
	return []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager,
		rosterv1alpha1.RoleAdvancedMember, rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector,
	}
}

// Grantable are the roles that the holder of a role may give to others.
func Grantable(role rosterv1alpha1.OrganizationRole) []rosterv1alpha1.OrganizationRole {
	roles := organizationRoles()
	switch role {
	case rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner:
		return roles[1:]
	case rosterv1alpha1.RoleManager:
		return roles[2:]
	}
	return nil
}

// Manages says whether a role brings the team, the settings and every profile with it.
func Manages(role rosterv1alpha1.OrganizationRole) bool {
	return slices.Contains(organizationRoles()[:3], role)
}

// Stronger returns the stronger of two profile roles. An empty role is the weakest.
func Stronger(a, b rosterv1alpha1.ProfileRole) rosterv1alpha1.ProfileRole {
	if len(ProfilePermissions(b)) > len(ProfilePermissions(a)) {
		return b
	}
	return a
}
