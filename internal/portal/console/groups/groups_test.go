// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
)

func english(t testing.TB) web.Words {
	t.Helper()
	d, err := web.NewDictionary(Files, console.Files)
	if err != nil {
		t.Fatal(err)
	}
	return d.Words[rosterv1alpha1.LocaleEnglish]
}

func TestNamesOfObjects(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`) // of a CustomRole, the narrowest
	taken := func(name string) bool { return name == "press" || name == "press-2" }
	for called, want := range map[string]string{
		"Press": "press-3", "Équipe Ré & Co": "equipe-re-co", "  — ": "team", "日本": "team", "2nd line": "team-2nd-line", "a--b": "a-b",
		"Büro (Nord)!": "buro-nord", strings.Repeat("ab ", 60): strings.Repeat("ab-", 16) + "ab",
	} {
		got := console.ObjectName(called, "team", taken)
		if got != want || !valid.MatchString(got) || len(got) > 63 {
			t.Errorf("%q is called %q, want %q", called, got, want)
		}
	}
}

func FuzzNamesOfObjects(f *testing.F) {
	valid := regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	f.Add("Équipe", 3)
	f.Fuzz(func(t *testing.T, called string, used int) {
		used %= 20
		got := console.ObjectName(called, "role", func(string) bool { used--; return used > 0 })
		if !valid.MatchString(got) || len(got) > 63 {
			t.Errorf("%q becomes %q", called, got)
		}
	})
}

func names(all []candidate) string {
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, " ")
}

func TestSearchingPeople(t *testing.T) {
	all := []candidate{{ID: "zoe", Name: "Zoé Petit", Detail: "zoe@x.example"}, {ID: "ana", Name: "Ana Silva", Detail: "ana@x.example"}, {ID: "ben", Name: "Ben", Detail: "b@y.example"}}
	for query, want := range map[string]string{
		"": "ana zoe", "ZOE": "zoe", "silva X.example": "ana", "nobody": "", "b@y": "",
	} {
		if got := names(searched(all, query, []string{"ben"})); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	in := chosen(all, []string{"gone", "ana"}, "not there")
	if names(in) != "ana gone" || in[1].State.Text != "not there" || in[0].State != nil {
		t.Errorf("in the group: %+v", in)
	}
}

func TestChangingAList(t *testing.T) {
	can := func(name string) bool { return name != "alien" }
	got := changed([]string{"c", "a", "b"}, []string{"d", "a", "alien"}, []string{"c"}, can)
	if fmt.Sprint(got) != "[a b d]" {
		t.Errorf("the list is %v", got)
	}
}

// joined is a Member who is active.
func joined(name string, mods ...func(*rosterv1alpha1.MemberSpec)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: rosterv1alpha1.MemberSpec{
			Email: name + "@x.example", Role: rosterv1alpha1.RoleMember, AccountRef: &rosterv1alpha1.LocalReference{Name: "a"},
		},
		Status: rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive},
	}
	for _, mod := range mods {
		mod(&m.Spec)
	}
	return m
}

func profile(name string) *rosterv1alpha1.SocialProfile {
	return &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: rosterv1alpha1.SocialProfileSpec{Handle: "@" + name}}
}

func team(name string, role rosterv1alpha1.ProfileRole, members, profiles []string) *rosterv1alpha1.Team {
	return &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: rosterv1alpha1.TeamSpec{Role: role, Members: members, Profiles: profiles}}
}

// TestWhatDeletingATeamMeans: FL-12. What people hold from elsewhere they keep, and people who hold nothing lose nothing.
func TestWhatDeletingATeamMeans(t *testing.T) {
	press := team("press", rosterv1alpha1.ProfileEditor, []string{"ana", "ben", "cem", "dee"}, []string{"fb", "x", "in"})
	s := &membership.Snapshot{
		Organization: &rosterv1alpha1.Organization{},
		Profiles:     []*rosterv1alpha1.SocialProfile{profile("fb"), profile("x"), profile("in")},
		Teams:        []*rosterv1alpha1.Team{press, team("care", rosterv1alpha1.ProfileModerator, []string{"ben"}, []string{"fb"})},
	}
	people := []*rosterv1alpha1.Member{
		joined("ana"), joined("ben"),
		joined("cem", func(s *rosterv1alpha1.MemberSpec) { s.Role = rosterv1alpha1.RoleManager }),
		joined("dee", func(s *rosterv1alpha1.MemberSpec) { s.Suspended = ptr.To(true) }),
		joined("eve", func(s *rosterv1alpha1.MemberSpec) {
			s.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "x", Role: rosterv1alpha1.ProfileEditor}}
		}),
	}
	empty := press.DeepCopy()
	empty.Spec.Members, empty.Spec.Profiles = nil, nil
	l := lossOf(rights.Change{Before: s, After: withTeam(s, empty)}, people)
	if got := fmt.Sprint(l.People, l.Profiles, l.Permissions.Permissions(), l.Teamless, l.Unpublished); got !=
		"[ana@x.example ben@x.example] [fb in x] [get schedule publish moderate report] [in x] [fb in]" {
		t.Errorf("the loss is %s", got)
	}
	sc := &scene{Snapshot: s}
	want := []string{
		"2 people lose rights on 3 profiles: view content, plan posts, publish, reply and see reports.", "This affects ana@x.example and ben@x.example.",
		"Left without a team: 2 profiles (@in and @x).", "Only people who administer every profile can still publish on: 2 profiles (@fb and @in).",
	}
	if got := l.words(english(t), sc); !slices.Equal(got, want) {
		t.Errorf("in words: %q", got)
	}
	if got := lossOf(rights.Change{Before: s, After: withTeam(s, empty)}, people[2:3]); len(got.People)+len(got.Unpublished) != 0 {
		t.Errorf("an administrator of every profile loses %+v", got)
	}
	s.Organization.Spec.RequireTeam = ptr.To(true)
	if got := strings.Join(l.words(english(t), sc), " "); !strings.Contains(got, "Until a team works on them") {
		t.Errorf("where profiles wait for a team: %s", got)
	}
	if got := lossOf(rights.Change{Before: s, After: s}, people).words(english(t), sc); len(got) != 1 || !strings.Contains(got[0], "Nobody loses any rights") {
		t.Errorf("nothing changes: %q", got)
	}
}

// sceneOf is what somebody with a role sees, who has further roles on profiles.
func sceneOf(role rosterv1alpha1.OrganizationRole, custom access.Roles, grants ...rosterv1alpha1.ProfileGrant) *scene {
	s := &membership.Snapshot{Organization: &rosterv1alpha1.Organization{}, Profiles: []*rosterv1alpha1.SocialProfile{profile("fb"), profile("x")}}
	for name, spec := range custom {
		s.Roles = append(s.Roles, &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
	}
	sc := &scene{Snapshot: s, sums: s.Sums(), roles: custom}
	sc.holds = sc.sums.Holds(joined("me", func(spec *rosterv1alpha1.MemberSpec) { spec.Role, spec.Profiles = role, grants }))
	return sc
}

func TestRolesThatATeamMayHave(t *testing.T) {
	custom := access.Roles{
		"lead":  {Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{"ManageTeams", "ManageRoles", "ViewTeam"}},
		"night": {Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"moderate"}},
	}
	moderates := rosterv1alpha1.ProfileGrant{Name: "fb", Role: rosterv1alpha1.ProfileModerator}
	for _, c := range []struct {
		scene     *scene
		has, want string
	}{
		{sceneOf("Manager", custom), "", "Administrator Editor Moderator Guest night"},
		{sceneOf("lead", custom), "", ""},
		{sceneOf("lead", custom, moderates), "", "Moderator Guest"},
		{sceneOf("lead", custom, moderates), "Editor", "Editor Moderator Guest"},
		{sceneOf("lead", custom), "gone", "gone"},
	} {
		var got []string
		for _, o := range teamRoles(english(t), c.scene, c.has) {
			got = append(got, o.Value)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s who has %q is offered %v, want %s", c.scene.holds.Role, c.has, got, c.want)
		}
	}
	lead := sceneOf("lead", custom, moderates)
	if lead.gives(rosterv1alpha1.ProfileEditor)("fb") || !lead.gives(rosterv1alpha1.ProfileGuest)("fb") || lead.gives(rosterv1alpha1.ProfileGuest)("x") || lead.gives("night")("fb") {
		t.Error("somebody is offered profiles on which they hold less")
	}
	if got := fmt.Sprint(lead.offered(rosterv1alpha1.ScopeOrganization), lead.offered(rosterv1alpha1.ScopeProfile)); got != "[ViewTeam ManageTeams ManageRoles] []" {
		t.Errorf("a lead puts into roles %s", got)
	}
}

func TestPermissionsAfterAForm(t *testing.T) {
	offered := []rosterv1alpha1.RolePermission{"ViewTeam", "ManageTeams"}
	before := []rosterv1alpha1.RolePermission{"ManageSubscription", "ViewTeam"}
	if got := fmt.Sprint(permissionsOf(offered, before, []string{"ManageTeams", "BuyAddOns"})); got != "[ManageSubscription ManageTeams]" {
		t.Errorf("the role allows %s", got)
	}
}

func TestStatesInWords(t *testing.T) {
	w := english(t)
	ready := func(status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: rosterv1alpha1.ConditionReady, Status: status, Reason: reason}}
	}
	for _, c := range []struct {
		conditions []metav1.Condition
		observed   int64
		want       console.Badge
	}{
		{nil, -1, console.Badge{Text: "Being set up", Class: "badge off"}},
		{ready(metav1.ConditionTrue, "Ready"), 1, console.Badge{Text: "Being set up", Class: "badge off"}},
		{ready(metav1.ConditionTrue, "Ready"), 2, console.Badge{Text: "Active", Class: "badge"}},
		{ready(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotFound), 2, console.Badge{Text: "Lists a person who does not exist", Class: "badge bad"}},
		{ready(metav1.ConditionFalse, rosterv1alpha1.ReasonFeatureNotInPlan), 2, console.Badge{Text: "Not in your plan, has no effect", Class: "badge bad"}},
		{ready(metav1.ConditionFalse, "Whatever"), 2, console.Badge{Text: "Not active (Whatever)", Class: "badge bad"}},
	} {
		if got := stateOf(w, c.conditions, 2, c.observed); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}

// TestWhatIsTickedFitsIntoAForm: the portal takes forms of 64 KiB, and names of objects have 253 characters at most.
func TestWhatIsTickedFitsIntoAForm(t *testing.T) {
	const most, longest = 64 << 10, 253
	if got := console.PerPage * (longest + len("&remove=")); got > most/2 {
		t.Errorf("a form with everything ticked has %d bytes", got)
	}
}

// BenchmarkTenThousandPeople: what a page about a team costs.
func BenchmarkTenThousandPeople(b *testing.B) {
	w := english(b)
	press := team("press", rosterv1alpha1.ProfileEditor, nil, nil)
	s := &membership.Snapshot{Organization: &rosterv1alpha1.Organization{}, Teams: []*rosterv1alpha1.Team{press}}
	for i := range 20 {
		p := profile(fmt.Sprintf("p%d", i))
		s.Profiles, press.Spec.Profiles = append(s.Profiles, p), append(press.Spec.Profiles, p.Name)
	}
	var all []*rosterv1alpha1.Member
	for i := range 10000 {
		m := joined(fmt.Sprintf("m%d", i))
		all = append(all, m)
		if i < 5000 {
			press.Spec.Members = append(press.Spec.Members, m.Name)
		}
	}
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			known, offers := people(w, &console.Crowd{Snapshot: s, Members: all})
			chosen(known, press.Spec.Members, "")
			searched(offers, "m99", press.Spec.Members)
		}
	})
	b.Run("delete", func(b *testing.B) {
		for b.Loop() {
			lossOf(rights.Change{Before: s, After: withTeam(s, team("press", "Editor", nil, nil))}, all).words(w, &scene{Snapshot: s})
		}
	})
}
