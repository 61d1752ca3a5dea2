// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"fmt"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

func aSieve(t *testing.T) sieve {
	t.Helper()
	d, err := web.NewDictionary(console.Files, Files)
	if err != nil {
		t.Fatal(err)
	}
	return sieve{
		words: d.Words[rosterv1alpha1.LocaleEnglish], seats: -1,
		stands: func(a address.Address) (why, page string) {
			if a == "mia@x.example" {
				return "Already a member.", "/mia"
			}
			return "", ""
		},
		taken: func(name string) bool { return name == "ana" },
	}
}

// TestListsAreParted: into those who can be invited, each under a name that nobody has, and what has to be corrected, by line.
func TestListsAreParted(t *testing.T) {
	cases := map[string]struct {
		list   string
		change func(*sieve)
		people string
		rest   []string
	}{
		"several": {list: "zoe@x.example\nzoe@y.example, ANA@x.example", people: "zoe zoe-y ana-x"},
		"what is no address": {
			list: "zoe@x.example, zoe\nmax@", people: "zoe", rest: []string{`1 "zoe": This is not`, `2 "max@": This is not`},
		},
		"somebody who is there": {list: "Mia <mia@x.example>\nzoe@x.example", people: "zoe", rest: []string{`1 "mia@x.example": Already a member`}},
		"a domain": {
			list: "a@x.example b@y.example", change: func(s *sieve) { s.domains = []string{"x.example"} },
			people: "a", rest: []string{`1 "b@y.example": The organisation does not invite people at y.example, only at x.example`},
		},
		"no seat for the last": {
			list: "a@x.example\nmia@x.example\nb@x.example\nc@x.example", change: func(s *sieve) { s.seats = 2 },
			people: "a b", rest: []string{`2 "mia@x.example"`, `4 "c@x.example": There is no seat`},
		},
		"no seat at all": {list: "a@x.example", change: func(s *sieve) { s.seats = 0 }, rest: []string{`1 "a@x.example": There is no seat`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := aSieve(t)
			if c.change != nil {
				c.change(&s)
			}
			people, rest := s.sift(c.list)
			var names []string
			for _, p := range people {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != c.people {
				t.Errorf("people %q, want %q", got, c.people)
			}
			if len(rest) != len(c.rest) {
				t.Fatalf("rest %v, want %v", rest, c.rest)
			}
			for i, b := range rest {
				if got := fmt.Sprintf("%d %q: %s", b.Line, b.Text, b.Why); !strings.HasPrefix(got, c.rest[i]) {
					t.Errorf("%s, want %s", got, c.rest[i])
				}
			}
		})
	}
}

// TestDraftsFitIntoForms: with as many people and profiles as one form takes. What no page has sent is no draft.
func TestDraftsFitIntoForms(t *testing.T) {
	d := newDraft(seatFull)
	for i := range maxPeople {
		local := fmt.Sprintf("somebody-with-quite-a-long-name-%d", i*7919)
		d.People = append(d.People, person{Address: address.Address(local + "@agency.example"), Written: local + "@agency.example", Name: local})
	}
	for i := range 500 {
		d.Offer.Profiles = append(d.Offer.Profiles, rosterv1alpha1.ProfileGrant{Name: fmt.Sprintf("profile-%d", i*104729), Role: "Editor"})
	}
	d.Message = strings.Repeat("Welcome to the team! ", maxMessage/21)
	packed, fits := d.pack()
	if !fits {
		t.Errorf("%d bytes", len(packed))
	}
	if again, ok := unpack(packed); !ok || len(again.People) != maxPeople || len(again.Offer.Profiles) != 500 || again.Message != d.Message {
		t.Errorf("%t", ok)
	}
	for _, text := range []string{"", "!", packed[:len(packed)/2], packed[1:]} {
		if _, ok := unpack(text); ok {
			t.Errorf("%.20q is taken", text)
		}
	}
	d.People = append(d.People, person{})
	if packed, _ = d.pack(); packed != "" {
		if _, ok := unpack(packed); ok {
			t.Error("more people than a form may have are taken")
		}
	}
}
