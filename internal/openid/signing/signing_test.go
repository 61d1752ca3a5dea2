// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func secretWith(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "roster-system", Name: "roster-openid-keys"}, Data: data}
}

// small is a key that is quickly made: tests ask little of its strength.
func small(t *testing.T, bits int, from time.Time) (Key, []byte) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	k, err := Of(Turn{Created: start, SignsFrom: from}, private)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := k.Entry()
	if err != nil {
		t.Fatal(err)
	}
	return k, entry
}

// TestThumbprint has the example of RFC 7638, 3.1.
func TestThumbprint(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W" +
		"-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLy" +
		"rdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	modulus, err := base64.RawURLEncoding.DecodeString(n)
	if err != nil {
		t.Fatal(err)
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}}
	if id, err := thumbprint(key); err != nil || id != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("ID %s, %v", id, err)
	}
}

func TestKeysComeBackAsTheyWerePutIn(t *testing.T) {
	later, second := small(t, minBits, start.Add(Period))
	now, first := small(t, minBits, start)
	set, err := FromSecret(secretWith(map[string][]byte{later.ID: second, now.ID: first}))
	if err != nil {
		t.Fatal(err)
	}
	if len(set) != 2 || set[0].ID != now.ID || !set[1].Private.Equal(later.Private) || !set[1].SignsFrom.Equal(later.SignsFrom) {
		t.Fatalf("read %v", set)
	}
	jwk := set[0].Public()
	public, err := json.Marshal(jwk)
	if err != nil || !jwk.IsPublic() || bytes.Contains(public, []byte(`"d"`)) {
		t.Errorf("published as %s, %v", public, err)
	}
	for _, want := range []string{`"alg":"RS256"`, `"use":"sig"`, `"kid":"` + now.ID + `"`} {
		if !bytes.Contains(public, []byte(want)) {
			t.Errorf("published as %s, want %s in it", public, want)
		}
	}
	if set, err := FromSecret(secretWith(nil)); err != nil || len(set) != 0 {
		t.Errorf("an empty Secret: %v, %v", set, err)
	}
}

func TestErrorsNameTheEntryAndNothingThatIsInIt(t *testing.T) {
	key, good := small(t, minBits, start)
	_, weak := small(t, 1024, start)
	change := func(old, with string) []byte { return bytes.Replace(good, []byte(old), []byte(with), 1) }
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := json.Marshal(document{
		Version: 1, Created: start, SignsFrom: start, PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: other})),
	})
	if err != nil {
		t.Fatal(err)
	}
	for want, entry := range map[string][]byte{
		"is no JSON document":                       []byte("a secret of another program"),
		"has version 2":                             change(`"version":1`, `"version":2`),
		"lacks created or signsFrom":                change(`"signsFrom"`, `"signedFrom"`),
		"has no privateKey in PEM":                  change("BEGIN PRIVATE KEY", "BEGIN SECRET KEY"),
		"has a privateKey that is no RSA key":       curve,
		"has a key of 1024 bits":                    weak,
		"must have the ID of its key for a name, w": good,
	} {
		_, err := FromSecret(secretWith(map[string][]byte{"current": entry}))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `roster-system/roster-openid-keys: the entry "current"`) {
			t.Errorf("%v, want %q in it", err, want)
		} else if strings.Contains(err.Error(), "another program") || strings.Contains(err.Error(), "MII") {
			t.Errorf("an error tells what is in the entry: %v", err)
		}
	}
	if _, err := FromSecret(secretWith(map[string][]byte{key.ID: good})); err != nil {
		t.Error(err)
	}
}

func TestNewKeysAreStrong(t *testing.T) {
	key, err := New(Turn{Created: start, SignsFrom: start.Add(Lead)})
	if err != nil || key.Private.N.BitLen() != Bits || key.ID == "" || !key.SignsFrom.Equal(start.Add(Lead)) {
		t.Errorf("made %v, %v", key.ID, err)
	}
}
