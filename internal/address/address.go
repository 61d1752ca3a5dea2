// SPDX-License-Identifier: Apache-2.0

// Package address holds the one form in which mail addresses are compared, and what follows from it: the name of the Account and the
// picture. It does no I/O.
package address

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Address is a mail address in its normal form, the one in which addresses are compared, mailed and signed: composed characters (NFC),
// ASCII letters in lower case, the domain in its ASCII form (IDNA). +tags and dots are kept, since they may belong to different people.
type Address string

const (
	// maxAddress is the longest path that SMTP carries without the angle brackets (RFC 5321, 4.5.3.1.3), in bytes.
	maxAddress = 254
	// nameBytes is how much of the hash of an address is in the name of its Account.
	nameBytes = 16
)

// Parse reads a plain address (RFC 5322, dot-atom; RFC 6531). A display name, a comment and a quoted local part are refused, and so is
// every character before the @ that cannot be seen, that stands for another one, or whose lower case mail servers disagree about. The
// error is an *Error.
func Parse(s string) (Address, error) {
	at := strings.LastIndexByte(s, '@')
	if e := checkShape(s, at); e != nil {
		return "", e
	}
	local, fault := normalLocal(s, s[:at])
	if fault != nil {
		return "", fault
	}
	domain, fault := normalDomain(s, s[at+1:])
	if fault != nil {
		return "", fault
	}
	a := Address(local + "@" + domain)
	if len(a) > maxAddress {
		return "", &Error{Text: s, Fault: TooLong}
	}
	return a, nil
}

func checkShape(s string, at int) *Error {
	switch {
	case !utf8.ValidString(s):
		return &Error{Text: s, Fault: NotUTF8}
	case strings.Contains(s, `"`) && !strings.Contains(s, "<"):
		return &Error{Text: s, Fault: Quoted}
	case strings.ContainsAny(s, "<>(),;:"):
		return &Error{Text: s, Fault: MoreThanAddress}
	case at <= 0 || at == len(s)-1:
		return &Error{Text: s, Fault: NoAddress}
	}
	return nil
}

// normalLocal folds ASCII alone: KELVIN SIGN becomes k in the tables of Unicode, and İ becomes i, which are other mailboxes. Composing
// comes before and after: of ẖ, only the lower case is one character.
func normalLocal(whole, local string) (string, *Error) {
	if e := checkLocal(whole, local); e != nil {
		return "", e
	}
	composed := norm.NFC.String(local)
	if e := checkLocal(whole, composed); e != nil {
		return "", e
	}
	return norm.NFC.String(lowerASCII(composed)), nil
}

// checkLocal checks the part before the @ of an address.
func checkLocal(whole, local string) *Error {
	for i, r := range local {
		switch {
		case isAtom(r):
		case hidden(r), unicode.IsMark(r) && (i == 0 || local[i-1] == '.'):
			return &Error{Text: whole, Fault: BadCharacter, Character: r}
		case plain(r) != string(r):
			return &Error{Text: whole, Fault: StandsForAnother, Character: r}
		case unicode.In(r, unicode.Lu, unicode.Lt):
			return &Error{Text: whole, Fault: UpperCase, Character: r}
		case !isLetterOrDigit(r):
			return &Error{Text: whole, Fault: BadCharacter, Character: r}
		}
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return &Error{Text: whole, Fault: Dots}
	}
	return nil
}

// isAtom reports whether a character of ASCII stands before the @ without quotation marks (RFC 5322, 3.2.3, with the dot).
func isAtom(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r)
}

// isLetterOrDigit are the characters outside ASCII that names are of (RFC 8264, 9.1).
func isLetterOrDigit(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd)
}

