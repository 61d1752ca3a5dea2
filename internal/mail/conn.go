// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/config"
)

// dialer opens connections to the relay, up to the point where a mail can be sent.
type dialer struct {
	host        string
	cfg         config.SMTP
	credentials Credentials
}

// conn is one connection to the relay. It carries one mail at a time.
type conn struct {
	client *smtp.Client
	// raw is the TCP connection below TLS; its deadline interrupts whatever the client waits for.
	raw       net.Conn
	broken    bool
	idleSince time.Time
}

func (d dialer) dial(ctx context.Context) (*conn, *failure) {
	var username, password string
	if d.credentials != nil {
		var err error
		if username, password, err = d.credentials(ctx); err != nil {
			return nil, &failure{step: stepCredentials, err: cause(ctx, err)}
		}
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", d.cfg.Address)
	if err != nil {
		return nil, &failure{step: stepConnect, err: cause(ctx, err)}
	}
	c := &conn{raw: raw}
	f := c.within(ctx, func() *failure { return d.greet(ctx, c, username, password) })
	if f == nil && c.broken {
		f = &failure{step: stepHello, err: context.Cause(ctx)}
	}
	if f != nil {
		c.close()
		return nil, f
	}
	return c, nil
}

// greet brings a fresh connection to where it can carry a mail.
func (d dialer) greet(ctx context.Context, c *conn, username, password string) *failure {
	config, f := d.open(ctx, c)
	if f != nil {
		return f
	}
	if err := c.client.Hello(cmp.Or(d.cfg.HelloName, helloName(c.raw))); err != nil {
		return &failure{step: stepHello, err: err}
	}
	if config != nil {
		if offered, _ := c.client.Extension("STARTTLS"); !offered {
			return &failure{step: stepTLS, err: errNoStartTLS}
		}
		if err := c.client.StartTLS(config); err != nil {
			return &failure{step: stepTLS, err: err}
		}
	}
	if d.credentials == nil {
		return nil
	}
	return c.signIn(d.cfg.Auth, login{d.host, username, password})
}

// open waits for the greeting, below TLS or within. It returns how to go on to TLS, nil where that is done or not wanted.
func (d dialer) open(ctx context.Context, c *conn) (*tls.Config, *failure) {
	var config *tls.Config
	if d.encrypted() {
		var err error
		if config, err = d.tlsConfig(); err != nil {
			return nil, &failure{step: stepTLS, err: err}
		}
	}
	stream := c.raw
	if d.implicit() {
		secure := tls.Client(c.raw, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, &failure{step: stepTLS, err: err}
		}
		stream, config = secure, nil
	}
	client, err := smtp.NewClient(stream, d.host)
	if err != nil {
		return nil, &failure{step: stepGreeting, err: err}
	}
	c.client = client
	return config, nil
}

func (d dialer) encrypted() bool { return d.cfg.TLS != config.TLSNone }
func (d dialer) implicit() bool  { return d.cfg.TLS == config.TLSImplicit }

// tlsConfig reads the authorities again for each connection, so that a replaced file counts.
func (d dialer) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: d.host, MinVersion: tls.VersionTLS12}
	if d.cfg.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(d.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCAFile, err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: %s has no certificate in PEM", errCAFile, d.cfg.CAFile)
	}
	return config, nil
}

// helloName is how the client introduces itself: its full name, else its address (RFC 5321, 4.1.4). The name of a Pod is not a full
// name, and some relays refuse those.
func helloName(c net.Conn) string {
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		return name
	}
	address, ok := c.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case address.IP.To4() != nil:
		return "[" + address.IP.String() + "]"
	}
	return "[IPv6:" + address.IP.String() + "]"
}

// within runs an exchange and interrupts it when ctx ends.
func (c *conn) within(ctx context.Context, exchange func() *failure) *failure {
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	f := exchange()
	if !stop() {
		c.broken = true
	}
	if f != nil {
		f.err = cause(ctx, f.err)
		c.broken = c.broken || f.lost()
	}
	return f
}

// deliver sends one mail: MAIL, RCPT, DATA and the content, each one exchange (RFC 5321, 3.3).
func (c *conn) deliver(ctx context.Context, m *Message, fence Fence) *failure {
	return c.within(ctx, func() *failure {
		f := c.transact(m, fence)
		if f != nil && (f.step == stepRecipient || f.step == stepData) && !f.lost() {
			// The refused mail is still open on the relay's side.
			c.broken = c.client.Reset() != nil
		}
		return f
	})
}

func (c *conn) transact(m *Message, fence Fence) *failure {
	if offered, _ := c.client.Extension("SMTPUTF8"); m.utf8 && !offered {
		return &failure{step: stepRecipient, err: errNoUTF8}
	}
	// Asking for SMTPUTF8 without need would make mail bounce at the next relay that lacks it (RFC 6531, 3.6).
	c.client.SkipSMTPUTF8(!m.utf8)
	if err := c.client.Mail(path(m.From)); err != nil {
		return &failure{step: stepSender, err: err}
	}
	if err := c.client.Rcpt(path(m.To)); err != nil {
		return &failure{step: stepRecipient, err: err}
	}
	w, err := c.client.Data()
	if err != nil {
		return &failure{step: stepData, err: err}
	}
	if _, err := w.Write(m.raw); err != nil {
		return &failure{step: stepContent, err: err}
	}
	if err := fence(); err != nil {
		c.broken = true // Without the final dot the relay drops the mail (RFC 5321, 4.1.1.4).
		return &failure{step: stepContent, err: err}
	}
	if err := w.Close(); err != nil {
		return &failure{step: stepAccept, err: err}
	}
	return nil
}

// errNoUTF8 is the reply that a relay without SMTPUTF8 would give (RFC 6531, 3.5) if it were asked.
var errNoUTF8 = &textproto.Error{
	Code: 553, Msg: "5.6.7 The relay does not take addresses with other than ASCII letters before the @ (SMTPUTF8)",
}

// quit says goodbye, then closes.
func (c *conn) quit(clk clock.Clock) {
	ctx, stop := withTimeout(context.Background(), clk, quitTimeout)
	defer stop()
	_ = c.within(ctx, func() *failure {
		_ = c.client.Quit()
		return nil
	})
	c.close()
}

func (c *conn) close() { _ = c.raw.Close() }
