// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

const uid = "0b3a4f0e-8c36-4a53-9d5e-1f2a3b4c5d6e"

func key(b byte) []byte { return bytes.Repeat([]byte{b}, keyring.MinLen) }

func ring(keys ...[]byte) keyring.Keys { return keys }

func TestTokenIsTheSameForTheSameLink(t *testing.T) {
	k := ring(key(1))
	a, _ := Token(k, uid, 1, "ana@acme.example")
	b, _ := Token(k, uid, 1, "ana@acme.example")
	if a != b {
		t.Error("a retry would bring another link")
	}
	id, err := ParseToken(a)
	if err != nil || id != (TokenID{UID: uid, Attempt: 1}) {
		t.Errorf("%+v, %v", id, err)
	}
	if err := Verify(k, a, "ana@acme.example"); err != nil {
		t.Error(err)
	}
	const mailed = "CzpPDow2SlOdXh8qO0xdbgAAAAGWImQxT_YEK_GmwuMVQPIO2kZkucYw5nUQTWDTc9Mx5g"
	if a != mailed {
		t.Errorf("links that were mailed, such as %s, are void: it is %s now", mailed, a)
	}
}

func TestTokenOfAnotherLinkIsRefused(t *testing.T) {
	k := ring(key(1))
	good, _ := Token(k, uid, 1, "ana@acme.example")
	second, _ := Token(k, uid, 2, "ana@acme.example")
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	raise := bytes.Clone(raw)
	raise[idLen-1] = 2
	raised := base64.RawURLEncoding.EncodeToString(raise)
	wrong := map[string]string{
		"empty": "", "truncated": good[:len(good)-1], "longer": good + "A", "other letters": strings.ToUpper(good),
		"the attempt raised by hand": raised, "the signature of another attempt": good[:27] + second[27:], "padded": good + "==",
	}
	for name, token := range wrong {
		if err := Verify(k, token, "ana@acme.example"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := Verify(k, good, "ben@acme.example"); err == nil {
		t.Error("taken for another address")
	}
	if err := Verify(ring(key(2)), good, "ana@acme.example"); err == nil {
		t.Error("taken under another key")
	}
}

func TestKeyRotation(t *testing.T) {
	old, rotated := ring(key(1)), ring(key(2), key(1))
	token, _ := Token(old, uid, 1, "ana@acme.example")
	if err := Verify(rotated, token, "ana@acme.example"); err != nil {
		t.Error("a link on its way dies with a new key")
	}
	fresh, _ := Token(rotated, uid, 1, "ana@acme.example")
	if err := Verify(old, fresh, "ana@acme.example"); err == nil {
		t.Error("the new key does not sign")
	}
}

func TestTokenNeedsUIDAndAttempt(t *testing.T) {
	k := ring(key(1))
	for _, id := range []TokenID{{"", 1}, {"nonsense", 1}, {uid, 0}, {uid, -1}, {strings.ToUpper(uid), 1}} {
		if _, err := Token(k, id.UID, id.Attempt, "ana@acme.example"); err == nil {
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

// An Invitation that is restored from a backup has another UID, and the link that was mailed before, or by an older Roster, still opens it.
func TestLinkOutlivesTheUID(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{UID: uid}, Spec: rosterv1alpha1.InvitationSpec{Email: "ana@acme.example"}}
	before := LinkID(inv)
	in := Input{Offer: Offer{Invitation: inv, Organization: &rosterv1alpha1.Organization{}}}
	d := Decide(in, noon)
	if d.Action != Deliver {
		t.Fatalf("%+v", d)
	}
	r := NewReport(in, d, "id@acme.example", noon)
	r.Outcome, in.Report = outcome.Delivered, &r
	inv.Status = Decide(in, noon).Status
	inv.UID = "0b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d"
	if after := LinkID(inv); after != before || before != uid {
		t.Errorf("the link of %s became one of %s", before, after)
	}
	again := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{UID: inv.UID}, Spec: inv.Spec}
	if LinkID(again) == before {
		t.Error("one that was deleted and made again has the links of the former")
	}
}

func FuzzVerify(f *testing.F) {
	k := ring(key(1))
	good, _ := Token(k, uid, 1, "ana@acme.example")
	f.Add(good)
	f.Add(good[:20])
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		_, parseErr := ParseToken(token)
		err := Verify(k, token, "ana@acme.example")
		if err == nil && (token != good || parseErr != nil) {
			t.Errorf("%q verifies", token)
		}
	})
}
