// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"cmp"
	"maps"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
)

// loss is what people hold before a change and no longer hold after it.
type loss struct {
	// People who lose something, by what they are called.
	People []string
	// Profiles on which somebody loses something.
	Profiles []string
	// Permissions that somebody loses.
	Permissions access.Set
	// Teamless are the profiles that no team works on any more, and Unpublished those on which nobody can publish any more but people who
	// administer every profile.
	Teamless, Unpublished []string
}

// lossOf is what people lose by a change.
func lossOf(change rights.Change, people []*rosterv1alpha1.Member) loss {
	x := change.Compare()
	lost, losers := x.Losses(people)
	l := loss{Teamless: x.Teamless(), Unpublished: x.Closed(lost, access.Publish, people)}
	profiles := map[string]bool{}
	for one := range lost {
		l.Permissions |= one.Set
		profiles[one.Profile] = true
	}
	l.Profiles = slices.Sorted(maps.Keys(profiles))
	for _, m := range losers {
		l.People = append(l.People, membership.NameOf(m))
	}
	slices.Sort(l.People)
	return l
}

// meaning says what a change takes away from people.
func (s *scene) meaning(v *console.Visit, before, after *membership.Snapshot) ([]string, error) {
	people, err := v.Members()
	if err != nil {
		return nil, err
	}
	return lossOf(rights.Change{Before: before, After: after, Now: v.Now()}, people).words(v.Words, s), nil
}

// words say what a loss means, in sentences.
func (l loss) words(w web.Words, s *scene) []string {
	if len(l.People)+len(l.Teamless)+len(l.Unpublished) == 0 {
		return []string{w.T("groups.loss.none")}
	}
	var lines []string
	if len(l.People) > 0 {
		lines = append(lines, w.T("groups.loss.rights", "Who", w.N("groups.loss.people", len(l.People)),
			"Where", w.N("groups.profiles.count", len(l.Profiles)), "What", console.May(w, l.Permissions)),
			w.T("groups.loss.who", "Names", console.Listed(w, l.People)))
	}
	if n := len(l.Teamless); n > 0 {
		text := w.T("groups.loss.teamless", "Profiles", w.N("groups.profiles.count", n), "Names", console.ListedAs(w, l.Teamless, s.handle))
		if membership.RequiresTeam(s.Organization) {
			text = w.T("groups.loss.waiting", "Profiles", w.N("groups.profiles.count", n), "Names", console.ListedAs(w, l.Teamless, s.handle))
		}
		lines = append(lines, text)
	}
	if n := len(l.Unpublished); n > 0 {
		lines = append(lines, w.T("groups.loss.unpublished", "Profiles", w.N("groups.profiles.count", n),
			"Names", console.ListedAs(w, l.Unpublished, s.handle)))
	}
	return lines
}

// handle is what a profile is called.
func (s *scene) handle(name string) string {
	for _, p := range s.Profiles {
		if p.Name == name {
			return cmp.Or(p.Spec.Handle, name)
		}
	}
	return name
}
