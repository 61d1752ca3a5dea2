// SPDX-License-Identifier: Apache-2.0

package access

import (
	"maps"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// someProfiles are names of profiles. The last stands for every profile elsewhere, and nobody can hold it by naming it.
func someProfiles() []string { return []string{"a", "b", "c", "d", "*"} }

// drawSources draws anything that a member's rights can be made of.
func drawSources(t *rapid.T) Sources {
	s := Sources{
		Owner: oneIn(t, 6, "owner"), OwnerElsewhere: oneIn(t, 6, "elsewhere"), Roles: Roles{},
		Profiles: map[string]Standing{}, Workspaces: map[string][]string{}, Teamless: map[string]bool{},
	}
	some := func(label string) []string {
		return rapid.SliceOfDistinct(rapid.SampledFrom(someProfiles()), rapid.ID).Draw(t, label)
	}
	role := func() rosterv1alpha1.ProfileRole {
		return rosterv1alpha1.ProfileRole(rapid.SampledFrom([]string{
			"Administrator", "Editor", "Moderator", "Guest", "night", "ghost", "lead", "Connector",
		}).Draw(t, "profile role"))
	}
	s.Spec.Role = rosterv1alpha1.OrganizationRole(rapid.SampledFrom([]string{
		"", "CoOwner", "Manager", "AdvancedMember", "Member", "ProfileConnector", "lead", "ghost", "night",
	}).Draw(t, "role"))
	s.Spec.CanManageProfiles = ptr.To(rapid.Bool().Draw(t, "may add"))
	s.Roles["night"] = onProfile(drawSome[rosterv1alpha1.RolePermission](t, "get", "schedule", "publish", "moderate", "report", "configure", "connect")...)
	s.Roles["lead"] = inOrganization(drawSome(t, AllOrganizationPermissions()...)...)
	if rapid.Bool().Draw(t, "plan") {
		s.Plan = planWith(drawSome(t,
			rosterv1alpha1.FeatureCustomRoles, rosterv1alpha1.FeatureWorkspaces, rosterv1alpha1.FeatureProfileConnectors)...)
	}
	for _, name := range someProfiles()[:4] {
		if standing := rapid.SampledFrom([]Standing{"", Present, Present, OverLimit}).Draw(t, "standing"); standing != "" {
			s.Profiles[name] = standing
		}
		s.Teamless[name] = rapid.Bool().Draw(t, "teamless")
	}
	for _, name := range some("by name") {
		s.Spec.Profiles = append(s.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: name, Role: role()})
	}
	for _, name := range []string{"w1", "w2"} {
		if rapid.Bool().Draw(t, "workspace exists") {
			s.Workspaces[name] = some("in workspace")
		}
		if rapid.Bool().Draw(t, "workspace given") {
			s.Spec.Workspaces = append(s.Spec.Workspaces, rosterv1alpha1.WorkspaceGrant{Name: name, Role: role()})
		}
	}
	for _, name := range []string{"t1", "t2"} {
		if rapid.Bool().Draw(t, "team") {
			s.Teams = append(s.Teams, Assignment{Team: name, Role: role(), Profiles: some("of team")})
		}
	}
	s.Connected = slices.DeleteFunc(some("connected"), func(name string) bool { return name == AllProfiles })
	return s
}

