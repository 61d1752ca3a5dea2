// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// Address is a mail address in the form in which addresses are compared: lower case, the domain in ASCII form. +tags and dots
// are kept, since they may belong to different people.
type Address string

// maxAddress is the longest path that SMTP carries without the angle brackets (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// ParseAddress reads a plain address by the rules of RFC 5322 and RFC 6531. A display name or a comment is refused.
func ParseAddress(s string) (Address, error) {
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		return "", fmt.Errorf("%q is not a mail address: %s", s, strings.TrimPrefix(err.Error(), "mail: "))
	}
	if parsed.Name != "" || strings.ContainsAny(s, "<>()") {
		return "", fmt.Errorf("%q is more than a mail address: leave out the name and write only %s", s, parsed.Address)
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	local, domain := parsed.Address[:at], parsed.Address[at+1:]
	if strings.ContainsAny(local, "\" @,;:\\\r\n\t") {
		return "", fmt.Errorf("%q has a quoted local part, which Roster does not take", s)
	}
	ascii, err := asciiDomain(domain)
	if err != nil || !strings.Contains(ascii, ".") && ascii != "localhost" {
		return "", fmt.Errorf("%q has no usable domain: write a full one such as example.com", s)
	}
	a := Address(strings.ToLower(local) + "@" + ascii)
	if len(a) > maxAddress {
		return "", errors.New("the address is longer than 254 bytes")
	}
	return a, nil
}

// asciiDomain is the lower-case ASCII form of a domain (IDNA, RFC 5891).
func asciiDomain(domain string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(domain)
	return strings.ToLower(ascii), err
}

// Domain is what follows the @.
func (a Address) Domain() string {
	return string(a[strings.LastIndexByte(string(a), '@')+1:])
}

// AccountName is the name of the Account that belongs to the address. It is derived, so that two people who accept at the same
// moment cannot create two Accounts for one address.
func (a Address) AccountName() string {
	sum := sha256.Sum256([]byte(a))
	return "a-" + hex.EncodeToString(sum[:16])
}

// AvatarURL is the picture of the address at Gravatar, or a pattern where there is none
// (https://docs.gravatar.com/rest/hash/: SHA-256 of the lower-cased address).
func (a Address) AvatarURL() string {
	sum := sha256.Sum256([]byte(a))
	return "https://gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?d=identicon"
}
