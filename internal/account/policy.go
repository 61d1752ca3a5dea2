// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
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
	// RuleNotAddress: not the person's mail address, nor the part of it before the @.
	RuleNotAddress Rule = "NotAddress"
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
	if isTrue(policy.RequireUppercase) {
		rules = append(rules, Requirement{Rule: RuleUppercase})
	}
	if isTrue(policy.RequireSpecial) {
		rules = append(rules, Requirement{Rule: RuleSpecial})
	}
	return append(rules, Requirement{Rule: RuleNotAddress})
}

// Unmet are the rules that a new password for that address breaks; none if it may be used. Characters are counted as Unicode code
// points in the form that is hashed (NIST SP 800-63B).
func Unmet(policy rosterv1alpha1.PasswordPolicy, password string, owner invitation.Address) []Requirement {
	prepared, err := prepare(password)
	if err != nil {
		return []Requirement{{Rule: RuleReadable}}
	}
	return slices.DeleteFunc(Requirements(policy), func(r Requirement) bool { return r.met(prepared, owner) })
}

func (r Requirement) met(password string, owner invitation.Address) bool {
	switch r.Rule {
	case RuleMinLength:
		return utf8.RuneCountInString(password) >= r.Characters
	case RuleUppercase:
		return strings.ContainsFunc(password, unicode.IsUpper)
	case RuleSpecial:
		return strings.ContainsFunc(password, isSpecial)
	case RuleNotAddress:
		typed := strings.TrimSpace(password)
		local, _, _ := strings.Cut(string(owner), "@")
		return !strings.EqualFold(typed, string(owner)) && !strings.EqualFold(typed, local)
	}
	return false
}

// isSpecial: marks belong to the letters that they stand on.
func isSpecial(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

func isTrue(b *bool) bool { return b != nil && *b }
