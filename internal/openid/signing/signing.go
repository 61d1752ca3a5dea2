// SPDX-License-Identifier: Apache-2.0

// Package signing is the keys that the portal signs tokens with: how they lie in their Secret, which of them signs at a time, which are
// published, and when one is made or removed. The manager keeps them so, and the portal reads them.
//
// Nobody writes down which key signs or until when one is published: both follow from the keys that are there. So a key that somebody
// takes away is gone at once, and those that are left do without it.
package signing

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	corev1 "k8s.io/api/core/v1"
)

// SecretType is the type of the Secret: by it the manager may change this one and none of the others beside it, and backups leave it out.
const SecretType corev1.SecretType = "roster.dev/signing-keys"

const (
	// Bits of the keys that are made: as strong as AES-128 (NIST SP 800-57, part 1, 5.6.1.1). See docs/decisions/0090.
	Bits = 3072
	// minBits is the least that RS256 may be used with (RFC 7518, 3.3).
	minBits = 2048
	// version of the document in each entry that is written and understood.
	version = 1
)

// Algorithm is what tokens are signed with: every tool takes it.
const Algorithm = jose.RS256

// Key is a key that signs tokens.
type Key struct {
	// ID is the thumbprint of the public key (RFC 7638, SHA-256), and the name of the entry in the Secret.
	ID string
	// Created is when it was made, and published.
	Created time.Time
	// SignsFrom is when it begins to sign, unless those before it are gone earlier.
	SignsFrom time.Time
	// Private is the key itself.
	Private *rsa.PrivateKey
}

// Public is the key as applications are given it (RFC 7517).
func (k Key) Public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: string(Algorithm), Use: "sig"}
}

// New makes a key for a turn. It takes about a second of a processor.
func New(t Turn) (Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, Bits)
	if err != nil {
		return Key{}, fmt.Errorf("making a key: %w", err)
	}
	return Of(t, private)
}

// Of gives a private key its turn.
func Of(t Turn, private *rsa.PrivateKey) (Key, error) {
	id, err := thumbprint(private)
	return Key{ID: id, Created: t.Created, SignsFrom: t.SignsFrom, Private: private}, err
}

func thumbprint(key *rsa.PrivateKey) (string, error) {
	thumb, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("naming a key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(thumb), nil
}

// document is an entry of the Secret.
type document struct {
	Version   int       `json:"version"`
	Created   time.Time `json:"created"`
	SignsFrom time.Time `json:"signsFrom"`
	// PrivateKey is PKCS #8 in PEM.
	PrivateKey string `json:"privateKey"`
}

const pemType = "PRIVATE KEY"

// Entry is the key as it lies in the Secret under its ID.
func (k Key) Entry() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.ID, err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	return json.Marshal(document{Version: version, Created: k.Created.UTC(), SignsFrom: k.SignsFrom.UTC(), PrivateKey: string(private)})
}

// FromSecret reads the keys. Each entry of the Secret is one. A Secret without any has none, which is no error: the manager makes one.
func FromSecret(secret *corev1.Secret) (Set, error) {
	where := fmt.Sprintf("Secret %s/%s", secret.Namespace, secret.Name)
	var set Set
	for _, name := range slices.Sorted(maps.Keys(secret.Data)) {
		key, err := parse(name, secret.Data[name])
		if err != nil {
			return nil, fmt.Errorf("%s: the entry %q %w: remove the entry; the manager makes the keys that are needed", where, name, err)
		}
		set = append(set, key)
	}
	slices.SortFunc(set, inTurn)
	return set, nil
}

// parse reads an entry. Its errors say what the entry is, and nothing that is in it.
func parse(name string, data []byte) (Key, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return Key{}, errors.New("is no JSON document with created, signsFrom and privateKey")
	}
	if d.Version != version {
		return Key{}, fmt.Errorf("has version %d, and this program knows only %d", d.Version, version)
	}
	if d.Created.IsZero() || d.SignsFrom.IsZero() {
		return Key{}, errors.New("lacks created or signsFrom")
	}
	block, _ := pem.Decode([]byte(d.PrivateKey))
	if block == nil || block.Type != pemType {
		return Key{}, errors.New("has no privateKey in PEM (PKCS #8)")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return Key{}, errors.New("has a privateKey that is no RSA key in PKCS #8")
	}
	if n := private.N.BitLen(); n < minBits {
		return Key{}, fmt.Errorf("has a key of %d bits, and RS256 needs at least %d", n, minBits)
	}
	id, err := thumbprint(private)
	if err != nil || id != name {
		return Key{}, fmt.Errorf("must have the ID of its key for a name, which is %s", id)
	}
	return Key{ID: id, Created: d.Created, SignsFrom: d.SignsFrom, Private: private}, nil
}

// inTurn orders keys by when they begin to sign.
func inTurn(a, b Key) int {
	return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}
