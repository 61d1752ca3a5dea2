// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

func today() time.Time { return time.Date(2026, time.November, 23, 9, 30, 0, 0, time.UTC) }

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name), Generation: 3}
}

// grants writes "fb:Editor x:Guest".
func grants(text string) []rosterv1alpha1.ProfileGrant {
	var all []rosterv1alpha1.ProfileGrant
	for part := range strings.FieldsSeq(text) {
		name, role, _ := strings.Cut(part, ":")
		all = append(all, rosterv1alpha1.ProfileGrant{Name: name, Role: rosterv1alpha1.ProfileRole(role)})
	}
	return all
}

func spaces(text string) []rosterv1alpha1.WorkspaceGrant {
	var all []rosterv1alpha1.WorkspaceGrant
	for _, g := range grants(text) {
		all = append(all, rosterv1alpha1.WorkspaceGrant(g))
	}
	return all
}

// active is a Member who has joined and holds what their spec gives.
func active(name string, mods ...func(*rosterv1alpha1.MemberSpec)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{ObjectMeta: named(name), Spec: rosterv1alpha1.MemberSpec{
		Email: name + "@acme.example", Role: rosterv1alpha1.RoleMember, AccountRef: &rosterv1alpha1.LocalReference{Name: "a-" + name},
	}}
	m.Status.State = rosterv1alpha1.MemberActive
	for _, mod := range mods {
		mod(&m.Spec)
	}
	return m
}

func with(profiles string) func(*rosterv1alpha1.MemberSpec) {
	return func(s *rosterv1alpha1.MemberSpec) { s.Profiles = grants(profiles) }
}

func suspendedSpec(s *rosterv1alpha1.MemberSpec) { s.Suspended = ptr.To(true) }

func acme() *rosterv1alpha1.Organization {
	o := &rosterv1alpha1.Organization{ObjectMeta: named("acme")}
	o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"}
	return o
}

