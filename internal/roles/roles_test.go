// SPDX-License-Identifier: Apache-2.0

package roles_test

import (
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/roles"
	"github.com/roster-dev/roster/internal/texts"
)

func load(t *testing.T) roles.Dictionary {
	t.Helper()
	d, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every built-in role has words in every language.
func TestEveryRoleHasWords(t *testing.T) {
	d := load(t)
	english := d.In(rosterv1alpha1.LocaleEnglish)
	for _, locale := range texts.Languages() {
		w := d.In(locale)
		for _, role := range []rosterv1alpha1.OrganizationRole{
			"AdvancedMember", "CoOwner", "Manager", "Member", "MemberWhoAdds", "Owner", "ProfileConnector",
		} {
			term := w.InOrganization(role, false, nil)
			if term.Name == string(role) && role != "Member" && role != "Manager" && role != "Owner" || term.Words == "" {
				t.Errorf("%s: %s is %+v", locale, role, term)
			}
			if locale != rosterv1alpha1.LocaleEnglish && term.Words == english.InOrganization(role, false, nil).Words {
				t.Errorf("%s: %s is in English", locale, role)
			}
		}
		for _, role := range []rosterv1alpha1.ProfileRole{"Administrator", "Connector", "Editor", "Guest", "Moderator"} {
			if term := w.OnProfile(role, nil); term.Words == "" {
				t.Errorf("%s: %s is %+v", locale, role, term)
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
		"a Member":                {w.InOrganization("Member", false, nil), roles.Term{Name: "Member", Words: "You work on the social profiles that you are given."}},
		"a Member who adds":       {w.InOrganization("Member", true, nil), w.InOrganization("MemberWhoAdds", false, nil)},
		"the switch of no Member": {w.InOrganization("Manager", true, nil), w.InOrganization("Manager", false, nil)},
		"a role on a profile":     {w.OnProfile("Guest", custom), roles.Term{Name: "Guest", Words: "look at everything, change nothing"}},
	}
	for name, c := range cases {
		if c.got != c.want || c.got.Name == "" {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}
