// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
)

// draw of an organisation that is small enough for its parts to have to do with each other.
type draw struct{ *rapid.T }

func (t draw) some(label string, of ...string) []string {
	return rapid.SliceOfDistinct(rapid.SampledFrom(of), rapid.ID).Draw(t.T, label)
}

func (t draw) oneOf(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t.T, label) }

func (t draw) onProfile() rosterv1alpha1.ProfileRole {
	return rosterv1alpha1.ProfileRole(t.oneOf("on a profile", "Administrator", "Editor", "Guest", "analyst", "gone"))
}

func (t draw) profiles() []string { return t.some("profiles", "fb", "x", "alone") }

func (t draw) grants() []rosterv1alpha1.ProfileGrant {
	var all []rosterv1alpha1.ProfileGrant
	for _, name := range t.profiles() {
		all = append(all, rosterv1alpha1.ProfileGrant{Name: name, Role: t.onProfile()})
	}
	return all
}

func everybody() []string { return []string{"olivia", "m2", "m3", "m4", "m5", "m6", "m7", "m8"} }

// sources are what rights come from but for the people, with teams and workspaces drawn.
func (t draw) sources() *Organization {
	o := organization(rapid.Bool().Draw(t.T, "a team is required"))
	o.Now = time.Unix(1000, 0)
	if rapid.Bool().Draw(t.T, "the owner owns another organisation") {
		o.Organization.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionOwnerUnique, Status: metav1.ConditionFalse}}
	}
	o.Profiles[0].Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "olivia"}
	o.Profiles[1].Spec.ConnectedBy = "oidc:m2@acme.example"
	o.Teams = nil
	for _, name := range t.some("teams", "press", "care") {
		o.Teams = append(o.Teams, &rosterv1alpha1.Team{ObjectMeta: named(name), Spec: rosterv1alpha1.TeamSpec{
			Members: t.some("members", everybody()...), Profiles: t.profiles(), Role: t.onProfile(),
		}})
	}
	o.Workspaces[0].Spec.Profiles = append(t.profiles(), "x")
	return o
}

func (t draw) spec() rosterv1alpha1.MemberSpec {
	spec := rosterv1alpha1.MemberSpec{
		Role:     rosterv1alpha1.OrganizationRole(t.oneOf("role", "Member", "Member", "Member", "AdvancedMember", "Manager", "admin", "ProfileConnector")),
		Profiles: t.grants(), CanManageProfiles: ptr.To(rapid.Bool().Draw(t.T, "manages profiles")),
		Suspended:  ptr.To(t.oneOf("state", "in", "in", "in", "out") == "out"),
		Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: t.onProfile()}},
	}
	switch t.oneOf("end", "none", "none", "none", "passed", "to come") {
	case "passed":
		spec.EndTime = &metav1.Time{Time: time.Unix(999, 0)}
	case "to come":
		spec.EndTime = &metav1.Time{Time: time.Unix(2000, 0)}
	}
	return spec
}

// like is a spec that differs in one thing, so that what is the same for many is not taken for what is not.
func (t draw) like(other rosterv1alpha1.MemberSpec) rosterv1alpha1.MemberSpec {
	spec, drawn := *other.DeepCopy(), t.spec()
	switch t.oneOf("differs", "nothing", "role", "profiles", "workspaces", "manages profiles", "everything") {
	case "role":
		spec.Role = drawn.Role
	case "profiles":
		spec.Profiles = drawn.Profiles
	case "workspaces":
		spec.Workspaces = drawn.Workspaces
	case "manages profiles":
		spec.CanManageProfiles = drawn.CanManageProfiles
	case "everything":
		spec = drawn
	}
	return spec
}

// holds is everything that somebody holds, without anything that a Comparison saves itself.
func holds(o *Organization, m *rosterv1alpha1.Member) map[string]access.Set {
	all := map[string]access.Set{"fb": 0, "x": 0, "alone": 0, access.AllProfiles: 0}
	if m == nil {
		return all
	}
	if p := o.Person(m); p.State == Active {
		for profile := range all {
			all[profile] = p.Holds.On(profile)
		}
	}
	return all
}

