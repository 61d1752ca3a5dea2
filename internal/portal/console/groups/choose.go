// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// shownAtOnce is how many people or profiles a page lists: whatever is ticked on it fits into a form.
const shownAtOnce = 50

// candidate is somebody or something that a group has or could have.
type candidate struct {
	ID, Name, Detail string
	// Note is what is wrong with one that the group has.
	Note string
	// Ticked in the form that is shown again.
	Ticked bool
}

// plain is a text as it is searched for: without accents, and in lower case.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// search finds the candidates that have every word of a query, and are not in the group yet.
func search(all []candidate, query string, in []string) []candidate {
	words := strings.Fields(plain(query))
	chosen := map[string]bool{}
	for _, name := range in {
		chosen[name] = true
	}
	var found []candidate
	for _, c := range all {
		if chosen[c.ID] {
			continue
		}
		text := plain(c.Name + " " + c.Detail)
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
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
			c = candidate{ID: name, Name: name, Note: missing}
		}
		found = append(found, c)
	}
	byName(found)
	return found
}

func byName(all []candidate) {
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(plain(a.Name), plain(b.Name)), cmp.Compare(a.ID, b.ID))
	})
}

// slice of a list that one page shows, with where the pages before and after begin; -1 for none.
type slice struct {
	Shown          []candidate
	First, Last    int
	Of             int
	Before, Behind int
}

func sliceOf(all []candidate, from int) slice {
	from = max(0, min(from, len(all)-1))
	from -= from % shownAtOnce
	to := min(from+shownAtOnce, len(all))
	s := slice{Shown: all[from:to], First: from + 1, Last: to, Of: len(all), Before: -1, Behind: -1}
	if from > 0 {
		s.Before = from - shownAtOnce
	}
	if to < len(all) {
		s.Behind = to
	}
	return s
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
