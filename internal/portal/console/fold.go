// SPDX-License-Identifier: Apache-2.0

package console

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold brings a text into the form in which it is searched and sorted: without case and without accents.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		r = unicode.ToLower(r)
		if plain := plainly(r); plain != "" {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Search is what is looked for: words, folded.
type Search []string

// SearchFor reads what somebody has typed.
func SearchFor(typed string) Search { return strings.Fields(Fold(typed)) }

// In reports whether a folded text has every word.
func (s Search) In(folded string) bool {
	return !slices.ContainsFunc(s, func(word string) bool { return !strings.Contains(folded, word) })
}

// plainly is how people write a letter who do not have it on their keyboard: Unicode takes these for letters of their own, without an
// accent that could be left out.
func plainly(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'ı':
		return "i"
	case 'ς':
		return "σ"
	}
	return ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