func oneIn(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawSome[T comparable](t *rapid.T, of ...T) []T {
	return rapid.SliceOfDistinct(rapid.SampledFrom(of), rapid.ID).Draw(t, "some")
}

// union is what the sources give on a profile, said a second time and more plainly: each source by itself, and no other.
func union(s Sources, profile string) map[Permission]bool {
	held := map[Permission]bool{}
	custom := s.Plan.Name == "" || slices.Contains(s.Plan.Features, rosterv1alpha1.FeatureCustomRoles)
	give := func(role rosterv1alpha1.ProfileRole) {
		if s.Profiles[profile] != Present {
			return
		}
		permissions := map[rosterv1alpha1.ProfileRole][]rosterv1alpha1.RolePermission{
			"Administrator": {"get", "schedule", "publish", "moderate", "report", "configure", "connect"},
			"Editor":        {"get", "schedule", "publish", "moderate", "report"}, "Moderator": {"get", "schedule", "moderate"}, "Guest": {"get"},
		}[role]
		if role == "night" && custom {
			permissions = append(slices.Clone(s.Roles["night"].Permissions), "get")
		}
		for _, p := range permissions {
			held[Permission(p)] = held[Permission(p)] || p == "get" || !s.Teamless[profile]
		}
	}
	permissions := permissionsOf(s)
	if slices.Contains(permissions, rosterv1alpha1.PermissionAdministerProfiles) {
		for _, p := range Permissions() {
			held[p] = true
		}
	}
	connects := slices.Contains(permissions, rosterv1alpha1.PermissionAddProfiles)
	if isConnector(s) {
		if connectorsAllowed(s) && slices.Contains(s.Connected, profile) {
			held[Get], held[Connect] = true, true
		}
		return held
	}
	if connects && slices.Contains(s.Connected, profile) {
		held[Get], held[Configure], held[Connect] = true, true, true
	}
	for _, g := range s.Spec.Profiles {
		if g.Name == profile {
			give(g.Role)
		}
	}
	for _, w := range s.Spec.Workspaces {
		if (s.Plan.Name == "" || slices.Contains(s.Plan.Features, rosterv1alpha1.FeatureWorkspaces)) && slices.Contains(s.Workspaces[w.Name], profile) {
			give(w.Role)
		}
	}
	for _, team := range s.Teams {
		if slices.Contains(team.Profiles, profile) {
			give(team.Role)
		}
	}
	return held
}

func isConnector(s Sources) bool {
	return !s.Owner && !s.OwnerElsewhere && s.Spec.Role == rosterv1alpha1.RoleProfileConnector
}

func connectorsAllowed(s Sources) bool {
	return s.Plan.Name == "" || slices.Contains(s.Plan.Features, rosterv1alpha1.FeatureProfileConnectors)
}

// permissionsOf is what the role gives in the organisation.
func permissionsOf(s Sources) []rosterv1alpha1.RolePermission {
	all := []rosterv1alpha1.RolePermission{
		"ViewTeam", "ManageMembers", "ManageTeams", "ManageRoles", "ManageSettings", "ViewSubscription", "BuyAddOns", "ManageContacts",
		"AdministerProfiles", "AddProfiles",
	}
	switch {
	case s.Owner, s.OwnerElsewhere, s.Spec.Role == "CoOwner":
		return append(all, "ManageSubscription")
	case s.Spec.Role == "Manager":
		return all
	case s.Spec.Role == "AdvancedMember", (s.Spec.Role == "" || s.Spec.Role == "Member") && *s.Spec.CanManageProfiles:
		return []rosterv1alpha1.RolePermission{"AddProfiles"}
	case s.Spec.Role == "lead" && (s.Plan.Name == "" || slices.Contains(s.Plan.Features, rosterv1alpha1.FeatureCustomRoles)):
		return s.Roles["lead"].Permissions
	}
	return nil
}

// TestRulesAreTheUnionOfTheSources: whatever somebody is given, the rules allow all of it and nothing beyond.
func TestRulesAreTheUnionOfTheSources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSources(t)
		rules := Compile(s, "acme")
		for _, profile := range append(someProfiles(), "other") {
			held := union(s, profile)
			want := maps.Clone(held)
			for verb, permission := range map[Permission]Permission{"update": Configure, "patch": Configure, "delete": Connect} {
				want[verb] = held[permission]
			}
			every := slices.Contains(permissionsOf(s), rosterv1alpha1.PermissionAdministerProfiles)
			adds := every || slices.Contains(permissionsOf(s), rosterv1alpha1.PermissionAddProfiles)
			want["list"], want["watch"], want["add"] = every, every, adds
			want["create"] = adds || isConnector(s) && connectorsAllowed(s)
			for _, verb := range append(Permissions(), "update", "patch", "delete", "list", "watch", "create", "add", "deletecollection", "grant", "bind") {
				if got := allows(rules, string(verb), "socialprofiles", profile); got != want[verb] {
					t.Fatalf("%s on %s: %v, want %v\n%+v\n%+v", verb, profile, got, want[verb], s, rules)
				}
			}
		}
		expectNothingOpen(t, rules)
		permissions := permissionsOf(s)
		expectToGive(t, s, rules, permissions)
		for q, want := range inOrganizationWanted(s, permissions) {
			if got := ask(rules, q); got != want {
				t.Fatalf("%s: %v, want %v\n%+v\n%+v", q, got, want, s, rules)
			}
		}
	})
}

// expectNothingOpen wants every rule to say what it is about: no wildcard, and nothing beyond the kinds of Roster.
func expectNothingOpen(t *rapid.T, rules []rbacv1.PolicyRule) {
	for _, r := range rules {
		words := slices.Concat(r.Verbs, r.Resources, r.ResourceNames)
		if len(r.Verbs) == 0 || len(r.Resources) == 0 || slices.Contains(words, "*") || slices.Contains(words, "") || len(r.NonResourceURLs) > 0 ||
			!slices.Equal(r.APIGroups, []string{"roster.dev"}) {
			t.Fatalf("an open rule: %+v", r)
		}
	}
}

// expectToGive wants that roles and permissions can be given as far as somebody has them, by name.
func expectToGive(t *rapid.T, s Sources, rules []rbacv1.PolicyRule, held []rosterv1alpha1.RolePermission) {
	for _, p := range append(AllOrganizationPermissions(), "publish", "*") {
		want := slices.Contains(held, rosterv1alpha1.PermissionManageRoles) && slices.Contains(held, p)
		if got := allows(rules, "grant", "orgpermissions", string(p)); got != want {
			t.Fatalf("grant orgpermissions/%s: %v, want %v\n%+v", p, got, want, held)
		}
	}
	for role, needs := range map[string][]rosterv1alpha1.RolePermission{
		"CoOwner": AllOrganizationPermissions(), "Manager": permissionsOf(Sources{Spec: rosterv1alpha1.MemberSpec{Role: "Manager"}}),
		"AdvancedMember": {"AddProfiles"}, "Member": nil, "ProfileConnector": nil, "lead": s.Roles["lead"].Permissions,
		"Owner": {"none"}, "night": {"none"}, "ghost": {"none"}, "*": {"none"},
	} {
		within := !slices.ContainsFunc(needs, func(p rosterv1alpha1.RolePermission) bool { return !slices.Contains(held, p) })
		want := within && slices.Contains(held, rosterv1alpha1.PermissionManageMembers)
		if got := allows(rules, "grant", "orgroles", role); got != want {
			t.Fatalf("grant orgroles/%s: %v, want %v\n%+v", role, got, want, held)
		}
	}
}

