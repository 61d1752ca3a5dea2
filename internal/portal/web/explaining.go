// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net"
	"strconv"
	"strings"

	"github.com/roster-dev/roster/internal/texts"
)

// Explaining is a listener whose connections tell people what to do when their browser sends more than maxHeader: package http answers that
// itself, with the bare status.
type Explaining struct {
	net.Listener
	// answer instead of that.
	Answer []byte
}

// Accept implements net.Listener.
func (l Explaining) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &explainingConn{c, l.Answer}, nil
}

type explainingConn struct {
	net.Conn
	answer []byte
}

// Write implements net.Conn. Package http writes that answer in one piece; the portal's own pages never have the status.
func (c *explainingConn) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 431 ")) {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(c.answer); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite lets package http end the answer before it stops reading.
func (c *explainingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// TooManyCookies is the answer to a browser that sends too much, which can only be cookies: of other sites of the same domain. It is in all
// languages, since nothing of the request is known, and loads nothing, since what it would load would fail alike.
func (s *Site) TooManyCookies() []byte {
	var page strings.Builder
	page.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Roster</title></head>\n<body>\n")
	for _, locale := range texts.Languages() {
		w := s.dictionary.Words[locale]
		fmt.Fprintf(&page, "<section lang=\"%s\">\n<h1>%s</h1>\n<p>%s</p>\n</section>\n", locale,
			html.EscapeString(w.T("problem.cookies.title")), html.EscapeString(w.T("problem.cookies.text", "Host", s.URL.Hostname())))
	}
	page.WriteString("</body>\n</html>\n")
	header := s.Headers()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(page.Len()))
	header.Set("Connection", "close")
	var answer bytes.Buffer
	answer.WriteString("HTTP/1.1 431 Request Header Fields Too Large\r\n")
	_ = header.Write(&answer) // to memory
	answer.WriteString("\r\n" + page.String())
	return answer.Bytes()
}
