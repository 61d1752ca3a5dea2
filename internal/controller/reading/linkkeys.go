// SPDX-License-Identifier: Apache-2.0

package reading

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/keyring"
)

// KeysAge is how long keys that were read are used before they are read again, so that a replaced key is noticed.
const KeysAge = time.Minute

// KeysRetry is how soon keys that could not be read are tried again.
const KeysRetry = 5 * time.Second

// LinkKeys are the keys that sign links, kept in a Secret of the operator's namespace.
type LinkKeys struct {
	client client.Client // reads Secrets live: they are in no cache
	clock  clock.PassiveClock
	secret client.ObjectKey

	mu   sync.Mutex
	keys keyring.Keys
	read time.Time
}

// Uncached keeps the client from starting a cache of Secrets to wait for its own writes in, which the manager may not and should not
// have: it does so for kinds too whose reads bypass the cache.
const Uncached = client.DisableReadYourWritesConsistency

// NewLinkKeys gives the keys in the named Secret. The client must not read Secrets from a cache.
func NewLinkKeys(c client.Client, clk clock.PassiveClock, secret client.ObjectKey) *LinkKeys {
	return &LinkKeys{client: c, clock: clk, secret: secret}
}

// Get reads the keys; the first time that there is none, it creates one.
func (k *LinkKeys) Get(ctx context.Context) (keyring.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	if k.keys != nil && now.Sub(k.read) < KeysAge {
		return k.keys, nil
	}
	secret, err := k.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("link keys in Secret %s: %w", k.secret, err)
	}
	keys, err := keyring.FromSecret(secret)
	if err != nil {
		return nil, fmt.Errorf("link keys: %w", err)
	}
	k.keys, k.read = keys, now
	return keys, nil
}

func (k *LinkKeys) load(ctx context.Context) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := k.client.Get(ctx, k.secret, secret, Uncached)
	if !apierrors.IsNotFound(err) {
		return secret, err
	}
	secret = keyring.NewSecret(k.secret.Namespace, k.secret.Name)
	err = k.client.Create(ctx, secret, Uncached)
	if apierrors.IsAlreadyExists(err) {
		err = k.client.Get(ctx, k.secret, secret, Uncached)
	}
	return secret, err
}