// TestWhatAChangeDoes: AG-17. What a change is not about stays, and the second time there is nothing to do.
func TestWhatAChangeDoes(t *testing.T) {
	end := metav1.NewTime(today().AddDate(0, 1, 0))
	base := rosterv1alpha1.MemberSpec{
		Email: "ana@acme.example", Role: rosterv1alpha1.RoleMember, Profiles: grants("fb:Editor x:Guest"), Workspaces: spaces("west:Editor"),
		EndTime: &end,
	}
	for name, c := range map[string]struct {
		change change
		want   func(*rosterv1alpha1.MemberSpec)
		// overwrites: it takes the place of what another person may have written.
		overwrites bool
	}{
		"role":      {change{Action: actionChange, Role: "Manager"}, func(s *rosterv1alpha1.MemberSpec) { s.Role = "Manager" }, true},
		"same role": {change{Action: actionChange, Role: "Member"}, nil, false},
		"a profile more": {change{Action: actionChange, Give: grants("li:Guest")}, func(s *rosterv1alpha1.MemberSpec) {
			s.Profiles = grants("fb:Editor x:Guest li:Guest")
		}, false},
		"another role on a profile": {change{Action: actionChange, Give: grants("fb:Guest")}, func(s *rosterv1alpha1.MemberSpec) {
			s.Profiles = grants("fb:Guest x:Guest")
		}, true},
		"a profile that is there": {change{Action: actionChange, Give: grants("fb:Editor")}, nil, false},
		"profiles less": {change{Action: actionChange, Take: []string{"fb", "nowhere"}}, func(s *rosterv1alpha1.MemberSpec) {
			s.Profiles = grants("x:Guest")
		}, false},
		"workspaces": {change{Action: actionChange, GiveWorkspaces: spaces("east"), TakeWorkspaces: []string{"west"}},
			func(s *rosterv1alpha1.MemberSpec) { s.Workspaces = spaces("east") }, false},
		"another role in a workspace": {change{Action: actionChange, GiveWorkspaces: spaces("west:Guest")},
			func(s *rosterv1alpha1.MemberSpec) { s.Workspaces = spaces("west:Guest") }, true},
		"no end": {change{Action: actionChange, Endless: true}, func(s *rosterv1alpha1.MemberSpec) { s.EndTime = nil }, true},
		"an end": {change{Action: actionChange, End: ptr.To(metav1.NewTime(today()))}, func(s *rosterv1alpha1.MemberSpec) {
			s.EndTime = ptr.To(metav1.NewTime(today()))
		}, true},
		"same end": {change{Action: actionChange, End: end.DeepCopy()}, nil, false},
		"suspend":  {change{Action: actionSuspend}, suspendedSpec, false},
		"resume":   {change{Action: actionResume}, nil, false},
		"teams":    {change{Action: actionChange, Join: []string{"press"}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := base.DeepCopy(), base.DeepCopy()
			if c.want != nil {
				c.want(want)
			}
			if o := c.change.overwrites(got); o != c.overwrites {
				t.Errorf("overwrites is %v", o)
			}
			if changed := c.change.apply(got); changed != (c.want != nil) {
				t.Errorf("changed is %v", changed)
			}
			if !reflect.DeepEqual(got.DeepCopy(), want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if c.change.apply(got) || c.change.overwrites(got) {
				t.Error("the second time, there is something to do")
			}
		})
	}
	if !(change{Action: actionRemove}).overwrites(&base) {
		t.Error("removing somebody whom another person has changed is not what was meant")
	}
}

func TestWhoIsInATeam(t *testing.T) {
	for name, c := range map[string]struct {
		change  change
		want    string
		changed bool
	}{
		"join":       {change{Join: []string{"press"}}, "zoe ana ben", true},
		"leave":      {change{Leave: []string{"press"}}, "zoe", true},
		"of another": {change{Join: []string{"care"}, Leave: []string{"sales"}}, "zoe ana", false},
	} {
		got, changed := c.change.applyTeam("press", []string{"zoe", "ana"}, []string{"ana", "ben"})
		if strings.Join(got, " ") != c.want || changed != c.changed {
			t.Errorf("%s: %v, %v", name, got, changed)
		}
		if again, changed := c.change.applyTeam("press", got, []string{"ana", "ben"}); changed || !slices.Equal(again, got) {
			t.Errorf("%s: the second time, there is something to do", name)
		}
	}
}

// TestWhoIsLeftOut: AG-19. The reasons that can be told before the API server is asked.
func TestWhoIsLeftOut(t *testing.T) {
	guarded := acme()
	guarded.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
	past := metav1.NewTime(today().Add(-time.Hour))
	pending := func(s *rosterv1alpha1.MemberSpec) { s.AccountRef = nil }
	full := func(s *rosterv1alpha1.MemberSpec) {
		for i := range rosterv1alpha1.MaxProfileGrants {
			s.Profiles = append(s.Profiles, rosterv1alpha1.ProfileGrant{Name: "p" + strings.Repeat("x", i), Role: "Guest"})
		}
	}
	role, join := change{Action: actionChange, Role: "Manager"}, change{Action: actionChange, Join: []string{"press"}}
	for name, c := range map[string]struct {
		change       change
		member       *rosterv1alpha1.Member
		organization *rosterv1alpha1.Organization
		want         reason
	}{
		"somebody":                         {role, active("ana"), acme(), ""},
		"the owner":                        {role, active("olivia"), acme(), leftOwner},
		"the owner, suspended":             {change{Action: actionSuspend}, active("olivia"), acme(), leftOwner},
		"the owner, into a team":           {join, active("olivia"), acme(), ""},
		"oneself":                          {role, active("mia"), acme(), leftSelf},
		"oneself, into a team":             {join, active("mia"), acme(), ""},
		"somebody who has not joined":      {role, active("ana", pending), acme(), leftPending},
		"removing who has not joined":      {change{Action: actionRemove}, active("ana", pending), acme(), ""},
		"kept in Git":                      {role, active("gil"), acme(), leftGit},
		"removing":                         {change{Action: actionRemove}, active("ana"), acme(), ""},
		"removing with the guardrail":      {change{Action: actionRemove}, active("ana"), guarded, leftSuspended},
		"removing the suspended with it":   {change{Action: actionRemove}, active("ana", suspendedSpec), guarded, ""},
		"removing who has ended with it":   {change{Action: actionRemove}, active("ana", func(s *rosterv1alpha1.MemberSpec) { s.EndTime = &past }), guarded, ""},
		"suspending with the guardrail":    {change{Action: actionSuspend}, active("ana"), guarded, ""},
		"one more than fits":               {change{Action: actionChange, Give: grants("fb:Guest")}, active("ana", full), acme(), leftFull},
		"removing the pending with it":     {change{Action: actionRemove}, active("ana", pending), guarded, ""},
		"in place of one of those that do": {change{Action: actionChange, Give: grants("p:Editor")}, active("ana", full), acme(), ""},
	} {
		in := circumstances{Organization: c.organization, Self: "mia", Now: today(), Kept: map[string]string{"gil": "Flux"}}
		if got := c.change.leftOut(c.member, in); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func profile(name string, connected bool) *rosterv1alpha1.SocialProfile {
	sp := &rosterv1alpha1.SocialProfile{ObjectMeta: named(name), Spec: rosterv1alpha1.SocialProfileSpec{Network: "X", Handle: "@" + name}}
	if connected {
		sp.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
	}
	return sp
}

func office() (*membership.Snapshot, []*rosterv1alpha1.Member) {
	looked := profile("fb", true)
	looked.Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "ana"}
	bare := profile("bare", false)
	bare.Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "sam"} // who is suspended already
	s := &membership.Snapshot{
		Organization: acme(), Profiles: []*rosterv1alpha1.SocialProfile{looked, profile("x", true), bare},
		Teams: []*rosterv1alpha1.Team{
			{ObjectMeta: named("press"), Spec: rosterv1alpha1.TeamSpec{Members: []string{"ana", "ben"}, Profiles: []string{"x"}, Role: "Editor"}},
			{ObjectMeta: named("care"), Spec: rosterv1alpha1.TeamSpec{Members: []string{"zoe"}, Profiles: []string{"x"}, Role: "Moderator"}},
		},
	}
	return s, []*rosterv1alpha1.Member{
		active("olivia", func(s *rosterv1alpha1.MemberSpec) { s.Role = "CoOwner" }), active("ana", with("fb:Administrator bare:Administrator")),
		active("ben", with("fb:Administrator")), active("zoe"), active("sam", with("fb:Editor"), suspendedSpec),
	}
}

func lossesOf(c consequences) map[string]int {
	all := map[string]int{}
	for _, l := range c.Losses {
		var verbs []string
		for _, p := range l.Set.Permissions() {
			verbs = append(verbs, string(p))
		}
		all[l.Profile+" "+strings.Join(verbs, ",")] = l.People
	}
	return all
}

// TestWhatAChangeMeans: what people lose is what they held and no longer do by any source, and nobody is told of whom it does not concern.
func TestWhatAChangeMeans(t *testing.T) {
	const everything = "get,schedule,publish,moderate,report,configure,connect"
	for name, c := range map[string]struct {
		change                          change
		chosen                          string
		losses                          map[string]int
		unrenewed, unattended, deserted string
		people, unchanged, left         int
	}{
		"suspend one of two": {
			change: change{Action: actionSuspend}, chosen: "ben", people: 1,
			losses: map[string]int{"fb " + everything: 1, "x get,schedule,publish,moderate,report": 1},
		},
		"suspend both": {
			change: change{Action: actionSuspend}, chosen: "ana ben", people: 2, unrenewed: "fb", unattended: "fb",
			losses: map[string]int{"fb " + everything: 2, "x get,schedule,publish,moderate,report": 2, "bare " + everything: 1},
		},
		"suspend who is": {change: change{Action: actionSuspend}, chosen: "sam zoe", people: 1, unchanged: 1,
			losses: map[string]int{"x get,schedule,moderate": 1}},
		"the last of a team leaves": {change: change{Action: actionChange, Leave: []string{"care"}}, chosen: "zoe ana", people: 1, unchanged: 1,
			deserted: "care", losses: map[string]int{"x get,schedule,moderate": 1}},
		"move from one to another": {change: change{Action: actionChange, Join: []string{"press"}, Leave: []string{"care"}}, chosen: "zoe",
			people: 1, deserted: "care"},
		"less on a profile": {change: change{Action: actionChange, Give: grants("fb:Editor")}, chosen: "ben sam", people: 1, unchanged: 1,
			losses: map[string]int{"fb configure,connect": 1}},
		"as much by another role": {change: change{Action: actionChange, Role: "Manager", Take: []string{"fb"}}, chosen: "ben", people: 1},
		"more":                    {change: change{Action: actionChange, Role: "Manager"}, chosen: "zoe", people: 1},
		"an end to come": {change: change{Action: actionChange, End: ptr.To(metav1.NewTime(today().Add(time.Hour)))}, chosen: "ana ben",
			people: 2},
		"remove": {change: change{Action: actionRemove}, chosen: "sam olivia", people: 1, left: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, everybody := office()
			var chosen []*rosterv1alpha1.Member
			for _, m := range everybody {
				if slices.Contains(strings.Fields(c.chosen), m.Name) {
					chosen = append(chosen, m)
				}
			}
			in := circumstances{Organization: s.Organization, Self: "mia", Now: today()}
			p := c.change.plan(s, everybody, chosen, in)
			if c.losses == nil {
				c.losses = map[string]int{}
			}
			if got := lossesOf(p.consequences); !reflect.DeepEqual(got, c.losses) {
				t.Errorf("losses %v, want %v", got, c.losses)
			}
			for what, pair := range map[string][2]string{
				"unrenewed": {strings.Join(p.Unrenewed, " "), c.unrenewed}, "unattended": {strings.Join(p.Unattended, " "), c.unattended},
				"deserted": {strings.Join(p.Deserted, " "), c.deserted},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
				}
			}
			left := 0
			for _, of := range p.Left {
				left += len(of)
			}
			if len(p.People) != c.people || p.Unchanged != c.unchanged || left != c.left {
				t.Errorf("%d people, %d unchanged, %d left out", len(p.People), p.Unchanged, left)
			}
			if now, _ := office(); !reflect.DeepEqual(s, now) {
				t.Error("the snapshot has been changed: it belongs to the cache")
			}
		})
	}
}

