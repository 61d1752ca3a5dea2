// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	same := map[string]Address{
		"ana@acme.example":                "ana@acme.example",
		"Ana@Acme.Example":                "ana@acme.example",
		"ana+social@acme.example":         "ana+social@acme.example",
		"a.n.a@acme.example":              "a.n.a@acme.example",
		"ana@bücher.example":              "ana@xn--bcher-kva.example",
		"ana@XN--BCHER-KVA.example":       "ana@xn--bcher-kva.example",
		"jörg@acme.example":               "jörg@acme.example",
		"o'neil@acme.example":             "o'neil@acme.example",
		"ana@localhost":                   "ana@localhost",
		" ana@acme.example ":              "ana@acme.example",
		"ana_b-c@sub.domain.acme.example": "ana_b-c@sub.domain.acme.example",
	}
	for in, want := range same {
		if got, err := ParseAddress(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	wrong := []string{
		"", "ana", "@acme.example", "ana@", "ana@acme", "ana@@acme.example", "ana@acme..example", "Ana <ana@acme.example>",
		"<ana@acme.example>", `"ana b"@acme.example`, "ana@acme.example, ben@acme.example", "ana@[192.0.2.1]", "ana\r\nBcc: x@y.example@acme.example",
		"ana (home)@acme.example", "ana@-acme.example", strings.Repeat("a", 250) + "@acme.example",
	}
	for _, in := range wrong {
		if got, err := ParseAddress(in); err == nil {
			t.Errorf("%q is taken as %q", in, got)
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

func TestDomainAllowed(t *testing.T) {
	cases := []struct {
		address Address
		allowed []string
		want    bool
	}{
		{"ana@acme.example", nil, true},
		{"ana@acme.example", []string{"acme.example"}, true},
		{"ana@sub.acme.example", []string{"acme.example"}, false},
		{"ana@evilacme.example", []string{"acme.example"}, false},
		{"ana@xn--bcher-kva.example", []string{"bücher.example"}, true},
	}
	for _, c := range cases {
		if got := DomainAllowed(c.address, c.allowed); got != c.want {
			t.Errorf("%s in %v: %v", c.address, c.allowed, got)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"ana@acme.example", "jörg@bücher.example", "a\r\n@b.c", `"q"@x.y`, "ana@acme.example\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if again, err := ParseAddress(string(a)); err != nil || again != a {
			t.Errorf("%q is %q, which is %q, %v", s, a, again, err)
		}
		if strings.ContainsAny(string(a), "\r\n\x00 <>,;") || a.Domain() == "" {
			t.Errorf("%q is %q, which cannot stand in a header", s, a)
		}
	})
}
