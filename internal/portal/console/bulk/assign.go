// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"net/url"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

// What a Team is to have of some profiles.
const (
	valueAll  = "all"
	valueNone = "none"
)

// assignment is which Teams are to work on all of some profiles, and which on none of them. It can be done twice.
type assignment struct {
	Profiles  []string
	All, None []string
}

// readAssignment reads it from a form. Teams that find their profiles by labels are not among them.
func readAssignment(teams []*rosterv1alpha1.Team, form url.Values, chosen []*rosterv1alpha1.SocialProfile) assignment {
	var a assignment
	for _, sp := range chosen {
		a.Profiles = append(a.Profiles, sp.Name)
	}
	for _, t := range teams {
		if t.Spec.ProfileSelector != nil {
			continue
		}
		switch form.Get(prefixTeam + t.Name) {
		case valueAll:
			a.All = append(a.All, t.Name)
		case valueNone:
			a.None = append(a.None, t.Name)
		}
	}
	slices.Sort(a.All)
	slices.Sort(a.None)
	return a
}

// have is how many of some profiles a Team works on.
func (g group) have(chosen []*rosterv1alpha1.SocialProfile) int {
	n := 0
	for _, sp := range chosen {
		if g.Has(sp) {
			n++
		}
	}
	return n
}

// apply changes the profiles of a Team. It returns false where it is so already.
func (a assignment) apply(team string, profiles []string) ([]string, bool) {
	return edited(profiles, a.Profiles, slices.Contains(a.All, team), slices.Contains(a.None, team))
}

// takes reports whether a Team loses a profile.
func (a assignment) takes(teams []*rosterv1alpha1.Team) bool {
	return slices.ContainsFunc(teams, func(t *rosterv1alpha1.Team) bool {
		after, _ := a.apply(t.Name, t.Spec.Profiles)
		return len(after) < len(t.Spec.Profiles)
	})
}

// weigh finds out what it means to everybody.
func (a assignment) weigh(s *membership.Snapshot, everybody []*rosterv1alpha1.Member, in circumstances) consequences {
	later := *s
	later.Teams = nil
	for _, t := range s.Teams {
		if profiles, changed := a.apply(t.Name, t.Spec.Profiles); changed {
			t = t.DeepCopy()
			t.Spec.Profiles = profiles
		}
		later.Teams = append(later.Teams, t)
	}
	return weigh(rights.Change{Before: s, After: &later, Now: in.Now}, everybody, everybody)
}
