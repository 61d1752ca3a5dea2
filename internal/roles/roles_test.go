// SPDX-License-Identifier: Apache-2.0

package roles_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/roles"
)

func load(t *testing.T) roles.Dictionary {
	t.Helper()
	d, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every built-in role has words in every language, and there are none of roles that do not exist.
func TestEveryRoleHasWords(t *testing.T) {
	organization := []string{"AdvancedMember", "CoOwner", "Manager", "Member", "MemberWhoAdds", "Owner", "ProfileConnector"}
	profile := []string{"Administrator", "Connector", "Editor", "Guest", "Moderator"}
	d := load(t)
	for locale, w := range d {
		for _, c := range []struct {
			terms map[string]roles.Term
			want  []string
		}{{w.Organization, organization}, {w.Profile, profile}} {
			if got := slices.Sorted(maps.Keys(c.terms)); !slices.Equal(got, c.want) {
				t.Errorf("%s has words for %v, want %v", locale, got, c.want)
			}
			for role, term := range c.terms {
				if strings.TrimSpace(term.Name) == "" || strings.TrimSpace(term.Words) == "" {
					t.Errorf("%s: %s is %+v", locale, role, term)
				}
			}
		}
		for role, term := range w.Organization {
			if english := d[rosterv1alpha1.LocaleEnglish].Organization[role]; locale != rosterv1alpha1.LocaleEnglish && term.Words == english.Words {
				t.Errorf("%s: %s is in English", locale, role)
			}
		}
	}
}

func TestCustomRolesInWords(t *testing.T) {
	custom := roles.Custom{
		"buyer":  {Scope: rosterv1alpha1.ScopeOrganization, DisplayName: "Buyer", Description: "Buys seats."},
		"writer": {Scope: rosterv1alpha1.ScopeProfile},
	}
	w := load(t).In("de") // Not spoken: English.
	cases := map[string]struct{ got, want roles.Term }{
		"a CustomRole":            {w.InOrganization("buyer", false, custom), roles.Term{Name: "Buyer", Words: "Buys seats."}},
		"without words":           {w.OnProfile("writer", custom), roles.Term{Name: "writer"}},
		"of another scope":        {w.OnProfile("buyer", custom), roles.Term{Name: "buyer"}},
		"of another scope too":    {w.InOrganization("writer", true, custom), roles.Term{Name: "writer"}},
		"that is not known":       {w.OnProfile("reader", nil), roles.Term{Name: "reader"}},
		"a Member":                {w.InOrganization("Member", false, nil), w.Organization["Member"]},
		"a Member who adds":       {w.InOrganization("Member", true, nil), w.Organization["MemberWhoAdds"]},
		"the switch of no Member": {w.InOrganization("Manager", true, nil), w.Organization["Manager"]},
		"a role on a profile":     {w.OnProfile("Guest", custom), w.Profile["Guest"]},
	}
	for name, c := range cases {
		if c.got != c.want || c.got.Name == "" {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}