// allowed are the permissions in the organisation that one holds and the other does not.
func allowed(o *Organization, m *rosterv1alpha1.Member, but *Organization, other *rosterv1alpha1.Member) []rosterv1alpha1.RolePermission {
	of := func(o *Organization, m *rosterv1alpha1.Member) []rosterv1alpha1.RolePermission {
		if m == nil || o.Person(m).State != Active {
			return nil
		}
		return o.Person(m).Holds.Permissions
	}
	return slices.DeleteFunc(slices.Clone(of(o, m)), func(p rosterv1alpha1.RolePermission) bool { return slices.Contains(of(but, other), p) })
}

// in is one organisation before a change and after it, with what everybody holds.
type in struct {
	before, after *Organization
	members       []*rosterv1alpha1.Member
	change        Change
}

func (t draw) change() in {
	c := in{before: t.sources(), after: t.sources()}
	c.change = Change{Before: c.before.Snapshot(), After: c.after.Snapshot(), Members: map[string]*rosterv1alpha1.Member{}, Now: c.before.Now}
	spec := t.spec()
	for _, name := range everybody() {
		spec = t.like(spec)
		c.members = append(c.members, member(name, spec))
		switch t.oneOf("change", "stays", "stays", "changed", "removed") {
		case "changed":
			c.change.Members[name] = member(name, t.like(spec))
		case "removed":
			c.change.Members[name] = nil
		}
	}
	return c
}

func (c in) later(m *rosterv1alpha1.Member) *rosterv1alpha1.Member {
	if later, changed := c.change.Members[m.Name]; changed {
		return later
	}
	return m
}

// byName is what somebody holds on a profile who does not administer every one.
func byName(o *Organization, m *rosterv1alpha1.Member, profile string) access.Set {
	if held := holds(o, m); held[access.AllProfiles] == 0 {
		return held[profile]
	}
	return 0
}

// TestEverybodyBeforeAndAfter: for any organisation and any change, what a Comparison tells is what comes out when the full rights of
// everybody are added up twice and compared.
func TestEverybodyBeforeAndAfter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := draw{r}.change()
		x := c.change.Compare()
		lost, losers := x.Losses(c.members)
		var want []*rosterv1alpha1.Member
		for _, m := range c.members {
			was, is, d := holds(c.before, m), holds(c.after, c.later(m)), x.Of(m)
			loses, told := false, maps.Collect(d.Lost())
			for profile := range was {
				gone, come := was[profile]&^is[profile], is[profile]&^was[profile]
				loses = loses || gone != 0
				if d.On(profile) != gone || d.Reversed().On(profile) != come {
					r.Fatalf("%s on %s: had %b, has %b; told are %b and %b", m.Name, profile, was[profile], is[profile], d.On(profile), d.Reversed().On(profile))
				}
				// What was held everywhere is told once, though some of it may stay on a profile.
				if all := told[profile] | told[access.AllProfiles]; !all.Contains(gone) || told[profile]&^gone != 0 {
					r.Fatalf("%s on %s: lost %b, told are %v", m.Name, profile, gone, told)
				}
			}
			gone, come := allowed(c.before, m, c.after, c.later(m)), allowed(c.after, c.later(m), c.before, m)
			if !slices.Equal(d.Here(), gone) || !slices.Equal(d.Reversed().Here(), come) {
				r.Fatalf("%s in the organisation: loses %v and gains %v; told are %v and %v", m.Name, gone, come, d.Here(), d.Reversed().Here())
			}
			if loses {
				want = append(want, m)
			}
			for profile, set := range told {
				if lost[Loss{profile, set}]--; lost[Loss{profile, set}] < 0 {
					r.Fatalf("%s loses %b on %s, which is not counted", m.Name, set, profile)
				}
			}
		}
		if !slices.Equal(losers, want) {
			r.Fatalf("%d people lose something, and %d are told of", len(want), len(losers))
		}
		for l, n := range lost {
			if n != 0 {
				r.Fatalf("%v is counted %d times too often", l, n)
			}
		}
	})
}

