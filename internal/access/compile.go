// SPDX-License-Identifier: Apache-2.0

package access

import (
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Compile turns what a member holds into the rules of their Role. Equal input gives equal output, so that a Role is written only
// when something changed.
func Compile(e Effective, organization, member string) []rbacv1.PolicyRule {
	rules := ownRules(e, organization, member)
	rules = append(rules, organizationRules(e, organization)...)
	if e.Role == rosterv1alpha1.RoleOwner {
		rules = append(rules, on("organizations", []string{organization}, "transfer"))
	}
	if len(e.grantable) > 0 {
		rules = append(rules, on("orgroles", e.grantable, "grant"))
	}
	if e.May(rosterv1alpha1.PermissionAdministerProfiles) {
		return rules // Everything on every profile: single grants add nothing.
	}
	return append(rules, profileRules(e.profiles)...)
}

// ownRules let a member look at the organisation, at themselves and at their workspaces.
func ownRules(e Effective, organization, member string) []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{
		on("organizations", []string{organization}, "get"),
		on("members", []string{member}, "get"),
	}
	if len(e.Workspaces) > 0 && !e.May(rosterv1alpha1.PermissionViewTeam) {
		names := e.Workspaces
		if names[0] == AllProfiles {
			names = nil
		}
		rules = append(rules, on("workspaces", names, "get"))
	}
	if e.connects() {
		rules = append(rules, on("socialprofiles", nil, "create"))
	}
	return rules
}

func (e Effective) lacks(reason string) bool {
	return slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Reason == reason })
}

// organizationRules are those of the permissions in the organisation, in the order of AllOrganizationPermissions.
func organizationRules(e Effective, organization string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, p := range AllOrganizationPermissions() {
		if e.May(p) {
			rules = append(rules, permissionRules(p, e.Permissions, organization)...)
		}
	}
	return rules
}

func permissionRules(p rosterv1alpha1.RolePermission, held []rosterv1alpha1.RolePermission, organization string) []rbacv1.PolicyRule {
	own := []string{organization}
	write := []string{"get", "list", "watch", "create", "update", "patch", "delete"}
	switch p {
	case rosterv1alpha1.PermissionViewTeam:
		return []rbacv1.PolicyRule{
			on("organizations", nil, "list", "watch"),
			onAll([]string{"members", "invitations", "teams", "workspaces", "customroles"}, "get", "list", "watch"),
		}
	case rosterv1alpha1.PermissionManageMembers:
		return []rbacv1.PolicyRule{onAll([]string{"members", "invitations"}, write...)}
	case rosterv1alpha1.PermissionManageTeams:
		return []rbacv1.PolicyRule{onAll([]string{"teams", "workspaces"}, write...)}
	case rosterv1alpha1.PermissionManageRoles:
		return []rbacv1.PolicyRule{on("customroles", nil, write...), on("orgpermissions", sortedNames(held), "grant")}
	case rosterv1alpha1.PermissionManageSettings:
		return []rbacv1.PolicyRule{on("organizations", own, "update", "patch")}
	case rosterv1alpha1.PermissionViewSubscription:
		return []rbacv1.PolicyRule{on("subscriptions", own, "get")}
	case rosterv1alpha1.PermissionBuyAddOns:
		return []rbacv1.PolicyRule{on("subscriptions", own, "buy")}
	case rosterv1alpha1.PermissionManageSubscription:
		return []rbacv1.PolicyRule{on("subscriptions", own, "manage")}
	case rosterv1alpha1.PermissionManageContacts:
		return []rbacv1.PolicyRule{on("contacts", own, "manage")}
	case rosterv1alpha1.PermissionAdministerProfiles:
		all := ProfilePermissions(rosterv1alpha1.ProfileAdministrator)
		return []rbacv1.PolicyRule{on("socialprofiles", nil, append(all.verbs(), "list", "watch", "create", "add")...)}
	case rosterv1alpha1.PermissionAddProfiles:
		return []rbacv1.PolicyRule{on("socialprofiles", nil, "create", "add")}
	}
	return nil
}

func sortedNames(permissions []rosterv1alpha1.RolePermission) []string {
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = string(p)
	}
	slices.Sort(names)
	return names
}

// profileRules are one rule for each set of permissions, whatever the number of profiles.
func profileRules(held map[string]Set) []rbacv1.PolicyRule {
	profiles := map[Set][]string{}
	for _, name := range slices.Sorted(maps.Keys(held)) {
		profiles[held[name]] = append(profiles[held[name]], name)
	}
	var rules []rbacv1.PolicyRule
	for _, set := range slices.Sorted(maps.Keys(profiles)) {
		if set != 0 {
			rules = append(rules, on("socialprofiles", profiles[set], set.verbs()...))
		}
	}
	return rules
}

func on(resource string, names []string, verbs ...string) rbacv1.PolicyRule {
	rule := onAll([]string{resource}, verbs...)
	rule.ResourceNames = names
	return rule
}

func onAll(resources []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Resources: resources, Verbs: verbs}
}
