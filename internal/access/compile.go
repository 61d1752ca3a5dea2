// SPDX-License-Identifier: Apache-2.0

package access

import (
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// World is what the rules of a source depend on besides the source itself.
type World struct {
	// Organization is its name.
	Organization string
	// Plan that is in effect.
	Plan rosterv1alpha1.PlanInEffect
	// Roles are the CustomRoles of the organisation.
	Roles Roles
	// Profiles that the source is about, as far as they exist.
	Profiles map[string]Standing
	// Teamless are profiles that wait for their first team before anybody works on them.
	Teamless map[string]bool
}

// Rules are what everybody who has a source holds by it; none where it gives nothing. The role on the profiles is that of a Team, and
// otherwise the one that the source names. Equal input gives equal output, so that a Role is written only when something changed.
func (w World) Rules(s Source, role rosterv1alpha1.ProfileRole) []rbacv1.PolicyRule {
	switch s.Kind {
	case FromRole:
		return w.roleRules(rosterv1alpha1.OrganizationRole(s.Name))
	case FromAdding:
		return permissionRules(rosterv1alpha1.PermissionAddProfiles, nil, w.Organization)
	case FromTeam:
		return w.profileRules(role)
	case FromProfile:
		return w.profileRules(rosterv1alpha1.ProfileRole(s.Role))
	case FromWorkspace:
		if !HasFeature(w.Plan, rosterv1alpha1.FeatureWorkspaces) {
			return nil
		}
		return append([]rbacv1.PolicyRule{on("workspaces", []string{s.Name}, "get")}, w.profileRules(rosterv1alpha1.ProfileRole(s.Role))...)
	case FromConnecting:
		return []rbacv1.PolicyRule{on("socialprofiles", []string{s.Name}, connecting(rosterv1alpha1.OrganizationRole(s.Role)).verbs()...)}
	}
	return nil
}

// world is what the rules of a person's sources depend on; about some profiles, or all.
func (s Sources) world(organization string, about ...string) World {
	w := World{Organization: organization, Plan: s.Plan, Roles: s.Roles, Profiles: s.Profiles, Teamless: s.Teamless}
	if about != nil {
		w.Profiles = map[string]Standing{}
		for _, name := range about {
			w.Profiles[name] = s.Profiles[name]
		}
	}
	return w
}

// Compile are the rules of everything that a person has, source by source: those of all Roles that they are bound to.
func Compile(s Sources, organization string) []rbacv1.PolicyRule {
	w := s.world(organization)
	e := Resolve(s)
	sources := OfSpec(&s.Spec)
	if s.Owner || s.OwnerElsewhere {
		sources = append(sources, Source{Kind: FromRole, Name: string(e.Role)})
	}
	var rules []rbacv1.PolicyRule
	for _, source := range sources {
		about := w
		switch source.Kind {
		case FromProfile:
			about = s.world(organization, source.Name)
		case FromWorkspace:
			profiles, exists := s.Workspaces[source.Name]
			if !exists {
				continue
			}
			about = s.world(organization, append([]string{}, profiles...)...)
		case FromRole, FromAdding, FromTeam, FromConnecting:
		}
		rules = append(rules, about.Rules(source, "")...)
	}
	for _, t := range s.Teams {
		if e.Role != rosterv1alpha1.RoleProfileConnector {
			rules = append(rules, s.world(organization, append([]string{}, t.Profiles...)...).Rules(Source{Kind: FromTeam, Name: t.Team}, t.Role)...)
		}
	}
	if as, has := w.Connecting(e.Role, ptr.Deref(s.Spec.CanManageProfiles, false)); has {
		for _, p := range s.Connected {
			rules = append(rules, w.Rules(Source{Kind: FromConnecting, Name: p, Role: as}, "")...)
		}
	}
	return rules
}

// roleRules are those of a role in the organisation. Everybody may look at the organisation, even by a role that gives nothing.
func (w World) roleRules(role rosterv1alpha1.OrganizationRole) []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{on("organizations", []string{w.Organization}, "get")}
	if RoleProblem(w.Plan, w.Roles, role) != nil {
		return rules
	}
	held, _ := w.Roles.InOrganization(role)
	for _, p := range AllOrganizationPermissions() {
		if slices.Contains(held, p) {
			rules = append(rules, permissionRules(p, held, w.Organization)...)
		}
	}
	switch role {
	case rosterv1alpha1.RoleOwner:
		rules = append(rules, on("organizations", []string{w.Organization}, "transfer"))
	case rosterv1alpha1.RoleProfileConnector:
		rules = append(rules, on("socialprofiles", nil, "create"))
	}
	if give := w.Roles.Grantable(held); len(give) > 0 {
		rules = append(rules, on("orgroles", give, "grant"))
	}
	return rules
}

