// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// message is a mail as it came in, with what the pages show of it. Roster's mails have HTML and plain text in UTF-8, and nothing else.
type message struct {
	id        string
	received  time.Time
	raw       []byte
	messageID string
	subject   string
	date      time.Time
	from      *mail.Address
	to        []*mail.Address
	replyTo   []*mail.Address
	text      string
	html      string
}

// newMessage reads a mail. Whatever cannot be read is left out or shown as it stands; no mail is refused for it.
func newMessage(raw []byte, received time.Time) *message {
	m := &message{id: rand.Text(), received: received, raw: raw, date: received, from: &mail.Address{}}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.text = valid(raw)
		return m
	}
	h := parsed.Header
	m.messageID = strings.Trim(valid([]byte(h.Get("Message-ID"))), "<> ")
	m.subject = decoded(h.Get("Subject"))
	m.to, m.replyTo = addresses(h.Get("To")), addresses(h.Get("Reply-To"))
	if from := addresses(h.Get("From")); len(from) > 0 {
		m.from = from[0]
	}
	if date, err := h.Date(); err == nil {
		m.date = date
	}
	m.read(h, parsed.Body)
	return m
}

// read adds what a part says (RFC 2045). A part that was cut off is kept.
func (m *message) read(h interface{ Get(name string) string }, body io.Reader) {
	mediaType, params, _ := mime.ParseMediaType(cmp.Or(h.Get("Content-Type"), "text/plain"))
	if strings.HasPrefix(mediaType, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.read(part.Header, part)
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, _ := io.ReadAll(body)
	switch mediaType {
	case "text/html":
		m.html += valid(content)
	case "text/plain":
		m.text += strings.ReplaceAll(valid(content), "\r\n", "\n")
	}
}

// valid makes a string of bytes that ought to be UTF-8.
func valid(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// decoded reads encoded words (RFC 2047); what cannot be read stays as it is.
func decoded(s string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		text = s
	}
	return valid([]byte(text))
}

// addresses reads a field that lists addresses. One that cannot be read is shown as if it were a name.
func addresses(field string) []*mail.Address {
	if field == "" {
		return []*mail.Address{}
	}
	list, err := mail.ParseAddressList(field)
	if err != nil {
		return []*mail.Address{{Name: decoded(field)}}
	}
	return list
}

// matches reports whether a mail has each of the words of a search, in lower case: to:ana in a recipient, any other word anywhere.
func (m *message) matches(words []string) bool {
	has := func(s, word string) bool { return strings.Contains(strings.ToLower(s), word) }
	among := func(word string, list ...*mail.Address) bool {
		return slices.ContainsFunc(list, func(a *mail.Address) bool { return has(a.Address, word) || has(a.Name, word) })
	}
	for _, word := range words {
		recipient, toOnly := strings.CutPrefix(word, "to:")
		found := among(recipient, m.to...)
		if !toOnly && !found {
			found = among(word, m.from) || has(m.subject, word) || has(m.text, word)
		}
		if !found {
			return false
		}
	}
	return true
}

// snippetLen is how many characters of a mail a list shows at most.
const snippetLen = 250

// snippet is the beginning of the text in one line.
func (m *message) snippet() string {
	runes := []rune(strings.Join(strings.Fields(m.text), " "))
	if len(runes) <= snippetLen {
		return string(runes)
	}
	return string(runes[:snippetLen-1]) + "…"
}
