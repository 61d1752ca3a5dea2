// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Credentials are what a person proves with who they are, and what is kept beside it. Each concern has an entry of its own in the Secret,
// with a version of its own, so that one can change without the others.
type Credentials struct {
	// PasswordHash is an argon2id hash in PHC string format.
	PasswordHash string
	// Sessions of the person.
	Sessions Sessions

	entries map[string][]byte
	// labels are those to be set on the Secret; an empty one is taken off.
	labels map[string]string
	// read is the Secret as it was when it said so; nil if they were not read.
	read *corev1.Secret
}

// Entry is the entry of that name as it is stored; empty if there is none. It belongs to the owner of the name.
func (c Credentials) Entry(name string) []byte { return c.entries[name] }

// SetEntry sets that entry; an empty one is removed.
func (c *Credentials) SetEntry(name string, data []byte) {
	c.entries = maps.Clone(c.entries)
	if len(data) == 0 {
		delete(c.entries, name)
		return
	}
	if c.entries == nil {
		c.entries = map[string][]byte{}
	}
	c.entries[name] = data
}

// SetLabel has the Secret carry a label, by which it is found among all; an empty value takes it off.
func (c *Credentials) SetLabel(key, value string) {
	c.labels = maps.Clone(c.labels)
	if c.labels == nil {
		c.labels = map[string]string{}
	}
	c.labels[key] = value
}

// What Secrets report.
var (
	// ErrNoCredentials: the Account has no credentials yet.
	ErrNoCredentials = errors.New("the account has no credentials")
	// ErrCredentialsExist: the Account has credentials, which creating does not overwrite.
	ErrCredentialsExist = errors.New("the account has credentials already")
	// ErrUnchanged is what a change returns that turns out to have nothing to change.
	ErrUnchanged = errors.New("nothing to change")
)

// Secrets keeps the credentials of Accounts. The portal alone uses it.
type Secrets interface {
	// Get returns the credentials of an Account, or ErrNoCredentials.
	Get(ctx context.Context, of *rosterv1alpha1.Account) (Credentials, error)
	// Create stores the first credentials of an Account, or returns ErrCredentialsExist and changes nothing.
	Create(ctx context.Context, of *rosterv1alpha1.Account, c Credentials) error
	// Update changes the credentials of an Account in one write that carries the version that was read. If somebody else was faster,
	// it reads and changes again. If change returns an error nothing is written; ErrUnchanged is no error to the caller. It returns the
	// credentials as they stand afterwards. The error is ErrNoCredentials, that of change, or that of the API server.
	Update(ctx context.Context, of *rosterv1alpha1.Account, change func(*Credentials) error) (Credentials, error)
	// UpdateFrom is Update that begins with credentials which have been read before, and reads them again only if somebody was faster. If
	// change finds nothing to change in them, what is returned is as old as they are.
	UpdateFrom(ctx context.Context, of *rosterv1alpha1.Account, known Credentials, change func(*Credentials) error) (Credentials, error)
}

// SecretType is the type of the Secrets that hold credentials.
const SecretType corev1.SecretType = "roster.dev/credentials"

// The entries of the Secret.
const (
	// idKey is which credentials they are; see ID.
	idKey       = "credentialsID"
	passwordKey = "passwordHash"
	sessionsKey = "sessions"
)

// maxRounds is how often a change is made again when somebody else was faster.
const maxRounds = 10

// ClusterSecrets keeps credentials in Secrets of the cluster: for each Account the Secret of the same name and namespace, owned by it and
// bound to its ID. The client must not read from a cache: who accepts twice in a moment must be seen.
type ClusterSecrets struct {
	Client client.Client
}

// Get implements Secrets.
func (s ClusterSecrets) Get(ctx context.Context, of *rosterv1alpha1.Account) (Credentials, error) {
	secret, err := s.read(ctx, of)
	switch {
	case err != nil:
		return Credentials{}, err
	case secret == nil || !belongs(secret, of):
		return Credentials{}, ErrNoCredentials
	}
	return parseCredentials(secret)
}

// Update implements Secrets.
func (s ClusterSecrets) Update(
	ctx context.Context, of *rosterv1alpha1.Account, change func(*Credentials) error,
) (Credentials, error) {
	return s.UpdateFrom(ctx, of, Credentials{}, change)
}

// UpdateFrom implements Secrets.
func (s ClusterSecrets) UpdateFrom(
	ctx context.Context, of *rosterv1alpha1.Account, known Credentials, change func(*Credentials) error,
) (Credentials, error) {
	secret := known.read
	for range maxRounds {
		c, err := s.current(ctx, of, secret)
		if err != nil {
			return Credentials{}, err
		}
		if err := change(&c); errors.Is(err, ErrUnchanged) {
			return c, nil
		} else if err != nil {
			return Credentials{}, err
		}
		c, err = s.store(ctx, of, c)
		if apierrors.IsConflict(err) {
			secret = nil
			continue
		}
		if err != nil {
			return Credentials{}, fmt.Errorf("changing credentials: %w", err)
		}
		return c, nil
	}
	return Credentials{}, errors.New("changing credentials: too many changes at the same moment")
}

