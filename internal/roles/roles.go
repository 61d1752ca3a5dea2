// SPDX-License-Identifier: Apache-2.0

// Package roles says in words what each role is and what it means, to the person who has it. Mails and pages say the same.
package roles

import (
	"cmp"
	"embed"
	"fmt"

	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

//go:embed texts/*.yaml
var files embed.FS

// Term is what a role is called and what it means. Those of a CustomRole are as its writer put them: any text, in one language.
type Term struct {
	Name  string `json:"name"`
	Words string `json:"words"`
}

// Custom are the CustomRoles that are known, by name.
type Custom = map[string]rosterv1alpha1.CustomRoleSpec

// Words are the terms in one language.
type Words struct {
	Organization map[string]Term `json:"organization"`
	Profile      map[string]Term `json:"profile"`
}

// memberWhoAdds is the key of a Member with spec.canManageProfiles.
const memberWhoAdds = "MemberWhoAdds"

// Dictionary holds the terms in every language.
type Dictionary map[rosterv1alpha1.Locale]Words

// Load reads the terms in every language.
func Load() (Dictionary, error) {
	d := Dictionary{}
	for _, locale := range []rosterv1alpha1.Locale{rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench} {
		data, err := files.ReadFile("texts/" + string(locale) + ".yaml")
		if err != nil {
			return nil, err
		}
		var w Words
		if err := yaml.UnmarshalStrict(data, &w); err != nil {
			return nil, fmt.Errorf("words for roles in %q: %w", locale, err)
		}
		d[locale] = w
	}
	return d, nil
}

// In is what a role is called in a language; English where the language is not known.
func (d Dictionary) In(locale rosterv1alpha1.Locale) Words {
	if w, ok := d[locale]; ok {
		return w
	}
	return d[rosterv1alpha1.LocaleEnglish]
}

// InOrganization puts a role in the organisation into words; adds says that its holder, a Member, may add profiles.
func (w Words) InOrganization(role rosterv1alpha1.OrganizationRole, adds bool, custom Custom) Term {
	if role == rosterv1alpha1.RoleMember && adds {
		return w.Organization[memberWhoAdds]
	}
	return term(w.Organization, string(role), custom, rosterv1alpha1.ScopeOrganization)
}

// OnProfile puts a role on a profile into words.
func (w Words) OnProfile(role rosterv1alpha1.ProfileRole, custom Custom) Term {
	return term(w.Profile, string(role), custom, rosterv1alpha1.ScopeProfile)
}

// term is the name alone where nothing is known of a role.
func term(builtIn map[string]Term, role string, custom Custom, scope rosterv1alpha1.RoleScope) Term {
	if t, ok := builtIn[role]; ok {
		return t
	}
	if c, ok := custom[role]; ok && c.Scope == scope {
		return Term{Name: cmp.Or(c.DisplayName, role), Words: c.Description}
	}
	return Term{Name: role}
}
