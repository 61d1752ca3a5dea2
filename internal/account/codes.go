// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/roster-dev/roster/internal/account/factor"
)

// RecoveryCodes is how many recovery codes a set has.
const RecoveryCodes = 10

const (
	// codeAlphabet has no letters that look like others (Crockford's base32).
	codeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	codeLen      = 16 // 80 bits
	codeGroup    = 4
)

// NewRecoveryCodes returns a set of codes as people keep them: four groups of four characters.
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		random := make([]byte, codeLen)
		rand.Read(random) // never fails (crypto/rand)
		var b strings.Builder
		for j, r := range random {
			if j > 0 && j%codeGroup == 0 {
				b.WriteByte('-')
			}
			b.WriteByte(codeAlphabet[int(r)%len(codeAlphabet)]) // 256 is a multiple of 32
		}
		codes[i] = b.String()
	}
	return codes
}

// canonicalCode is a code in the one form that is hashed: however it was grouped, and with letters for the digits that they look like.
func canonicalCode(typed string) string {
	return strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(factor.Typed(typed)))
}

// HashCodes returns the hashes of a set of codes. They have one salt, so that one computation is enough to compare a text with all of them.
func (h *Hasher) HashCodes(ctx context.Context, codes []string) ([]string, error) {
	salt := make([]byte, saltLen)
	rand.Read(salt) // never fails (crypto/rand)
	hashes := make([]string, len(codes))
	for i, code := range codes {
		release, err := h.acquire(ctx, h.params)
		if err != nil {
			return nil, err
		}
		hashes[i] = newHash(canonicalCode(code), salt, h.params).String()
		release()
	}
	return hashes, nil
}

// MatchCode finds which of the hashes of a set is that of the code; -1 if none is. All are compared, in constant time. The error is that of
// the context, or says that the hashes are not those of one set.
func (h *Hasher) MatchCode(ctx context.Context, typed string, hashes []string) (int, error) {
	if len(hashes) == 0 || len(typed) > MaxPasswordBytes {
		return -1, nil
	}
	known, err := parseSet(hashes)
	if err != nil {
		return -1, err
	}
	p := known[0].params
	release, err := h.acquire(ctx, p)
	if err != nil {
		return -1, err
	}
	defer release()
	sum := argon2.IDKey([]byte(canonicalCode(typed)), known[0].salt, p.Time, p.Memory, p.Threads, uint32(len(known[0].sum)))
	found := -1
	for i, k := range known {
		if subtle.ConstantTimeCompare(sum, k.sum) == 1 {
			found = i
		}
	}
	return found, nil
}

func parseSet(hashes []string) ([]hash, error) {
	known := make([]hash, len(hashes))
	for i, encoded := range hashes {
		var err error
		if known[i], err = parseHash(encoded); err != nil {
			return nil, err
		}
		if known[i].params != known[0].params || !slices.Equal(known[i].salt, known[0].salt) || len(known[i].sum) != len(known[0].sum) {
			return nil, errors.New("recovery codes of several sets are mixed up")
		}
	}
	return known, nil
}
