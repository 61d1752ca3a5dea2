// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
	"k8s.io/utils/clock"
)

// MaxPasswordBytes is the longest password that is looked at. Longer ones are refused before any work is done on them.
const MaxPasswordBytes = 1024

// ErrPassword says that a text cannot be a password: it is longer than MaxPasswordBytes, or not UTF-8.
var ErrPassword = fmt.Errorf("a password has at most %d bytes of valid UTF-8", MaxPasswordBytes)

// Observer receives measurements in seconds; a Prometheus histogram is one.
type Observer interface {
	Observe(seconds float64)
}

// HasherOptions configure a Hasher. The zero value is ready for use.
type HasherOptions struct {
	// Params are the cost of new hashes. Default DefaultParams.
	Params Params
	// Concurrency is how many hashes of that cost are computed at once. Default GOMAXPROCS: more would not be faster, only use
	// more memory.
	Concurrency int
	// Wait is told how long each caller waited for its turn. May be nil.
	Wait Observer
	// Clock measures that. Default the real one.
	Clock clock.PassiveClock
}

// Hasher computes and checks password hashes. However many callers there are, it uses no more than Concurrency × Params.Memory at once;
// the others wait in line until their context ends.
type Hasher struct {
	params Params
	memory *semaphore.Weighted // KiB
	limit  int64
	wait   Observer
	clock  clock.PassiveClock
}

// NewHasher returns a Hasher, or an error if the cost is out of bounds.
func NewHasher(o HasherOptions) (*Hasher, error) {
	if o.Params == (Params{}) {
		o.Params = DefaultParams()
	}
	if err := o.Params.check(); err != nil {
		return nil, err
	}
	if o.Concurrency == 0 {
		o.Concurrency = runtime.GOMAXPROCS(0)
	}
	if o.Concurrency < 0 {
		return nil, fmt.Errorf("concurrency %d: must be at least 1", o.Concurrency)
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	limit := int64(o.Concurrency) * int64(o.Params.Memory)
	return &Hasher{params: o.Params, memory: semaphore.NewWeighted(limit), limit: limit, wait: o.Wait, clock: o.Clock}, nil
}

// Hash returns the hash of a password in PHC string format. The error is ErrPassword, or that of the context.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	password, err := prepare(password)
	if err != nil {
		return "", err
	}
	release, err := h.acquire(ctx, h.params)
	if err != nil {
		return "", err
	}
	defer release()
	salt := make([]byte, saltLen)
	rand.Read(salt) // never fails (crypto/rand)
	return newHash(password, salt, h.params).String(), nil
}

// Match is the outcome of a check that could be made.
type Match struct {
	// OK says that the password is the right one.
	OK bool
	// Outdated says that the hash was made at another cost than new ones are: with the right password at hand it can be made anew.
	Outdated bool
}

// Verify checks a password against a hash in PHC string format. A text that cannot be a password matches nothing. An error says that
// the check could not be made: the hash cannot be read, or the context ended first.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) (Match, error) {
	known, err := parseHash(encoded)
	if err != nil {
		return Match{}, err
	}
	match := Match{Outdated: known.params != h.params || len(known.salt) != saltLen || len(known.sum) != sumLen}
	password, err = prepare(password)
	if errors.Is(err, ErrPassword) {
		return match, nil
	}
	release, err := h.acquire(ctx, known.params)
	if err != nil {
		return Match{}, err
	}
	defer release()
	match.OK = known.matches(password)
	return match, nil
}

// acquire waits for the memory of one hash. One that needs more than there is in all waits until it is alone.
func (h *Hasher) acquire(ctx context.Context, p Params) (release func(), err error) {
	start := h.clock.Now()
	weight := min(int64(p.Memory), h.limit)
	if err := h.memory.Acquire(ctx, weight); err != nil {
		return nil, fmt.Errorf("waiting to hash a password: %w", err)
	}
	if h.wait != nil {
		h.wait.Observe(h.clock.Since(start).Seconds())
	}
	return func() { h.memory.Release(weight) }, nil
}

// prepare brings a password into the one form that is hashed, so that it does not depend on the keyboard that it was typed on
// (Unicode NFKC, as NIST SP 800-63B recommends). Spaces count.
func prepare(password string) (string, error) {
	if len(password) > MaxPasswordBytes || !utf8.ValidString(password) {
		return "", ErrPassword
	}
	return norm.NFKC.String(password), nil
}
