// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Credentials are what a person proves with who they are.
type Credentials struct {
	// PasswordHash is an argon2id hash in PHC string format.
	PasswordHash string
}

// What Secrets report.
var (
	// ErrNoCredentials: the Account has no credentials yet.
	ErrNoCredentials = errors.New("the account has no credentials")
	// ErrCredentialsExist: the Account has credentials, which creating does not overwrite.
	ErrCredentialsExist = errors.New("the account has credentials already")
)

// Secrets keeps the credentials of Accounts. The portal alone uses it.
type Secrets interface {
	// Get returns the credentials of an Account, or ErrNoCredentials.
	Get(ctx context.Context, of *rosterv1alpha1.Account) (Credentials, error)
	// Create stores the first credentials of an Account, or returns ErrCredentialsExist and changes nothing.
	Create(ctx context.Context, of *rosterv1alpha1.Account, c Credentials) error
}

// SecretType is the type of the Secrets that hold credentials.
const SecretType corev1.SecretType = "roster.dev/credentials"

// passwordKey is the entry of the Secret that holds the password's hash.
const passwordKey = "passwordHash"

// ClusterSecrets keeps credentials in Secrets of the cluster: for each Account the Secret of the same name and namespace, owned by it. The
// client must not read from a cache: who accepts twice in a moment must be seen.
type ClusterSecrets struct {
	Client client.Client
}

// Get implements Secrets.
func (s ClusterSecrets) Get(ctx context.Context, of *rosterv1alpha1.Account) (Credentials, error) {
	secret, err := s.read(ctx, of)
	switch {
	case err != nil:
		return Credentials{}, err
	case secret == nil || left(secret, of):
		return Credentials{}, ErrNoCredentials
	}
	return Credentials{PasswordHash: string(secret.Data[passwordKey])}, nil
}

// Create implements Secrets.
func (s ClusterSecrets) Create(ctx context.Context, of *rosterv1alpha1.Account, c Credentials) error {
	err := s.create(ctx, of, c)
	if !errors.Is(err, ErrCredentialsExist) {
		return err
	}
	secret, err := s.read(ctx, of)
	switch {
	case err != nil:
		return err
	case secret == nil:
		return s.create(ctx, of, c)
	case !left(secret, of):
		return ErrCredentialsExist
	}
	precondition := client.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion}
	if err := s.Client.Delete(ctx, secret, precondition); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing the credentials of a deleted account: %w", err)
	}
	return s.create(ctx, of, c)
}

func (s ClusterSecrets) create(ctx context.Context, of *rosterv1alpha1.Account, c Credentials) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:      of.Name,
			Namespace: of.Namespace,
			Labels:    map[string]string{"app.kubernetes.io/managed-by": "roster"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: accountKind,
				Name: of.Name, UID: of.UID, Controller: ptr.To(true),
			}},
		},
		Type: SecretType,
		Data: map[string][]byte{passwordKey: []byte(c.PasswordHash)},
	}
	err := s.Client.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		return ErrCredentialsExist
	}
	if err != nil {
		return fmt.Errorf("storing credentials: %w", err)
	}
	return nil
}

// read returns nil where there is no Secret.
func (s ClusterSecrets) read(ctx context.Context, of *rosterv1alpha1.Account) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := s.Client.Get(ctx, client.ObjectKeyFromObject(of), secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	return secret, nil
}

const accountKind = "Account"

// left says that a Secret stayed behind when an earlier Account of the same name was deleted: its password died with that Account, whether
// or not the cluster's garbage collector has been round.
func left(secret *corev1.Secret, of *rosterv1alpha1.Account) bool {
	for _, ref := range secret.OwnerReferences {
		if ref.Kind == accountKind && ref.UID != of.UID {
			return true
		}
	}
	return false
}
