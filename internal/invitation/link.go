// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
)

// A token is what stands in a link: the ID of the Invitation, see LinkID (16 bytes), the attempt (4 bytes, big endian) and an
// HMAC-SHA-256 (RFC 2104) over both and the invited address. Nothing of it is stored: anyone who holds the key can write the link of
// an attempt again, and a newer attempt voids the older links.
const (
	uidLen = 16
	idLen  = uidLen + 4
)

// ErrToken is all that a stranger learns about a token that does not verify.
var ErrToken = errors.New("the link is not valid")

// LinkID is what an Invitation is known by in its links and mails: the UID that it had when the first was mailed, whatever it has since it
// was restored from a backup.
func LinkID(inv *rosterv1alpha1.Invitation) string { return cmp.Or(inv.Status.LinkID, string(inv.UID)) }

// TokenID is the part of a token that says which invitation and which link of it is meant. It proves nothing by itself.
type TokenID struct {
	// UID is the LinkID of the Invitation.
	UID     string
	Attempt int32
}

// Token is the text that stands in the link of one attempt.
func Token(keys keyring.Keys, uid string, attempt int32, to address.Address) (string, error) {
	id, err := encodeID(TokenID{UID: uid, Attempt: attempt})
	if err != nil {
		return "", err
	}
	return keys.Token(id, signed(id, to)), nil
}

// ParseToken reads which invitation a token speaks of, so that it can be looked up. Verify then reports whether to believe it.
func ParseToken(token string) (TokenID, error) {
	id, _, ok := keyring.ParseToken(token, idLen)
	if !ok || id[uidLen]&0x80 != 0 {
		return TokenID{}, ErrToken
	}
	return TokenID{UID: decodeUID(id[:uidLen]), Attempt: int32(binary.BigEndian.Uint32(id[uidLen:]))}, nil
}

// Verify reports whether one of the keys signed the token for that address. It takes the same time for every wrong signature.
func Verify(keys keyring.Keys, token string, to address.Address) error {
	id, signature, ok := keyring.ParseToken(token, idLen)
	if !ok || !keys.Verify(signed(id, to), signature) {
		return ErrToken
	}
	return nil
}

// signed is what the signature of a link is over.
func signed(id []byte, to address.Address) []byte { return append(slices.Clone(id), to...) }

func encodeID(id TokenID) ([]byte, error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(id.UID, "-", ""))
	if err != nil || len(raw) != uidLen || decodeUID(raw) != id.UID {
		return nil, fmt.Errorf("%q is not a UID", id.UID)
	}
	if id.Attempt < 1 {
		return nil, fmt.Errorf("attempt %d: the first is 1", id.Attempt)
	}
	return binary.BigEndian.AppendUint32(raw, uint32(id.Attempt)), nil
}

func decodeUID(raw []byte) string {
	h := hex.EncodeToString(raw)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// MessageID is the Message-ID (RFC 5322, 3.6.4) of a mail, without angle brackets: the same for every try at the same mail, so
// that a mail program shows a repeated one once. Reminder 0 is the mail that brings the link.
func MessageID(uid string, attempt, reminder int32, domain string) string {
	if reminder == 0 {
		return fmt.Sprintf("%s.%d@%s", uid, attempt, domain)
	}
	return fmt.Sprintf("%s.%d.r%d@%s", uid, attempt, reminder, domain)
}
