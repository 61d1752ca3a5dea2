// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"k8s.io/utils/clock"
)

// MaxPasswordBytes is the longest password that is looked at. Longer ones are refused before any work is done on them.
const MaxPasswordBytes = 1024

// ErrPassword means that a text cannot be a password: it is longer than MaxPasswordBytes, or not UTF-8.
var ErrPassword = fmt.Errorf("a password has at most %d bytes of valid UTF-8", MaxPasswordBytes)

// Observer receives measurements in seconds; a Prometheus histogram is one.
type Observer interface {
	Observe(seconds float64)
}

// HasherOptions configure a Hasher. The zero value is ready for use.
type HasherOptions struct {
	// Params are the cost of new hashes. Default DefaultParams.
	Params Params
	// Concurrency is how many hashes of that cost are computed at once. Default what Concurrency says for GOMAXPROCS and no limit of memory.
	Concurrency int
	// Queue is how many callers may wait for their turn. Default 32 for each hash at once.
	Queue int
	// Wait is told how long each caller waited for its turn. May be nil.
	Wait Observer
	// Clock measures that. Default the real one.
	Clock clock.PassiveClock
}

// ErrBusy means that too many are already waiting for their turn to hash.
var ErrBusy = errors.New("too many passwords wait to be hashed")

// Concurrency is how many hashes of that cost may be computed at once in a process that may use so much memory (in bytes; 0 is no limit)
// and so many cores: more than one for each core would not be faster. Hashes take a quarter of the memory at most, because what one leaves
// behind is still there while the next is computed, until the garbage collector has been round, and the rest of the process needs the other
// half.
func Concurrency(p Params, memory int64, cores int) int {
	if memory <= 0 {
		return max(1, cores)
	}
	const kib, share = 1 << 10, 4
	return max(1, min(cores, int(memory/share/kib/int64(p.Memory))))
}

// Hasher computes and checks password hashes. However many callers there are, it uses no more than Concurrency × Params.Memory at once; the
// others wait in line until their context ends. Whose turn is next is decided among those that As tells apart, and only then by who came
// first: one who asks a lot waits for themselves.
type Hasher struct {
	params Params
	line   *line
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
		o.Concurrency = Concurrency(o.Params, 0, runtime.GOMAXPROCS(0))
	}
	if o.Concurrency < 0 {
		return nil, fmt.Errorf("concurrency %d: must be at least 1", o.Concurrency)
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Queue == 0 {
		o.Queue = 32 * o.Concurrency
	}
	l := newLine(int64(o.Concurrency)*int64(o.Params.Memory), o.Queue)
	return &Hasher{params: o.Params, line: l, wait: o.Wait, clock: o.Clock}, nil
}

// Concurrency is how many hashes are computed at once.
func (h *Hasher) Concurrency() int { return int(h.line.all / int64(h.params.Memory)) }

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
	// OK means that the password is the right one.
	OK bool
	// Outdated means that the hash was made at another cost than new ones are: with the right password, it can be made again.
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
	weight := min(int64(p.Memory), h.line.all)
	if err := h.line.acquire(ctx, weight); err != nil {
		return nil, fmt.Errorf("waiting to hash a password: %w", err)
	}
	if h.wait != nil {
		h.wait.Observe(h.clock.Since(start).Seconds())
	}
	return func() { h.line.release(weight) }, nil
}

// prepare brings a password into the one form that is hashed, so that it does not depend on the keyboard that it was typed on
// (Unicode NFKC, as NIST SP 800-63B recommends). Spaces count.
func prepare(password string) (string, error) {
	if len(password) > MaxPasswordBytes || !utf8.ValidString(password) {
		return "", ErrPassword
	}
	return norm.NFKC.String(password), nil
}
