// SPDX-License-Identifier: Apache-2.0

// Package mailcode makes and checks the codes that are mailed to an address, so that somebody shows that they read its mail. A code is
// derived, not stored: both sides hold the keys, and what was asked for stands between them.
package mailcode

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
)

const (
	// Lifetime is how long a code counts after it was asked for.
	Lifetime = 15 * time.Minute
	// MaxTries is how many wrong codes are taken for one that was asked for: of a hundred million.
	MaxTries = 5

	digits = 8
	limit  = 100_000_000
	use    = "roster.dev mailed code v1"
)

// Request is what a code is bound to. If anything of it differs, so does the code.
type Request struct {
	// To is the address that it is mailed to.
	To address.Address
	// For is what it is good for: nothing else accepts it.
	For string
	// Holder is who can use it, such as a session of an Account: in nobody else's hands it counts.
	Holder string
	// Asked is when it was asked for, to the microsecond.
	Asked time.Time
	// Tries is how many wrong codes have been typed in. The code does not depend on them.
	Tries int32
}

// Why a code is not taken.
var (
	// ErrWrong: it is another one.
	ErrWrong = errors.New("the code is wrong")
	// ErrVoid: whatever was typed, no code of that request is taken any more.
	ErrVoid = errors.New("the code has expired, or too many wrong ones were typed")
)

// Expires is when the code stops to count.
func (r Request) Expires() time.Time { return r.Asked.Add(Lifetime) }

// Live reports whether the code can still be used.
func (r Request) Live(now time.Time) bool {
	return !r.Asked.IsZero() && now.Before(r.Expires()) && r.Tries < MaxTries
}

// Code is the code of a request, as it is mailed: two groups of four digits. The first key makes it.
func Code(keys keyring.Keys, r Request) (string, error) {
	if len(keys) == 0 || r.To == "" || r.For == "" || r.Holder == "" || r.Asked.IsZero() {
		return "", errors.New("a mailed code needs a key, an address, a purpose, a holder and a time")
	}
	code := r.code(keys.Derive(use))
	return code[:digits/2] + " " + code[digits/2:], nil
}

// Verify reports whether what was typed is the code of the request under one of the keys, however it is grouped. It takes the same time for
// every wrong code. The caller counts it, in a write that nobody else's can slip past, before anybody learns the answer.
func Verify(keys keyring.Keys, r Request, typed string, now time.Time) error {
	if !r.Live(now) {
		return ErrVoid
	}
	entered := []byte(factor.Typed(typed))
	right := 0
	for _, key := range keys.Derive(use) {
		right |= subtle.ConstantTimeCompare([]byte(r.code(keyring.Keys{key})), entered)
	}
	if right == 0 {
		return ErrWrong
	}
	return nil
}

func (r Request) code(derived keyring.Keys) string {
	n := binary.BigEndian.Uint64(derived.Sign(r.signed())) // of 2^64, so that no code is noticeably likelier
	return fmt.Sprintf("%0*d", digits, n%limit)
}

// signed is what the code is derived from. Each part stands behind its length, so that none can take letters of the next.
func (r Request) signed() []byte {
	var b []byte
	for _, part := range []string{string(r.To), r.For, r.Holder, strconv.FormatInt(r.Asked.UnixMicro(), 10)} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
