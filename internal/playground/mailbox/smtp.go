// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/go-logr/logr"
)

// smtpIdle is how long a client may keep a connection open without a word. Senders that keep connections ready are welcome
// (RFC 5321, 4.5.3.2.7 asks for five minutes at least).
const smtpIdle = 10 * time.Minute

// maxRecipients of one mail (RFC 5321, 4.5.3.1.8 asks for 100 at least).
const maxRecipients = 1000

func (m *Mailbox) smtpServer() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{mailbox: m, conn: c}, nil
	}))
	s.Domain = "localhost"
	s.MaxRecipients = maxRecipients
	s.MaxMessageBytes = m.options.MaxMessageBytes
	s.EnableSMTPUTF8 = true
	s.ReadTimeout = smtpIdle
	s.WriteTimeout = time.Minute
	s.ErrorLog = smtpLog{m.options.Log}
	return s
}

// session is one client; it takes one mail after the other.
type session struct {
	mailbox *Mailbox
	conn    *smtp.Conn
	from    string
}

// Reset forgets the mail that was begun.
func (s *session) Reset() { s.from = "" }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// Mail notes who sends.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt takes every recipient: there is one mailbox for all.
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data takes the mail itself, with the trace fields of a final delivery before it (RFC 5321, 4.4).
func (s *session) Data(r io.Reader) error {
	now := s.mailbox.options.Clock.Now()
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "Return-Path: <%s>\r\n", s.from)
	fmt.Fprintf(&raw, "Received: from %s by localhost (Roster mailbox) with ESMTP;\r\n\t%s\r\n",
		printable(s.conn.Hostname()), now.Format(time.RFC1123Z))
	if _, err := raw.ReadFrom(r); err != nil {
		return err
	}
	s.mailbox.store.add(newMessage(raw.Bytes(), now))
	return nil
}

// printable keeps what a client called itself from breaking the header.
func printable(s string) string {
	return string(bytes.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, []byte(s)))
}

// smtpLog lets the server log through logr.
type smtpLog struct{ log logr.Logger }

func (l smtpLog) Printf(format string, v ...any) { l.log.Info(fmt.Sprintf(format, v...)) }
func (l smtpLog) Println(v ...any)               { l.log.Info(fmt.Sprint(v...)) }
