// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
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

// maxObjectName leaves room for a number behind the name of an object, within the 63 characters that a CustomRole may have.
const maxObjectName = 50

// ObjectName makes the name of an object from what people call it: one that no other has, that is valid for every kind, and that tells
// the object apart in Git and with kubectl. Where no letter of it can be written so, it is that of the kind.
func ObjectName(called, kind string, taken func(string) bool) string {
	name := slug(called)
	if name == "" {
		name = kind
	}
	if name[0] >= '0' && name[0] <= '9' { // Names of CustomRoles begin with a letter.
		name = kind + "-" + name
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// slug are the letters and digits of ASCII, without accents, with hyphens for what stands between them.
func slug(s string) string {
	var b strings.Builder
	for _, r := range Fold(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxObjectName {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
