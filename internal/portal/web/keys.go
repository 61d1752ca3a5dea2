// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/keyring"
)

// RefreshEvery is how often links that do not verify may cause a look at the key Secret. It bounds what forged links cost the API server,
// and how long a new key goes unnoticed.
const RefreshEvery = time.Minute

// KeySource reads keys, such as those that links are signed with, from their Secret, and keeps them.
type KeySource struct {
	reader client.Reader
	Secret client.ObjectKey
	clock  clock.PassiveClock
	known  atomic.Pointer[knownKeys]
	// turn is held by the request that reads the Secret; a channel, because waiting for it ends with the caller's context.
	turn chan struct{}
}

// knownKeys are keys, and when the Secret was last looked at.
type knownKeys struct {
	keys   keyring.Keys
	looked time.Time
}

// NewKeySource returns a KeySource for a Secret. The reader must not be a cache: the portal may get this one Secret and no other.
func NewKeySource(reader client.Reader, secret client.ObjectKey, c clock.PassiveClock) *KeySource {
	return &KeySource{reader: reader, Secret: secret, clock: c, turn: make(chan struct{}, 1)}
}

// Keys returns the keys, reading them if there are none yet.
func (s *KeySource) Keys(ctx context.Context) (keyring.Keys, error) {
	return s.get(ctx, func(k *knownKeys) bool { return k != nil })
}

// Refresh returns the keys, reading them again if the last look is at least a minute ago. If that fails, the keys that are known count.
func (s *KeySource) Refresh(ctx context.Context) (keyring.Keys, error) {
	return s.get(ctx, func(k *knownKeys) bool { return k != nil && s.clock.Since(k.looked) < RefreshEvery })
}

func (s *KeySource) get(ctx context.Context, good func(*knownKeys) bool) (keyring.Keys, error) {
	if known := s.known.Load(); good(known) {
		return known.keys, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the keys: %w", ctx.Err())
	}
	known := s.known.Load()
	if good(known) {
		return known.keys, nil
	}
	keys, err := s.load(ctx)
	switch {
	case err == nil:
	case known != nil:
		keys = known.keys
	default:
		return nil, err
	}
	s.known.Store(&knownKeys{keys: keys, looked: s.clock.Now()})
	return keys, nil
}

func (s *KeySource) load(ctx context.Context) (keyring.Keys, error) {
	secret := &corev1.Secret{}
	if err := s.reader.Get(ctx, s.Secret, secret); err != nil {
		return nil, fmt.Errorf("keys in Secret %s: %w", s.Secret, err)
	}
	return keyring.FromSecret(secret)
}

// CheckTimeout is how long a check of readiness may take. The probe waits longer, so that it is told what is missing.
const CheckTimeout = time.Second

// Ready reports whether there are keys.
func (s *KeySource) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	_, err := s.Keys(ctx)
	return err
}
