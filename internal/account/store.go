// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
)

// What Store reports, besides errors of the API server.
var (
	// ErrNotFound: the address has no Account.
	ErrNotFound = errors.New("the address has no account")
	// ErrTerminating: the Account is being deleted; when that is done, another can be made.
	ErrTerminating = errors.New("the account is being deleted")
	// ErrMismatch: the Account that has the name of this address speaks of another one. Somebody with access to the namespace made it.
	ErrMismatch = errors.New("the account belongs to another address")
	// ErrWrongPassword: the password is not the one of the Account.
	ErrWrongPassword = errors.New("the password is wrong")
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
func (s *Store) Find(ctx context.Context, a invitation.Address) (_ *rosterv1alpha1.Account, hasPassword bool, _ error) {
	account, err := s.get(ctx, a)
	if err != nil {
		return nil, false, err
	}
	_, err = s.secrets.Get(ctx, account)
	if errors.Is(err, ErrNoCredentials) {
		return account, false, nil
	}
	return account, err == nil, err
}

// Register makes the Account of an address with its first password. An Account that never had a password, because an earlier try was cut
// short, is completed and takes over the profile. The error is ErrCredentialsExist if the person has a password, ErrPassword,
// ErrTerminating, ErrMismatch, or that of the API server.
//
// The Account comes before its password: each step leaves something that the same call completes.
func (s *Store) Register(ctx context.Context, a invitation.Address, p Profile, password string) (*rosterv1alpha1.Account, error) {
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	account, err := s.ensure(ctx, a, p)
	if err != nil {
		return nil, err
	}
	return account, s.secrets.Create(ctx, account, Credentials{PasswordHash: hash})
}

// Authenticate returns the Account of an address if the password is right. The error is ErrWrongPassword, ErrNoCredentials, ErrNotFound,
// ErrTerminating, ErrMismatch, or that of the API server.
func (s *Store) Authenticate(ctx context.Context, a invitation.Address, password string) (*rosterv1alpha1.Account, error) {
	account, err := s.get(ctx, a)
	if err != nil {
		return nil, err
	}
	credentials, err := s.secrets.Get(ctx, account)
	if err != nil {
		return nil, err
	}
	match, err := s.hasher.Verify(ctx, password, credentials.PasswordHash)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account.Name, err)
	}
	if !match.OK {
		return nil, ErrWrongPassword
	}
	return account, nil
}

// RecordSignIn notes in the status of an Account that the person gave their password.
func (s *Store) RecordSignIn(ctx context.Context, account *rosterv1alpha1.Account, at time.Time) error {
	changed := account.DeepCopy()
	changed.Status.LastSignInTime = &metav1.Time{Time: at}
	// A merge patch without resourceVersion: of two sign-ins either may be written last.
	return s.client.Status().Patch(ctx, changed, client.MergeFrom(account))
}

func (s *Store) get(ctx context.Context, a invitation.Address) (*rosterv1alpha1.Account, error) {
	account := &rosterv1alpha1.Account{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName()}
	err := s.client.Get(ctx, key, account)
	switch {
	case apierrors.IsNotFound(err):
		return nil, ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("reading the account: %w", err)
	case account.DeletionTimestamp != nil:
		return nil, ErrTerminating
	case account.Spec.Email != string(a):
		return nil, ErrMismatch
	}
	return account, nil
}

// ensure returns the Account with that profile, which must not have a password yet if it exists.
func (s *Store) ensure(ctx context.Context, a invitation.Address, p Profile) (*rosterv1alpha1.Account, error) {
	account := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: a.AccountName()},
		Spec:       rosterv1alpha1.AccountSpec{Email: string(a), DisplayName: p.DisplayName, Company: p.Company, Locale: p.Locale},
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
	if existing.Spec == account.Spec {
		return existing, nil
	}
	existing.Spec = account.Spec
	if err := s.client.Update(ctx, existing); err != nil {
		return nil, fmt.Errorf("completing the account: %w", err)
	}
	return existing, nil
}
