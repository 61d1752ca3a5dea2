// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// ErrOtherPerson says that the company's sign-in knows another person by the address than the one that the Account was tied to. Addresses
// pass from one employee to the next.
var ErrOtherPerson = errors.New("the account belongs to another person of that company")

// Identity is who a company's sign-in says somebody is: the subject of its issuer (OpenID Connect Core 1.0, 5.7).
type Identity struct {
	Issuer  string    `json:"issuer"`
	Subject string    `json:"subject"`
	Linked  time.Time `json:"linked"`
}

// identities is one document in the Secret of an Account.
type identities struct {
	Version int        `json:"version"`
	All     []Identity `json:"all,omitempty"`
}

const (
	identitiesKey     = "identities"
	identitiesVersion = 1
)

// Link ties an Account to an identity: the first of an issuer stays, any other is ErrOtherPerson. It says whether it was the first. An
// Account that has no credentials gets some.
func (s *Store) Link(ctx context.Context, of *rosterv1alpha1.Account, id Identity) (c Credentials, linked bool, err error) {
	change := func(c *Credentials) (err error) {
		linked, err = c.link(id)
		if err == nil && !linked {
			return ErrUnchanged
		}
		return err
	}
	for range maxRounds {
		c, err = s.secrets.Update(ctx, of, change)
		if !errors.Is(err, ErrNoCredentials) {
			return c, linked, err
		}
		var first Credentials
		if linked, err = first.link(id); err != nil {
			return Credentials{}, false, err
		}
		if err = s.secrets.Create(ctx, of, first); !errors.Is(err, ErrCredentialsExist) {
			return first, linked, err
		}
	}
	return Credentials{}, false, err
}

func (c *Credentials) link(id Identity) (bool, error) {
	known := identities{Version: identitiesVersion}
	if data := c.Entry(identitiesKey); len(data) > 0 {
		if err := json.Unmarshal(data, &known); err != nil {
			return false, fmt.Errorf("identities: %w", err)
		}
		if known.Version != identitiesVersion {
			return false, fmt.Errorf("identities: version %d, only %d is known: run a newer portal", known.Version, identitiesVersion)
		}
	}
	for _, k := range known.All {
		switch {
		case k.Issuer == id.Issuer && k.Subject == id.Subject:
			return false, nil
		case k.Issuer == id.Issuer:
			return false, ErrOtherPerson
		}
	}
	known.All = append(known.All, id)
	data, err := json.Marshal(known)
	if err == nil {
		c.SetEntry(identitiesKey, data)
	}
	return err == nil, err
}

// Ensure returns the Account of an address, which it makes with that profile if there is none. The error is ErrTerminating, ErrMismatch,
// or that of the API server.
func (s *Store) Ensure(ctx context.Context, a address.Address, p Profile) (*rosterv1alpha1.Account, error) {
	account, err := s.ensure(ctx, a, p)
	if errors.Is(err, ErrCredentialsExist) {
		return s.get(ctx, a) // somebody else was faster
	}
	return account, err
}
