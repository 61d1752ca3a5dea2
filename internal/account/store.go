// SPDX-License-Identifier: Apache-2.0

// Package account keeps the people of all organisations: their Accounts, and beside each the Secret with its credentials. Passwords are
// stored as argon2id hashes (RFC 9106) and leave the process in no other form.
package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// What Store reports, besides errors of the API server.
var (
	// ErrNotFound: the address has no Account.
	ErrNotFound = errors.New("the address has no account")
	// ErrTerminating: the Account is being deleted; when that is done, another can be made.
	ErrTerminating = errors.New("the account is being deleted")
	// ErrMismatch: the Account that has the name of this address speaks of another one. Somebody with access to the namespace made it.
	ErrMismatch = errors.New("the account belongs to another address")
	// ErrWrongPassword: the password is not the one of the Account. SignIn says the same where there is no such Account.
	ErrWrongPassword = errors.New("the password is wrong")
	// ErrSuspended: the password is right, but the Account is suspended.
	ErrSuspended = errors.New("the account is suspended")
	// ErrSignedOut: the session has ended.
	ErrSignedOut = errors.New("the session has ended")
)

// Profile is what people tell about themselves.
type Profile struct {
	DisplayName string
	// Company is optional.
	Company string
	Locale  rosterv1alpha1.Locale
}

// Store keeps Accounts and their passwords. Its client must not read from a cache.
type Store struct {
	client  client.Client
	secrets Secrets
	hasher  *Hasher
}

// NewStore returns a Store that keeps Accounts in the cluster and credentials in secrets.
func NewStore(c client.Client, secrets Secrets, hasher *Hasher) *Store {
	return &Store{client: c, secrets: secrets, hasher: hasher}
}

// Find returns the Account of an address and whether it has a password. The error is ErrNotFound, ErrTerminating, ErrMismatch, or that
// of the API server.
func (s *Store) Find(ctx context.Context, a address.Address) (_ *rosterv1alpha1.Account, hasPassword bool, _ error) {
	account, _, err := s.Read(ctx, a)
	if errors.Is(err, ErrNoCredentials) {
		return account, false, nil
	}
	return account, err == nil, err
}

// Read returns the Account of an address and its credentials. The error is ErrNoCredentials, with the Account, or ErrNotFound,
// ErrTerminating, ErrMismatch, or that of the API server.
func (s *Store) Read(ctx context.Context, a address.Address) (*rosterv1alpha1.Account, Credentials, error) {
	account, err := s.get(ctx, a)
	if err != nil {
		return nil, Credentials{}, err
	}
	c, err := s.secrets.Get(ctx, account)
	return account, c, err
}

// Register makes the Account of an address with its first password, and begins a session on the device. An Account that never had a
// password, because an earlier try was cut short, is completed and takes over the profile. The error is ErrCredentialsExist if the person
// has a password, ErrPassword, ErrTerminating, ErrMismatch, or that of the API server.
//
// The Account comes before its password: each step leaves something that the same call completes.
func (s *Store) Register(
	ctx context.Context, a address.Address, p Profile, password string, on Browser, now time.Time,
) (*rosterv1alpha1.Account, Session, error) {
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return nil, Session{}, err
	}
	account, err := s.ensure(ctx, a, p, now)
	if err != nil {
		return nil, Session{}, err
	}
	c := Credentials{PasswordHash: hash}
	c.Sessions.note(on.ID, on.Label, now)
	if err := s.secrets.Create(ctx, account, c); err != nil {
		return account, Session{}, err
	}
	return account, NewSession(account, c, MethodPassword, now).on(c, on), nil
}

// Authenticate returns the Account of an address and its credentials if the password is right. The error is ErrWrongPassword,
// ErrNoCredentials, ErrNotFound, ErrTerminating, ErrMismatch, ErrSuspended, or that of the API server.
func (s *Store) Authenticate(
	ctx context.Context, a address.Address, password string,
) (*rosterv1alpha1.Account, Credentials, error) {
	account, c, err := s.Read(ctx, a)
	if err != nil {
		return account, Credentials{}, err
	}
	c, err = s.CheckPassword(ctx, account, c, password)
	return account, c, err
}

