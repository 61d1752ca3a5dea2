// SPDX-License-Identifier: Apache-2.0

package account

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params are the cost of an argon2id hash (RFC 9106, 3.1).
type Params struct {
	// Memory in KiB.
	Memory uint32
	// Time is the number of passes over the memory.
	Time uint32
	// Threads is the number of lanes.
	Threads uint8
}

// DefaultParams is the minimum that the OWASP Password Storage Cheat Sheet asks of argon2id: 19 MiB, 2 passes, 1 lane. Of the settings
// that it calls equally strong this one is a middle way between memory and time; one lane, so that a hash keeps one core busy and the
// bound of the Hasher is also a bound of cores.
func DefaultParams() Params {
	return Params{Memory: 19 * 1024, Time: 2, Threads: 1}
}

// The bounds of what is read back. A hash that was tampered with must not be able to ask for any amount of memory or time.
const (
	maxMemory  = 256 * 1024 // KiB
	maxTime    = 16
	maxThreads = 16
	minSalt    = 16
	maxSalt    = 64
	minSum     = 16
	maxSum     = 64
)

// What new hashes have: 128 bits of salt, 256 bits of hash (RFC 9106, 3.1).
const (
	saltLen = 16
	sumLen  = 32
)

func (p Params) check() error {
	switch {
	case p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory:
		return fmt.Errorf("argon2id memory %d KiB: must be between 8 for each lane and %d", p.Memory, maxMemory)
	case p.Time < 1 || p.Time > maxTime:
		return fmt.Errorf("argon2id time %d: must be between 1 and %d", p.Time, maxTime)
	case p.Threads < 1 || p.Threads > maxThreads:
		return fmt.Errorf("argon2id lanes %d: must be between 1 and %d", p.Threads, maxThreads)
	}
	return nil
}

// errHash says nothing of what was read, since that may be a hash.
var errHash = errors.New("not an argon2id hash in PHC string format")

// hash is a salted password hash with its cost.
type hash struct {
	params Params
	salt   []byte
	sum    []byte
}

func newHash(password string, salt []byte, p Params) hash {
	return hash{params: p, salt: salt, sum: argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, sumLen)}
}

// matches compares in constant time.
func (h hash) matches(password string) bool {
	p := h.params
	sum := argon2.IDKey([]byte(password), h.salt, p.Time, p.Memory, p.Threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// String is the PHC string format (https://github.com/P-H-C/phc-string-format): cost, salt and hash in one line.
func (h hash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.params.Memory, h.params.Time, h.params.Threads, b64(h.salt), b64(h.sum))
}

// parseHash reads what String writes and nothing else: whatever does not come out the same again is refused.
func parseHash(s string) (hash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" {
		return hash{}, errHash
	}
	var h hash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.params.Memory, &h.params.Time, &h.params.Threads); err != nil {
		return hash{}, errHash
	}
	var saltErr, sumErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.sum, sumErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || sumErr != nil || h.String() != s {
		return hash{}, errHash
	}
	if !between(len(h.salt), minSalt, maxSalt) || !between(len(h.sum), minSum, maxSum) {
		return hash{}, errHash
	}
	return h, h.params.check()
}

func between(n, least, most int) bool { return least <= n && n <= most }