// hidden are the characters that nobody sees: controls, spaces, marks of direction, joiners, fillers, and what Unicode has not assigned.
func hidden(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Zs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// plain is what a character stands for, where Unicode has it only as another form: of a width, a ligature, a superscript, a sign that is a
// letter. A character that is put together of a letter and its marks stands for itself.
func plain(r rune) string {
	self := string(r)
	composed, compatible := norm.NFC.String(self), norm.NFKC.String(self)
	if compatible != composed || utf8.RuneCountInString(composed) == 1 {
		return compatible
	}
	return self
}

func normalDomain(whole, domain string) (string, *Error) {
	if isPlain(domain) {
		return domain, nil
	}
	for _, r := range domain {
		if hidden(r) {
			return "", &Error{Text: whole, Fault: HiddenInDomain, Character: r}
		}
	}
	ascii, err := Domain(domain)
	if err != nil || !strings.Contains(ascii, ".") && ascii != "localhost" {
		return "", &Error{Text: whole, Fault: BadDomain}
	}
	return ascii, nil
}

// isPlain reports whether a domain has its normal form already, as nearly all have: at least two labels of lower-case letters, digits and
// hyphens (RFC 1034, 3.5), none of which stands for other characters. The tables of IDNA would make the same of it in a hundred times the
// time, and each object of the cache has an address.
func isPlain(domain string) bool {
	const mostInDomain, mostInLabel = 253, 63
	if len(domain) > mostInDomain || !strings.Contains(domain, ".") {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > mostInLabel || label[0] == '-' || label[len(label)-1] == '-' || hyphensMark(label) {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// hyphensMark reports whether a label may stand for others: those of IDNA begin with "xn--" (RFC 5890, 2.3.1).
func hyphensMark(label string) bool { return len(label) >= len("xn--") && label[2:4] == "--" }

// Domain is the normal form of a domain: ASCII in lower case (IDNA, RFC 5891, with the mapping of UTS #46 as browsers apply it).
func Domain(s string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))
	ascii, err := profile.ToASCII(norm.NFC.String(s))
	if err == nil && strings.HasSuffix(ascii, ".") {
		return "", &Error{Text: s, Fault: BadDomain}
	}
	return lowerASCII(ascii), err
}

// lowerASCII leaves letters outside ASCII as they are.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Domain is what follows the @.
func (a Address) Domain() string {
	return string(a[strings.LastIndexByte(string(a), '@')+1:])
}

// AccountName is the name of the Account that belongs to the address. It is derived, so that two people who accept at the same
// moment cannot create two Accounts for one address.
func (a Address) AccountName() string {
	sum := sha256.Sum256([]byte(a))
	return "a-" + hex.EncodeToString(sum[:nameBytes])
}

// AvatarURL is the picture of the address at Gravatar, or a pattern where there is none
// (https://docs.gravatar.com/rest/hash/: SHA-256 of the lower-cased address).
func (a Address) AvatarURL() string {
	sum := sha256.Sum256([]byte(a))
	return "https://gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?d=identicon"
}

// Same reports whether two texts are the same address. What is not an address is the same as nothing.
func Same(a, b string) bool {
	x, errX := Parse(a)
	y, errY := Parse(b)
	return errX == nil && errY == nil && x == y
}

// OfMember is the address of a Member; see Joined.
func OfMember(m *rosterv1alpha1.Member) (Address, error) {
	if ref := m.Spec.AccountRef; ref != nil {
		return Joined(m.Spec.Email, ref.Name)
	}
	return Parse(m.Spec.Email)
}

// IsOf reports whether an Account has the name that belongs to its address, and is of no other form.
func IsOf(a *rosterv1alpha1.Account) bool {
	own, err := Joined(a.Spec.Email, a.Name)
	return err == nil && string(own) == a.Spec.Email && own.AccountName() == a.Name
}

// Joined is the address of somebody who joined with the Account of that name; without one it is Parse. Accounts are named by the normal
// form that counted when they were made. Releases before this one kept characters as they were composed, folded all of Unicode and took
// invisible characters. An Account that such a form has named keeps its person: its address is that form, for as long as it lasts.
func Joined(s, account string) (Address, error) {
	a, err := Parse(s)
	if account == "" || err == nil && a.AccountName() == account {
		return a, err
	}
	if old := Former(s); old.AccountName() == account {
		return old, nil
	}
	return a, err
}

// Former is the normal form of the releases before this one. Nothing new is named by it.
func Former(s string) Address {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil {
		return ""
	}
	return Address(strings.ToLower(s[:at]) + "@" + strings.ToLower(ascii))
}
