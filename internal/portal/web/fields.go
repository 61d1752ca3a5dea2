// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The fields of forms.
const (
	FieldAction      = "action"
	FieldDisplayName = "displayName"
	FieldCompany     = "company"
	FieldLocale      = "locale"
	FieldPassword    = "password"
	FieldConfirm     = "confirm"
	// FieldCode takes a code of an app or of a mail, FieldAnswer that of a passkey.
	FieldCode   = "code"
	FieldAnswer = "answer"
	// FieldAs is in forms that offer the ownership of an organisation.
	FieldAs = "as"
)

// MaxName is the longest name and company in characters, as in the Account.
const MaxName = 120

// Tidy brings what was typed into one line of NFC, without space around it.
func Tidy(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// Problem is something that has to be corrected. Without a field it concerns the whole form.
type Problem struct {
	Field string
	Text  string
	// Quote stands behind the text: what somebody else has to say, in English.
	Quote string
}

// IsLine refuses line breaks, control characters, and the marks that turn the direction of what stands beside a name.
func IsLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || turnsText(r)
	})
}

// turnsText reports whether a mark changes the direction of text (Unicode Bidirectional Algorithm, explicit formatting).
func turnsText(r rune) bool { return 0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069 }

// IsVisible wants at least one character that can be seen.
func IsVisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}
