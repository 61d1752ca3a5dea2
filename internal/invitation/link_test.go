// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

const uid = "0b3a4f0e-8c36-4a53-9d5e-1f2a3b4c5d6e"

func key(b byte) []byte { return bytes.Repeat([]byte{b}, MinKeyLen) }

func mustKeys(t testing.TB, keys ...[]byte) Keys {
	t.Helper()
	k, err := NewKeys(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokenIsTheSameForTheSameLink(t *testing.T) {
	k := mustKeys(t, key(1))
	a, _ := k.Token(uid, 1, "ana@acme.example")
	b, _ := k.Token(uid, 1, "ana@acme.example")
	if a != b {
		t.Error("a retry would bring another link")
	}
	id, err := ParseToken(a)
	if err != nil || id != (TokenID{UID: uid, Attempt: 1}) {
		t.Errorf("%+v, %v", id, err)
	}
	if err := k.Verify(a, "ana@acme.example"); err != nil {
		t.Error(err)
	}
}

func TestTokenOfAnotherLinkIsRefused(t *testing.T) {
	k := mustKeys(t, key(1))
	good, _ := k.Token(uid, 1, "ana@acme.example")
	second, _ := k.Token(uid, 2, "ana@acme.example")
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	raise := bytes.Clone(raw)
	raise[idLen-1] = 2
	raised := base64.RawURLEncoding.EncodeToString(raise)
	wrong := map[string]string{
		"empty": "", "truncated": good[:len(good)-1], "longer": good + "A", "other letters": strings.ToUpper(good),
		"the attempt raised by hand": raised, "the signature of another attempt": good[:27] + second[27:], "padded": good + "==",
	}
	for name, token := range wrong {
		if err := k.Verify(token, "ana@acme.example"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := k.Verify(good, "ben@acme.example"); err == nil {
		t.Error("taken for another address")
	}
	if err := mustKeys(t, key(2)).Verify(good, "ana@acme.example"); err == nil {
		t.Error("taken under another key")
	}
}

func TestKeyRotation(t *testing.T) {
	old, err := KeysFromSecret(map[string][]byte{"current": key(1)})
	if err != nil {
		t.Fatal(err)
	}
	token, _ := old.Token(uid, 1, "ana@acme.example")
	rotated, err := KeysFromSecret(map[string][]byte{"current": key(2), "previous": key(1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := rotated.Verify(token, "ana@acme.example"); err != nil {
		t.Error("a link on its way dies with a new key")
	}
	fresh, _ := rotated.Token(uid, 1, "ana@acme.example")
	if err := old.Verify(fresh, "ana@acme.example"); err == nil {
		t.Error("the new key does not sign")
	}
	for name, data := range map[string]map[string][]byte{
		"no current": {"previous": key(1)}, "short": {"current": key(1)[:31]}, "empty": nil,
	} {
		if _, err := KeysFromSecret(data); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestTokenNeedsUIDAndAttempt(t *testing.T) {
	k := mustKeys(t, key(1))
	for _, id := range []TokenID{{"", 1}, {"nonsense", 1}, {uid, 0}, {uid, -1}, {strings.ToUpper(uid), 1}} {
		if _, err := k.Token(id.UID, id.Attempt, "ana@acme.example"); err == nil {
			t.Errorf("%+v: a token", id)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	ids := map[string]bool{
		MessageID(uid, 1, 0, "acme.example"): true, MessageID(uid, 2, 0, "acme.example"): true,
		MessageID(uid, 1, 1, "acme.example"): true, MessageID(uid, 1, 2, "acme.example"): true,
	}
	if len(ids) != 4 {
		t.Errorf("two mails share a Message-ID: %v", ids)
	}
}

func FuzzVerify(f *testing.F) {
	k := mustKeys(f, key(1))
	good, _ := k.Token(uid, 1, "ana@acme.example")
	f.Add(good)
	f.Add(good[:20])
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		_, parseErr := ParseToken(token)
		err := k.Verify(token, "ana@acme.example")
		if err == nil && (token != good || parseErr != nil) {
			t.Errorf("%q verifies", token)
		}
	})
}
