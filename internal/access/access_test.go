// SPDX-License-Identifier: Apache-2.0

package access

import (
	"reflect"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// allows is how Kubernetes reads rules (k8s.io/kubernetes/pkg/apis/rbac/v1: VerbMatches, ResourceMatches, ResourceNameMatches): an
// empty list of names is every name.
func allows(rules []rbacv1.PolicyRule, verb, resource, name string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Verbs, verb) && slices.Contains(r.Resources, resource) && slices.Contains(r.APIGroups, "roster.dev") &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name))
	})
}

func everyProfile(string) bool { return true }

func TestResolve(t *testing.T) {
	spec := rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleManager, Profiles: []rosterv1alpha1.ProfileGrant{
		{Name: "fb", Role: rosterv1alpha1.ProfileGuest}, {Name: "gone", Role: rosterv1alpha1.ProfileEditor},
	}}
	e := Resolve(spec, false, func(p string) bool { return p != "gone" })
	want := Effective{
		Role: rosterv1alpha1.RoleManager,
		Grants: []rosterv1alpha1.EffectiveGrant{
			{Profile: "*", Role: rosterv1alpha1.ProfileAdministrator, Sources: []string{"role Manager"}},
			{Profile: "fb", Role: rosterv1alpha1.ProfileGuest, Sources: []string{"spec.profiles"}},
		},
		Missing: []string{"gone"},
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got %+v, want %+v", e, want)
	}
	if got := e.On("fb"); got != rosterv1alpha1.ProfileAdministrator {
		t.Errorf("the strongest role counts, not %s", got)
	}
	if got := Resolve(rosterv1alpha1.MemberSpec{}, false, everyProfile); got.Role != rosterv1alpha1.RoleMember || got.Grants != nil {
		t.Errorf("no role is %+v", got)
	}
	if got := Resolve(rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleMember}, true, everyProfile); got.Role != rosterv1alpha1.RoleOwner {
		t.Errorf("the owner is %s", got.Role)
	}
}

// TestRolesOfTheTable holds the rules against the two tables of docs/access.md.
func TestRolesOfTheTable(t *testing.T) {
	profile := map[rosterv1alpha1.ProfileRole][]Permission{
		rosterv1alpha1.ProfileAdministrator: {Get, Schedule, Publish, Moderate, Report, Configure, Connect},
		rosterv1alpha1.ProfileEditor:        {Get, Schedule, Publish, Moderate, Report},
		rosterv1alpha1.ProfileModerator:     {Get, Schedule, Moderate},
		rosterv1alpha1.ProfileGuest:         {Get},
		"Nonsense":                          nil,
	}
	for role, want := range profile {
		e := Resolve(rosterv1alpha1.MemberSpec{Profiles: []rosterv1alpha1.ProfileGrant{{Name: "fb", Role: role}}}, false, everyProfile)
		rules := Compile(e, "acme", "ana")
		for _, p := range Permissions() {
			if got := allows(rules, string(p), "socialprofiles", "fb"); got != slices.Contains(want, p) {
				t.Errorf("%s: %s on its profile is %v", role, p, got)
			}
			if allows(rules, string(p), "socialprofiles", "x") {
				t.Errorf("%s: %s on another profile", role, p)
			}
		}
	}
	grants := map[rosterv1alpha1.OrganizationRole][]string{
		rosterv1alpha1.RoleOwner:            {"CoOwner", "Manager", "AdvancedMember", "Member", "ProfileConnector"},
		rosterv1alpha1.RoleCoOwner:          {"CoOwner", "Manager", "AdvancedMember", "Member", "ProfileConnector"},
		rosterv1alpha1.RoleManager:          {"Manager", "AdvancedMember", "Member", "ProfileConnector"},
		rosterv1alpha1.RoleAdvancedMember:   nil,
		rosterv1alpha1.RoleMember:           nil,
		rosterv1alpha1.RoleProfileConnector: nil,
	}
	for role, want := range grants {
		rules := Compile(Effective{Role: role}, "acme", "ana")
		for _, given := range []string{"Owner", "CoOwner", "Manager", "AdvancedMember", "Member", "ProfileConnector"} {
			if got := allows(rules, "grant", "orgroles", given); got != slices.Contains(want, given) {
				t.Errorf("%s may grant %s: %v", role, given, got)
			}
		}
	}
}

func TestManagersCostOneRuleForAllProfiles(t *testing.T) {
	spec := rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleManager}
	for range 300 {
		spec.Profiles = append(spec.Profiles, rosterv1alpha1.ProfileGrant{Name: "p", Role: rosterv1alpha1.ProfileEditor})
	}
	rules := Compile(Resolve(spec, false, everyProfile), "acme", "ana")
	count := 0
	for _, r := range rules {
		if slices.Contains(r.Resources, "socialprofiles") {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d rules", count)
	}
}

// TestRulesNeverExceedTheGrants: whatever somebody is given, the rules allow exactly the union of it.
func TestRulesNeverExceedTheGrants(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	roles := []rosterv1alpha1.ProfileRole{
		rosterv1alpha1.ProfileAdministrator, rosterv1alpha1.ProfileEditor, rosterv1alpha1.ProfileModerator, rosterv1alpha1.ProfileGuest,
	}
	rapid.Check(t, func(t *rapid.T) {
		spec := rosterv1alpha1.MemberSpec{Role: rapid.SampledFrom(organizationRoles()[1:]).Draw(t, "role")}
		held := map[string]rosterv1alpha1.ProfileRole{}
		for _, name := range names {
			if rapid.Bool().Draw(t, "granted") {
				held[name] = rapid.SampledFrom(roles).Draw(t, "profile role")
				spec.Profiles = append(spec.Profiles, rosterv1alpha1.ProfileGrant{Name: name, Role: held[name]})
			}
		}
		exists := rapid.SliceOf(rapid.SampledFrom(names)).Draw(t, "exists")
		owner := rapid.Bool().Draw(t, "owner")
		e := Resolve(spec, owner, func(p string) bool { return slices.Contains(exists, p) })
		rules := Compile(e, "acme", "ana")
		for _, name := range append(names, "other") {
			for _, p := range Permissions() {
				want := Manages(e.Role) || slices.Contains(exists, name) && slices.Contains(ProfilePermissions(held[name]), p)
				if got := allows(rules, string(p), "socialprofiles", name); got != want {
					t.Fatalf("%s on %s: %v, want %v\n%+v", p, name, got, want, rules)
				}
			}
		}
		if allows(rules, "transfer", "organizations", "acme") != owner {
			t.Fatal("only the owner transfers")
		}
		if allows(rules, "update", "members", "ana") != Manages(e.Role) {
			t.Fatal("only managers edit members")
		}
		if !reflect.DeepEqual(rules, Compile(e, "acme", "ana")) {
			t.Fatal("the same grants compile to different rules")
		}
	})
}
