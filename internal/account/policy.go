// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// Rule is one thing that a new password must fulfil.
type Rule string

// The rules for new passwords.
const (
	// RuleMinLength: at least Requirement.Characters characters.
	RuleMinLength Rule = "MinLength"
	// RuleUppercase: at least one upper-case letter.
	RuleUppercase Rule = "Uppercase"
	// RuleSpecial: at least one character that is neither a letter nor a digit.
	RuleSpecial Rule = "Special"
	// RuleNotAddress: not the person's mail address, nor the part of it before the @, nor a name of theirs or of their organisation.
	RuleNotAddress Rule = "NotAddress"
	// RuleNotCommon: none of the passwords that are tried first.
	RuleNotCommon Rule = "NotCommon"
	// RuleReadable: no more than MaxPasswordBytes, in valid UTF-8. Nobody needs to be told before.
	RuleReadable Rule = "Readable"
)

// Requirement is a Rule with its number.
type Requirement struct {
	Rule Rule
	// Characters is the least number of characters for RuleMinLength, else 0.
	Characters int
}

// defaultMinLength counts where a policy names none, as the default of the field does.
const defaultMinLength = 12

// Requirements are the rules that an organisation has for new passwords, to be shown before somebody types one.
func Requirements(policy rosterv1alpha1.PasswordPolicy) []Requirement {
	length := int(policy.MinLength)
	if length == 0 {
		length = defaultMinLength
	}
	rules := []Requirement{{Rule: RuleMinLength, Characters: length}}
	if ptr.Deref(policy.RequireUppercase, false) {
		rules = append(rules, Requirement{Rule: RuleUppercase})
	}
	if ptr.Deref(policy.RequireSpecial, false) {
		rules = append(rules, Requirement{Rule: RuleSpecial})
	}
	return append(rules, Requirement{Rule: RuleNotAddress}, Requirement{Rule: RuleNotCommon})
}

// Strictest is what all of the policies ask for together; without any, what a policy asks for by default.
func Strictest(policies ...rosterv1alpha1.PasswordPolicy) rosterv1alpha1.PasswordPolicy {
	var s rosterv1alpha1.PasswordPolicy
	for _, p := range policies {
		length := p.MinLength
		if length == 0 {
			length = defaultMinLength
		}
		s.MinLength = max(s.MinLength, length)
		s.RequireUppercase = ptr.To(ptr.Deref(s.RequireUppercase, false) || ptr.Deref(p.RequireUppercase, false))
		s.RequireSpecial = ptr.To(ptr.Deref(s.RequireSpecial, false) || ptr.Deref(p.RequireSpecial, false))
	}
	return s
}

// Person is whose password it is.
type Person struct {
	Address address.Address
	// Names of the person, and of organisations that they belong to.
	Names []string
}

// Common knows the passwords that are tried first.
type Common interface {
	Has(password string) bool
}

// Unmet are the rules that a new password of that person breaks; none if it may be used. Characters are counted as Unicode code
// points in the form that is hashed (NIST SP 800-63B).
func Unmet(common Common, policy rosterv1alpha1.PasswordPolicy, password string, owner Person) []Requirement {
	prepared, err := prepare(password)
	if err != nil {
		return []Requirement{{Rule: RuleReadable}}
	}
	return slices.DeleteFunc(Requirements(policy), func(r Requirement) bool { return r.met(common, prepared, owner) })
}

func (r Requirement) met(common Common, password string, owner Person) bool {
	switch r.Rule {
	case RuleMinLength:
		return utf8.RuneCountInString(password) >= r.Characters
	case RuleUppercase:
		return strings.ContainsFunc(password, unicode.IsUpper)
	case RuleSpecial:
		return strings.ContainsFunc(password, isSpecial)
	case RuleNotAddress:
		local, _, _ := strings.Cut(string(owner.Address), "@")
		return !slices.ContainsFunc(append([]string{string(owner.Address), local}, owner.Names...), func(known string) bool {
			return known != "" && strings.EqualFold(squeeze(password), squeeze(known))
		})
	case RuleNotCommon:
		return !common.Has(password)
	}
	return false
}

// squeeze takes the spaces out.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// isSpecial: marks belong to the letters that they stand on.
func isSpecial(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}
