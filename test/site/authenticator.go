// SPDX-License-Identifier: Apache-2.0

package site

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Authenticator is what a person keeps their passkey in. It answers the ceremonies of one origin as WebAuthn Level 3 describes them, and
// attests nothing.
type Authenticator struct {
	// Key, as a raw scalar on the curve P-256.
	Key    []byte `json:"key"`
	ID     []byte `json:"id"`
	Handle []byte `json:"handle"`
}

// What an authenticator says of itself (WebAuthn Level 3, 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
	hasKey       = 0x40
)

// bytes64 are written in base64url without padding.
type bytes64 []byte

// MarshalText is part of [encoding.TextMarshaler].
func (b bytes64) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText is part of [encoding.TextUnmarshaler].
func (b *bytes64) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.AppendDecode(nil, text)
	return err
}

// request is what a page asks an authenticator for, as far as this one looks.
type request struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID bytes64 `json:"id"`
	} `json:"user"`
}

// answer is what the browser hands to the page.
type answer struct {
	ID       bytes64            `json:"id"`
	RawID    bytes64            `json:"rawId"`
	Type     string             `json:"type"`
	Response map[string]bytes64 `json:"response"`
}

// Create makes a passkey. The options are those of navigator.credentials.create, in JSON.
func (a *Authenticator) Create(origin, options string) (string, error) {
	var r request
	if err := json.Unmarshal([]byte(options), &r); err != nil {
		return "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	if a.Key, err = key.Bytes(); err != nil {
		return "", err
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return "", err
	}
	a.ID, a.Handle = make([]byte, 16), r.User.ID
	rand.Read(a.ID)                                                                                       // never fails (crypto/rand)
	public, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}) // COSE: EC2, ES256, P-256
	if err != nil {
		return "", err
	}
	data := authData(r.RP.ID, hasKey)
	data = append(data, make([]byte, 16)...) // of no make
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(append(data, a.ID...), public...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		return "", err
	}
	return a.say(map[string]bytes64{"clientDataJSON": clientData("webauthn.create", r.Challenge, origin), "attestationObject": object})
}

// Get signs a challenge. The options are those of navigator.credentials.get, in JSON.
func (a *Authenticator) Get(origin, options string) (string, error) {
	var r request
	if err := json.Unmarshal([]byte(options), &r); err != nil {
		return "", err
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), a.Key)
	if err != nil {
		return "", errors.Join(errors.New("there is no passkey yet"), err)
	}
	client, data := clientData("webauthn.get", r.Challenge, origin), authData(r.RPID, 0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return "", err
	}
	return a.say(map[string]bytes64{
		"clientDataJSON": client, "authenticatorData": data, "signature": signature, "userHandle": a.Handle,
	})
}

func (a *Authenticator) say(response map[string]bytes64) (string, error) {
	said, err := json.Marshal(answer{ID: a.ID, RawID: a.ID, Type: "public-key", Response: response})
	return string(said), err
}

// authData is the head of what is signed. The counter is the time, so that it goes up wherever the key is used.
func authData(rp string, flags byte) []byte {
	hash := sha256.Sum256([]byte(rp))
	return binary.BigEndian.AppendUint32(append(hash[:], userPresent|userVerified|flags), uint32(time.Now().Unix()))
}

func clientData(kind, challenge, origin string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q,"crossOrigin":false}`, kind, challenge, origin)
}
