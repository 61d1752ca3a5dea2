// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
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

// lossOf compares what people hold on some profiles by what is there before a change and after it.
func lossOf(before, after *membership.Snapshot, people []*rosterv1alpha1.Member, profiles []string) loss {
	var l loss
	was, is := newMemo(before), newMemo(after)
	lost, published, publish := map[string]bool{}, map[string]bool{}, access.NewSet(access.Publish)
	couldPublish := map[string]bool{}
	for _, m := range people {
		if !membership.IsActive(m) {
			continue
		}
		held, holds := was.of(m), is.of(m)
		var all access.Set
		for _, p := range profiles {
			if gone := held.On(p) &^ holds.On(p); gone != 0 {
				all, lost[p] = all|gone, true
			}
			if !held.Everywhere().Contains(publish) { // Those who have it everywhere keep it.
				couldPublish[p] = couldPublish[p] || held.Named(p).Contains(publish)
				published[p] = published[p] || holds.Named(p).Contains(publish)
			}
		}
		if all != 0 {
			l.People, l.Permissions = append(l.People, membership.NameOf(m)), l.Permissions|all
		}
	}
	slices.Sort(l.People)
	l.Profiles = slices.Sorted(maps.Keys(lost))
	worked, stillWorked := before.WorkedOn(), after.WorkedOn()
	for _, p := range profiles {
		if worked[p] && !stillWorked[p] {
			l.Teamless = append(l.Teamless, p)
		}
		if couldPublish[p] && !published[p] {
			l.Unpublished = append(l.Unpublished, p)
		}
	}
	return l
}

// memo sums up once what people hold who have it from the same sources: in a team of thousands, most of them.
type memo struct {
	sums  *membership.Sums
	known map[string]access.Effective
}

func newMemo(s *membership.Snapshot) memo { return memo{s.Sums(), map[string]access.Effective{}} }

func (x memo) of(m *rosterv1alpha1.Member) access.Effective {
	s := x.sums.Sources(m)
	teams := make([]string, 0, len(s.Teams))
	for _, t := range s.Teams {
		teams = append(teams, t.Team)
	}
	key := fmt.Sprint(s.Spec.Role, ptr.Deref(s.Spec.CanManageProfiles, false), s.Owner, s.OwnerElsewhere,
		s.Spec.Profiles, s.Spec.Workspaces, teams, s.Connected)
	e, ok := x.known[key]
	if !ok {
		e = access.Resolve(s)
		x.known[key] = e
	}
	return e
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
		text := w.T("groups.loss.teamless", "Profiles", w.N("groups.profiles.count", n), "Names", console.Listed(w, s.handles(l.Teamless)))
		if membership.RequiresTeam(s.Organization) {
			text = w.T("groups.loss.waiting", "Profiles", w.N("groups.profiles.count", n), "Names", console.Listed(w, s.handles(l.Teamless)))
		}
		lines = append(lines, text)
	}
	if n := len(l.Unpublished); n > 0 {
		lines = append(lines, w.T("groups.loss.unpublished", "Profiles", w.N("groups.profiles.count", n),
			"Names", console.Listed(w, s.handles(l.Unpublished))))
	}
	return lines
}

// handles are what profiles are called.
func (s *scene) handles(names []string) []string {
	called := map[string]string{}
	for _, p := range s.Profiles {
		called[p.Name] = p.Spec.Handle
	}
	all := make([]string, 0, len(names))
	for _, name := range names {
		if called[name] != "" {
			name = called[name]
		}
		all = append(all, name)
	}
	return all
}
