// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/portal/web"
)

// FuzzForm: a form that is taken makes an Account that the API server takes, too.
func FuzzForm(f *testing.F) {
	for _, name := range []string{"Ana", "Ana\nSilva", "é", "\u202eana", "\u200b", strings.Repeat("x", 121), "a\xff", "\u2028"} {
		f.Add("displayName="+url.QueryEscape(name)+"&company="+url.QueryEscape(name)+"&locale=en&password=Abcdefgh1%21&confirm=Abcdefgh1%21",
			true)
	}
	d, err := web.NewDictionary()
	if err != nil {
		f.Fatal(err)
	}
	known, err := common.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, strict bool) {
		values, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		got := ReadRegistration(values)
		policy := rosterv1alpha1.PasswordPolicy{MinLength: 8, RequireUppercase: &strict, RequireSpecial: &strict}
		if problems := got.Check(d.Words["en"], known, policy, account.Person{Address: "ana@acme.example"}); len(problems) > 0 {
			for _, p := range problems {
				if p.Text == "" || p.Field == "" {
					t.Errorf("a problem without text or field: %+v", p)
				}
			}
			return
		}
		for _, s := range []string{got.DisplayName, got.Company} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > web.MaxName || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("taken: %q", s)
			}
		}
		if got.DisplayName == "" || got.Locale != "en" && got.Locale != "fr" {
			t.Errorf("taken: %+v", got)
		}
	})
}
