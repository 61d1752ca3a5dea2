// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestManagersHaveEveryProfile(t *testing.T) {
	s := Sources{
		Spec: rosterv1alpha1.MemberSpec{
			Role: rosterv1alpha1.RoleManager, Profiles: grants("fb", "Guest", "gone", "Editor"),
			Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: "Guest"}},
		},
		Profiles: present("fb"), Workspaces: map[string][]string{"west": {"fb"}},
	}
	e := Resolve(s)
	want := []Grant{
		{Profile: "*", Role: "Administrator", Sources: []string{"Administrator by the role Manager"}},
		{Profile: "fb", Role: "Guest", Sources: []string{"Guest by spec.profiles"}},
	}
	if !reflect.DeepEqual(e.Grants, want) {
		t.Errorf("got %+v, want %+v", e.Grants, want)
	}
	if !slices.Equal(e.Workspaces, []string{"*"}) {
		t.Errorf("a Manager works in %v", e.Workspaces)
	}
	for _, profile := range []string{"fb", "gone", "one that comes later"} {
		expectOn(t, s, profile, "get schedule publish moderate report configure connect")
	}
}

// TestManyProfilesCostOneRule, be they all or those of a Team.
func TestManyProfilesCostOneRule(t *testing.T) {
	s := Sources{Profiles: map[string]Standing{}, Teams: []Assignment{{Team: "writers", Role: "Editor"}}}
	for i := range 300 {
		name := fmt.Sprintf("p-%d", i)
		s.Profiles[name] = Present
		s.Teams[0].Profiles = append(s.Teams[0].Profiles, name)
	}
	if n := profileRuleCount(s); n != 1 {
		t.Errorf("%d rules for a Team with 300 profiles", n)
	}
	s.Teams, s.Spec.Role = nil, rosterv1alpha1.RoleManager
	if n := profileRuleCount(s); n != 2 { // to administer, and to add
		t.Errorf("%d rules for a Manager", n)
	}
}

func profileRuleCount(s Sources) int {
	n := 0
	for _, r := range Compile(s, "acme") {
		if slices.Contains(r.Resources, "socialprofiles") {
			n++
		}
	}
	return n
}

// TestConnectedProfiles: who looks after what they connected.
func TestConnectedProfiles(t *testing.T) {
	for name, c := range map[string]struct {
		sources             Sources
		on, shown, elements string
	}{
		"a ProfileConnector":               {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "ProfileConnector"}}, "get connect", "Connector", "create"},
		"an AdvancedMember":                {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "AdvancedMember"}}, "get configure connect", "Connector", "create add"},
		"a Member":                         {Sources{}, "", "", ""},
		"a Member with canManageProfiles":  {Sources{Spec: rosterv1alpha1.MemberSpec{CanManageProfiles: ptr.To(true)}}, "get configure connect", "Connector", "create add"},
		"a CustomRole with AddProfiles":    {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "adder"}}, "get configure connect", "Connector", "create add"},
		"a CustomRole without it":          {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "viewer"}}, "", "", ""},
		"a CustomRole that is not on":      {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "adder"}, Plan: planWith()}, "", "", ""},
		"a ProfileConnector, not in plan":  {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "ProfileConnector"}, Plan: planWith("CustomRoles")}, "", "", ""},
		"a ProfileConnector, in plan":      {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "ProfileConnector"}, Plan: planWith("ProfileConnectors")}, "get connect", "Connector", "create"},
		"who had a role on it before":      {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "AdvancedMember", Profiles: grants("own", "Editor")}, Profiles: present("own")}, "get schedule publish moderate report configure connect", "Editor+Connector", "create add"},
		"a Guest who connected it":         {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "AdvancedMember", Profiles: grants("own", "Guest")}, Profiles: present("own")}, "get configure connect", "Connector", "create add"},
		"an Administrator who did":         {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "AdvancedMember", Profiles: grants("own", "Administrator")}, Profiles: present("own")}, "get schedule publish moderate report configure connect", "Administrator", "create add"},
		"who may administer without add":   {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "admin"}}, "get schedule publish moderate report configure connect", "", "create add"},
		"who waits for the first Team too": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "AdvancedMember"}, Teamless: map[string]bool{"own": true}}, "get configure connect", "Connector", "create add"},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.sources
			s.Connected = []string{"own"}
			s.Roles = Roles{"adder": inOrganization("AddProfiles"), "viewer": inOrganization("ViewTeam"), "admin": inOrganization("AdministerProfiles")}
			e := Resolve(s)
			expectOn(t, s, "own", c.on)
			rules := Compile(s, "acme")
			for _, verb := range []string{"create", "add"} {
				if got := allows(rules, verb, "socialprofiles", ""); got != slices.Contains(strings.Fields(c.elements), verb) {
					t.Errorf("%s is %v", verb, got)
				}
			}
			if allows(rules, "list", "socialprofiles", "") != (s.Spec.Role == "admin") {
				t.Error("only Administrators of every profile list them")
			}
			shown := ""
			for _, g := range e.Grants {
				if g.Profile == "own" {
					shown = g.Role
				}
			}
			if shown != c.shown {
				t.Errorf("shown as %q, want %q", shown, c.shown)
			}
		})
	}
}

