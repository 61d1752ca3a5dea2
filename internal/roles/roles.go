// SPDX-License-Identifier: Apache-2.0

// Package roles says in words what each role is and what it means, to the person who has it. Mails and pages say the same.
package roles

import (
	"cmp"
	"embed"

	"github.com/nicksnyder/go-i18n/v2/i18n"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/texts"
)

//go:embed texts/*.yaml
var files embed.FS

// Term is what a role is called and what it means. Those of a CustomRole are as its writer put them: any text, in one language.
type Term struct{ Name, Words string }

// Custom are the CustomRoles that are known, by name.
type Custom = map[string]rosterv1alpha1.CustomRoleSpec

// Dictionary holds the terms in every language.
type Dictionary struct{ texts texts.Dictionary }

// Load reads the terms in every language.
func Load() (Dictionary, error) {
	d, err := texts.Load(files)
	return Dictionary{d}, err
}

// Words are the terms in one language.
type Words struct{ localizer *i18n.Localizer }

// In is what roles are called in a language; English where the language is not known.
func (d Dictionary) In(locale rosterv1alpha1.Locale) Words {
	_, localizer := d.texts.In(locale)
	return Words{localizer}
}

// InOrganization puts a role in the organisation into words; adds tells that its holder, a Member, may add profiles.
func (w Words) InOrganization(role rosterv1alpha1.OrganizationRole, adds bool, custom Custom) Term {
	if role == rosterv1alpha1.RoleMember && adds {
		role = "MemberWhoAdds"
	}
	return w.term("organization", string(role), custom, rosterv1alpha1.ScopeOrganization)
}

// OnProfile puts a role on a profile into words.
func (w Words) OnProfile(role rosterv1alpha1.ProfileRole, custom Custom) Term {
	return w.term("profile", string(role), custom, rosterv1alpha1.ScopeProfile)
}

// term is the name alone where nothing is known of a role.
func (w Words) term(where, role string, custom Custom, scope rosterv1alpha1.RoleScope) Term {
	id := where + "." + role
	if name, err := texts.Say(w.localizer, &i18n.LocalizeConfig{MessageID: id + ".name"}); err == nil {
		words, _ := texts.Say(w.localizer, &i18n.LocalizeConfig{MessageID: id + ".words"})
		return Term{Name: name, Words: words}
	}
	if c, ok := custom[role]; ok && c.Scope == scope {
		return Term{Name: cmp.Or(c.DisplayName, role), Words: c.Description}
	}
	return Term{Name: role}
}
