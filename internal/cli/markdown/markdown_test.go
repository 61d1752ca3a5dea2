// SPDX-License-Identifier: Apache-2.0

package markdown

import (
	"regexp"
	"strings"
	"testing"
)

// active is what Markdown, HTML or a forge would act on. References such as &#64; are none of it.
var active = regexp.MustCompile("(^|[^\\\\])[`*_{}\\[\\]()#+!|~=$^]|[<>@:]|[.]|^-|[\\x00-\\x1f\\x7f]")

func TestNamesOfStrangersAreInert(t *testing.T) {
	for text, want := range map[string]string{
		"Ana Lima":                   "Ana Lima",
		"[x](https://evil.example)":  `\[x\]\(https&#58;//evil&#46;example\)`,
		"@all":                       "&#64;all",
		"www.evil.example":           "www&#46;evil&#46;example",
		"<img src=x>":                `&lt;img src\=x&gt;`,
		"a|b\n# c":                   `a\|b \# c`,
		"- item":                     "&#45; item",
		"fixes #1":                   `fixes \#1`,
		"&lt;b&gt;":                  "&amp;lt;b&amp;gt;",
		"a\u202eb\u200bc":            "a b c",
		"O'Neill, Dr. \"Zoë\" \\ 日本": `O'Neill, Dr&#46; "Zoë" \\ 日本`,
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"Ana", "[x](y)", "@a", "a\\`b`", "-\t-", "\u00ad#1", "a&#64;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Escape(text)
		bare := regexp.MustCompile(`&(#64|#58|#46|#45|lt|gt|amp);`).ReplaceAllString(strings.ReplaceAll(got, `\\`, ""), "")
		if strings.Contains(bare, "&") || active.MatchString(bare) {
			t.Errorf("%q becomes %q, which is not inert", text, got)
		}
	})
}
