// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// CeremonyFor is how long a browser may take to answer.
const CeremonyFor = 5 * time.Minute

// ErrCeremony means that no ceremony of that kind is under way, or that it took too long. Start another.
var ErrCeremony = errors.New("no ceremony is in progress")

// CeremonyKind is what a ceremony is for.
type CeremonyKind string

// What ceremonies are for.
const (
	// CeremonyRegister adds a passkey to an account.
	CeremonyRegister CeremonyKind = "register"
	// CeremonyConfirm is the second factor of somebody who has given a password.
	CeremonyConfirm CeremonyKind = "confirm"
	// CeremonyAgain has somebody who is signed in prove themselves again by a passkey alone.
	CeremonyAgain CeremonyKind = "again"
	// CeremonySignIn signs in with a passkey alone.
	CeremonySignIn CeremonyKind = "signIn"
)

// Ceremony is what is remembered between asking a browser for a passkey and its answer. The browser itself carries it, in a cookie
// that the caller seals, so that any replica of the portal can take the answer.
type Ceremony struct {
	Kind      CeremonyKind `json:"k"`
	Challenge string       `json:"c"`
	// Account that it was begun for, by name; empty where the browser says who signs in.
	Account string `json:"a,omitempty"`
	// Handle that a passkey is being registered under.
	Handle []byte    `json:"h,omitempty"`
	Begun  time.Time `json:"t"`
}

func begun(kind CeremonyKind, account string, s *webauthn.SessionData, now time.Time) Ceremony {
	return Ceremony{Kind: kind, Challenge: s.Challenge, Account: account, Begun: now.UTC()}
}

// Check reports whether it is a ceremony of that kind, for that account, and not over. The error wraps ErrCeremony.
func (c Ceremony) Check(kind CeremonyKind, account string, now time.Time) error {
	switch {
	case c.Challenge == "", c.Kind != kind, c.Account != account:
		return fmt.Errorf("%w: it was begun for something else", ErrCeremony)
	case now.Sub(c.Begun) > CeremonyFor:
		return fmt.Errorf("%w: it is over", ErrCeremony)
	}
	return nil
}

// session is what the library remembers. Relying party and origins are those of its configuration.
func (c Ceremony) session(uv protocol.UserVerificationRequirement) webauthn.SessionData {
	return webauthn.SessionData{Challenge: c.Challenge, UserVerification: uv}
}

// of is session for the passkeys of a person who is known.
func (c Ceremony) of(p Person, uv protocol.UserVerificationRequirement) webauthn.SessionData {
	session := c.session(uv)
	session.UserID = p.Handle
	for _, k := range p.Passkeys {
		session.AllowedCredentialIDs = append(session.AllowedCredentialIDs, k.ID)
	}
	return session
}