func TestWhatLosingARoleInTheOrganizationMeans(t *testing.T) {
	s, everybody := office()
	mia := active("mia", func(s *rosterv1alpha1.MemberSpec) { s.Role = "Manager" }, with("x:Editor"))
	everybody = append(everybody, mia)
	p := change{Action: actionChange, Role: "Member"}.plan(s, everybody, []*rosterv1alpha1.Member{mia}, circumstances{Organization: s.Organization, Now: today()})
	want := []loss{{rights.Loss{Profile: access.AllProfiles, Set: access.ProfilePermissions("Administrator")}, 1}}
	if !reflect.DeepEqual(p.Losses, want) {
		t.Errorf("%+v", p.Losses)
	}
	d := p.Change.difference(p.People[0], membersByTeam(s.Teams))
	if d.RoleBefore != "Manager" || d.RoleAfter != "Member" || len(d.Profiles) > 0 {
		t.Errorf("%+v", d)
	}
}

func role(r rosterv1alpha1.ProfileRole) *rosterv1alpha1.ProfileRole { return &r }

func TestDifference(t *testing.T) {
	c := change{Action: actionChange, Give: grants("fb:Guest li:Editor"), Take: []string{"x"}, GiveWorkspaces: spaces("east"), Join: []string{"press"},
		Leave: []string{"care", "gone"}, Endless: true}
	end := metav1.NewTime(today())
	m := active("ana", with("fb:Editor x:Guest keep:Guest"), func(s *rosterv1alpha1.MemberSpec) { s.EndTime = &end })
	teams := map[string]sets.Set[string]{"press": {}, "care": sets.New("ana")}
	got := c.difference(touched{m, c.after(m)}, teams)
	want := difference{
		Profiles:   []shift{{"fb", role("Editor"), role("Guest")}, {"li", nil, role("Editor")}, {"x", role("Guest"), nil}},
		Workspaces: []shift{{"east", nil, role("")}}, Join: []string{"press"}, Leave: []string{"care"}, Ends: true,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(m.Spec.Profiles, grants("fb:Editor x:Guest keep:Guest")) {
		t.Error("the Member of the cache has been changed")
	}
	if d := (change{Action: actionRemove}).difference(touched{m, nil}, teams); !d.Removed {
		t.Errorf("%+v", d)
	}
	if d := (change{Action: actionSuspend}).difference(touched{m, change{Action: actionSuspend}.after(m)}, teams); !d.Suspended || d.Resumed {
		t.Errorf("%+v", d)
	}
}
