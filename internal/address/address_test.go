// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// right are addresses, with their normal form.
func right() map[string]Address {
	return map[string]Address{
		"ana@acme.example":                "ana@acme.example",
		"Ana@Acme.Example":                "ana@acme.example",
		"ana+social@acme.example":         "ana+social@acme.example",
		"a.n.a@acme.example":              "a.n.a@acme.example",
		"ana@bücher.example":              "ana@xn--bcher-kva.example",
		"ana@BÜCHER.example":              "ana@xn--bcher-kva.example",
		"ana@BU\u0308CHER.example":        "ana@xn--bcher-kva.example",
		"ana@XN--BCHER-KVA.example":       "ana@xn--bcher-kva.example",
		"ana@acme。example":                "ana@acme.example",
		"jörg@acme.example":               "jörg@acme.example",
		"Jo\u0308rg@acme.example":         "jörg@acme.example",
		"H\u0331@acme.example":            "\u1e96@acme.example",
		"ана@acme.example":                "ана@acme.example",
		"安娜@acme.example":                 "安娜@acme.example",
		"o'neil@acme.example":             "o'neil@acme.example",
		"ana@localhost":                   "ana@localhost",
		"ana_b-c@sub.domain.acme.example": "ana_b-c@sub.domain.acme.example",
	}
}

func TestParse(t *testing.T) {
	for in, want := range right() {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

// wrong are no addresses, with what has to be said about them.
func wrong() map[string][]string {
	return map[string][]string{
		"":                                         {"not a mail address", "ana@example.com"},
		"ana":                                      {"not a mail address"},
		"@acme.example":                            {"not a mail address"},
		"ana@":                                     {"not a mail address"},
		"ana@acme":                                 {"no usable domain"},
		"ana@acme..example":                        {"no usable domain"},
		"ana@acme.example.":                        {"no usable domain"},
		"ana@acme。example。":                        {"no usable domain"},
		"ana@-acme.example":                        {"no usable domain"},
		"ana@[192.0.2.1]":                          {"no usable domain"},
		"ana@xn--a.example":                        {"no usable domain"},
		"ana@@acme.example":                        {"U+0040 COMMERCIAL AT", "remove it"},
		" ana@acme.example":                        {"U+0020 SPACE"},
		"ana@acme.example ":                        {"U+0020 SPACE", "after the @"},
		"Ana <Ana@acme.example>":                   {"write only ana@acme.example"},
		`"Ana" <ana@acme.example>`:                 {"write only ana@acme.example"},
		"ana@acme.example, b@acme.example":         {"more than one"},
		"ana (home)@acme.example":                  {"more than one"},
		`"a..b"@mail.example`:                      {"quotation marks"},
		`"ana[x]"@mail.example`:                    {"quotation marks"},
		"ana[x]@mail.example":                      {"U+005B LEFT SQUARE BRACKET"},
		"a..b@mail.example":                        {"misplaced dot"},
		".ana@mail.example":                        {"misplaced dot"},
		"ana.@mail.example":                        {"misplaced dot"},
		"ana\xff@mail.example":                     {"not UTF-8"},
		"ana\r\nBcc: x@y.example":                  {"more than one"},
		"\ufeffana@acme.example":                   {"U+FEFF ZERO WIDTH NO-BREAK SPACE", "remove it"},
		"ana\u200b@acme.example":                   {`"ana\u200b@acme.example"`, "U+200B ZERO WIDTH SPACE", "remove it"},
		"ana\u0085@acme.example":                   {"U+0085 <CONTROL>"},
		"ana\u202e@acme.example":                   {"U+202E RIGHT-TO-LEFT OVERRIDE"},
		"ana\u00a0@acme.example":                   {"U+00A0 NO-BREAK SPACE"},
		"ana\u3164@acme.example":                   {"U+3164 HANGUL FILLER"},
		"ana\ufe0f@acme.example":                   {"U+FE0F VARIATION SELECTOR-16"},
		"ana\u0378@acme.example":                   {"U+0378 (UNASSIGNED)"},
		"\u0308ana@acme.example":                   {"U+0308 COMBINING DIAERESIS"},
		"ana@ac\u200bme.example":                   {"U+200B ZERO WIDTH SPACE", "after the @"},
		"q＠elsewhere.example@acme.example":         {"U+FF20 FULLWIDTH COMMERCIAL AT", `another form of "@"`},
		"ａna@acme.example":                         {"U+FF41 FULLWIDTH LATIN SMALL LETTER A", `"a"`},
		"\u212aim@acme.example":                    {"U+212A KELVIN SIGN", `another form of "K"`},
		"\u0130pek@acme.example":                   {"U+0130 LATIN CAPITAL LETTER I WITH DOT ABOVE", "in lower case"},
		"I\u0307pek@acme.example":                  {"U+0130", "in lower case"},
		"JÖRG@acme.example":                        {"U+00D6", "in lower case"},
		"ﬁn@acme.example":                          {"U+FB01 LATIN SMALL LIGATURE FI", `"fi"`},
		"ana😀@acme.example":                        {"U+1F600 GRINNING FACE"},
		strings.Repeat("a", 250) + "@acme.example": {"longer than 254 bytes"},
	}
}

// corpus is all of them.
func corpus() []string {
	return append(slices.Collect(maps.Keys(right())), slices.Collect(maps.Keys(wrong()))...)
}

func TestWhatIsNoAddressIsTold(t *testing.T) {
	for in, want := range wrong() {
		got, err := Parse(in)
		if err == nil {
			t.Errorf("%q is taken as %q", in, got)
			continue
		}
		for _, words := range want {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%q: %q does not say %q", in, err, words)
			}
		}
		if e := (*Error)(nil); !errors.As(err, &e) || e.Text != in {
			t.Errorf("%q: %#v is no *Error about it", in, err)
		}
	}
}

// Every character that cannot be seen, or is another one in disguise, is refused before the @.
func TestCharactersThatNobodySees(t *testing.T) {
	for _, table := range []*unicode.RangeTable{
		unicode.Cc, unicode.Cf, unicode.Co, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Join_Control,
		unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point,
	} {
		for _, r := range table.R16 {
			for c := uint32(r.Lo); c <= uint32(r.Hi); c += uint32(r.Stride) {
				refused(t, rune(c))
			}
		}
		for _, r := range table.R32 {
			refused(t, rune(r.Lo))
			refused(t, rune(r.Hi))
		}
	}
	for r := rune(0xff00); r <= 0xffef; r++ {
		refused(t, r)
	}
}

func refused(t *testing.T, r rune) {
	t.Helper()
	for _, in := range []string{"an" + string(r) + "a@acme.example", string(r) + "ana@acme.example", "ana" + string(r) + "@acme.example"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("%+q is taken as %q", in, got)
		}
	}
}

