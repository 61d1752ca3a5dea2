// SPDX-License-Identifier: Apache-2.0

package common

import "testing"

func TestHas(t *testing.T) {
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	eight := 0
	for _, password := range p.sorted {
		if len(password) < 6 {
			t.Errorf("%q is in the list, which nobody could choose", password)
		}
		if len(password) >= 8 {
			eight++
		}
	}
	if n := len(p.sorted); n < 42_000 || eight < 17_900 {
		t.Errorf("only %d passwords are known, %d of them of eight characters: docs/security.md promises more", n, eight)
	}
	for _, weak := range []string{
		"password", "PASSWORD", "Password1!", "p@ssw0rd", "P@ssw0rd2026!", "123456789", "qwertyuiop", "!!sunshine!!", "Iloveyou2", "1qaz2wsx",
		"aaaaaaaaaaaaaaaa", "121212121212", "abcabcabcabc", "Trustno1", "", "2026superman",
	} {
		if !p.Has(weak) {
			t.Errorf("%q passes", weak)
		}
	}
	for _, good := range []string{
		"Correct horse, battery", "wN4-tiglio-Rosso", "un chien au soleil", "sunshine over the password", "8f3kq-z0pm2-vv7ax", "пароль не простой",
	} {
		if p.Has(good) {
			t.Errorf("%q is refused", good)
		}
	}
}

func BenchmarkHas(b *testing.B) {
	p, err := Load()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p.Has("Correct horse, battery")
	}
}
