// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// ErrOtherPerson means that the company's sign-in knows another person by the address than the one that the Account was tied to. Addresses
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

// Link ties an Account to an identity: the first of an issuer stays, any other is ErrOtherPerson. It reports whether it was the first. An
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
		if errors.Is(err, ErrNoCredentials) {
			c = Credentials{}
			if linked, err = c.link(id); err != nil {
				return Credentials{}, false, err
			}
			if err = s.secrets.Create(ctx, of, c); errors.Is(err, ErrCredentialsExist) {
				continue // somebody else was faster
			}
		}
		if err == nil {
			err = s.label(ctx, of, id)
		}
		return c, linked, err
	}
	return Credentials{}, false, err
}

// label lets the Account be found by an identity that it is tied to. It comes after the tie: whatever is cut short, the next sign-in makes
// good.
func (s *Store) label(ctx context.Context, of *rosterv1alpha1.Account, id Identity) error {
	for range maxRounds {
		if _, labelled := of.Labels[id.label()]; labelled {
			return nil
		}
		changed := of.DeepCopy()
		metav1.SetMetaDataLabel(&changed.ObjectMeta, id.label(), "")
		err := s.client.Update(ctx, changed)
		if !apierrors.IsConflict(err) {
			if err == nil {
				changed.DeepCopyInto(of)
			}
			return err
		}
		if of, err = s.Named(ctx, of.Name); err != nil {
			return err
		}
	}
	return errors.New("labelling the account: too many changes at the same moment")
}

// label is the name of the label by which the Account of an identity is found: a hash, since subjects can be of any characters.
func (id Identity) label() string {
	sum := sha256.Sum256([]byte(id.Issuer + "\n" + id.Subject))
	return "identity.roster.dev/" + hex.EncodeToString(sum[:labelBytes])
}

// labelBytes is how much of the hash of an identity is in its label.
const labelBytes = 16

// ByIdentity returns the Account that is tied to an identity, whatever address the company has for its person now. Labels only find it; the
// tie in its Secret counts. The error is ErrNotFound or that of the API server.
func (s *Store) ByIdentity(ctx context.Context, id Identity) (*rosterv1alpha1.Account, error) {
	var list rosterv1alpha1.AccountList
	err := s.client.List(ctx, &list, client.InNamespace(rosterv1alpha1.AccountNamespace), client.HasLabels{id.label()})
	if err != nil {
		return nil, fmt.Errorf("looking for the account: %w", err)
	}
	for i := range list.Items {
		account, err := usable(&list.Items[i])
		if err != nil {
			continue
		}
		c, err := s.secrets.Get(ctx, account)
		if errors.Is(err, ErrNoCredentials) {
			continue
		}
		if err != nil {
			return nil, err
		}
		known, err := c.identities()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(known.All, id.is) {
			return account, nil
		}
	}
	return nil, ErrNotFound
}

func (id Identity) is(other Identity) bool {
	return other.Issuer == id.Issuer && other.Subject == id.Subject
}

func (c *Credentials) identities() (identities, error) {
	known := identities{Version: identitiesVersion}
	if data := c.Entry(identitiesKey); len(data) > 0 {
		if err := json.Unmarshal(data, &known); err != nil {
			return known, fmt.Errorf("identities: %w", err)
		}
		if known.Version != identitiesVersion {
			return known, fmt.Errorf("identities: version %d, only %d is known: run a newer portal", known.Version, identitiesVersion)
		}
	}
	return known, nil
}

func (c *Credentials) link(id Identity) (bool, error) {
	known, err := c.identities()
	if err != nil {
		return false, err
	}
	for _, k := range known.All {
		switch {
		case id.is(k):
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

// Ensure returns the Account of an address, which it makes with that profile if there is none, as its person signs in. The error is
// ErrTerminating, ErrMismatch, or that of the API server.
func (s *Store) Ensure(ctx context.Context, a address.Address, p Profile, now time.Time) (*rosterv1alpha1.Account, error) {
	account, err := s.ensure(ctx, a, p, now)
	if errors.Is(err, ErrCredentialsExist) {
		return s.get(ctx, a) // somebody else was faster
	}
	return account, err
}
