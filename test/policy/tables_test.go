// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/testenv"
)

// tables are what docs/access.md tells people: the matrix asks the API server whether it is so.
type tables struct {
	// onProfile are the permissions of each built-in role on a profile, inOrganization those of each built-in role in the organisation.
	onProfile, inOrganization map[string][]string
	// allows is what each permission in the organisation is compiled to.
	allows map[string][]allowed
}

// allowed are verbs, and the resources that they are on.
type allowed struct{ verbs, on []string }

// verbs are those that a permission allows on a resource.
func (d tables) verbs(permission, resource string) []string {
	var all []string
	for _, a := range d.allows[permission] {
		if slices.Contains(a.on, resource) {
			all = append(all, a.verbs...)
		}
	}
	return all
}

func readTables(t *testing.T) tables {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(testenv.Root(), "docs/access.md"))
	if err != nil {
		t.Fatal(err)
	}
	d := tables{allows: map[string][]allowed{}}
	d.onProfile = yesByColumn(t, section(t, string(page), "Roles on a profile"))
	d.inOrganization = yesByColumn(t, section(t, string(page), "Roles in the organisation"))
	for _, row := range section(t, string(page), "Permissions")[1:] {
		permission := words(row[0])[0]
		d.allows[permission] = append(d.allows[permission], allowed{words(row[1]), words(row[2])})
	}
	if len(d.onProfile) != 4 || len(d.inOrganization) != 6 || len(d.allows) != 11 {
		t.Fatalf("tables of docs/access.md: %+v", d)
	}
	return d
}

// section is the first table below a heading, as rows of cells.
func section(t *testing.T, page, heading string) [][]string {
	t.Helper()
	_, text, found := strings.Cut(page, "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for _, match := range regexp.MustCompile(`(?m)^\|(.*)\|$`).FindAllStringSubmatch(text, -1) {
		cells := strings.Split(match[1], "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !strings.HasPrefix(cells[0], "---") {
			rows = append(rows, cells)
		}
	}
	if !found || len(rows) < 2 {
		t.Fatalf("docs/access.md has no table below %q", heading)
	}
	return rows
}

// yesByColumn are, for each column of a table, the words in front of the rows that say yes.
func yesByColumn(t *testing.T, rows [][]string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for i, column := range rows[0][1:] {
		all[column] = nil
		for _, row := range rows[1:] {
			switch row[i+1] {
			case "yes":
				all[column] = append(all[column], words(row[0])[0])
			case "–":
			default:
				t.Fatalf("%s, %s: %q is neither yes nor no", row[0], column, row[i+1])
			}
		}
	}
	return all
}

// words are what stands in backquotes.
func words(cell string) []string {
	var all []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		all = append(all, match[1])
	}
	return all
}

func anyOf(all []string, some ...string) bool {
	return slices.ContainsFunc(some, func(s string) bool { return slices.Contains(all, s) })
}
