// SPDX-License-Identifier: Apache-2.0

// Package keyring is the keys of the installation: those that sign links, seal sessions and encrypt seeds. A ring is kept in one Secret,
// and its keys can be replaced while what was made with the older ones is still in use.
package keyring

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// MinLen is the least length of a key in bytes.
	MinLen = 32
	// Current is the entry of a Secret whose key signs and seals.
	Current = "current"
)

// Keys are a ring. The first, of which there has to be one, signs and seals; all verify and open.
type Keys [][]byte

// FromSecret reads a ring from its Secret: the entry "current" signs and seals, every other entry only verifies and opens.
func FromSecret(secret *corev1.Secret) (Keys, error) {
	where := fmt.Sprintf("Secret %s/%s", secret.Namespace, secret.Name)
	if _, ok := secret.Data[Current]; !ok {
		return nil, fmt.Errorf("%s: it has no entry %q: add one with a random key of %d bytes", where, Current, MinLen)
	}
	keys := Keys{secret.Data[Current]}
	for _, name := range slices.Sorted(maps.Keys(secret.Data)) {
		key := secret.Data[name]
		if len(key) < MinLen {
			return nil, fmt.Errorf("%s: the key in entry %q has %d bytes, needs at least %d", where, name, len(key), MinLen)
		}
		if name != Current {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// NewSecret is a Secret with one random key.
func NewSecret(namespace, name string) *corev1.Secret {
	key := make([]byte, MinLen)
	rand.Read(key) // never fails (crypto/rand)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{Current: key},
	}
}

// Derive gives the ring for one use (RFC 5869): what is signed or sealed for one use is worth nothing for another.
func (k Keys) Derive(use string) Keys {
	derived := make(Keys, 0, len(k))
	for _, key := range k {
		own, err := hkdf.Key(sha256.New, key, nil, use, sha256.Size)
		if err != nil {
			panic(err) // only for lengths beyond those of SHA-256
		}
		derived = append(derived, own)
	}
	return derived
}

// Sign returns the HMAC-SHA-256 (RFC 2104) of a message under the first key.
func (k Keys) Sign(message []byte) []byte { return sign(k[0], message) }

// Verify reports whether one of the keys signed the message. It takes the same time for every wrong signature.
func (k Keys) Verify(message, signature []byte) bool {
	ok := false
	for _, key := range k {
		ok = hmac.Equal(sign(key, message), signature) || ok
	}
	return ok
}

// Token is the text that stands in a link: an ID, and the signature of what is signed with it.
func (k Keys) Token(id, signed []byte) string {
	return base64.RawURLEncoding.EncodeToString(slices.Concat(id, k.Sign(signed)))
}

// ParseToken splits a token whose ID has that many bytes. There is one way to write it: base64 by itself passes over line breaks.
func ParseToken(token string, idLen int) (id, signature []byte, ok bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(idLen+sha256.Size) {
		return nil, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != idLen+sha256.Size {
		return nil, nil, false
	}
	return raw[:idLen], raw[idLen:], true
}

func sign(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil)
}
