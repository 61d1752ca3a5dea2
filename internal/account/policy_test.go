// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// only is a list of one common password.
type only string

func (o only) Has(password string) bool { return password == string(o) }

func TestUnmet(t *testing.T) {
	plain := rosterv1alpha1.PasswordPolicy{MinLength: 8}
	owner := Person{Address: "ana.silva@example.com", Names: []string{"Ana Silva", "Acme Social", ""}}
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
		{"the name", plain, "ana SILVA", []Rule{RuleNotAddress}},
		{"the organisation", plain, "AcmeSocial", []Rule{RuleNotAddress}},
		{"a common one", plain, "letmein-letmein", []Rule{RuleNotCommon}},
		{"too long", strict, strings.Repeat("a", MaxPasswordBytes+1), []Rule{RuleReadable}},
		{"not UTF-8", strict, "abc\xff", []Rule{RuleReadable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []Rule
			for _, r := range Unmet(only("letmein-letmein"), c.policy, c.password, owner) {
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
	want := []Requirement{{RuleMinLength, 10}, {RuleSpecial, 0}, {RuleNotAddress, 0}, {RuleNotCommon, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("Requirements = %v, want %v", got, want)
	}
}

func TestStrictest(t *testing.T) {
	if got := Strictest(); got != (rosterv1alpha1.PasswordPolicy{}) {
		t.Errorf("without a policy: %+v", got)
	}
	got := Strictest(
		rosterv1alpha1.PasswordPolicy{MinLength: 8, RequireUppercase: ptr.To(true)},
		rosterv1alpha1.PasswordPolicy{MinLength: 10, RequireSpecial: ptr.To(true)},
		rosterv1alpha1.PasswordPolicy{MinLength: 9},
	)
	if got.MinLength != 10 || !*got.RequireUppercase || !*got.RequireSpecial {
		t.Errorf("of three: %+v", got)
	}
	if got := Strictest(rosterv1alpha1.PasswordPolicy{}, rosterv1alpha1.PasswordPolicy{MinLength: 8}); got.MinLength != defaultMinLength || *got.RequireSpecial {
		t.Errorf("with one that says nothing: %+v", got)
	}
}
