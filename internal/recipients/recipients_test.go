// SPDX-License-Identifier: Apache-2.0

package recipients

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/address"
)

func shown(found []Recipient) []string {
	var all []string
	for _, r := range found {
		all = append(all, fmt.Sprintf("%d %s|%s", r.Line, r.Name, r.Address))
	}
	return all
}

func TestListsAsPeopleWriteThem(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		want     []string
		problems []string
	}{
		"one":                      {"ana@acme.example", []string{"1 |ana@acme.example"}, nil},
		"nothing":                  {" \t\r\n ,;\n", nil, nil},
		"every separator":          {"a@x.example,b@x.example;c@x.example d@x.example\te@x.example\nf@x.example\r\ng@x.example\rh@x.example", []string{"1 |a@x.example", "1 |b@x.example", "1 |c@x.example", "1 |d@x.example", "1 |e@x.example", "2 |f@x.example", "3 |g@x.example", "4 |h@x.example"}, nil},
		"several in a row":         {" a@x.example ,, ; b@x.example,\n\n", []string{"1 |a@x.example", "1 |b@x.example"}, nil},
		"with names":               {"Ana Lima <ana@x.example>, Ben <ben@x.example>", []string{"1 Ana Lima|ana@x.example", "1 Ben|ben@x.example"}, nil},
		"names without a comma":    {"Ana Lima <ana@x.example> Ben <ben@x.example> cy@x.example", []string{"1 Ana Lima|ana@x.example", "1 Ben|ben@x.example", "1 |cy@x.example"}, nil},
		"address before a name":    {"cy@x.example Ana Lima <ana@x.example>", []string{"1 |cy@x.example", "1 Ana Lima|ana@x.example"}, nil},
		"a comma in quotes":        {`"Lima, Ana" <ana@x.example>; "Okafor <ben>" <ben@x.example>`, []string{"1 Lima, Ana|ana@x.example", "1 Okafor <ben>|ben@x.example"}, nil},
		"brackets alone":           {"<ana@x.example>", []string{"1 |ana@x.example"}, nil},
		"a name with an address":   {`"ana@x.example" <ana@x.example>`, []string{"1 ana@x.example|ana@x.example"}, nil},
		"twice":                    {"Ana@X.example ana@x.example", []string{"1 |Ana@x.example"[:3] + "ana@x.example"}, nil},
		"a comment":                {"# people of the pilot\nana@x.example\n  # and\n", []string{"2 |ana@x.example"}, nil},
		"a comma without quotes":   {"Lima, Ana <ana@x.example>", []string{"1 Ana|ana@x.example"}, []string{`1 "Lima"`}},
		"a word":                   {"ana@x.example ben", []string{"1 |ana@x.example"}, []string{`1 "ben"`}},
		"an open bracket":          {"Ana <ana@x.example", nil, []string{`1 "Ana <ana@x.example"`}},
		"an empty bracket":         {"Ana <>", nil, []string{`1 "Ana <>"`}},
		"a domain without a dot":   {"ok@x.example\n\nana@acme", []string{"1 |ok@x.example"}, []string{`3 "ana@acme"`}},
		"another script":           {"ünal@münchen.example", []string{"1 |ünal@xn--mnchen-3ya.example"}, nil},
		"a hidden character":       {"ana\u200b@x.example", nil, []string{"1 \"ana\\u200b@x.example\""}},
		"a quoted part before @":   {`"ana lima"@x.example`, nil, []string{"1 \"\\\"ana\"", "1 \"lima\\\"@x.example\""}},
		"a mailto link":            {"mailto:ana@x.example", nil, []string{`1 "mailto:ana@x.example"`}},
		"a bracket in a bracket":   {"Ana <<ana@x.example>>", nil, []string{`1 "Ana <<ana@x.example>"`, `1 ">"`}},
		"a quotation mark is left": {`Ana" <ana@x.example>`, nil, []string{"1 \"Ana\\\"\"", `1 "<ana@x.example>"`}},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := Parse(c.text)
			if got := shown(found); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			var bad []string
			for _, p := range problems {
				bad = append(bad, fmt.Sprintf("%d %q", p.Line, p.Text))
				if p.Message == "" {
					t.Errorf("%q: nothing is said about it", p.Text)
				}
			}
			if !slices.Equal(bad, c.problems) {
				t.Errorf("problems %q, want %q", bad, c.problems)
			}
		})
	}
}

// FuzzParse: what is found are addresses, each once; a list of what was found is read as the same; and no @ is passed over.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"ana@acme.example", `"Lima, Ana" <ana@x.example>, ben@x.example; c@x.example`, "Ana <ana@x.example> Ben <b@x.example>\r\n# c\n",
		`"" <@>,<,>;"`, "a@x.example\x00b@x.example", "ünal@münchen.example\tª@x.example", `a@b.c "d <e@f.g>`, "#\n# @", "<a@x.example>>b@x.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, problems := Parse(text)
		var again strings.Builder
		seen := map[address.Address]bool{}
		for _, r := range found {
			if seen[r.Address] {
				t.Errorf("%s comes twice", r.Address)
			}
			seen[r.Address] = true
			if a, err := address.Parse(r.Written); err != nil || a != r.Address {
				t.Errorf("%q was read as %s: %v", r.Written, r.Address, err)
			}
			if !strings.Contains(text, r.Written) {
				t.Errorf("%q does not stand in the list", r.Written)
			}
			again.WriteString(string(r.Address) + ", ")
		}
		reread, bad := Parse(again.String())
		if len(bad) > 0 || len(reread) != len(found) {
			t.Errorf("%q is read as %v with %v", again.String(), reread, bad)
		}
		if strings.Contains(text, "@") && !strings.Contains(text, "# ") && len(found)+len(problems) == 0 {
			t.Errorf("%q holds an address, and nothing is said about it", text)
		}
	})
}

// Lines that an address comes in again are told, so that people find the one that they meant.
func TestLinesOfAnAddressThatComesAgain(t *testing.T) {
	found, _ := Parse("ana@x.example\nben@x.example\nANA@x.example, ana@x.example")
	if len(found) != 2 || !slices.Equal(found[0].Again, []int{3, 3}) || found[1].Again != nil {
		t.Errorf("%+v", found)
	}
}
