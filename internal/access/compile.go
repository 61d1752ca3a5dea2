// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// AllProfiles stands for every profile of the organisation, those to come included.
const AllProfiles = "*"

// Effective is what a member holds.
type Effective struct {
	// Role in the organisation.
	Role rosterv1alpha1.OrganizationRole
	// Grants on profiles, sorted by profile; AllProfiles first.
	Grants []rosterv1alpha1.EffectiveGrant
	// Missing are the profiles that are granted but do not exist, sorted.
	Missing []string
}

// Resolve says what a member holds: the role of its spec, or Owner, and the profiles that it names as far as they exist.
func Resolve(spec rosterv1alpha1.MemberSpec, owner bool, exists func(profile string) bool) Effective {
	e := Effective{Role: cmp.Or(spec.Role, rosterv1alpha1.RoleMember)}
	if owner {
		e.Role = rosterv1alpha1.RoleOwner
	}
	if Manages(e.Role) {
		e.Grants = append(e.Grants, rosterv1alpha1.EffectiveGrant{
			Profile: AllProfiles, Role: rosterv1alpha1.ProfileAdministrator, Sources: []string{"role " + string(e.Role)},
		})
	}
	for _, grant := range spec.Profiles {
		if !exists(grant.Name) {
			e.Missing = append(e.Missing, grant.Name)
			continue
		}
		e.Grants = append(e.Grants, rosterv1alpha1.EffectiveGrant{
			Profile: grant.Name, Role: grant.Role, Sources: []string{"spec.profiles"},
		})
	}
	slices.Sort(e.Missing)
	slices.SortFunc(e.Grants, func(a, b rosterv1alpha1.EffectiveGrant) int { return cmp.Compare(a.Profile, b.Profile) })
	return e
}

// On is the role that is held on a profile, empty for none.
func (e Effective) On(profile string) rosterv1alpha1.ProfileRole {
	var held rosterv1alpha1.ProfileRole
	for _, grant := range e.Grants {
		if grant.Profile == AllProfiles || grant.Profile == profile {
			held = Stronger(held, grant.Role)
		}
	}
	return held
}

// Compile turns what a member holds into the rules of their Role. Equal input gives equal output, so that a Role is written only
// when something changed.
func Compile(e Effective, organization, member string) []rbacv1.PolicyRule {
	rules := ownRules(organization, member)
	rules = append(rules, organizationRules(e.Role, organization)...)
	if e.On("") == rosterv1alpha1.ProfileAdministrator {
		return rules // Everything on every profile: single grants add nothing.
	}
	return append(rules, profileRules(e.Grants)...)
}

// ownRules let a member look at the organisation and at themselves.
func ownRules(organization, member string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		on("organizations", []string{organization}, "get"),
		on("members", []string{member}, "get"),
	}
}

func organizationRules(role rosterv1alpha1.OrganizationRole, organization string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	if Manages(role) {
		rules = append(rules,
			on("organizations", nil, "list", "watch"),
			on("organizations", []string{organization}, "update", "patch"),
			on("members", nil, "get", "list", "watch", "create", "update", "patch", "delete"),
			on("invitations", nil, "get", "list", "watch", "create", "update", "patch", "delete"),
			on("socialprofiles", nil, append(allVerbs(rosterv1alpha1.ProfileAdministrator), "list", "watch", "create")...),
		)
	}
	if role == rosterv1alpha1.RoleOwner {
		rules = append(rules, on("organizations", []string{organization}, "transfer"))
	}
	if role == rosterv1alpha1.RoleAdvancedMember {
		rules = append(rules, on("socialprofiles", nil, "create"))
	}
	if grantable := Grantable(role); len(grantable) > 0 {
		names := make([]string, len(grantable))
		for i, r := range grantable {
			names[i] = string(r)
		}
		rules = append(rules, on("orgroles", names, "grant"))
	}
	return rules
}

// profileRules are one rule a role, whatever the number of profiles.
func profileRules(grants []rosterv1alpha1.EffectiveGrant) []rbacv1.PolicyRule {
	profiles := map[rosterv1alpha1.ProfileRole][]string{}
	for _, grant := range grants {
		profiles[grant.Role] = append(profiles[grant.Role], grant.Profile)
	}
	var rules []rbacv1.PolicyRule
	for _, role := range slices.Sorted(maps.Keys(profiles)) {
		if v := allVerbs(role); len(v) > 0 {
			rules = append(rules, on("socialprofiles", profiles[role], v...))
		}
	}
	return rules
}

func allVerbs(role rosterv1alpha1.ProfileRole) []string {
	var all []string
	for _, p := range ProfilePermissions(role) {
		all = append(all, verbs(p)...)
	}
	return all
}

func on(resource string, names []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Resources: []string{resource}, ResourceNames: names, Verbs: verbs,
	}
}
