// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// field is one field of a header, unfolded, as it was sent.
type field struct{ name, value string }

// header is all fields in the order in which they were sent.
type header []field

// splitHeader parts a mail into its header and what follows (RFC 5322, 2.2). A line that can be no field ends the header, so that
// a mail without one still shows its text.
func splitHeader(raw []byte) (header, []byte) {
	var h header
	rest := raw
	for len(rest) > 0 {
		line, after := cutLine(rest)
		if len(line) == 0 {
			return h, after
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded && len(h) > 0 {
			last := &h[len(h)-1].value
			*last = strings.TrimSpace(*last + " " + text(bytes.TrimSpace(line)))
			rest = after
			continue
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !isFieldName(name) {
			return h, rest
		}
		h = append(h, field{string(bytes.TrimRight(name, " \t")), text(bytes.TrimSpace(value))})
		rest = after
	}
	return h, rest
}

func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

func isFieldName(name []byte) bool {
	name = bytes.TrimRight(name, " \t")
	return len(name) > 0 && bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

// text makes a string of bytes that ought to be UTF-8.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// get returns the first field of that name as it was sent, or nothing.
func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// text returns the first field of that name in readable form.
func (h header) text(name string) string { return decodeWords(h.get(name)) }

// addresses reads a field that lists addresses. One that cannot be read is shown as if it were a name.
func (h header) addresses(name string) []*mail.Address {
	value := h.get(name)
	if value == "" {
		return []*mail.Address{}
	}
	parser := mail.AddressParser{WordDecoder: wordDecoder()}
	list, err := parser.ParseList(value)
	if err != nil {
		return []*mail.Address{{Name: decodeWords(value)}}
	}
	return list
}

// values returns the fields by their canonical names.
func (h header) values() map[string][]string {
	values := make(map[string][]string, len(h))
	for _, f := range h {
		key := textproto.CanonicalMIMEHeaderKey(f.name)
		values[key] = append(values[key], f.value)
	}
	return values
}

func wordDecoder() *mime.WordDecoder { return &mime.WordDecoder{CharsetReader: charsetReader} }

// decodeWords reads encoded words (RFC 2047); what cannot be read stays as it is.
func decodeWords(s string) string {
	decoded, err := wordDecoder().DecodeHeader(s)
	if err != nil {
		return s
	}
	return decoded
}

// charsetReader turns text in a named character set into UTF-8.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("character set %q is not known", charset)
	}
	return encoding.NewDecoder().Reader(r), nil
}
