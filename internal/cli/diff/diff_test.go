// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/roster-dev/roster/internal/cli/compare"
	"github.com/roster-dev/roster/internal/cli/declared"
	"github.com/roster-dev/roster/internal/cli/manifests"
)

// many is a difference that does not fit into a comment.
func many(n int) compare.Difference {
	o := compare.Organization{Namespace: "acme", Before: n}
	for i := range n {
		o.People = append(o.People, compare.Person{
			Address: fmt.Sprintf("p%d@acme.example", i), Name: "@all [x](https://evil.example) 日本", Kind: compare.Invited, RoleAfter: "Member",
			Gains: []compare.Right{{Permissions: []string{"publish"}, Profiles: []string{"acme-fb"}}},
		})
	}
	return compare.Difference{Organizations: []compare.Organization{o}, Assumptions: declared.Assumptions(false)}
}

// TestACommentFits: however many people there are, the comment is whole: it has its summary, its end, and says how many are left out.
func TestACommentFits(t *testing.T) {
	for _, n := range []int{0, 1, 300, 5000} {
		text := asMarkdown(many(n))
		if length := utf8.RuneCountInString(text); length > longest {
			t.Errorf("%d people take %d characters", n, length)
		}
		if !strings.HasPrefix(text, "### What this does to people\n") || !strings.HasSuffix(text, "</details>\n") {
			t.Errorf("%d people: the comment is not whole", n)
		}
		told := strings.Count(text, "is invited as Member")
		_, rest, cut := strings.Cut(text, "…and ")
		var left int
		if _, err := fmt.Sscanf(rest, "%d more", &left); cut != (err == nil) || told+left != n {
			t.Errorf("of %d people, %d are told and %d left out", n, told, left)
		}
		if n > 1000 && told < 200 {
			t.Errorf("only %d people are told", told)
		}
	}
}

func TestConditions(t *testing.T) {
	d := compare.Difference{
		Findings: []declared.Finding{{Rule: "missing-role"}},
		Organizations: []compare.Organization{{Namespace: "acme", Before: 8, Owner: &compare.Owner{Place: manifests.Place{}}, People: []compare.Person{
			{Address: "a", Kind: compare.Removed, Losses: []compare.Right{{Permissions: []string{"publish"}}}}, {Address: "b", Kind: compare.Removed},
			{Address: "c", Kind: compare.Changed, RoleBefore: "Member", RoleAfter: "Manager", Gains: []compare.Right{{Permissions: []string{"ManageTeams"}}}},
		}}},
	}
	for text, want := range map[string]bool{
		"owner": true, "findings": true, "removed": true, "removed>1": true, "removed>2": false, "removed>24%": true, "removed>25%": false,
		"invited": false, "changed": true, "gain": true, "gain:ManageTeams": true, "gain:publish": false, "lose:publish": true, "lose:report": false,
		"role:Manager": true, "role:CoOwner": false,
	} {
		parsed, err := parseConditions([]string{text})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := parsed[0].holds(d) != ""; got != want {
			t.Errorf("%s holds: %v", text, got)
		}
		if parsed[0].holds(compare.Difference{}) != "" {
			t.Errorf("%s holds of nothing", text)
		}
	}
	for _, text := range []string{"", "nothing", "owner:x", "role", "gain:fly", "removed>x", "removed>-1", "owner>3", "removed:x"} {
		if _, err := parseConditions([]string{text}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
