// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/keyring"
)

func ring(bs ...byte) keyring.Keys {
	var keys keyring.Keys
	for _, b := range bs {
		keys = append(keys, bytes.Repeat([]byte{b}, keyring.MinLen))
	}
	return keys
}

func TestSealedTextOpensForItsPurposeAndOwnerAlone(t *testing.T) {
	seeds := NewStored(ring(1), "totp seed")
	sealed := seeds.Seal([]byte("seed of Ana"), []byte("uid-ana"))
	if strings.Contains(sealed, "Ana") || sealed == seeds.Seal([]byte("seed of Ana"), []byte("uid-ana")) {
		t.Error("what is sealed can be read or compared")
	}
	got, outdated, err := seeds.Open(sealed, []byte("uid-ana"))
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
		"another purpose": func() ([]byte, bool, error) { return NewStored(ring(1), "cookie").Open(sealed, []byte("uid-ana")) },
		"another account": func() ([]byte, bool, error) { return seeds.Open(sealed, []byte("uid-eve")) },
		"no account":      func() ([]byte, bool, error) { return seeds.Open(sealed, nil) },
		"changed":         func() ([]byte, bool, error) { return seeds.Open(string(flipped), []byte("uid-ana")) },
		"cut":             func() ([]byte, bool, error) { return seeds.Open(sealed[:len(sealed)-7], []byte("uid-ana")) },
	} {
		if got, _, err := open(); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: Open = %q, %v, want ErrSealed", name, got, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "short": "AAAA", "not base64": "!!", "padded": sealed + "=", "other": strings.Repeat("A", 99)} {
		if _, _, err := seeds.Open(text, nil); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: %v, want ErrUnknownKey", name, err)
		}
	}
}

// Rotation: the new key seals, the old one still opens and says so; when it is gone, what it sealed is lost.
func TestKeysAreReplaced(t *testing.T) {
	stored := func(bs ...byte) Sealer { return NewStored(ring(bs...), "totp seed") }
	sealed := stored(1).Seal([]byte("x"), []byte("a"))
	got, outdated, err := stored(2, 3, 1).Open(sealed, []byte("a"))
	if err != nil || string(got) != "x" || !outdated {
		t.Fatalf("Open with the older key = %q, outdated %v, %v", got, outdated, err)
	}
	again := stored(2, 3, 1).Seal([]byte("x"), []byte("a"))
	if _, outdated, err := stored(2).Open(again, []byte("a")); err != nil || outdated {
		t.Errorf("sealed again: outdated %v, %v", outdated, err)
	}
	if _, _, err := stored(2).Open(sealed, []byte("a")); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("sealed with a key that is gone: %v, want ErrUnknownKey", err)
	}
}

// What was sealed by an older Roster and lies in storage still opens.
func TestStoredTextsStay(t *testing.T) {
	const sealed = "UUxQL3erjcAGuEXdg1kLNuCOrptmg3ExgTYCj84pfDcTKbDVifHRw9PAJU8AyvFBYGkFEBvYNTKZEZg"
	got, outdated, err := NewStored(ring(1), "totp seed").Open(sealed, []byte("uid-ana"))
	if err != nil || string(got) != "seed of Ana" || outdated {
		t.Errorf("Open = %q, outdated %v, %v", got, outdated, err)
	}
}

func FuzzOpen(f *testing.F) {
	sealer := NewStored(ring(1, 2), "p")
	f.Add(sealer.Seal([]byte("text"), []byte("owner")), "owner")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, sealed, owner string) {
		plain, _, err := sealer.Open(sealed, []byte(owner))
		if err == nil && (string(plain) != "text" || owner != "owner") {
			t.Errorf("Open(%q, %q) = %q: nobody sealed that", sealed, owner, plain)
		}
	})
}

// session stands for the documents that browsers hold.
type session struct {
	ID      string `json:"id"`
	Account string `json:"account"`
}

func TestDocuments(t *testing.T) {
	s := New(ring('a'), "session")
	want := session{ID: "1", Account: "ana"}
	text, err := s.SealDocument(want)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := s.SealDocument(want); again == text {
		t.Error("sealing twice gives the same: the nonce is not random")
	}
	opens := func(s Sealer, text string) bool {
		var got session
		return s.OpenDocument(text, &got) == nil && got == want
	}
	if !opens(s, text) {
		t.Error("it does not open")
	}
	if !opens(New(ring('b', 'a'), "session"), text) {
		t.Error("it does not open after another key has become the current one")
	}
	if opens(New(ring('b'), "session"), text) {
		t.Error("it opens with another key")
	}
	if opens(New(ring('a'), "device"), text) {
		t.Error("what was sealed for one use opens for another")
	}
	for i := range text {
		changed := []byte(text)
		changed[i] ^= 1
		if opens(s, string(changed)) {
			t.Fatalf("it opens with a change at %d", i)
		}
	}
	for _, bad := range []string{"", "x", text[:40], text + "A", strings.Repeat("A", maxDocument+4)} {
		if opens(s, bad) {
			t.Errorf("%.20q opens", bad)
		}
	}
}

func FuzzDocument(f *testing.F) {
	s := New(ring('a'), "session")
	// What an older Roster made of a session with the ID "1"; a constant, because each process that fuzzes would make another.
	const text = "bBrOX5hz8jKZlcxdNmqdMRSctVfUQnnt7YUEUet-NTXIPnZZMdoQFsfbZFSifisKb36e0ke-oghHCouwDZHbcy19yBrwSvQifDUsNxO7JGZmXol1" +
		"OPGERXF1AWyRtEaJ2v7ewJtYagolMF77ZljlDGwhAU40oSLa_wlG-OvpNvQD-ZNaQrg_W_PaFM-x6McZnN0X7qJszGbdpzG-F8Y0fviFZm9c0VSkt5kYlVRemdkmNTE"
	var made session
	if err := s.OpenDocument(text, &made); err != nil || made.ID != "1" {
		f.Fatal(made, err)
	}
	f.Add(text)
	f.Add(text[:40] + "\n" + text[40:]) // which package base64 passes over
	f.Add(strings.Repeat("A", 80))
	f.Fuzz(func(t *testing.T, other string) {
		var got session
		if other != text && s.OpenDocument(other, &got) == nil {
			t.Errorf("%q opens as %+v", other, got)
		}
	})
}
