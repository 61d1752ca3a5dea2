// SPDX-License-Identifier: Apache-2.0

// Package smtptest is a real SMTP server on a loopback socket: for tests that need a relay with a will of its own, for benchmarks that
// need one that only counts, and for the mailbox of the playground.
package smtptest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-smtp"
)

// TLS is how the server encrypts.
type TLS int

// The ways in which the server encrypts.
const (
	// Plain never encrypts.
	Plain TLS = iota
	// StartTLS offers STARTTLS (RFC 3207).
	StartTLS
	// Implicit speaks TLS from the first byte (RFC 8314).
	Implicit
)

// MaxMessage is the largest message in bytes that the server takes.
const MaxMessage = 10 << 20

// Options say what kind of server is started. The zero value is a plain one on a free port that takes every mail.
type Options struct {
	// Addr to listen on. Default 127.0.0.1:0, a free port.
	Addr string
	// TLS is how the server encrypts, with a certificate for 127.0.0.1 and localhost that CA signed.
	TLS TLS
	// Users maps user names to passwords, or tokens. If there are any, only those who have signed in may send.
	Users map[string]string
	// Mechanisms of AUTH that are offered to Users, of PLAIN, LOGIN, CRAM-MD5 and XOAUTH2. Default: those for passwords.
	Mechanisms []string
	// ASCIIOnly leaves out SMTPUTF8 (RFC 6531).
	ASCIIOnly bool
	// CountOnly keeps nothing of a message, so that a benchmark measures the sender.
	CountOnly bool
	// Receive is called with each message that was taken, before the sender hears of it. It must be safe for concurrent use.
	Receive func(Message)
}

// Message is a mail as it arrived.
type Message struct {
	// From and To are the envelope.
	From string
	To   []string
	// UTF8 reports whether the sender asked for SMTPUTF8.
	UTF8 bool
	// Hello is what the sender calls itself.
	Hello string
	// User that was signed in, and whether the connection was encrypted.
	User      string
	Encrypted bool
	// Raw is the message as it came over the wire, lines ending in CRLF.
	Raw []byte
}

// Server is a running SMTP server.
type Server struct {
	opts Options
	smtp *smtp.Server
	ca   []byte
	// listener is closed here, too: the SMTP server knows it only once it serves.
	listener net.Listener
	done     chan struct{}
	once     sync.Once
	wg       sync.WaitGroup

	connections atomic.Int64
	received    atomic.Int64

	mu       sync.Mutex
	faults   []*Fault
	judge    func() *Fault
	messages []Message
	sessions map[*session]net.Conn
	// changed is closed and replaced when a session begins or ends.
	changed chan struct{}
}

// Start listens and serves until Close.
func Start(opts Options) (*Server, error) {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if len(opts.Mechanisms) == 0 {
		opts.Mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5"}
	}
	s := &Server{opts: opts, done: make(chan struct{}), sessions: map[*session]net.Conn{}, changed: make(chan struct{})}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain = "localhost"
	s.smtp.EnableSMTPUTF8 = !opts.ASCIIOnly
	s.smtp.AllowInsecureAuth = opts.TLS == Plain
	s.smtp.MaxMessageBytes = MaxMessage
	s.smtp.MaxRecipients = 100
	s.smtp.ErrorLog = silent{}
	listener, err := s.listen()
	if err != nil {
		return nil, err
	}
	s.listener = listener
	s.wg.Go(func() { _ = s.smtp.Serve(listener) })
	return s, nil
}

func (s *Server) listen() (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.opts.Addr)
	if err != nil {
		return nil, err
	}
	if s.opts.TLS == Plain {
		return doorman{listener, s}, nil
	}
	ca, certificate, err := newCertificate()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.ca = ca
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, GetConfigForClient: s.handshake}
	if s.opts.TLS == Implicit {
		return doorman{tls.NewListener(listener, config), s}, nil
	}
	s.smtp.TLSConfig = config
	return doorman{listener, s}, nil
}

// Addr is host:port that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// CA is the certificate (PEM) that the server's certificate is checked against; nil where the server does not encrypt.
func (s *Server) CA() []byte { return s.ca }

// Messages are the mails that were taken, in the order of their arrival.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Received is how many mails were taken.
func (s *Server) Received() int { return int(s.received.Load()) }

// Connections is how many connections were ever accepted.
func (s *Server) Connections() int { return int(s.connections.Load()) }

// Open is how many sessions are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// AwaitOpen returns when that many sessions are open, or ctx ends.
func (s *Server) AwaitOpen(ctx context.Context, n int) {
	for {
		s.mu.Lock()
		open, changed := len(s.sessions), s.changed
		s.mu.Unlock()
		if open == n {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// enter and leave keep the list of open sessions.
func (s *Server) enter(session *session, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[session] = conn
	s.tell()
}

func (s *Server) leave(session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session)
	s.tell()
}

func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Drop cuts every open connection, as a relay does with those that idle. It returns when the sockets are closed.
func (s *Server) Drop() {
	s.mu.Lock()
	var open []net.Conn
	for _, c := range s.sessions {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// Close cuts every connection and stops listening.
func (s *Server) Close() error {
	err := error(nil)
	s.once.Do(func() {
		close(s.done)
		err = s.smtp.Close()
		_ = s.listener.Close()
	})
	s.wg.Wait()
	return err
}

// doorman is the listener: it counts connections and turns away those that a fault is scripted for.
type doorman struct {
	net.Listener
	server *Server
}

func (d doorman) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.server.connections.Add(1)
		fault := d.server.take(AtConnect, "")
		if fault == nil {
			return conn, nil
		}
		d.server.wg.Go(func() { d.server.turnAway(conn, fault) })
	}
}

func (s *Server) turnAway(conn net.Conn, fault *Fault) {
	s.wait(fault)
	if !fault.Cut && fault.Code != 0 {
		_, _ = fmt.Fprintf(conn, "%s\r\n", fault.reply())
	}
	_ = conn.Close()
}

func (s *Server) handshake(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	fault := s.take(AtHandshake, "")
	if fault == nil {
		return nil, nil
	}
	s.wait(fault)
	if fault.Cut {
		_ = hello.Conn.Close()
	}
	return nil, errors.New("scripted")
}

// keep stores a message that has been read to its end.
func (s *Server) keep(m Message) {
	s.received.Add(1)
	if s.opts.Receive != nil {
		s.opts.Receive(m)
	}
	if s.opts.CountOnly {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
}

// read takes in the content of a message, or only counts it.
func (s *Server) read(r io.Reader) ([]byte, error) {
	if s.opts.CountOnly && s.opts.Receive == nil {
		_, err := io.Copy(io.Discard, r)
		return nil, err
	}
	return io.ReadAll(r)
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
