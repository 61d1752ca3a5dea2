// SPDX-License-Identifier: Apache-2.0

// Package factor knows the second factors of an account: codes of an authenticator app (TOTP, RFC 6238), recovery codes, and passkeys (Web
// Authentication). It decides; its caller stores what it returns, under the version that was read.
package factor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/seal"
)

// factorsVersion is the version of the document that is written and understood.
const factorsVersion = 1

// What checks report.
var (
	// ErrCode: the code is not the one of this moment, or has been used before.
	ErrCode = errors.New("the code is wrong or has been used")
	// ErrNoApp: the account has no authenticator app.
	ErrNoApp = errors.New("the account has no authenticator app")
)

// Factors is what an account has beside its password: one document in its Secret.
type Factors struct {
	Version int `json:"version"`
	// App is the authenticator app.
	App *App `json:"app,omitempty"`
	// Recovery are the codes for when everything else is lost.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Handle is what authenticators know the account by. It is made with the first passkey and stays.
	Handle   []byte    `json:"handle,omitempty"`
	Passkeys []Passkey `json:"passkeys,omitempty"`
}

// App is an authenticator app that shares a seed with the portal.
type App struct {
	// Seed is sealed for the account.
	Seed  string    `json:"seed"`
	Added time.Time `json:"added"`
	// LastStep is the step of the last code that was accepted. Neither it nor an earlier one is accepted again.
	LastStep int64 `json:"lastStep"`
}

// Recovery are codes that each count once.
type Recovery struct {
	// Hashes of the codes that have not been used.
	Hashes []string  `json:"hashes"`
	Made   time.Time `json:"made"`
}

// Parse reads the document; nothing stands for an account without factors.
func Parse(data []byte) (Factors, error) {
	if len(data) == 0 {
		return Factors{Version: factorsVersion}, nil
	}
	var f Factors
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("second factors: %w", err)
	}
	if f.Version != factorsVersion {
		return f, fmt.Errorf("second factors: version %d, only %d is known: run a newer portal", f.Version, factorsVersion)
	}
	return f, nil
}

// Marshal writes what Parse reads; nothing, where there is nothing to say.
func (f Factors) Marshal() ([]byte, error) {
	if f.App == nil && f.Recovery == nil && f.Handle == nil && f.Passkeys == nil {
		return nil, nil
	}
	f.Version = factorsVersion
	return json.Marshal(f)
}

// Enrolled reports whether there is anything to prove oneself with. Recovery codes alone are not a second factor.
func (f Factors) Enrolled() bool { return f.App != nil || len(f.Passkeys) > 0 }

// Since leaves out what was there before a reset was asked for. Times in the API have seconds: what was added in the second of the reset is
// left out, too.
func (f Factors) Since(reset time.Time) Factors {
	old := func(added time.Time) bool { return added.Before(reset.Truncate(time.Second).Add(time.Second)) }
	if f.App != nil && old(f.App.Added) {
		f.App = nil
	}
	if f.Recovery != nil && old(f.Recovery.Made) {
		f.Recovery = nil
	}
	f.Passkeys = slices.DeleteFunc(slices.Clone(f.Passkeys), func(k Passkey) bool { return old(k.Added) })
	return f
}

// seedUse keeps seeds apart from everything else that is sealed with the same keys.
const seedUse = "seed of an authenticator app"

// SetApp makes that seed the one of the account's app, sealed for the ID of its credentials. The step is that of the code that
// the person has typed to show that the app works.
func (f *Factors) SetApp(keys keyring.Keys, id string, seed []byte, step int64, now time.Time) {
	f.App = &App{Seed: seal.NewStored(keys, seedUse).Seal(seed, []byte(id)), Added: now, LastStep: step}
}

// UseCode accepts a code of the app, at most once. If the seed was sealed with a key that has been replaced, it is sealed again. The error
// is ErrNoApp, ErrCode, or says that the seed cannot be opened.
func (f *Factors) UseCode(keys keyring.Keys, id, code string, now time.Time) error {
	if f.App == nil {
		return ErrNoApp
	}
	sealer := seal.NewStored(keys, seedUse)
	seed, outdated, err := sealer.Open(f.App.Seed, []byte(id))
	if err != nil {
		return fmt.Errorf("the seed of the authenticator app: %w", err)
	}
	step, ok := MatchStep(seed, code, now, f.App.LastStep)
	if !ok {
		return ErrCode
	}
	used := *f.App
	used.LastStep = step
	if outdated {
		used.Seed = sealer.Seal(seed, []byte(id))
	}
	f.App = &used
	return nil
}

// RemoveApp removes the authenticator app. It returns false if there is none.
func (f *Factors) RemoveApp() bool {
	if f.App == nil {
		return false
	}
	f.App = nil
	f.tidy()
	return true
}

// RemovePasskey removes the passkey of that ID. It returns false if there is none.
func (f *Factors) RemovePasskey(id []byte) bool {
	before := len(f.Passkeys)
	f.Passkeys = slices.DeleteFunc(slices.Clone(f.Passkeys), func(k Passkey) bool { return bytes.Equal(k.ID, id) })
	f.tidy()
	return len(f.Passkeys) < before
}

// tidy removes recovery codes that recover nothing any more.
func (f *Factors) tidy() {
	if !f.Enrolled() {
		f.Recovery = nil
	}
}
