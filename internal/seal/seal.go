// SPDX-License-Identifier: Apache-2.0

// Package seal encrypts small things that lie in storage for long, such as the seeds of second factors. What was sealed for one purpose or
// one account opens for no other, and every sealed text says which key it was sealed with, so that keys can be replaced.
package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// MinKeyLen is the least length of a key in bytes.
const MinKeyLen = 32

// What Open reports.
var (
	// ErrUnknownKey: it was sealed with a key that is not among these, or it is no sealed text at all.
	ErrUnknownKey = errors.New("sealed with a key that is not known")
	// ErrSealed: it was changed, or sealed for another purpose or account.
	ErrSealed = errors.New("the sealed text does not open")
)

// A sealed text is the id of the key (8 bytes), a random nonce (24 bytes) and the ciphertext with its tag, in base64url.
const (
	idLen     = 8
	nonceLen  = chacha20poly1305.NonceSizeX
	headerLen = idLen + nonceLen
)

// Keys seal and open. The first seals; all open, so that a key can be replaced while texts sealed with the older one are still in use.
type Keys []key

// key is known by an id that follows from the key itself: entries of a Secret can be renamed when it is replaced.
type key struct {
	id     [idLen]byte
	secret []byte
}

// NewKeys checks that there is a key and that all are long enough.
func NewKeys(secrets ...[]byte) (Keys, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no key to seal with")
	}
	keys := make(Keys, 0, len(secrets))
	for i, s := range secrets {
		if len(s) < MinKeyLen {
			return nil, fmt.Errorf("sealing key %d has %d bytes, needs at least %d", i, len(s), MinKeyLen)
		}
		id, err := hkdf.Key(sha256.New, s, nil, "roster.dev sealing key id v1", idLen) // RFC 5869
		if err != nil {
			return nil, err
		}
		keys = append(keys, key{id: [idLen]byte(id), secret: bytes.Clone(s)})
	}
	return keys, nil
}

// Seal encrypts a text for a purpose, such as "totp seed", and binds it to what it belongs to, such as the ID of credentials. Equal texts
// give different results. The result is safe in URLs and JSON.
func (k Keys) Seal(purpose string, plaintext, belongsTo []byte) (string, error) {
	current := k[0]
	aead, err := current.aead(purpose)
	if err != nil {
		return "", err
	}
	out := make([]byte, headerLen, headerLen+len(plaintext)+aead.Overhead())
	copy(out, current.id[:])
	rand.Read(out[idLen:headerLen]) // never fails (crypto/rand)
	out = aead.Seal(out, out[idLen:headerLen], plaintext, bound(out[:idLen], belongsTo))
	return base64.RawURLEncoding.EncodeToString(out), nil
}

// Open decrypts what Seal made for the same purpose and owner. Outdated says that an older key did it: seal it again. The error is
// ErrUnknownKey or ErrSealed.
func (k Keys) Open(purpose, sealed string, belongsTo []byte) (plaintext []byte, outdated bool, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < headerLen {
		return nil, false, ErrUnknownKey
	}
	i := slices.IndexFunc(k, func(known key) bool { return bytes.Equal(known.id[:], raw[:idLen]) })
	if i < 0 {
		return nil, false, ErrUnknownKey
	}
	aead, err := k[i].aead(purpose)
	if err != nil {
		return nil, false, err
	}
	plaintext, err = aead.Open(nil, raw[idLen:headerLen], raw[headerLen:], bound(raw[:idLen], belongsTo))
	if err != nil {
		return nil, false, ErrSealed
	}
	return plaintext, i > 0, nil
}

// aead has a key of its own for each purpose. With nonces of 192 bits that are drawn at random, repeating one is out of the question
// however many texts are sealed (draft-irtf-cfrg-xchacha, 1).
func (k key) aead(purpose string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, k.secret, nil, "roster.dev seal v1 "+purpose, chacha20poly1305.KeySize) // RFC 5869
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.NewX(derived)
}

// bound is the associated data: the key's id, whose length is fixed, and what the text belongs to.
func bound(id, belongsTo []byte) []byte { return append(bytes.Clone(id), belongsTo...) }
