// SPDX-License-Identifier: Apache-2.0

// Package markdown writes text of strangers so that it cannot become markup, a link or a mention. It does no I/O.
package markdown

import (
	"strings"
	"unicode"
)

// Escape makes text inert: what Markdown, HTML or a forge would act on becomes a character reference or is parted from what follows, and
// line breaks and characters that cannot be seen become spaces.
func Escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			b.WriteByte(' ')
		case strings.ContainsRune("\\`*_{}[]()#+!|~=$^", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '@':
			// A zero-width joiner would be invisible; a reference keeps the address readable and is no mention.
			b.WriteString("&#64;")
		case r == ':':
			b.WriteString("&#58;") // no scheme of a link, and no emoji
		case r == '.':
			b.WriteString("&#46;") // www. and domains are links by themselves
		case r == '-' && b.Len() == 0:
			b.WriteString("&#45;")
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