// TestProfileConnectorsHoldNothingElse: not by a Team, a Workspace or a list, even if the API server let such a spec through.
func TestProfileConnectorsHoldNothingElse(t *testing.T) {
	s := Sources{
		Spec: rosterv1alpha1.MemberSpec{
			Role: rosterv1alpha1.RoleProfileConnector, Profiles: grants("fb", "Editor"),
			Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: "Administrator"}},
		},
		Profiles: present("fb", "own"), Workspaces: map[string][]string{"west": {"fb"}},
		Teams:     []Assignment{{Team: "writers", Role: "Editor", Profiles: []string{"fb", "own"}}},
		Connected: []string{"own"},
	}
	e := Resolve(s)
	expectOn(t, s, "fb", "")
	expectOn(t, s, "own", "get connect")
	if len(e.Permissions)+len(e.Workspaces)+len(e.Problems) > 0 {
		t.Errorf("they hold %+v", e)
	}
	rules := Compile(s, "acme")
	for _, q := range everyQuestion() {
		want := slices.Contains([]string{"get organizations/acme", "create socialprofiles/x"}, q)
		if got := ask(rules, q); got != want {
			t.Errorf("%s is %v", q, got)
		}
	}
}

func TestRequireTeam(t *testing.T) {
	s := Sources{
		Spec: rosterv1alpha1.MemberSpec{
			Profiles: grants("new", "Editor", "old", "Editor"), Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: "Administrator"}},
		},
		Profiles: present("new", "old"), Workspaces: map[string][]string{"west": {"new"}}, Teamless: map[string]bool{"new": true},
	}
	e := Resolve(s)
	expectOn(t, s, "new", "get")
	expectOn(t, s, "old", "get schedule publish moderate report")
	want := Grant{Profile: "new", Role: "Guest", Sources: []string{
		"Editor by spec.profiles, once a Team works on the profile", "Administrator by the Workspace west, once a Team works on the profile",
	}}
	if !reflect.DeepEqual(e.Grants[0], want) {
		t.Errorf("got %+v, want %+v", e.Grants[0], want)
	}
	s.Spec.Role = rosterv1alpha1.RoleManager
	expectOn(t, s, "new", "get schedule publish moderate report configure connect")
	s.Spec.Role, s.Teamless = "", nil
	expectOn(t, s, "new", "get schedule publish moderate report configure connect")
}

func TestWorkspacesThatAMemberWorksIn(t *testing.T) {
	s := Sources{
		Spec: rosterv1alpha1.MemberSpec{Workspaces: []rosterv1alpha1.WorkspaceGrant{
			{Name: "west", Role: "Editor"}, {Name: "east"}, {Name: "gone", Role: "Editor"},
		}},
		Profiles: map[string]Standing{"fb": Present, "x": Present, "over": OverLimit},
		// A Workspace may name what is not there: it says so itself.
		Workspaces: map[string][]string{"west": {"fb", "over", "missing"}, "east": {"x"}, "north": {"x"}},
	}
	e := Resolve(s)
	if !slices.Equal(e.Workspaces, []string{"east", "west"}) {
		t.Errorf("the member works in %v", e.Workspaces)
	}
	expectOn(t, s, "fb", "get schedule publish moderate report")
	for _, profile := range []string{"x", "over", "missing"} {
		expectOn(t, s, profile, "")
	}
	rules := Compile(s, "acme")
	for name, want := range map[string]bool{"west": true, "east": true, "north": false, "gone": false} {
		if allows(rules, "get", "workspaces", name) != want || allows(rules, "list", "workspaces", name) {
			t.Errorf("the Workspace %s is not shown as it should be", name)
		}
	}
	expectProblems(t, e, "WorkspaceNotFound: There is no Workspace gone in this namespace. Create it or remove it from spec.workspaces.")
	s.Plan = planWith("CustomRoles")
	e = Resolve(s)
	expectOn(t, s, "fb", "")
	if e.Workspaces != nil || allows(Compile(s, "acme"), "get", "workspaces", "west") {
		t.Errorf("without the feature the member works in %v", e.Workspaces)
	}
}

