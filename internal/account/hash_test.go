// SPDX-License-Identifier: Apache-2.0

package account

import (
	"encoding/hex"
	"strings"
	"testing"
)

// cheap keeps the tests fast; it is no cost for real passwords.
func cheap() Params { return Params{Memory: 64, Time: 1, Threads: 1} }

// The vector is one of the reference implementation's own (github.com/P-H-C/phc-winner-argon2, src/test.c).
func TestHashAgreesWithReferenceImplementation(t *testing.T) {
	h := newHash("password", []byte("somesalt"), Params{Memory: 65536, Time: 2, Threads: 1})
	want := "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
	if got := hex.EncodeToString(h.sum); got != want {
		t.Errorf("hash = %s, want %s", got, want)
	}
}

func TestParseHash(t *testing.T) {
	salt, sum := strings.Repeat("A", 22), strings.Repeat("A", 43)
	good := "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum
	parsed, err := parseHash(good)
	if err != nil || parsed.String() != good || parsed.params != DefaultParams() {
		t.Fatalf("parseHash(%q) = %v, %v", good, parsed, err)
	}
	for name, bad := range map[string]string{
		"empty":            "",
		"other function":   "$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + sum,
		"other version":    "$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + sum,
		"no version":       "$argon2id$m=19456,t=2,p=1$" + salt + "$" + sum,
		"other order":      "$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + sum,
		"leading zero":     "$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + sum,
		"sign":             "$argon2id$v=19$m=+19456,t=2,p=1$" + salt + "$" + sum,
		"space":            "$argon2id$v=19$m=19456, t=2,p=1$" + salt + "$" + sum,
		"more parameters":  "$argon2id$v=19$m=19456,t=2,p=1,x=1$" + salt + "$" + sum,
		"lanes overflow":   "$argon2id$v=19$m=19456,t=2,p=257$" + salt + "$" + sum,
		"no lanes":         "$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + sum,
		"no time":          "$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + sum,
		"much time":        "$argon2id$v=19$m=19456,t=17,p=1$" + salt + "$" + sum,
		"little memory":    "$argon2id$v=19$m=7,t=2,p=1$" + salt + "$" + sum,
		"much memory":      "$argon2id$v=19$m=262145,t=2,p=1$" + salt + "$" + sum,
		"short salt":       "$argon2id$v=19$m=19456,t=2,p=1$" + salt[:20] + "$" + sum,
		"no salt":          "$argon2id$v=19$m=19456,t=2,p=1$$" + sum,
		"short hash":       "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum[:20],
		"long hash":        "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + strings.Repeat("A", 88),
		"padding":          "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "==$" + sum,
		"stray bits":       "$argon2id$v=19$m=19456,t=2,p=1$" + salt[:21] + "B$" + sum,
		"not base64":       "$argon2id$v=19$m=19456,t=2,p=1$" + salt[:21] + "!$" + sum,
		"line break":       good + "\n",
		"something before": "x" + good,
		"something after":  good + "$",
	} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("%s: parseHash(%q) succeeded", name, bad)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=255$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err == nil && (h.String() != s || h.params.Memory > maxMemory || h.params.Time > maxTime) {
			t.Errorf("parseHash(%q) took %+v", s, h.params)
		}
	})
}
