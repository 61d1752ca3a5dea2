// SPDX-License-Identifier: Apache-2.0

package account

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// errSealed is all that a stranger learns about a text that does not open.
var errSealed = errors.New("not sealed here")

// maxSealed is the longest text that is opened, in bytes. Browsers keep no longer cookies.
const maxSealed = 4096

// Sealer turns small documents into texts that can be read and made only with its keys. The first key seals; all open, so that a key can
// be replaced while what the older one sealed is still about.
type Sealer struct {
	aeads []cipher.AEAD
}

// NewSealer derives from the keys others for one use (RFC 5869), so that what is sealed for one use does not open for another.
func NewSealer(keys [][]byte, use string) (Sealer, error) {
	var s Sealer
	for _, key := range keys {
		derived, err := hkdf.Key(sha256.New, key, nil, use, chacha20poly1305.KeySize)
		if err != nil {
			return Sealer{}, err
		}
		// Random nonces of 192 bits do not meet (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha).
		aead, err := chacha20poly1305.NewX(derived)
		if err != nil {
			return Sealer{}, err
		}
		s.aeads = append(s.aeads, aead)
	}
	if len(s.aeads) == 0 {
		return Sealer{}, errors.New("no key to seal with")
	}
	return s, nil
}

// Seal returns the document as a text that can stand in a cookie or a form.
func (s Sealer) Seal(document any) (string, error) {
	plain, err := json.Marshal(document)
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	rand.Read(nonce) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(s.aeads[0].Seal(nonce, nonce, plain, nil)), nil
}

// Open reads what Seal returned into the document. Whatever else it is given is one and the same error.
func (s Sealer) Open(text string, document any) error {
	if len(text) > maxSealed {
		return errSealed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// Package base64 passes over line breaks, so that one document would have many texts.
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX || base64.RawURLEncoding.EncodedLen(len(raw)) != len(text) {
		return errSealed
	}
	nonce, sealed := raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:]
	for _, aead := range s.aeads {
		plain, err := aead.Open(nil, nonce, sealed, nil)
		if err == nil && json.Unmarshal(plain, document) == nil {
			return nil
		}
	}
	return errSealed
}
