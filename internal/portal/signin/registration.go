// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"net/url"
	"slices"
	"unicode/utf8"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/texts"
)

// Registration is what somebody types to get an account, or to change what they once typed. It prints nothing: the password must not end
// in a log.
type Registration struct {
	DisplayName string
	Company     string
	Locale      rosterv1alpha1.Locale
	// Registers says that it is the form that creates an account.
	Registers bool
	Password  string
	confirm   string
}

func (Registration) String() string { return "registration" }

// ReadRegistration reads the fields of a form.
func ReadRegistration(values url.Values) Registration {
	_, registers := values[web.FieldDisplayName]
	return Registration{
		DisplayName: web.Tidy(values.Get(web.FieldDisplayName)),
		Company:     web.Tidy(values.Get(web.FieldCompany)),
		Locale:      rosterv1alpha1.Locale(values.Get(web.FieldLocale)),
		Registers:   registers,
		Password:    values.Get(web.FieldPassword),
		confirm:     values.Get(web.FieldConfirm),
	}
}

// Profile is what the Account keeps of it.
func (f Registration) Profile() account.Profile {
	return account.Profile{DisplayName: f.DisplayName, Company: f.Company, Locale: f.Locale}
}

// Check says what is wrong with a form that creates an account.
func (f Registration) Check(w web.Words, common account.Common, policy rosterv1alpha1.PasswordPolicy, owner account.Person) []web.Problem {
	owner.Names = append(owner.Names, f.DisplayName, f.Company)
	return append(f.CheckProfile(w), f.CheckPassword(w, common, policy, owner)...)
}

// CheckProfile says what is wrong with what a person says about themselves.
func (f Registration) CheckProfile(w web.Words) []web.Problem {
	var problems []web.Problem
	add := func(field, text string) { problems = append(problems, web.Problem{Field: field, Text: text}) }
	switch {
	case f.DisplayName == "":
		add(web.FieldDisplayName, w.T("error.displayName.missing"))
	case !web.IsLine(f.DisplayName) || !web.IsVisible(f.DisplayName):
		add(web.FieldDisplayName, w.T("error.displayName.invalid"))
	case utf8.RuneCountInString(f.DisplayName) > web.MaxName:
		add(web.FieldDisplayName, w.N("error.displayName.long", web.MaxName))
	}
	switch {
	case f.Company == "":
	case !web.IsLine(f.Company) || !web.IsVisible(f.Company):
		add(web.FieldCompany, w.T("error.company.invalid"))
	case utf8.RuneCountInString(f.Company) > web.MaxName:
		add(web.FieldCompany, w.N("error.company.long", web.MaxName))
	}
	if !slices.Contains(texts.Languages(), f.Locale) {
		add(web.FieldLocale, w.T("error.locale.unknown"))
	}
	return problems
}

// CheckPassword says what is wrong with a new password that was typed twice.
func (f Registration) CheckPassword(
	w web.Words, common account.Common, policy rosterv1alpha1.PasswordPolicy, owner account.Person,
) []web.Problem {
	if f.Password == "" {
		return []web.Problem{{Field: web.FieldPassword, Text: w.T("error.password.missing")}}
	}
	var problems []web.Problem
	for _, r := range account.Unmet(common, policy, f.Password, owner) {
		problems = append(problems, web.Problem{Field: web.FieldPassword, Text: unmetText(w, r)})
	}
	switch {
	case len(problems) > 0: // one thing at a time
	case f.confirm == "":
		problems = append(problems, web.Problem{Field: web.FieldConfirm, Text: w.T("error.confirm.missing")})
	case f.confirm != f.Password:
		problems = append(problems, web.Problem{Field: web.FieldConfirm, Text: w.T("error.confirm.different")})
	}
	return problems
}

func unmetText(w web.Words, r account.Requirement) string {
	switch r.Rule {
	case account.RuleMinLength:
		return w.N("error.password.minLength", r.Characters)
	case account.RuleUppercase:
		return w.T("error.password.uppercase")
	case account.RuleSpecial:
		return w.T("error.password.special")
	case account.RuleNotAddress:
		return w.T("error.password.notAddress")
	case account.RuleNotCommon:
		return w.T("error.password.notCommon")
	}
	return w.T("error.password.readable")
}

// RuleTexts are the rules for a new password, to be read before typing.
func RuleTexts(w web.Words, policy rosterv1alpha1.PasswordPolicy) []string {
	var texts []string
	for _, r := range account.Requirements(policy) {
		switch r.Rule {
		case account.RuleMinLength:
			texts = append(texts, w.N("rule.minLength", r.Characters))
		case account.RuleUppercase:
			texts = append(texts, w.T("rule.uppercase"))
		case account.RuleSpecial:
			texts = append(texts, w.T("rule.special"))
		case account.RuleNotAddress:
			texts = append(texts, w.T("rule.notAddress"))
		case account.RuleNotCommon:
			texts = append(texts, w.T("rule.notCommon"))
		}
	}
	return texts
}
