// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func secret(b byte) []byte { return bytes.Repeat([]byte{b}, MinKeyLen) }

func mustKeys(t testing.TB, secrets ...[]byte) Keys {
	t.Helper()
	keys, err := NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func mustSeal(t testing.TB, k Keys, purpose, text, owner string) string {
	t.Helper()
	sealed, err := k.Seal(purpose, []byte(text), []byte(owner))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedTextOpensForItsPurposeAndOwnerAlone(t *testing.T) {
	keys := mustKeys(t, secret(1))
	sealed := mustSeal(t, keys, "totp seed", "seed of Ana", "uid-ana")
	if strings.Contains(sealed, "Ana") || sealed == mustSeal(t, keys, "totp seed", "seed of Ana", "uid-ana") {
		t.Error("what is sealed can be read or compared")
	}
	got, outdated, err := keys.Open("totp seed", sealed, []byte("uid-ana"))
	if err != nil || string(got) != "seed of Ana" || outdated {
		t.Fatalf("Open = %q, outdated %v, %v", got, outdated, err)
	}
	flipped := []byte(sealed)
	if i := len(flipped) - 3; flipped[i] == 'A' {
		flipped[i] = 'B'
	} else {
		flipped[i] = 'A'
	}
	for name, open := range map[string]func() ([]byte, bool, error){
		"another purpose": func() ([]byte, bool, error) { return keys.Open("cookie", sealed, []byte("uid-ana")) },
		"another account": func() ([]byte, bool, error) { return keys.Open("totp seed", sealed, []byte("uid-eve")) },
		"no account":      func() ([]byte, bool, error) { return keys.Open("totp seed", sealed, nil) },
		"changed":         func() ([]byte, bool, error) { return keys.Open("totp seed", string(flipped), []byte("uid-ana")) },
		"cut":             func() ([]byte, bool, error) { return keys.Open("totp seed", sealed[:len(sealed)-7], []byte("uid-ana")) },
	} {
		if got, _, err := open(); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: Open = %q, %v, want ErrSealed", name, got, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "short": "AAAA", "not base64": "!!", "padded": sealed + "=", "other": strings.Repeat("A", 99)} {
		if _, _, err := keys.Open("totp seed", text, nil); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: %v, want ErrUnknownKey", name, err)
		}
	}
}

// Rotation: the new key seals, the old one still opens and says so; when it is gone, what it sealed is lost.
func TestKeysAreReplaced(t *testing.T) {
	before := mustKeys(t, secret(1))
	sealed := mustSeal(t, before, "totp seed", "x", "a")
	during := mustKeys(t, secret(2), secret(3), secret(1))
	got, outdated, err := during.Open("totp seed", sealed, []byte("a"))
	if err != nil || string(got) != "x" || !outdated {
		t.Fatalf("Open with the older key = %q, outdated %v, %v", got, outdated, err)
	}
	anew := mustSeal(t, during, "totp seed", "x", "a")
	after := mustKeys(t, secret(2))
	if _, outdated, err := after.Open("totp seed", anew, []byte("a")); err != nil || outdated {
		t.Errorf("sealed anew: outdated %v, %v", outdated, err)
	}
	if _, _, err := after.Open("totp seed", sealed, []byte("a")); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("sealed with a key that is gone: %v, want ErrUnknownKey", err)
	}
}

func TestKeysMustBeLongEnough(t *testing.T) {
	if _, err := NewKeys(); err == nil {
		t.Error("no key at all is accepted")
	}
	if _, err := NewKeys(secret(1), make([]byte, MinKeyLen-1)); err == nil || !strings.Contains(err.Error(), "31 bytes") {
		t.Errorf("a short key: %v, want an error that tells its length", err)
	}
}

func FuzzOpen(f *testing.F) {
	keys := mustKeys(f, secret(1), secret(2))
	f.Add(mustSeal(f, keys, "p", "text", "owner"), "owner")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, sealed, owner string) {
		plain, _, err := keys.Open("p", sealed, []byte(owner))
		if err == nil && (string(plain) != "text" || owner != "owner") {
			t.Errorf("Open(%q, %q) = %q: nobody sealed that", sealed, owner, plain)
		}
	})
}
