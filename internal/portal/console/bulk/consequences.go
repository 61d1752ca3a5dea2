// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

// touched is somebody whom a change is for, as they are and as they will be; after is nil for somebody who is removed.
type touched struct{ before, after *rosterv1alpha1.Member }

// loss is what some people can no longer do on a profile, or on all.
type loss struct {
	rights.Loss
	People int
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
	later, members := *s, make(map[string]*rosterv1alpha1.Member, len(people))
	before := make([]*rosterv1alpha1.Member, 0, len(people))
	for _, p := range people {
		before = append(before, p.before)
		members[p.before.Name] = p.after
	}
	var deserted []string
	later.Teams, deserted = c.teamsAfter(s.Teams, before)
	found := weigh(rights.Change{Before: s, After: &later, Members: members, Now: in.Now}, everybody, before)
	found.Deserted = deserted
	return found
}

// weigh finds out what a change means to some people of everybody in the organisation.
func weigh(c rights.Change, everybody, people []*rosterv1alpha1.Member) consequences {
	x, connected := c.Compare(), map[string]bool{}
	for _, p := range c.Before.Profiles {
		connected[p.Name] = p.Spec.CredentialsSecretRef != nil
	}
	lost, _ := x.Losses(people)
	closed := x.Closed(lost, access.Connect, everybody)
	found := consequences{Unrenewed: slices.DeleteFunc(closed, func(name string) bool { return !connected[name] })}
	for _, p := range x.Unattended(people) {
		found.Unattended = append(found.Unattended, p.Name)
	}
	slices.Sort(found.Unattended)
	for l, n := range lost {
		found.Losses = append(found.Losses, loss{l, n})
	}
	slices.SortFunc(found.Losses, func(a, b loss) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Profile, b.Profile), cmp.Compare(b.Set, a.Set))
	})
	return found
}

// teamsAfter are the Teams as they will be, and the names of those that have nobody left.
func (c change) teamsAfter(
	teams []*rosterv1alpha1.Team, people []*rosterv1alpha1.Member,
) (after []*rosterv1alpha1.Team, deserted []string) {
	names := make([]string, 0, len(people))
	for _, m := range people {
		names = append(names, m.Name)
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
