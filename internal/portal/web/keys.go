// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/keyring"
)

// RefreshEvery is how often links that do not verify may cause a look at the key Secret. It bounds what forged links cost the API server,
// and how long a new key goes unnoticed.
const RefreshEvery = time.Minute

// retryEvery is how soon it is looked again for keys where there were none.
const retryEvery = time.Second

// Source reads keys from their Secret, and keeps them.
type Source[K any] struct {
	reader client.Reader
	Secret client.ObjectKey
	// Empty reports whether there are no keys, where that can be: they have yet to be made, or somebody deleted the Secret, which has taken
	// its keys with it. Nil where a Secret without keys is a mistake, and those that are known count on when it is gone.
	Empty func(K) bool

	parse func(*corev1.Secret) (K, error)
	clock clock.PassiveClock
	known atomic.Pointer[known[K]]
	// turn is held by the request that reads the Secret; a channel, because waiting for it ends with the caller's context.
	turn chan struct{}
}

// KeySource is that of a ring of keys, such as those that links are signed with.
type KeySource = Source[keyring.Keys]

// known are keys, and when the Secret was last looked at.
type known[K any] struct {
	keys   K
	looked time.Time
}

// NewSource returns a Source for a Secret. The reader must not be a cache: the portal may get this one Secret and no other.
func NewSource[K any](
	reader client.Reader, secret client.ObjectKey, parse func(*corev1.Secret) (K, error), c clock.PassiveClock,
) *Source[K] {
	return &Source[K]{reader: reader, Secret: secret, parse: parse, clock: c, turn: make(chan struct{}, 1)}
}

// NewKeySource returns a KeySource for a Secret.
func NewKeySource(reader client.Reader, secret client.ObjectKey, c clock.PassiveClock) *KeySource {
	return NewSource(reader, secret, keyring.FromSecret, c)
}

// Keys returns the keys, reading them if there are none yet.
func (s *Source[K]) Keys(ctx context.Context) (K, error) {
	return s.get(ctx, func(*known[K]) bool { return true })
}

// Refresh returns the keys, reading them again if the last look is at least a minute ago. If that fails, the keys that are known count.
func (s *Source[K]) Refresh(ctx context.Context) (K, error) { return s.NotOlder(ctx, RefreshEvery) }

// NotOlder returns the keys, reading them again if the last look is at least that long ago. If that fails, the keys that are known count.
func (s *Source[K]) NotOlder(ctx context.Context, age time.Duration) (K, error) {
	return s.get(ctx, func(k *known[K]) bool { return s.clock.Since(k.looked) < age })
}

// get returns the keys that are known if they are recent enough, and reads them otherwise.
func (s *Source[K]) get(ctx context.Context, recent func(*known[K]) bool) (K, error) {
	good := func(k *known[K]) bool {
		return k != nil && recent(k) && (s.Empty == nil || !s.Empty(k.keys) || s.clock.Since(k.looked) < retryEvery)
	}
	if k := s.known.Load(); good(k) {
		return k.keys, nil
	}
	var none K
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return none, fmt.Errorf("waiting for the keys: %w", ctx.Err())
	}
	before := s.known.Load()
	if good(before) {
		return before.keys, nil
	}
	keys, err := s.load(ctx)
	switch {
	case err == nil:
	case before != nil:
		keys = before.keys
	default:
		return none, err
	}
	s.known.Store(&known[K]{keys: keys, looked: s.clock.Now()})
	return keys, nil
}

func (s *Source[K]) load(ctx context.Context) (K, error) {
	secret := &corev1.Secret{}
	err := s.reader.Get(ctx, s.Secret, secret)
	if err != nil && (s.Empty == nil || !apierrors.IsNotFound(err)) {
		var none K
		return none, fmt.Errorf("keys in Secret %s: %w", s.Secret, err)
	}
	return s.parse(secret)
}

// CheckTimeout is how long a check of readiness may take. The probe waits longer, so that it is told what is missing.
const CheckTimeout = time.Second

// Ready reports whether there are keys.
func (s *Source[K]) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	_, err := s.Keys(ctx)
	return err
}
