// SPDX-License-Identifier: Apache-2.0

// Package cache keeps the tokens of a sign-in in a file that only their owner may read.
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockEvery is the pause between two tries to get the lock.
const lockEvery = 50 * time.Millisecond

// Entry is what is kept of a sign-in.
type Entry struct {
	// Issuer and ClientID say what the tokens are for.
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientID"`
	// IDToken is what the API server takes, until Expiry by the clock of this machine.
	IDToken string    `json:"idToken"`
	Expiry  time.Time `json:"expiry"`
	// RefreshToken gives the next tokens, once.
	RefreshToken string `json:"refreshToken,omitempty"`
	// Subject and Email are who signed in.
	Subject string `json:"subject"`
	Email   string `json:"email,omitempty"`
}

// File is where the tokens for one issuer and client are.
type File struct{ path, issuer, clientID string }

// For is the file in a folder.
func For(folder, issuer, clientID string) File {
	sum := sha256.Sum256([]byte(issuer + "\n" + clientID))
	return File{filepath.Join(folder, hex.EncodeToString(sum[:12])+".json"), issuer, clientID}
}

// Lock keeps other processes from renewing the tokens until unlock is called. The system gives the lock back if this process dies. Wait is
// called once if somebody else has it.
func (f File) Lock(ctx context.Context, wait func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, fmt.Errorf("the tokens cannot be kept: %w. Choose another folder with --cache-dir or KUBECACHEDIR", err)
	}
	lock := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err == nil && !held {
		wait()
		held, err = lock.TryLockContext(ctx, lockEvery)
	}
	if err != nil || !held {
		return nil, fmt.Errorf("the lock %s: %w", lock.Path(), errors.Join(err, ctx.Err()))
	}
	return func() { _ = lock.Unlock() }, nil
}

// Read returns what is kept; nil if nothing is, or nothing that can be read: then a sign-in makes it afresh.
func (f File) Read() (*Entry, error) {
	content, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the tokens cannot be read: %w", err)
	}
	e := &Entry{}
	if err := json.Unmarshal(content, e); err != nil || e.Issuer != f.issuer || e.ClientID != f.clientID {
		return nil, nil //nolint:nilerr // what cannot be read is as good as nothing: the person signs in again
	}
	return e, nil
}

// Write keeps tokens. Others see the old ones or the new ones, and nothing in between.
func (f File) Write(e Entry) error {
	e.Issuer, e.ClientID = f.issuer, f.clientID
	content, err := json.Marshal(e) //nolint:gosec // the file is for the tokens
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(f.path), ".*.json") // 0600
	if err != nil {
		return fmt.Errorf("the tokens cannot be kept: %w", err)
	}
	_, err = next.Write(content)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		return fmt.Errorf("the tokens cannot be kept: %w", errors.Join(err, os.Remove(next.Name())))
	}
	return nil
}

// Remove forgets the tokens.
func (f File) Remove() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the tokens cannot be removed: %w", err)
	}
	return nil
}
