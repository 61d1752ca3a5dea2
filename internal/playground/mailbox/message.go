// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"crypto/rand"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// message is a mail as it came in, with everything in it that can be read.
type message struct {
	id       string
	received time.Time
	raw      []byte
	header   header
	body     body

	messageID  string
	subject    string
	returnPath string
	date       time.Time
	from       *mail.Address
	to         []*mail.Address
	cc         []*mail.Address
	bcc        []*mail.Address
	replyTo    []*mail.Address
}

// newMessage reads a mail. Whatever cannot be read is left out or shown as it stands; no mail is refused for it.
func newMessage(raw []byte, recipients []string, received time.Time) *message {
	h, rest := splitHeader(raw)
	m := &message{
		id: rand.Text(), received: received, raw: raw, header: h, body: readBody(h, rest),
		messageID:  strings.Trim(h.get("Message-ID"), "<> "),
		subject:    h.text("Subject"),
		returnPath: strings.Trim(h.get("Return-Path"), "<> "),
		date:       received,
		from:       &mail.Address{},
		to:         h.addresses("To"),
		cc:         h.addresses("Cc"),
		bcc:        h.addresses("Bcc"),
		replyTo:    h.addresses("Reply-To"),
	}
	if from := h.addresses("From"); len(from) > 0 {
		m.from = from[0]
	}
	if date, err := mail.ParseDate(h.get("Date")); err == nil {
		m.date = date
	}
	m.bcc = append(m.bcc, m.hidden(recipients)...)
	return m
}

// hidden returns the recipients that no field of the header names.
func (m *message) hidden(recipients []string) []*mail.Address {
	var hidden []*mail.Address
	for _, r := range recipients {
		named := func(a *mail.Address) bool { return strings.EqualFold(a.Address, r) }
		if !slices.ContainsFunc(slices.Concat(m.to, m.cc, m.bcc, hidden), named) {
			hidden = append(hidden, &mail.Address{Address: r})
		}
	}
	return hidden
}

// snippetLen is how many characters of a mail a list shows at most.
const snippetLen = 250

// snippet is the beginning of the text in one line.
func (m *message) snippet() string {
	text := m.body.text
	if strings.TrimSpace(text) == "" {
		text = htmlText(m.body.html)
	}
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) <= snippetLen {
		return string(runes)
	}
	return string(runes[:snippetLen-1]) + "…"
}
