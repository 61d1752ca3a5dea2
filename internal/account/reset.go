// SPDX-License-Identifier: Apache-2.0

package account

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
)

// A reset token is what stands in a link to choose a new password: the name of the Account (16 bytes), the time at which the link was asked
// for (8 bytes, microseconds since 1970, big endian), and an HMAC-SHA-256 over both, the ID of its credentials and the address. Nothing of
// it is stored: the manager, which mails it, and the portal, which takes it, hold the keys. What makes it good for one use is the Secret of
// the Account, which remembers since when links are void.
const (
	resetNameLen = 16
	resetIDLen   = resetNameLen + 8
	resetUse     = "roster.dev password reset link v1"
)

// ResetLifetime is how long a link to choose a new password can be used after it was asked for.
const ResetLifetime = 30 * time.Minute

// errReset is all that a stranger learns about a token that is not good.
var errReset = errors.New("the link is not valid")

// ResetToken is the text that stands in the link for a request of that time. The first key signs.
func ResetToken(keys keyring.Keys, of *rosterv1alpha1.Account, asked time.Time) (string, error) {
	name, err := hex.DecodeString(strings.TrimPrefix(of.Name, accountPrefix))
	if err != nil || len(name) != resetNameLen || len(keys) == 0 {
		return "", fmt.Errorf("account %q: no link can be made for it", of.Name)
	}
	id := binary.BigEndian.AppendUint64(name, uint64(asked.UnixMicro()))
	return keys.Derive(resetUse).Token(id, signedReset(id, of)), nil
}

// accountPrefix stands before the hash in the name of an Account.
const accountPrefix = "a-"

// ParseReset reads the Account and the time of a token, so that the Account can be looked up. VerifyReset then reports whether to believe
// it.
func ParseReset(token string) (name string, asked time.Time, _ error) {
	id, _, ok := keyring.ParseToken(token, resetIDLen)
	if !ok || id[resetNameLen]&0x80 != 0 {
		return "", time.Time{}, errReset
	}
	asked = time.UnixMicro(int64(binary.BigEndian.Uint64(id[resetNameLen:])))
	return accountPrefix + hex.EncodeToString(id[:resetNameLen]), asked, nil
}

// VerifyReset reports whether one of the keys signed the token for that Account, and its time has not run out. It takes the same time for
// every wrong signature.
func VerifyReset(keys keyring.Keys, token string, of *rosterv1alpha1.Account, now time.Time) error {
	_, asked, err := ParseReset(token)
	if err != nil {
		return err
	}
	id, signature, _ := keyring.ParseToken(token, resetIDLen)
	if !keys.Derive(resetUse).Verify(signedReset(id, of), signature) || !now.Before(asked.Add(ResetLifetime)) {
		return errReset
	}
	return nil
}

// signedReset is what the signature of a link is over.
func signedReset(id []byte, of *rosterv1alpha1.Account) []byte {
	return append(slices.Clone(id), ID(of)+" "+of.Spec.Email...)
}
