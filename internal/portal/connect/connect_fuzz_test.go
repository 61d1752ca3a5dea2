// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"strings"
	"testing"
)

// FuzzOAuthError: what a network, or the maker of a link, calls an error gets into the log as one short printable word.
func FuzzOAuthError(f *testing.F) {
	for _, code := range []string{"access_denied", "a\nb", "\x00\x1b[31m", strings.Repeat("é", 80), "\u202e"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if got := oauthError(code); len(got) > 60 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is logged as %q", code, got)
		}
	})
}
