// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestUnmet(t *testing.T) {
	plain := rosterv1alpha1.PasswordPolicy{MinLength: 8}
	strict := rosterv1alpha1.PasswordPolicy{MinLength: 8, RequireUppercase: ptr.To(true), RequireSpecial: ptr.To(true)}
	for _, c := range []struct {
		name     string
		policy   rosterv1alpha1.PasswordPolicy
		password string
		want     []Rule
	}{
		{"good", plain, "abcdefgh", nil},
		{"empty", plain, "", []Rule{RuleMinLength}},
		{"one short", plain, "abcdefg", []Rule{RuleMinLength}},
		{"characters, not bytes", plain, "éééé", []Rule{RuleMinLength}},
		{"characters, not bytes, enough", plain, "éééééééé", nil},
		{"composed before counting", plain, "e\u0301e\u0301e\u0301e\u0301", []Rule{RuleMinLength}},
		{"spaces count", plain, "a b c d ", nil},
		{"no policy", rosterv1alpha1.PasswordPolicy{}, "abcdefghijk", []Rule{RuleMinLength}},
		{"no policy, default length", rosterv1alpha1.PasswordPolicy{}, "abcdefghijkl", nil},
		{"all missing", strict, "abc", []Rule{RuleMinLength, RuleUppercase, RuleSpecial}},
		{"upper case missing", strict, "abcdefg!", []Rule{RuleUppercase}},
		{"special missing", strict, "Abcdefg1", []Rule{RuleSpecial}},
		{"both", strict, "Abcdefg!", nil},
		{"upper case of another script", strict, "Жабвгде!", nil},
		{"a space is special", strict, "Abcdefg h", nil},
		{"a letter with a mark is not", strict, "Abcdefg\u0915\u093f", []Rule{RuleSpecial}},
		{"the address", plain, "Ana.Silva@example.com", []Rule{RuleNotAddress}},
		{"the address with spaces", plain, " ana.silva@example.com ", []Rule{RuleNotAddress}},
		{"before the @", plain, "ANA.SILVA", []Rule{RuleNotAddress}},
		{"contains the address", plain, "ana.silva@example.com is me", nil},
		{"too long", strict, strings.Repeat("a", MaxPasswordBytes+1), []Rule{RuleReadable}},
		{"not UTF-8", strict, "abc\xff", []Rule{RuleReadable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []Rule
			for _, r := range Unmet(c.policy, c.password, "ana.silva@example.com") {
				got = append(got, r.Rule)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("Unmet(%q) = %v, want %v", c.password, got, c.want)
			}
		})
	}
}

func TestRequirementsAreShownBeforeTyping(t *testing.T) {
	got := Requirements(rosterv1alpha1.PasswordPolicy{MinLength: 10, RequireSpecial: ptr.To(true)})
	want := []Requirement{{RuleMinLength, 10}, {RuleSpecial, 0}, {RuleNotAddress, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("Requirements = %v, want %v", got, want)
	}
}
