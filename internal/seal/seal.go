// SPDX-License-Identifier: Apache-2.0

// Package seal encrypts small things that leave the process: the seeds of second factors, which lie in storage for long, and what browsers
// hold. What was sealed for one purpose or one owner opens for no other, and opens while its key is on the ring.
package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/roster-dev/roster/internal/keyring"
)

// What Open reports.
var (
	// ErrUnknownKey: it was sealed with a key that is not on the ring, or it is no sealed text at all.
	ErrUnknownKey = errors.New("sealed with a key that is not known")
	// ErrSealed: it was changed, or sealed for another purpose or owner.
	ErrSealed = errors.New("the sealed text does not open")
)

const (
	idLen    = 8
	nonceLen = chacha20poly1305.NonceSizeX
	// maxDocument is the longest text that is opened as a document, in bytes. Browsers keep no longer cookies.
	maxDocument = 4096
)

// Sealer seals for one purpose with the first key of a ring, of which there has to be one, and opens with all. A sealed text is a random
// nonce (24 bytes) and the ciphertext with its tag, in base64url; see NewStored for what stands before them.
type Sealer struct{ keys []key }

type key struct {
	// id stands before the nonce; empty where texts do not say which key they were sealed with.
	id   []byte
	aead cipher.AEAD
}

// New returns a Sealer for what is with its owner for a short time, such as cookies. The purpose, such as "session", keeps apart what is
// sealed with the same ring.
func New(keys keyring.Keys, purpose string) Sealer {
	var s Sealer
	for _, derived := range keys.Derive(purpose) {
		// With nonces of 192 bits that are drawn at random, repeating one is out of the question however many texts are sealed
		// (draft-irtf-cfrg-xchacha, 1).
		aead, err := chacha20poly1305.NewX(derived)
		if err != nil {
			panic(err) // only for keys of another length
		}
		s.keys = append(s.keys, key{aead: aead})
	}
	return s
}

// NewStored returns a Sealer for what lies in storage for long. Each text says which key it was sealed with, by an id (8 bytes) that
// follows from the key itself: entries of a Secret can be renamed when a key is replaced.
func NewStored(keys keyring.Keys, purpose string) Sealer {
	s := New(keys, "roster.dev seal v1 "+purpose)
	for i, derived := range keys.Derive("roster.dev sealing key id v1") {
		s.keys[i].id = derived[:idLen]
	}
	return s
}

// Seal encrypts a text and binds it to what it belongs to, such as the ID of credentials. Equal texts give different results. The result
// is safe in URLs and JSON.
func (s Sealer) Seal(plaintext, belongsTo []byte) string {
	k := s.keys[0]
	header := len(k.id) + nonceLen
	out := make([]byte, header, header+len(plaintext)+k.aead.Overhead())
	copy(out, k.id)
	rand.Read(out[len(k.id):]) // never fails (crypto/rand)
	out = k.aead.Seal(out, out[len(k.id):], plaintext, k.bound(belongsTo))
	return base64.RawURLEncoding.EncodeToString(out)
}

// Open decrypts what Seal made for the same purpose and owner. Outdated says that an older key did it: seal it again. The error is
// ErrUnknownKey or ErrSealed.
func (s Sealer) Open(sealed string, belongsTo []byte) (plaintext []byte, outdated bool, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	// Package base64 passes over line breaks, so that one text would have many forms.
	if err != nil || base64.RawURLEncoding.EncodedLen(len(raw)) != len(sealed) {
		return nil, false, ErrUnknownKey
	}
	err = ErrUnknownKey
	for i, k := range s.keys {
		header := len(k.id) + nonceLen
		if len(raw) < header || !bytes.HasPrefix(raw, k.id) {
			continue
		}
		plaintext, failed := k.aead.Open(nil, raw[len(k.id):header], raw[header:], k.bound(belongsTo))
		if failed == nil {
			return plaintext, i > 0, nil
		}
		err = ErrSealed
	}
	return nil, false, err
}

// bound is the associated data: the key's id, whose length is fixed, and what the text belongs to.
func (k key) bound(belongsTo []byte) []byte { return slices.Concat(k.id, belongsTo) }

// SealDocument seals a document that belongs to its holder.
func (s Sealer) SealDocument(document any) (string, error) {
	plain, err := json.Marshal(document)
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	return s.Seal(plain, nil), nil
}

// OpenDocument reads what SealDocument returned into the document. Whatever else it is given is one and the same error.
func (s Sealer) OpenDocument(sealed string, document any) error {
	if len(sealed) > maxDocument {
		return ErrSealed
	}
	plain, _, err := s.Open(sealed, nil)
	if err != nil || json.Unmarshal(plain, document) != nil {
		return ErrSealed
	}
	return nil
}
