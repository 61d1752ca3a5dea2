// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"strconv"
	"strings"
)

// A mail may be built to cost more than it is worth: parts within parts, and thousands of them.
const (
	maxDepth = 10
	maxParts = 1000
)

// body is what a mail says.
type body struct {
	text  string
	html  string
	parts []part
}

// part is a file that came with a mail, or a picture that its HTML shows.
type part struct {
	id        string
	fileName  string
	mediaType string
	contentID string
	inline    bool
	content   []byte
}

// readBody reads the body that belongs to the header.
func readBody(h header, raw []byte) body {
	var r bodyReader
	r.read(entity{get: h.get, raw: raw, id: "0"}, 0)
	return r.body
}

// entity is a mail or a part of one (RFC 2045, 2.4).
type entity struct {
	get func(name string) string
	raw []byte
	id  string
}

type bodyReader struct {
	body  body
	count int
}

func (r *bodyReader) read(e entity, depth int) {
	mediaType, params := contentType(e.get("Content-Type"))
	if strings.HasPrefix(mediaType, "multipart/") && depth < maxDepth && r.readParts(e, params["boundary"], depth) {
		return
	}
	disposition, dispositionParams, _ := mime.ParseMediaType(e.get("Content-Disposition"))
	name := decodeWords(dispositionParams["filename"])
	if name == "" {
		name = decodeWords(params["name"])
	}
	content := decodeTransfer(e.get("Content-Transfer-Encoding"), e.raw)
	isBody := disposition != "attachment" && name == ""
	switch {
	case isBody && mediaType == "text/html":
		r.body.html += decodeCharset(params["charset"], content)
	case isBody && (strings.HasPrefix(mediaType, "text/") || strings.HasPrefix(mediaType, "multipart/")):
		r.body.text = joinText(r.body.text, decodeCharset(params["charset"], content))
	default:
		r.body.parts = append(r.body.parts, part{
			id: e.id, fileName: name, mediaType: mediaType, content: content,
			contentID: strings.Trim(e.get("Content-ID"), "<> "),
			inline:    disposition != "attachment" && e.get("Content-ID") != "",
		})
	}
}

// readParts reads the parts of a multipart entity, and reports whether there was any. A part that was cut off is kept.
func (r *bodyReader) readParts(e entity, boundary string, depth int) bool {
	if boundary == "" {
		return false
	}
	found := false
	reader := multipart.NewReader(bytes.NewReader(e.raw), boundary)
	for n := 1; r.count < maxParts; n++ {
		p, err := reader.NextRawPart()
		if err != nil {
			break
		}
		r.count++
		found = true
		content, _ := io.ReadAll(p)
		r.read(entity{get: p.Header.Get, raw: content, id: partID(e.id, n)}, depth+1)
	}
	return found
}

// partID numbers parts as Mailpit does: 1, 2, 2.1, 2.2.
func partID(parent string, n int) string {
	if parent == "0" {
		return strconv.Itoa(n)
	}
	return parent + "." + strconv.Itoa(n)
}

// contentType reads a Content-Type; where there is none, it is plain text (RFC 2045, 5.2).
func contentType(value string) (string, map[string]string) {
	if value == "" {
		return "text/plain", nil
	}
	mediaType, params, err := mime.ParseMediaType(value)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || !strings.Contains(mediaType, "/") {
		return "application/octet-stream", nil
	}
	return mediaType, params
}

// decodeTransfer undoes the transfer encoding. What does not decode is shown as it came.
func decodeTransfer(encoding string, raw []byte) []byte {
	var r io.Reader
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(raw))
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(raw))
	default:
		return raw
	}
	decoded, err := io.ReadAll(r)
	if err != nil {
		return raw
	}
	return decoded
}

// decodeCharset turns content into UTF-8 with line feeds.
func decodeCharset(charset string, content []byte) string {
	if charset != "" {
		if r, err := charsetReader(charset, bytes.NewReader(content)); err == nil {
			if decoded, err := io.ReadAll(r); err == nil {
				content = decoded
			}
		}
	}
	return strings.ReplaceAll(text(content), "\r\n", "\n")
}

func joinText(a, b string) string {
	if a == "" {
		return b
	}
	return strings.TrimRight(a, "\n") + "\n\n" + b
}