// inOrganizationWanted answers every question about the organisation but those on a single profile.
func inOrganizationWanted(s Sources, permissions []rosterv1alpha1.RolePermission) map[string]bool {
	want := map[string]bool{}
	for _, q := range everyQuestion() {
		want[q] = false
	}
	for _, p := range permissions {
		for _, line := range lines(rulesOf(string(p))) {
			want[line] = true
		}
	}
	for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete"} {
		want[verb+" members/ana"] = want[verb+" members/bo"]
	}
	want["list organizations/other"], want["watch organizations/other"] = want["list organizations/acme"], want["watch organizations/acme"]
	want["get organizations/acme"] = true
	want["transfer organizations/acme"] = s.Owner
	want["create socialprofiles/x"] = want["create socialprofiles/x"] || isConnector(s) && connectorsAllowed(s)
	return want
}

// TestMayAddProfiles: the portal lets the same people connect new profiles as the API server lets create them.
func TestMayAddProfiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSources(t)
		e := Resolve(s)
		if got, want := e.MayAddProfiles(), allows(Compile(s, "acme"), "create", "socialprofiles", "x"); got != want {
			t.Fatalf("may add profiles: %v, and the Role says %v: %+v", got, want, e)
		}
	})
}

// TestEqualSourcesCompileToEqualRules: a Role is written only when something changed, in whatever order the sources were found.
func TestEqualSourcesCompileToEqualRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSources(t)
		rules := inOrder(Compile(s, "acme"))
		s.Spec.Profiles = rapid.Permutation(s.Spec.Profiles).Draw(t, "profiles")
		s.Spec.Workspaces = rapid.Permutation(s.Spec.Workspaces).Draw(t, "workspaces")
		s.Teams = rapid.Permutation(s.Teams).Draw(t, "teams")
		s.Connected = rapid.Permutation(s.Connected).Draw(t, "connected")
		lead := s.Roles["lead"]
		lead.Permissions = rapid.Permutation(lead.Permissions).Draw(t, "permissions")
		s.Roles["lead"] = lead
		if other := inOrder(Compile(s, "acme")); !slices.Equal(rules, other) {
			t.Fatalf("in another order:\n%+v\n%+v", rules, other)
		}
	})
}

// inOrder are rules in an order of their own: which Role comes first makes no difference.
func inOrder(rules []rbacv1.PolicyRule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.String())
	}
	slices.Sort(all)
	return all
}

// TestNamesOfRoles: every source has a Role of its own, and the name says which.
func TestNamesOfRoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Source{Kind: rapid.SampledFrom([]Kind{FromRole, FromAdding, FromTeam, FromWorkspace, FromProfile, FromConnecting}).Draw(t, "kind")}
		name := rapid.StringMatching("[A-Za-z0-9]([-.a-z0-9]{0,9}[a-z0-9])?")
		if s.Kind != FromAdding {
			s.Name = name.Draw(t, "name")
		}
		if s.Kind == FromProfile || (s.Kind == FromWorkspace || s.Kind == FromConnecting) && rapid.Bool().Draw(t, "with a role") {
			s.Role = name.Draw(t, "role")
		}
		if got, ok := ParseSource(s.RoleName()); !ok || got != s {
			t.Fatalf("%s is read as %+v, want %+v", s.RoleName(), got, s)
		}
		shard := rapid.IntRange(0, 1<<20).Draw(t, "shard")
		if got := BoundRole(BindingName(s.RoleName(), shard)); got != s.RoleName() {
			t.Fatalf("the binding %s is about %s", BindingName(s.RoleName(), shard), got)
		}
	})
	for _, name := range []string{
		"", "roster:", "roster:team", "roster:team:", "roster:team:a:b", "roster:profile:fb", "roster:profile:fb:Editor:0", "roster:member:ana",
		"roster:can-manage-profiles:x", "roster:role::x", "team:a", "roster:unknown:a",
	} {
		if s, ok := ParseSource(name); ok {
			t.Errorf("%q is read as %+v", name, s)
		}
	}
	for binding, want := range map[string]string{"roster:member:5": "roster:member:5", "roster:member:ana": "roster:member:ana", "a:-1": "a:-1", "x": "x"} {
		if got := BoundRole(binding); got != want {
			t.Errorf("the binding %q is about %q", binding, got)
		}
	}
}