// TestKeysTellSourcesApart: a key that leaves something out would show people the rights of others.
func TestKeysTellSourcesApart(t *testing.T) {
	onProfile := func(name string, role rosterv1alpha1.ProfileRole) access.Sources {
		return access.Sources{Spec: rosterv1alpha1.MemberSpec{Profiles: []rosterv1alpha1.ProfileGrant{{Name: name, Role: role}}}}
	}
	inWorkspace := func(name string, role rosterv1alpha1.ProfileRole) access.Sources {
		return access.Sources{Spec: rosterv1alpha1.MemberSpec{Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: name, Role: role}}}}
	}
	seen := map[string]string{}
	for name, s := range map[string]access.Sources{
		"nothing": {}, "owner": {Owner: true}, "owner elsewhere": {OwnerElsewhere: true},
		"role": {Spec: rosterv1alpha1.MemberSpec{Role: "Manager"}}, "adds profiles": {Spec: rosterv1alpha1.MemberSpec{CanManageProfiles: new(true)}},
		"profile": onProfile("fb", "Editor"), "other profile": onProfile("x", "Editor"), "role on a profile": onProfile("fb", "Guest"),
		"workspace": inWorkspace("fb", "Editor"), "other workspace": inWorkspace("x", "Editor"), "role in a workspace": inWorkspace("fb", "Guest"),
		"connected": {Connected: []string{"fb"}}, "other connected": {Connected: []string{"x"}},
		"team": {Teams: []access.Assignment{{Team: "fb"}}}, "other team": {Teams: []access.Assignment{{Team: "x"}}},
	} {
		key := keyOf(s)
		if other, taken := seen[key]; taken {
			t.Errorf("%s and %s have the same key %q", name, other, key)
		}
		seen[key] = name
	}
}

// TestProfilesAfterAChange: what becomes of profiles, found by looking at everybody for each.
func TestProfilesAfterAChange(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := draw{r}.change()
		x := c.change.Compare()
		lost, _ := x.Losses(c.members)
		for _, permission := range []access.Permission{access.Publish, access.Connect} {
			var want []string
			for _, profile := range []string{"alone", "fb", "x"} {
				could, can := false, false
				for _, m := range c.members {
					may, d := access.NewSet(permission), x.Of(m)
					could = could || d.Before.Named(profile).Contains(may) && d.On(profile).Contains(may)
					can = can || byName(c.after, c.later(m), profile).Contains(may)
				}
				if could && !can {
					want = append(want, profile)
				}
			}
			if got := x.Closed(lost, permission, c.members); !slices.Equal(got, want) {
				r.Fatalf("%s: nobody is left on %v, told are %v", permission, want, got)
			}
		}
		works := func(o *Organization, profile string) bool {
			return slices.ContainsFunc(o.Teams, func(t *rosterv1alpha1.Team) bool { return o.TeamHas(t, profile) })
		}
		var teamless, unattended []string
		for _, profile := range []string{"alone", "fb", "x"} {
			if works(c.before, profile) && !works(c.after, profile) {
				teamless = append(teamless, profile)
			}
		}
		m := c.members[0]
		if later := c.later(m); c.before.Person(m).State == Active && (later == nil || c.after.Person(later).State != Active) {
			unattended = []string{"fb"}
		}
		var got []string
		for _, p := range x.Unattended(c.members) {
			got = append(got, p.Name)
		}
		if !slices.Equal(x.Teamless(), teamless) || !slices.Equal(got, unattended) {
			r.Fatalf("without a team %v, told are %v; without anybody responsible %v, told are %v", teamless, x.Teamless(), unattended, got)
		}
	})
}

// TestOrganizationThatIsNotThere: nobody holds anything where there is no Organization.
func TestOrganizationThatIsNotThere(t *testing.T) {
	m := member("ana", rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleManager})
	x := Change{Before: &membership.Snapshot{}, After: &membership.Snapshot{}, Members: map[string]*rosterv1alpha1.Member{"ana": nil}}.Compare()
	if lost, losers := x.Losses([]*rosterv1alpha1.Member{m}); len(lost)+len(losers) > 0 {
		t.Errorf("%v", lost)
	}
}