func expectProblems(t *testing.T, e Effective, want ...string) {
	t.Helper()
	var got []string
	for _, p := range e.Problems {
		got = append(got, p.Reason+": "+p.Message)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestProblems(t *testing.T) {
	roles := Roles{"night": onProfile("moderate"), "lead": inOrganization("ViewTeam")}
	profiles := map[string]Standing{"fb": Present, "over": OverLimit}
	lacks := "the plan basic does not include "
	for name, c := range map[string]struct {
		sources Sources
		want    []string
	}{
		"none": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "lead", Profiles: grants("fb", "night")}}, nil},
		"profiles": {Sources{Spec: rosterv1alpha1.MemberSpec{Profiles: grants("zz", "Guest", "over", "Guest", "aa", "Guest", "*", "Guest")},
			Plan: planWith("CustomRoles")}, []string{
			"ProfileNotFound: There is no SocialProfile *, aa, zz in this namespace. Create it or remove it from spec.profiles; " +
				"the other roles are granted.",
			"ProfileLimit: The plan basic has no place for the SocialProfile over. Ask sales@roster.example.",
		}},
		"roles": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "night", Profiles: grants("fb", "lead")}}, []string{
			"RoleNotFound: There is no CustomRole night with the scope Organization in this namespace. Create it or choose another role.",
			"RoleNotFound: There is no CustomRole lead with the scope Profile in this namespace. Create it or choose another role.",
		}},
		"built-in roles, written small": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "profile-connector", Profiles: grants("fb", "editor")}}, []string{
			"RoleNotFound: There is no CustomRole profile-connector with the scope Organization in this namespace. " +
				"Create it or choose another role. The built-in role is written ProfileConnector.",
			"RoleNotFound: There is no CustomRole editor with the scope Profile in this namespace. " +
				"Create it or choose another role. The built-in role is written Editor.",
		}},
		"built-in roles, written small, without CustomRoles in the plan": {
			Sources{Spec: rosterv1alpha1.MemberSpec{Role: "manager", Profiles: grants("fb", "guest")}, Plan: planWith()}, []string{
				"FeatureNotInPlan: The role manager gives nothing: " + lacks + "CustomRoles. Ask sales@roster.example. " +
					"The built-in role is written Manager.",
				"RoleNotFound: There is no CustomRole guest with the scope Profile in this namespace. " +
					"Create it or choose another role. The built-in role is written Guest.",
			}},
		"the owner's, which nobody is given": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "owner"}}, []string{
			"RoleNotFound: There is no CustomRole owner with the scope Organization in this namespace. Create it or choose another role.",
		}},
		"no CustomRoles in the plan": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "lead", Profiles: grants("fb", "night")}, Plan: planWith()}, []string{
			"FeatureNotInPlan: The role lead gives nothing: " + lacks + "CustomRoles. Ask sales@roster.example.",
			"FeatureNotInPlan: The CustomRole night gives nothing: " + lacks + "CustomRoles. Ask sales@roster.example.",
		}},
		"no Workspaces": {Sources{Plan: planWith(), Spec: rosterv1alpha1.MemberSpec{Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west"}}}},
			[]string{"FeatureNotInPlan: spec.workspaces gives nothing: " + lacks + "Workspaces. Ask sales@roster.example."}},
		"no ProfileConnectors": {Sources{Plan: planWith(), Spec: rosterv1alpha1.MemberSpec{Role: "ProfileConnector"}},
			[]string{"FeatureNotInPlan: The role ProfileConnector gives nothing: " + lacks + "ProfileConnectors. Ask sales@roster.example."}},
		// What a Team or a Workspace names and is not there is theirs to report.
		"a Team's": {Sources{Teams: []Assignment{{Team: "t", Role: "Guest", Profiles: []string{"gone", "over"}}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.sources
			s.Roles, s.Profiles = roles, profiles
			e := Resolve(s)
			expectProblems(t, e, c.want...)
			for _, profile := range []string{"over", "gone", "*"} {
				expectOn(t, s, profile, "")
			}
		})
	}
}

// TestStatusStaysWithinItsLimits: what is shown must never be more than the API server stores, or the status could not be written.
func TestStatusStaysWithinItsLimits(t *testing.T) {
	s := Sources{Roles: Roles{}, Profiles: present("fb")}
	// The sets of three of the six permissions beyond get: none contains another.
	for set := range Set(1 << 7) {
		permissions := set.Permissions()
		if len(permissions) != 4 || permissions[0] != Get {
			continue
		}
		spec := rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeProfile}
		for _, p := range permissions {
			spec.Permissions = append(spec.Permissions, rosterv1alpha1.RolePermission(p))
		}
		name := fmt.Sprintf("r%02d-%s", set, strings.Repeat("x", 59))
		s.Roles[name] = spec
		for i := range 10 {
			s.Teams = append(s.Teams, Assignment{
				Team: fmt.Sprintf("t%02d-%d-%s", set, i, strings.Repeat("x", 246)), Role: rosterv1alpha1.ProfileRole(name), Profiles: []string{"fb"},
			})
		}
	}
	for i := range 500 {
		s.Spec.Profiles = append(s.Spec.Profiles, grants(fmt.Sprintf("gone-%03d-%s", i, strings.Repeat("x", 240)), "Guest")...)
	}
	e := Resolve(s)
	expectOn(t, s, "fb", "get schedule publish moderate report configure connect")
	g := e.Grants[0]
	if len(g.Role) > 300 || len(g.Sources) > 100 || len(g.Role) == 0 {
		t.Errorf("a role of %d characters and %d sources", len(g.Role), len(g.Sources))
	}
	for _, source := range g.Sources {
		if len(source) > 400 {
			t.Errorf("a source of %d characters", len(source))
		}
	}
	for _, p := range e.Problems {
		if len(p.Message) > 32768 { // metav1.Condition
			t.Errorf("a message of %d characters", len(p.Message))
		}
	}
}
