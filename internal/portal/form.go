// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// The fields of forms.
const (
	fieldAction      = "action"
	fieldDisplayName = "displayName"
	fieldCompany     = "company"
	fieldLocale      = "locale"
	fieldPassword    = "password"
	fieldConfirm     = "confirm"
	// fieldAs is in forms that offer the ownership of an organisation.
	fieldAs = "as"
)

// The values of fieldAction.
const (
	actionAccept  = "accept"
	actionDecline = "decline"
	actionRenew   = "renew"
)

// maxName is the longest name and company in characters, as in the Account.
const maxName = 120

// form is what somebody typed to accept. It prints nothing: the password must not end in a log.
type form struct {
	DisplayName string
	Company     string
	Locale      rosterv1alpha1.Locale
	// registers says that it is the form that creates an account.
	registers bool
	// toOwn says that the page told the person that they are to own the organisation.
	toOwn    bool
	password string
	confirm  string
}

func (form) String() string { return "form" }

func readForm(values url.Values) form {
	_, registers := values[fieldDisplayName]
	return form{
		DisplayName: tidy(values.Get(fieldDisplayName)),
		Company:     tidy(values.Get(fieldCompany)),
		Locale:      rosterv1alpha1.Locale(values.Get(fieldLocale)),
		registers:   registers,
		toOwn:       values.Get(fieldAs) == string(rosterv1alpha1.RoleOwner),
		password:    values.Get(fieldPassword),
		confirm:     values.Get(fieldConfirm),
	}
}

func tidy(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

func (f form) profile() account.Profile {
	return account.Profile{DisplayName: f.DisplayName, Company: f.Company, Locale: f.Locale}
}

// problem is something that has to be corrected. Without a field it concerns the whole form.
type problem struct {
	Field string
	Text  string
}

// formError says that the form has to be shown again.
type formError struct {
	problems []problem
	// signIn says that the form that asks for an existing password is the right one.
	signIn bool
	// signedIn is the invited person if they are signed in, and nothing has to be typed.
	signedIn *person
}

func (*formError) Error() string { return "the form has to be corrected" }

// check says what is wrong with a form that creates an account.
func (f form) check(w words, common account.Common, policy rosterv1alpha1.PasswordPolicy, owner account.Person) []problem {
	owner.Names = append(owner.Names, f.DisplayName, f.Company)
	return append(f.checkProfile(w), f.checkPassword(w, common, policy, owner)...)
}

// checkProfile says what is wrong with what a person says about themselves.
func (f form) checkProfile(w words) []problem {
	var problems []problem
	add := func(field, text string) { problems = append(problems, problem{Field: field, Text: text}) }
	switch {
	case f.DisplayName == "":
		add(fieldDisplayName, w.T("error.displayName.missing"))
	case !isLine(f.DisplayName) || !isVisible(f.DisplayName):
		add(fieldDisplayName, w.T("error.displayName.invalid"))
	case utf8.RuneCountInString(f.DisplayName) > maxName:
		add(fieldDisplayName, w.N("error.displayName.long", maxName))
	}
	switch {
	case f.Company == "":
	case !isLine(f.Company) || !isVisible(f.Company):
		add(fieldCompany, w.T("error.company.invalid"))
	case utf8.RuneCountInString(f.Company) > maxName:
		add(fieldCompany, w.N("error.company.long", maxName))
	}
	if !slices.Contains(languages(), f.Locale) {
		add(fieldLocale, w.T("error.locale.unknown"))
	}
	return problems
}

// checkPassword says what is wrong with a new password that was typed twice.
func (f form) checkPassword(
	w words, common account.Common, policy rosterv1alpha1.PasswordPolicy, owner account.Person,
) []problem {
	if f.password == "" {
		return []problem{{Field: fieldPassword, Text: w.T("error.password.missing")}}
	}
	var problems []problem
	for _, r := range account.Unmet(common, policy, f.password, owner) {
		problems = append(problems, problem{Field: fieldPassword, Text: unmetText(w, r)})
	}
	switch {
	case len(problems) > 0: // one thing at a time
	case f.confirm == "":
		problems = append(problems, problem{Field: fieldConfirm, Text: w.T("error.confirm.missing")})
	case f.confirm != f.password:
		problems = append(problems, problem{Field: fieldConfirm, Text: w.T("error.confirm.different")})
	}
	return problems
}

func unmetText(w words, r account.Requirement) string {
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

// ruleTexts are the rules for a new password, to be read before typing.
func ruleTexts(w words, policy rosterv1alpha1.PasswordPolicy) []string {
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

// isLine refuses line breaks, control characters, and the marks that turn the direction of what stands beside a name.
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) ||
			0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069 // Unicode Bidirectional Algorithm, explicit formatting
	})
}

// isVisible wants at least one character that can be seen.
func isVisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}