// current is what stands in the Secret, which is read if it has not been.
func (s ClusterSecrets) current(ctx context.Context, of *rosterv1alpha1.Account, secret *corev1.Secret) (Credentials, error) {
	if secret == nil {
		return s.Get(ctx, of)
	}
	return parseCredentials(secret)
}

// store writes credentials under the version that was read.
func (s ClusterSecrets) store(ctx context.Context, of *rosterv1alpha1.Account, c Credentials) (Credentials, error) {
	data, err := c.data(of)
	if err != nil {
		return c, err
	}
	c.read = c.read.DeepCopy()
	c.read.Data = data
	c.read.OwnerReferences = owners(c.read.OwnerReferences, of)
	for key, value := range c.labels {
		if value == "" {
			delete(c.read.Labels, key)
			continue
		}
		metav1.SetMetaDataLabel(&c.read.ObjectMeta, key, value)
	}
	return c, s.Client.Update(ctx, c.read)
}

func parseCredentials(secret *corev1.Secret) (Credentials, error) {
	sessions, err := parseSessions(secret.Data[sessionsKey])
	c := Credentials{
		PasswordHash: string(secret.Data[passwordKey]), Sessions: sessions, entries: maps.Clone(secret.Data), read: secret,
	}
	delete(c.entries, passwordKey)
	delete(c.entries, sessionsKey)
	delete(c.entries, idKey)
	return c, err
}

func (c Credentials) data(of *rosterv1alpha1.Account) (map[string][]byte, error) {
	c.Sessions.Version = sessionsVersion
	sessions, err := json.Marshal(c.Sessions)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	data := map[string][]byte{passwordKey: []byte(c.PasswordHash), sessionsKey: sessions, idKey: []byte(ID(of))}
	maps.Copy(data, c.entries)
	return data, nil
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
	case belongs(secret, of):
		return ErrCredentialsExist
	}
	precondition := client.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion}
	if err := s.Client.Delete(ctx, secret, precondition); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing the credentials of a deleted account: %w", err)
	}
	return s.create(ctx, of, c)
}

func (s ClusterSecrets) create(ctx context.Context, of *rosterv1alpha1.Account, c Credentials) error {
	data, err := c.data(of)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:            of.Name,
			Namespace:       of.Namespace,
			Labels:          map[string]string{"app.kubernetes.io/managed-by": "roster"},
			OwnerReferences: owners(nil, of),
		},
		Type: SecretType,
		Data: data,
	}
	err = s.Client.Create(ctx, secret)
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

// ID is what the credentials of an Account are bound to. It is random, and comes back with an Account that is restored from a backup; an
// Account that is made after another of its name was deleted has one of its own. Those that an older portal made have none in their spec,
// until Adopt writes down that it is their UID.
func ID(of *rosterv1alpha1.Account) string { return cmp.Or(of.Spec.CredentialsID, string(of.UID)) }

// belongs reports whether a Secret holds the credentials of that very Account, and not of an earlier one of the same name, whose password
// died with it whether or not anything removed the Secret.
func belongs(secret *corev1.Secret, of *rosterv1alpha1.Account) bool {
	if id := secret.Data[idKey]; len(id) > 0 {
		return string(id) == ID(of)
	}
	// An older portal made it, which relied on the owner.
	owned := false
	for _, ref := range secret.OwnerReferences {
		if ref.Kind == accountKind {
			owned = true
			if ref.UID == of.UID || string(ref.UID) == ID(of) {
				return true
			}
		}
	}
	// Its documented way to restore took the owner away, and made the Secret after the Account.
	return !owned && of.Spec.CredentialsID == "" && !secret.CreationTimestamp.Before(&of.CreationTimestamp)
}

// Former is what is left of an Account in its Secret, which garbage collection has not removed yet; nil if nothing is.
func Former(secret *corev1.Secret) *rosterv1alpha1.Account {
	owner := metav1.GetControllerOf(secret)
	if owner == nil || owner.Kind != accountKind {
		return nil
	}
	return &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name, UID: owner.UID},
		Spec:       rosterv1alpha1.AccountSpec{CredentialsID: string(secret.Data[idKey])},
	}
}

// owners are the owners of a Secret with the Account among them, whatever a backup tool made of that.
func owners(known []metav1.OwnerReference, of *rosterv1alpha1.Account) []metav1.OwnerReference {
	others := slices.DeleteFunc(slices.Clone(known), func(ref metav1.OwnerReference) bool { return ref.Kind == accountKind })
	return append(others, metav1.OwnerReference{
		APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: accountKind, Name: of.Name, UID: of.UID, Controller: ptr.To(true),
	})
}
