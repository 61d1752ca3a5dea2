// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"maps"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
)

// touched is somebody whom a change is for, as they are and as they will be; after is nil for somebody who is removed.
type touched struct{ before, after *rosterv1alpha1.Member }

// loss is what some people can no longer do on a profile, or on all.
type loss struct {
	Profile string
	Set     access.Set
	People  int
}

// consequences are what a change means besides what it says.
type consequences struct {
	// Losses, those of most people first.
	Losses []loss
	// Unrenewed are profiles that nobody in particular can connect again any more.
	Unrenewed []string
	// Unattended are profiles whose responsible person no longer works there.
	Unattended []string
	// Deserted are Teams that have no members left.
	Deserted []string
}

// weigh finds out what a change means. Everybody is everybody in the organisation.
func (c change) weigh(s *membership.Snapshot, everybody []*rosterv1alpha1.Member, people []touched, in circumstances) consequences {
	later := *s
	var deserted []string
	later.Teams, deserted = c.teamsAfter(s.Teams, people)
	found := weigh(s, &later, everybody, people, in)
	found.Deserted = deserted
	return found
}

// weigh compares what some people hold now with what they will hold.
func weigh(s, later *membership.Snapshot, everybody []*rosterv1alpha1.Member, people []touched, in circumstances) consequences {
	w := weighing{
		before: s.Sums(), after: later.Sums(), lost: map[loss]int{}, connected: map[string]bool{}, unconnected: map[string]bool{},
	}
	for _, p := range s.Profiles {
		w.connected[p.Name] = p.Spec.CredentialsSecretRef != nil
	}
	for _, p := range people {
		w.person(p, in)
	}
	found := consequences{Unrenewed: w.unrenewed(everybody, people, in), Unattended: unattended(s.Profiles, people, in)}
	for l, n := range w.lost {
		l.People = n
		found.Losses = append(found.Losses, l)
	}
	slices.SortFunc(found.Losses, func(a, b loss) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Profile, b.Profile), cmp.Compare(b.Set, a.Set))
	})
	return found
}

// teamsAfter are the Teams as they will be, and the names of those that have nobody left.
func (c change) teamsAfter(teams []*rosterv1alpha1.Team, people []touched) (after []*rosterv1alpha1.Team, deserted []string) {
	names := make([]string, 0, len(people))
	for _, p := range people {
		names = append(names, p.before.Name)
	}
	for _, t := range teams {
		members, changed := c.applyTeam(t.Name, t.Spec.Members, names)
		if changed {
			t = t.DeepCopy()
			t.Spec.Members = members
			if len(members) == 0 {
				deserted = append(deserted, t.Name)
			}
		}
		after = append(after, t)
	}
	return after, deserted
}

type weighing struct {
	before, after *membership.Sums
	lost          map[loss]int
	// connected are the profiles with a connection, and unconnected those of them that somebody can no longer connect again.
	connected, unconnected map[string]bool
}

// person notes what somebody can no longer do.
func (w *weighing) person(p touched, in circumstances) {
	had, has := w.before.Holds(p.before), w.holdsAfter(p, in)
	connect := access.NewSet(access.Connect)
	if gone := had.Everywhere() &^ has.Everywhere(); gone != 0 {
		w.lost[loss{Profile: access.AllProfiles, Set: gone}]++
	}
	for _, g := range had.Grants {
		gone := had.Named(g.Profile) &^ has.On(g.Profile)
		if gone == 0 || g.Profile == access.AllProfiles {
			continue
		}
		w.lost[loss{Profile: g.Profile, Set: gone}]++
		if gone.Contains(connect) && w.connected[g.Profile] {
			w.unconnected[g.Profile] = true
		}
	}
}

// holdsAfter is what somebody will hold: nothing, unless they are active then.
func (w *weighing) holdsAfter(p touched, in circumstances) access.Effective {
	if p.after == nil || !worksOn(p.after, in) {
		return access.Effective{}
	}
	return w.after.Holds(p.after)
}

// worksOn reports whether somebody goes on to hold what they are given.
func worksOn(m *rosterv1alpha1.Member, in circumstances) bool {
	return membership.IsActive(m) && !membership.HasEnded(in.Organization, m, in.Now)
}

// unrenewed are the profiles that somebody can no longer connect again and that nobody else is named to. It goes through everybody only
// where somebody loses that.
func (w *weighing) unrenewed(everybody []*rosterv1alpha1.Member, people []touched, in circumstances) []string {
	if len(w.unconnected) == 0 {
		return nil
	}
	after := map[string]touched{}
	for _, p := range people {
		after[p.before.Name] = p
	}
	left := maps.Clone(w.unconnected)
	connect := access.NewSet(access.Connect)
	for _, m := range everybody {
		p, ok := after[m.Name]
		if !ok {
			p = touched{m, m}
		}
		held := w.holdsAfter(p, in)
		for _, g := range held.Grants {
			if g.Profile != access.AllProfiles && held.Named(g.Profile).Contains(connect) {
				delete(left, g.Profile)
			}
		}
	}
	return slices.Sorted(maps.Keys(left))
}

// unattended are the profiles whose responsible person no longer works there.
func unattended(profiles []*rosterv1alpha1.SocialProfile, people []touched, in circumstances) []string {
	gone := map[string]bool{}
	for _, p := range people {
		if worksOn(p.before, in) && (p.after == nil || !worksOn(p.after, in)) {
			gone[p.before.Name] = true
		}
	}
	var names []string
	for _, p := range profiles {
		if ref := p.Spec.ResponsibleRef; ref != nil && gone[ref.Name] {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}
