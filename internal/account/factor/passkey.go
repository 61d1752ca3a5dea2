// SPDX-License-Identifier: Apache-2.0

package factor

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// MaxPasskeys is how many passkeys an account can have.
const MaxPasskeys = 10

// HandleLen is the length of a user handle in bytes.
const HandleLen = 32

// What ceremonies report.
var (
	// ErrPasskey: the browser's answer proves nothing. What it wraps is for the log.
	ErrPasskey = errors.New("the passkey was not accepted")
	// ErrCloned: the signature counter did not go up, so that two authenticators may hold the same passkey (WebAuthn Level 3, 6.1.1).
	ErrCloned = errors.New("the passkey may have been copied: its signature counter did not go up")
	// ErrPasskeyLimit: the account has MaxPasskeys.
	ErrPasskeyLimit = fmt.Errorf("an account has at most %d passkeys", MaxPasskeys)
)

// Passkey is a public key of an account: what the specification calls a credential record (WebAuthn Level 3, 4), as far as it is used.
// Nothing of it is secret.
type Passkey struct {
	// Name that the person gave it.
	Name       string   `json:"name"`
	ID         []byte   `json:"id"`
	PublicKey  []byte   `json:"publicKey"`
	Transports []string `json:"transports,omitempty"`
	// SignCount is the last signature counter; 0 where the authenticator has none.
	SignCount uint32 `json:"signCount,omitempty"`
	// BackupEligible means that it may be copied to other devices of the person by its maker. It never changes.
	BackupEligible bool `json:"backupEligible,omitempty"`
	// BackedUp means that it has been.
	BackedUp bool      `json:"backedUp,omitempty"`
	Added    time.Time `json:"added"`
	// Used is when it was last used.
	Used time.Time `json:"used,omitzero"`
	// Begun is when the last ceremony began that it was accepted in. Ceremonies that began earlier are refused, this one included.
	Begun time.Time `json:"begun,omitzero"`
}

// Person is whose passkeys they are.
type Person struct {
	// Handle is what authenticators know the account by: random bytes, the same for all its passkeys.
	Handle []byte
	// Name and DisplayName are what the browser shows.
	Name, DisplayName string
	Passkeys          []Passkey
}

// NewHandle returns a user handle.
func NewHandle() []byte {
	handle := make([]byte, HandleLen)
	rand.Read(handle) // never fails (crypto/rand)
	return handle
}

// RelyingParty holds ceremonies for one web site.
type RelyingParty struct {
	web *webauthn.WebAuthn
}

// NewRelyingParty returns the relying party of the portal at that address. It fails where browsers offer no passkeys: for an IP address,
// and for plain HTTP at other hosts than localhost.
func NewRelyingParty(base *url.URL, name string) (*RelyingParty, error) {
	if base.Scheme != "https" && base.Hostname() != "localhost" {
		return nil, fmt.Errorf("%s: browsers offer passkeys over https only", base)
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: base.Hostname(), RPDisplayName: name, RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys at %s: %w", base, err)
	}
	return &RelyingParty{web: web}, nil
}

// BeginRegistration returns what the browser needs to make a passkey, in JSON, and the ceremony to keep until it answers.
func (r *RelyingParty) BeginRegistration(p Person, account string, now time.Time) (options json.RawMessage, _ Ceremony, _ error) {
	if len(p.Passkeys) >= MaxPasskeys {
		return nil, Ceremony{}, ErrPasskeyLimit
	}
	creation, session, err := r.web.BeginRegistration(user{p},
		webauthn.WithExclusions(webauthn.Credentials(user{p}.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return nil, Ceremony{}, err
	}
	c := begun(CeremonyRegister, account, session, now)
	c.Handle = p.Handle
	options, err = json.Marshal(creation.Response)
	return options, c, err
}

// FinishRegistration checks the browser's answer. The passkey belongs to the handle of the ceremony. The error is ErrPasskey or
// ErrPasskeyLimit.
func (r *RelyingParty) FinishRegistration(p Person, c Ceremony, name string, answer []byte, now time.Time) (Passkey, error) {
	if len(p.Passkeys) >= MaxPasskeys {
		return Passkey{}, ErrPasskeyLimit
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, refused(err)
	}
	p.Handle = c.Handle
	session := c.session(protocol.VerificationPreferred)
	session.UserID, session.CredParams = p.Handle, webauthn.CredentialParametersDefault()
	credential, err := r.web.CreateCredential(user{p}, session, parsed)
	if err != nil {
		return Passkey{}, refused(err)
	}
	if p.index(credential.ID) >= 0 {
		return Passkey{}, refused(errors.New("the account has this passkey already"))
	}
	k := Passkey{
		Name: name, ID: credential.ID, PublicKey: credential.PublicKey, SignCount: credential.Authenticator.SignCount,
		BackupEligible: credential.Flags.BackupEligible, BackedUp: credential.Flags.BackupState, Added: now,
	}
	for _, t := range credential.Transport {
		k.Transports = append(k.Transports, string(t))
	}
	return k, nil
}

// BeginConfirmation begins a ceremony in which a person whose password was right uses one of their passkeys.
func (r *RelyingParty) BeginConfirmation(p Person, account string, now time.Time) (options json.RawMessage, _ Ceremony, _ error) {
	assertion, session, err := r.web.BeginLogin(user{p})
	if err != nil {
		return nil, Ceremony{}, err
	}
	options, err = json.Marshal(assertion.Response)
	return options, begun(CeremonyConfirm, account, session, now), err
}

// BeginAgain begins a ceremony in which somebody who is signed in uses one of their passkeys instead of the password: with user
// verification, as in BeginSignIn.
func (r *RelyingParty) BeginAgain(p Person, account string, now time.Time) (options json.RawMessage, _ Ceremony, _ error) {
	assertion, session, err := r.web.BeginLogin(user{p}, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, Ceremony{}, err
	}
	options, err = json.Marshal(assertion.Response)
	return options, begun(CeremonyAgain, account, session, now), err
}

// BeginSignIn begins a ceremony in which the browser says who signs in: with a discoverable passkey, and with user verification (a PIN, a
// finger), so that the passkey alone is two factors.
func (r *RelyingParty) BeginSignIn(now time.Time) (options json.RawMessage, _ Ceremony, _ error) {
	assertion, session, err := r.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, Ceremony{}, err
	}
	options, err = json.Marshal(assertion.Response)
	return options, begun(CeremonySignIn, "", session, now), err
}

// HandleOf reads the user handle that an answer to BeginSignIn names, so that the person can be looked up. It proves nothing: Finish does.
func HandleOf(answer []byte) ([]byte, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, refused(err)
	}
	if len(parsed.Response.UserHandle) != HandleLen {
		return nil, refused(errors.New("the answer names no user"))
	}
	return parsed.Response.UserHandle, nil
}

