// SPDX-License-Identifier: Apache-2.0

package personal

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// FuzzProfile: what is taken of the personal pages, the API server takes, too.
func FuzzProfile(f *testing.F) {
	for _, name := range []string{"Ana", "Ana\nBcc: eve@example.com", "é", "\u202eana", strings.Repeat("x", 121), "a\xff"} {
		f.Add("displayName="+url.QueryEscape(name)+"&company="+url.QueryEscape(name)+"&locale=fr&avatar=yes", name)
	}
	d, err := web.NewDictionary()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, username string) {
		if account.IsUsername(username) && !regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`).MatchString(username) {
			t.Errorf("taken as a user name: %q", username)
		}
		values, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		page := readPersonalDetails(values)
		if len(page.Form.CheckProfile(d.Words["fr"])) > 0 {
			return
		}
		for _, s := range []string{page.Form.DisplayName, page.Form.Company} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > web.MaxName || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("taken: %q", s)
			}
		}
	})
}
