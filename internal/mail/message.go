// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// Message is a mail that is ready to be sent, with its envelope. It does not change any more: sending it again sends the same bytes.
type Message struct {
	// From and To are the envelope: plain addresses.
	From, To string
	// ID is the Message-ID without angle brackets.
	ID string

	utf8 bool
	raw  []byte
}

// newMessage renders a mail. Addresses are plain; utf8 says that the headers need SMTPUTF8 (RFC 6531).
func newMessage(from, to, id string, utf8 bool, content *gomail.Msg) (*Message, error) {
	var raw bytes.Buffer
	raw.Grow(24 << 10)
	if _, err := content.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("mail %s: %w", id, err)
	}
	return &Message{From: from, To: to, ID: id, utf8: utf8, raw: raw.Bytes()}, nil
}

// Bytes are the headers and the content (RFC 5322), lines ending in CRLF. They must not be changed.
func (m *Message) Bytes() []byte { return m.raw }

// path is an address as MAIL and RCPT want it (RFC 5321, 4.1.2).
func path(address string) string {
	return (&netmail.Address{Address: address}).String()
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
