// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// TestEndsOfMemberships: what a change of spec.endTime means, said of the day that the comparison is made on.
func TestEndsOfMemberships(t *testing.T) {
	folder := func(end string) *manifests.Tree {
		text := "apiVersion: roster.dev/v1alpha1\nkind: Organization\nmetadata: {name: acme, namespace: acme}\nspec: {displayName: Acme}\n---\n" +
			"apiVersion: roster.dev/v1alpha1\nkind: SocialProfile\nmetadata: {name: fb, namespace: acme}\nspec: {network: Facebook, handle: acme}\n---\n" +
			"apiVersion: roster.dev/v1alpha1\nkind: Member\nmetadata: {name: ana, namespace: acme}\nspec:\n  email: ana@acme.example\n" +
			"  profiles: [{name: fb, role: Guest}]\n"
		if end != "" {
			text += "  endTime: " + end + "\n"
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		tree, err := manifests.Folder(dir)
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	const past, soon, later = "2027-01-01T00:00:00Z", "2027-03-31T23:59:59Z", "2027-06-30T23:59:59Z"
	for what, c := range map[string]struct {
		before, after, says string
		kind                compare.Kind
		gains, loses        bool
	}{
		"an end that is set":       {"", soon, "ana@acme.example until 2027-03-31", compare.Changed, false, false},
		"one that is put off":      {soon, later, "extended: until 2027-06-30, was 2027-03-31", compare.Changed, false, false},
		"one that comes earlier":   {later, soon, "shortened: until 2027-03-31, was 2027-06-30", compare.Changed, false, false},
		"one that is taken out":    {soon, "", "no longer ends, was until 2027-03-31", compare.Changed, false, false},
		"one that has passed":      {soon, past, "has ended", compare.Ended, false, true},
		"one that had, and is not": {past, soon, "is resumed, extended: until 2027-03-31", compare.Resumed, true, false},
	} {
		d, err := between(folder(c.before), folder(c.after), "", time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Organizations) != 1 || len(d.Organizations[0].People) != 1 {
			t.Errorf("%s: %+v", what, d)
			continue
		}
		p := d.Organizations[0].People[0]
		if p.Kind != c.kind || !strings.Contains(title(p), c.says) || (len(p.Gains) > 0) != c.gains || (len(p.Losses) > 0) != c.loses {
			t.Errorf("%s: %s: %s, gains %v, loses %v", what, p.Kind, title(p), p.Gains, p.Losses)
		}
	}
}
