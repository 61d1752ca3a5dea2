// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"slices"

	"github.com/roster-dev/roster/internal/portal/console"
)

// candidate is somebody or something that a group has or could have.
type candidate struct {
	ID, Name, Detail string
	// State is how somebody stands who is not active, or what is wrong with what the group has; nil for nothing.
	State *console.Badge
	// Ticked in the form that is shown again.
	Ticked bool
}

// searched are the candidates that have every word of a query, and are not in the group yet.
func searched(all []candidate, query string, in []string) []candidate {
	words := console.SearchFor(query)
	chosen := map[string]bool{}
	for _, name := range in {
		chosen[name] = true
	}
	var found []candidate
	for _, c := range all {
		if chosen[c.ID] {
			continue
		}
		if words.In(console.Fold(c.Name + "\n" + c.Detail)) {
			found = append(found, c)
		}
	}
	byName(found)
	return found
}

// chosen are the candidates that a group has. What it names and is not there gets a note.
func chosen(all []candidate, in []string, missing string) []candidate {
	known := make(map[string]candidate, len(all))
	for _, c := range all {
		known[c.ID] = c
	}
	found := make([]candidate, 0, len(in))
	for _, name := range in {
		c, ok := known[name]
		if !ok {
			c = candidate{ID: name, Name: name, State: &console.Badge{Text: missing, Class: "badge bad"}}
		}
		found = append(found, c)
	}
	byName(found)
	return found
}

func byName(all []candidate) {
	slices.SortFunc(all, func(a, b candidate) int {
		return console.CompareNames(a.Name, a.ID, b.Name, b.ID)
	})
}

// tick marks those that were ticked in the form.
func tick(all []candidate, ticked []string) {
	for i := range all {
		all[i].Ticked = slices.Contains(ticked, all[i].ID)
	}
}

// changed is a list with some names added, as far as they can be, and others taken out. The order of what stays is kept, so that the
// change is what it looks like in Git.
func changed(list, add, remove []string, can func(string) bool) []string {
	kept := make([]string, 0, len(list)+len(add))
	for _, name := range list {
		if !slices.Contains(remove, name) {
			kept = append(kept, name)
		}
	}
	for _, name := range add {
		if can(name) && !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