func TestAddressesOfDifferentPeopleDiffer(t *testing.T) {
	names := map[string]Address{}
	for _, a := range []Address{"ana@acme.example", "ana+x@acme.example", "a.na@acme.example", "ana@acme.test"} {
		if other, taken := names[a.AccountName()]; taken {
			t.Errorf("%s and %s share the Account %s", a, other, a.AccountName())
		}
		names[a.AccountName()] = a
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Ana@acme.example", "ana@ACME.example", true},
		{"ana@BÜCHER.example", "ana@xn--bcher-kva.example", true},
		{"jörg@acme.example", "jo\u0308rg@acme.example", true},
		{"ana@acme.example", "ana+x@acme.example", false},
		{"ana", "ana", false},
	} {
		if got := Same(c.a, c.b); got != c.want {
			t.Errorf("Same(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// People who joined under the normal form of an earlier release keep their Account and, with it, the user name that their roles are bound
// to.
func TestPeopleWhoHaveJoinedKeepTheirAccount(t *testing.T) {
	for in, former := range map[string]Address{
		"JÖRG@acme.example":       "jörg@acme.example",
		"jo\u0308rg@acme.example": "jo\u0308rg@acme.example",
		"\u0130pek@acme.example":  "ipek@acme.example",
		"\u212aim@acme.example":   "kim@acme.example",
		"ana\u200b@acme.example":  "ana\u200b@acme.example",
		"a..b@acme.example":       "a..b@acme.example",
	} {
		got, err := Joined(in, former.AccountName())
		if err != nil || got != former {
			t.Errorf("%+q with the Account of %+q: %+q, %v", in, former, got, err)
		}
		if !IsOf(accountOf(string(former), former.AccountName())) {
			t.Errorf("the Account of %+q is none", former)
		}
		a, parseErr := Parse(in)
		for _, other := range []string{"", Address("ben@acme.example").AccountName()} {
			if got, err := Joined(in, other); got != a || (err == nil) != (parseErr == nil) {
				t.Errorf("%+q with the Account %q: %+q, %v; want %+q, %v", in, other, got, err, a, parseErr)
			}
		}
	}
	for _, wrong := range []string{"Ana@acme.example", "ana@BÜCHER.example", "ben@acme.example"} {
		if IsOf(accountOf(wrong, Address("ana@acme.example").AccountName())) {
			t.Errorf("%s is the address of Ana's Account", wrong)
		}
	}
}

func accountOf(email, name string) *rosterv1alpha1.Account {
	return &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: rosterv1alpha1.AccountSpec{Email: email}}
}

// addresses are texts that are nearly addresses, of the characters that normal forms stumble over.
func addresses() *rapid.Generator[string] {
	part := rapid.StringOfN(rapid.OneOf(
		rapid.RuneFrom([]rune("aAzZkKiIhHjJ09.-_+\"'[]@<> \\")),
		rapid.RuneFrom([]rune("\u00df\u00f6\u00d6\u0130\u0131\u017f\u0308\u0307\u0331\u030c\u0345\u212a\u2126\u212b\uff20\uff41\ufeff\u200b\u200d\u202e\u0958\u1e9e")),
		rapid.RuneFrom(nil, unicode.L, unicode.M, unicode.N),
		rapid.Rune(),
	), 1, 8, -1)
	domain := rapid.OneOf(
		rapid.SampledFrom([]string{"acme.example", "BÜCHER.example", "xn--bcher-kva.example", "faß.de", "\u212aim.example", "acme。example", "localhost"}),
		rapid.Map(part, func(s string) string { return s + ".example" }),
	)
	return rapid.Custom(func(t *rapid.T) string { return part.Draw(t, "local") + "@" + domain.Draw(t, "domain") })
}

func TestTheNormalFormIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { isNormal(t, addresses().Draw(t, "address")) })
}

// isNormal holds what is so of every text.
func isNormal(t interface{ Errorf(string, ...any) }, s string) {
	a, err := Parse(s)
	if err != nil {
		if e := (*Error)(nil); !errors.As(err, &e) || err.Error() == "" {
			t.Errorf("%+q: %v is no *Error", s, err)
		}
		return
	}
	if again, err := Parse(string(a)); err != nil || again != a {
		t.Errorf("%+q is %+q, which is %+q, %v", s, a, again, err)
	}
	for _, form := range []string{norm.NFC.String(s), norm.NFD.String(s), lowerASCII(s), strings.ToUpper(s[:1]) + s[1:]} {
		if other, err := Parse(form); err == nil && other != a {
			t.Errorf("%+q is %+q, but %+q is %+q", s, a, form, other)
		}
	}
	if nfd, err := Parse(norm.NFD.String(s)); err != nil || nfd != a {
		t.Errorf("%+q in NFD is %+q, %v, want %+q", s, nfd, err, a)
	}
	// Mails take it to the letter, in the envelope and in the header.
	if m, err := mail.ParseAddress(string(a)); err != nil || m.Address != string(a) {
		t.Errorf("%+q is %+q, which a header has as %v, %v", s, a, m, err)
	}
	if strings.ContainsFunc(string(a), hidden) || strings.ContainsAny(string(a), "\"<>,; ") || a.Domain() == "" {
		t.Errorf("%+q is %+q, which cannot stand in a header", s, a)
	}
	if !IsOf(accountOf(string(a), a.AccountName())) {
		t.Errorf("%+q has no Account", a)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"ana@acme.example", "jörg@bücher.example", "a\r\n@b.c", `"q"@x.y`, "ana@acme.example\x00", "\u212aim@acme.example", "H\u0331@acme.example",
		"q＠elsewhere.example@acme.example", "ana@xn--bcher-kva.example", "=\u0338@acme.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { isNormal(t, s) })
}

// TestPlainDomainsAreInTheirNormalForm: what is not looked up in the tables of IDNA comes out of them unchanged.
func TestPlainDomainsAreInTheirNormalForm(t *testing.T) {
	for _, domain := range []string{"acme.example", "a.b", "sub-domain.acme.example", "3com.example", "1.2", "a--b.example", "abc--d.example"} {
		if !isPlain(domain) {
			t.Errorf("%s is looked up", domain)
		}
	}
	label := rapid.StringMatching(`[abnx019-]{0,6}|[a-z]{62,64}|xn--[a-z]{1,4}|[a-zA-Z0-9_é-]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		domain := strings.Join(rapid.SliceOfN(label, 1, 6).Draw(t, "labels"), ".")
		normal, err := Domain(domain)
		if isPlain(domain) && (err != nil || normal != domain) {
			t.Fatalf("%q is %q in its normal form: %v", domain, normal, err)
		}
	})
}
