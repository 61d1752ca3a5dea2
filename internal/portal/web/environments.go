// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// EnvironmentView is where the work of an organisation is done.
type EnvironmentView struct{ Name, URL, Host string }

// Environments are those whose address a page can link to.
func Environments(all []rosterv1alpha1.Environment) []EnvironmentView {
	var views []EnvironmentView
	for _, e := range all {
		if IsWebAddress(e.URL) {
			u, _ := url.Parse(e.URL)
			views = append(views, EnvironmentView{Name: e.Name, URL: e.URL, Host: u.Host})
		}
	}
	return views
}

// IsWebAddress reports whether browsers can open an address.
func IsWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// Initials are the first letters of the first two words.
func Initials(name string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(unicode.ToUpper(r))
		if utf8.RuneCountInString(b.String()) == 2 {
			break
		}
	}
	return b.String()
}
