// SPDX-License-Identifier: Apache-2.0

package smtptest

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is made of it
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection between EHLO and its end, or STARTTLS.
type session struct {
	server  *Server
	conn    *smtp.Conn
	user    string
	message Message
}

var errCut = errors.New("the connection was cut")

func (s *Server) newSession(conn *smtp.Conn) (smtp.Session, error) {
	session := &session{server: s, conn: conn}
	if err := session.stumble(AtHello, ""); err != nil {
		return nil, err
	}
	s.enter(session, conn.Conn())
	return session, nil
}

// stumble does what is scripted for the step and returns the answer, if that is to be another than usual.
func (s *session) stumble(step Step, to string) error {
	fault := s.server.take(step, to)
	if fault == nil {
		return nil
	}
	s.server.wait(fault)
	if fault.Cut {
		_ = s.conn.Conn().Close()
		return errCut
	}
	return fault.err()
}

// AuthMechanisms is part of [smtp.AuthSession].
func (s *session) AuthMechanisms() []string {
	if len(s.server.opts.Users) == 0 {
		return nil
	}
	return s.server.opts.Mechanisms
}

// Auth is part of [smtp.AuthSession].
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(s.AuthMechanisms(), mechanism) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	if err := s.stumble(AtAuth, ""); err != nil {
		return nil, err
	}
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return s.signIn(user, password) }), nil
	case "LOGIN":
		return &loginServer{session: s}, nil
	case "XOAUTH2":
		return &tokenServer{session: s}, nil
	case "CRAM-MD5":
		return &cramServer{session: s}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *session) signIn(user, password string) error {
	if known, ok := s.server.opts.Users[user]; !ok || known != password {
		return smtp.ErrAuthFailed
	}
	s.user = user
	return nil
}

// Mail is part of [smtp.Session].
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	if len(s.server.opts.Users) > 0 && s.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if err := s.stumble(AtMail, ""); err != nil {
		return err
	}
	if s.message.From != "" {
		return &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "Another mail is under way, send RSET first"}
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.message = Message{From: from, Hello: s.conn.Hostname(), UTF8: opts.UTF8, User: s.user, Encrypted: encrypted}
	return nil
}

// Rcpt is part of [smtp.Session].
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.stumble(AtRcpt, to); err != nil {
		return err
	}
	s.message.To = append(s.message.To, to)
	return nil
}

// Data is part of [smtp.Session].
func (s *session) Data(r io.Reader) error {
	if err := s.stumble(AtContent, ""); err != nil {
		return err
	}
	raw, err := s.server.read(r)
	if err != nil {
		return err
	}
	m := s.message
	m.Raw = raw
	fault := s.server.take(AtAccept, "")
	if fault == nil {
		s.server.keep(m)
		return nil
	}
	if fault.Code == 0 {
		s.server.keep(m)
	}
	s.server.wait(fault)
	if fault.Cut {
		_ = s.conn.Conn().Close()
		return errCut
	}
	return fault.err()
}

// Reset is part of [smtp.Session].
func (s *session) Reset() { s.message = Message{} }

// Logout is part of [smtp.Session].
func (s *session) Logout() error {
	s.server.leave(s)
	return nil
}

// loginServer is AUTH LOGIN (draft-murchison-sasl-login).
type loginServer struct {
	session *session
	step    int
	user    string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch {
	case l.step == 1 && response == nil:
		return []byte("Username:"), false, nil
	case l.step <= 2 && l.user == "":
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.session.signIn(l.user, string(response))
}

// tokenServer is AUTH XOAUTH2 (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol); the token is the password.
type tokenServer struct {
	session *session
	refused bool
}

func (t *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if t.refused {
		return nil, true, smtp.ErrAuthFailed
	}
	user, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
	token := strings.TrimSuffix(strings.TrimPrefix(rest, "auth=Bearer "), "\x01\x01")
	if t.refused = t.session.signIn(user, token) != nil; t.refused {
		return []byte(`{"status":"401","schemes":"bearer"}`), false, nil
	}
	return nil, true, nil
}

// cramServer is AUTH CRAM-MD5 (RFC 2195). The challenge is always the same, which does for tests.
type cramServer struct {
	session *session
	asked   bool
}

const cramChallenge = "<1896.697170952@localhost>"

func (c *cramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if !c.asked {
		c.asked = true
		return []byte(cramChallenge), false, nil
	}
	user, digest, _ := strings.Cut(string(response), " ")
	password, ok := c.session.server.opts.Users[user]
	mac := hmac.New(md5.New, []byte(password))
	mac.Write([]byte(cramChallenge))
	if !ok || digest != hex.EncodeToString(mac.Sum(nil)) {
		return nil, true, smtp.ErrAuthFailed
	}
	return nil, true, c.session.signIn(user, password)
}