// verify returns the credentials of an Account if the password is right.
func (s *Store) verify(ctx context.Context, account *rosterv1alpha1.Account, password string) (Credentials, error) {
	c, err := s.secrets.Get(ctx, account)
	if err != nil {
		return Credentials{}, err
	}
	return s.CheckPassword(ctx, account, c, password)
}

// CheckPassword returns the credentials of an Account, which have just been read, if the password is right. The error is ErrWrongPassword,
// ErrNoCredentials, ErrSuspended, or that of the API server.
func (s *Store) CheckPassword(
	ctx context.Context, account *rosterv1alpha1.Account, c Credentials, password string,
) (Credentials, error) {
	if c.PasswordHash == "" {
		return Credentials{}, ErrNoCredentials // somebody who signs in otherwise
	}
	match, err := s.hasher.Verify(ctx, password, c.PasswordHash)
	switch {
	case err != nil:
		return Credentials{}, fmt.Errorf("account %s: %w", account.Name, err)
	case !match.OK:
		return Credentials{}, ErrWrongPassword
	case ptr.Deref(account.Spec.Suspended, false):
		return Credentials{}, ErrSuspended
	case match.Outdated:
		return s.rehash(ctx, account, c, password)
	}
	return c, nil
}

// rehash stores the hash of a password at the cost of today, unless somebody changed the password meanwhile.
func (s *Store) rehash(
	ctx context.Context, account *rosterv1alpha1.Account, known Credentials, password string,
) (Credentials, error) {
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return Credentials{}, err
	}
	return s.secrets.Update(ctx, account, func(c *Credentials) error {
		if c.PasswordHash != known.PasswordHash {
			return ErrWrongPassword
		}
		c.PasswordHash = hash
		return nil
	})
}

func (s *Store) get(ctx context.Context, a address.Address) (*rosterv1alpha1.Account, error) {
	account := &rosterv1alpha1.Account{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName()}
	err := s.client.Get(ctx, key, account)
	switch {
	case err != nil:
		return nil, notFound(err)
	case account.DeletionTimestamp != nil:
		return nil, ErrTerminating
	case account.Spec.Email != string(a):
		return nil, ErrMismatch
	}
	return account, nil
}

func notFound(err error) error {
	if apierrors.IsNotFound(err) {
		return ErrNotFound
	}
	return fmt.Errorf("reading the account: %w", err)
}

// ensure returns the Account with that profile, which must not have a password yet if it exists. One that it makes says that the person
// signs in.
func (s *Store) ensure(ctx context.Context, a address.Address, p Profile, now time.Time) (*rosterv1alpha1.Account, error) {
	account := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName(),
			Annotations: map[string]string{rosterv1alpha1.FirstSignInAnnotation: now.UTC().Format(time.RFC3339)},
		},
		Spec: rosterv1alpha1.AccountSpec{
			Email: string(a), DisplayName: p.DisplayName, Company: p.Company, Locale: p.Locale, CredentialsID: string(uuid.NewUUID()),
		},
	}
	err := s.client.Create(ctx, account)
	if err == nil {
		return account, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("creating the account: %w", err)
	}
	existing, hasPassword, err := s.Find(ctx, a)
	if err != nil {
		return nil, err
	}
	if hasPassword {
		return nil, ErrCredentialsExist
	}
	spec := &existing.Spec
	if (Profile{DisplayName: spec.DisplayName, Company: spec.Company, Locale: spec.Locale}) == p && spec.CredentialsID != "" {
		return existing, nil
	}
	spec.CredentialsID = ID(existing)
	spec.DisplayName, spec.Company, spec.Locale = p.DisplayName, p.Company, p.Locale
	if err := s.client.Update(ctx, existing); err != nil {
		return nil, fmt.Errorf("completing the account: %w", err)
	}
	return existing, nil
}
