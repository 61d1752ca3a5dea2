// SPDX-License-Identifier: Apache-2.0

package sheet

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/offer"
	"github.com/roster-dev/roster/internal/membership"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		want     []string
		problems []string
		err      string
	}{
		"all columns": {"email,name,company,role,profiles,workspaces,teams,canManageProfiles,suspended\n" +
			`ana@x.example,"Lima, Ana",Acme,Manager,fb=Editor x=Guest,west east=Editor,press night,yes,true`,
			[]string{"2 ana@x.example|Lima, Ana|Acme|Manager|[{fb Editor} {x Guest}]|[{west } {east Editor}]|[press night]|true|true"}, nil, ""},
		"the address alone":        {"Email\nana@x.example\n\nben@x.example\n", []string{"2 ana@x.example||||[]|[]|[]|false|false", "4 ben@x.example||||[]|[]|[]|false|false"}, nil, ""},
		"semicolons":               {"name;email\nAna, the first;ana@x.example\n", []string{"2 ana@x.example|Ana, the first|||[]|[]|[]|false|false"}, nil, ""},
		"tabs, and Windows":        {"\ufeffemail\tname\r\nana@x.example\tAna\r\n", []string{"2 ana@x.example|Ana|||[]|[]|[]|false|false"}, nil, ""},
		"an apostrophe":            {"email,name\nana@x.example,'=1+1\n", []string{"2 ana@x.example|=1+1|||[]|[]|[]|false|false"}, nil, ""},
		"the end of a membership":  {"email,endTime\nana@x.example,2027-01-31\nben@x.example,31.1.2027\n", []string{"2 ana@x.example||||[]|[]|[]|false|false until 2027-01-31"}, []string{`3: endTime "31.1.2027" is no end of a membership: write its last day`}, ""},
		"bad rows":                 {"email,profiles,suspended\nana\nben@x.example,fb\ncy@x.example,,maybe\nok@x.example\nOK@x.example\na@x.example,,,,x\n", []string{"5 ok@x.example||||[]|[]|[]|false|false"}, []string{`2: "ana" is not a mail address`, `3: profiles "fb": write a profile and a role`, `4: suspended is "maybe"`, "6: ok@x.example stands in line 5, too", "7: has 5 cells, and the first line 3"}, ""},
		"a quotation mark":         {"email,name\nana@x.example,\"Ana\nben@x.example,b\n", nil, []string{"3: extraneous or missing"}, ""},
		"nothing":                  {"", nil, nil, "the file is empty"},
		"no header":                {"ana@x.example,Ana\n", nil, nil, `the column "ana@x.example"`},
		"no address column":        {"name,role\n", nil, nil, "lacks the column email"},
		"a column twice":           {"email,Email\n", nil, nil, "the column email twice"},
		"a column that is unknown": {"email,phone\n", nil, nil, `the column "phone"`},
	} {
		t.Run(name, func(t *testing.T) {
			rows, problems, err := Parse(c.text)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			var got []string
			for _, r := range rows {
				end := ""
				if r.End != nil {
					end = " until " + membership.FormatEnd(r.End)
				}
				got = append(got, fmt.Sprintf("%d %s|%s|%s|%s|%v|%v|%v|%v|%v", r.Line, r.Address, r.Name, r.Company, r.Offer.Role, r.Offer.Profiles,
					r.Offer.Workspaces, r.Offer.Teams, r.Manages, r.Suspended)+end)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for i, p := range problems {
				if i >= len(c.problems) || !strings.HasPrefix(fmt.Sprintf("%d: %s", p.Line, p.Message), c.problems[i]) {
					t.Errorf("problem %d: %s", p.Line, p.Message)
				}
			}
			if len(problems) != len(c.problems) {
				t.Errorf("%d problems, want %d", len(problems), len(c.problems))
			}
		})
	}
}

// FuzzParse: nothing makes it fail; what was read is written and read as the same; and every line is accounted for.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"email\nana@x.example\n", "email,name,profiles,workspaces,teams,suspended\nana@x.example,\"A, B\",fb=Editor,west,press,yes\n",
		"\ufeffname;email\r\n=1;a@x.example\r\n", "email\tname\n\"a@x.example\"\t'x\n", "email,name\na@x.example,\"x\ny\"\n", "email\n\"", "email,name\n=a@x.example,''x\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, _, err := Parse(text)
		if err != nil {
			return
		}
		written, err := Format(rows)
		if err != nil {
			t.Fatal(err)
		}
		again, problems, err := Parse(written)
		if err != nil || len(problems) > 0 {
			t.Fatalf("%q is written as %q, and read with %v %v", text, written, problems, err)
		}
		for i := range rows {
			rows[i].Line, again[i].Line = 0, 0
			rows[i].Offer = orNil(rows[i].Offer)
			if !reflect.DeepEqual(rows[i], again[i]) {
				t.Errorf("%+v is read as %+v", rows[i], again[i])
			}
			if _, err := address.Parse(again[i].Written); err != nil {
				t.Error(err)
			}
		}
	})
}

// orNil treats an empty list as none.
func orNil(o offer.Offer) offer.Offer {
	if len(o.Teams) == 0 {
		o.Teams = []string{}
	}
	return o
}

func TestHarmless(t *testing.T) {
	for cell, want := range map[string]string{"": "", "Ana": "Ana", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\tx": "'\tx", "'x": "''x"} {
		if got := Harmless(cell); got != want {
			t.Errorf("%q: %q", cell, got)
		}
	}
}