// Permissions are what somebody holds in the organisation by a role and by canManageProfiles.
func (w World) Permissions(role rosterv1alpha1.OrganizationRole, canManageProfiles bool) []rosterv1alpha1.RolePermission {
	if RoleProblem(w.Plan, w.Roles, role) != nil {
		return nil
	}
	held, _ := w.Roles.InOrganization(role)
	held = slices.Clone(held)
	if canManageProfiles && role == rosterv1alpha1.RoleMember {
		held = append(held, rosterv1alpha1.PermissionAddProfiles)
	}
	return held
}

// Connecting is the source that somebody has the profiles by that they connected; false where they have none of it.
func (w World) Connecting(role rosterv1alpha1.OrganizationRole, canManageProfiles bool) (as string, has bool) {
	if role == rosterv1alpha1.RoleProfileConnector {
		return string(role), RoleProblem(w.Plan, w.Roles, role) == nil
	}
	return "", slices.Contains(w.Permissions(role, canManageProfiles), rosterv1alpha1.PermissionAddProfiles)
}

// usable is what a role allows on a profile, as far as the plan has it.
func (w World) usable(role rosterv1alpha1.ProfileRole) (set Set, reason string) {
	set, ok := w.Roles.OnProfile(role)
	switch {
	case !ok:
		return 0, rosterv1alpha1.ReasonRoleNotFound
	case ProfilePermissions(role) == 0 && !HasFeature(w.Plan, rosterv1alpha1.FeatureCustomRoles):
		return 0, rosterv1alpha1.ReasonFeatureNotInPlan
	}
	return set, ""
}

// profileRules are those of one role on all profiles of the world: one rule, and another for those that wait for their first team.
func (w World) profileRules(role rosterv1alpha1.ProfileRole) []rbacv1.PolicyRule {
	set, _ := w.usable(role)
	profiles := map[Set][]string{}
	for _, name := range slices.Sorted(maps.Keys(w.Profiles)) {
		held := set
		if w.Teamless[name] {
			held &= NewSet(Get)
		}
		if w.Profiles[name] == Present && held != 0 {
			profiles[held] = append(profiles[held], name)
		}
	}
	var rules []rbacv1.PolicyRule
	for _, held := range slices.Sorted(maps.Keys(profiles)) {
		rules = append(rules, on("socialprofiles", profiles[held], held.verbs()...))
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
			onAll([]string{"members", "invitations", "teams", "workspaces", "customroles", "applications"}, "get", "list", "watch"),
		}
	case rosterv1alpha1.PermissionManageMembers:
		return []rbacv1.PolicyRule{onAll([]string{"members", "invitations"}, write...)}
	case rosterv1alpha1.PermissionManageTeams:
		return []rbacv1.PolicyRule{onAll([]string{"teams", "workspaces"}, write...)}
	case rosterv1alpha1.PermissionManageRoles:
		return []rbacv1.PolicyRule{on("customroles", nil, write...), on("orgpermissions", sortedNames(held), "grant")}
	case rosterv1alpha1.PermissionManageSettings:
		return []rbacv1.PolicyRule{on("organizations", own, "update", "patch"), on("applications", nil, write...)}
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
		return []rbacv1.PolicyRule{
			on("socialprofiles", nil, append(all.verbs(), "list", "watch", "create", "add")...), on("workspaces", nil, "get"),
		}
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

func on(resource string, names []string, verbs ...string) rbacv1.PolicyRule {
	rule := onAll([]string{resource}, verbs...)
	rule.ResourceNames = names
	return rule
}

func onAll(resources []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Resources: resources, Verbs: verbs}
}