// Use is an accepted answer.
type Use struct {
	// Index of the passkey in Person.Passkeys, and how it is to be stored from now on.
	Index   int
	Passkey Passkey
}

// Finish checks the browser's answer to BeginConfirmation, BeginAgain or BeginSignIn. It counts only once what it returns has been stored
// under the version that the person was read in: that is what refuses a second use of the same answer. The error is ErrPasskey or
// ErrCloned.
func (r *RelyingParty) Finish(p Person, c Ceremony, answer []byte, now time.Time) (Use, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Use{}, refused(err)
	}
	credential, err := r.validate(p, c, parsed)
	if err != nil {
		return Use{}, refused(err)
	}
	i := p.index(credential.ID)
	k := p.Passkeys[i]
	switch {
	case credential.Authenticator.CloneWarning:
		return Use{}, ErrCloned
	case !c.Begun.After(k.Begun):
		return Use{}, refused(errors.New("a later ceremony has been accepted"))
	}
	k.SignCount, k.BackedUp, k.Used, k.Begun = credential.Authenticator.SignCount, credential.Flags.BackupState, now, c.Begun
	return Use{Index: i, Passkey: k}, nil
}

func (r *RelyingParty) validate(p Person, c Ceremony, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	switch c.Kind {
	case CeremonyConfirm:
		return r.web.ValidateLogin(user{p}, c.of(p, protocol.VerificationPreferred), parsed)
	case CeremonyAgain:
		return r.web.ValidateLogin(user{p}, c.of(p, protocol.VerificationRequired), parsed)
	case CeremonySignIn:
		find := func([]byte, []byte) (webauthn.User, error) { return user{p}, nil }
		_, credential, err := r.web.ValidatePasskeyLogin(find, c.session(protocol.VerificationRequired), parsed)
		return credential, err
	}
	return nil, fmt.Errorf("a ceremony of kind %q uses no passkey", c.Kind)
}

// refused keeps what the library says for the log.
func refused(err error) error {
	if detailed := (*protocol.Error)(nil); errors.As(err, &detailed) && detailed.DevInfo != "" {
		return fmt.Errorf("%w: %w: %s", ErrPasskey, err, detailed.DevInfo)
	}
	return fmt.Errorf("%w: %w", ErrPasskey, err)
}

func (p Person) index(id []byte) int {
	return slices.IndexFunc(p.Passkeys, func(k Passkey) bool { return bytes.Equal(k.ID, id) })
}

// user is a Person as the library wants it.
type user struct{ p Person }

func (u user) WebAuthnID() []byte          { return u.p.Handle }
func (u user) WebAuthnName() string        { return u.p.Name }
func (u user) WebAuthnDisplayName() string { return u.p.DisplayName }

func (u user) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, 0, len(u.p.Passkeys))
	for _, k := range u.p.Passkeys {
		c := webauthn.Credential{
			ID: k.ID, PublicKey: k.PublicKey, Authenticator: webauthn.Authenticator{SignCount: k.SignCount},
			Flags: webauthn.CredentialFlags{UserPresent: true, BackupEligible: k.BackupEligible, BackupState: k.BackedUp},
		}
		for _, t := range k.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		all = append(all, c)
	}
	return all
}
