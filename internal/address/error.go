// SPDX-License-Identifier: Apache-2.0

package address

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/runenames"
)

// Fault is what is wrong with a text that is no address.
type Fault string

// The faults.
const (
	// NoAddress: it has no part before or after the @.
	NoAddress Fault = "NoAddress"
	// MoreThanAddress: it has a name, a comment, or is a list.
	MoreThanAddress Fault = "MoreThanAddress"
	// Quoted: the part before the @ is quoted.
	Quoted Fault = "Quoted"
	// Dots: the part before the @ begins or ends with a dot, or has two in a row.
	Dots Fault = "Dots"
	// NotUTF8: it is no text.
	NotUTF8 Fault = "NotUTF8"
	// StandsForAnother: a character before the @ is another form of some that Instead tells.
	StandsForAnother Fault = "StandsForAnother"
	// UpperCase: a letter before the @ is an upper-case one outside ASCII.
	UpperCase Fault = "UpperCase"
	// BadCharacter: a character before the @ cannot be seen, or is none of an address.
	BadCharacter Fault = "BadCharacter"
	// HiddenInDomain: a character after the @ cannot be seen.
	HiddenInDomain Fault = "HiddenInDomain"
	// BadDomain: what is after the @ is no full domain.
	BadDomain Fault = "BadDomain"
	// TooLong: the address is longer than mail carries.
	TooLong Fault = "TooLong"
)

// Error is what is wrong with an address, and what to do about it.
type Error struct {
	// Text is what was to be an address.
	Text  string
	Fault Fault
	// Character that is wrong, where it is one.
	Character rune
}

// Error implements error.
func (e *Error) Error() string {
	switch e.Fault {
	case MoreThanAddress:
		return fmt.Sprintf("%q is more than one plain mail address: write only %s", e.Text, e.Instead())
	case Quoted:
		return fmt.Sprintf("%q has quotation marks before the @, which many mail servers refuse: write an address without them", e.Text)
	case Dots:
		return fmt.Sprintf("%q has a misplaced dot before the @: put single dots between other characters", e.Text)
	case NotUTF8:
		return fmt.Sprintf("%q is not UTF-8: type the address again", e.Text)
	case StandsForAnother:
		return fmt.Sprintf("%q has %s before the @, which is another form of %q: write that if it is what you mean",
			e.Text, e.Name(), e.Instead())
	case UpperCase:
		return fmt.Sprintf("%q has %s before the @: mail servers disagree about upper case outside ASCII, so write the address "+
			"in lower case, as its mailbox is named", e.Text, e.Name())
	case BadCharacter:
		return fmt.Sprintf("%q has %s before the @, which is not allowed in mail addresses here: remove it, or type the address again",
			e.Text, e.Name())
	case HiddenInDomain:
		return fmt.Sprintf("%q has %s after the @, which is invisible: remove it, or type the address again", e.Text, e.Name())
	case BadDomain:
		return fmt.Sprintf("%q has no usable domain: write a full one such as example.com", e.Text)
	case TooLong:
		return fmt.Sprintf("%q is longer than %d bytes, which is all that mail carries: write a shorter address", e.Text, maxAddress)
	case NoAddress:
	}
	return fmt.Sprintf("%q is not a mail address: write one such as ana@example.com", e.Text)
}

// Name is the code point of the character, and what Unicode calls it: U+200B ZERO WIDTH SPACE.
func (e *Error) Name() string {
	name := runenames.Name(e.Character)
	if name == "" {
		name = "(unassigned)"
	}
	return fmt.Sprintf("U+%04X %s", e.Character, strings.ToUpper(name))
}

// Instead is what to write, where that can be told: the address without a name, or the character that is meant.
func (e *Error) Instead() string {
	switch e.Fault {
	case MoreThanAddress:
		_, rest, _ := strings.Cut(e.Text, "<")
		if inner, _, ok := strings.Cut(rest, ">"); ok {
			if a, err := Parse(inner); err == nil {
				return string(a)
			}
		}
		return "ana@example.com, for instance"
	case StandsForAnother:
		return plain(e.Character)
	default:
		return ""
	}
}
