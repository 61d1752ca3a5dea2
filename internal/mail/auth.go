// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"net"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// signIn authenticates (RFC 4954) in the best way that both sides know.
func (c *conn) signIn(host, username, password string) *failure {
	offered, mechanisms := c.client.Extension("AUTH")
	if !offered {
		return &failure{step: stepAuth, err: errNoAuth}
	}
	_, clearText := c.client.GetTLSConnectionState()
	private := clearText == nil || isLoopback(c.raw)
	auth, err := chooseAuth(strings.Fields(mechanisms), private, login{host, username, password})
	if err != nil {
		return &failure{step: stepAuth, err: err}
	}
	if err := c.client.Auth(auth); err != nil {
		return &failure{step: stepAuth, err: err}
	}
	return nil
}

func isLoopback(c net.Conn) bool {
	address, ok := c.RemoteAddr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// login is who signs in where.
type login struct{ host, username, password string }

// chooseAuth prefers what never shows the password to the relay, then what shows it. The latter are left out where others could read
// along.
func chooseAuth(offered []string, private bool, l login) (smtp.Auth, error) {
	exposed := false
	for _, m := range mechanisms(l) {
		for _, name := range offered {
			if !strings.EqualFold(name, m.name) {
				continue
			}
			if !m.showsPassword || private {
				return m.auth, nil
			}
			exposed = true
		}
	}
	if exposed {
		return nil, errPasswordClear
	}
	return nil, errNoAuth
}

type mechanism struct {
	name          string
	showsPassword bool
	auth          smtp.Auth
}

func mechanisms(l login) []mechanism {
	return []mechanism{
		{"SCRAM-SHA-256", false, smtp.ScramSHA256Auth(l.username, l.password)},
		{"SCRAM-SHA-1", false, smtp.ScramSHA1Auth(l.username, l.password)},
		{"CRAM-MD5", false, smtp.CRAMMD5Auth(l.username, l.password)},
		{"PLAIN", true, smtp.PlainAuth("", l.username, l.password, l.host, true)},
		{"LOGIN", true, smtp.LoginAuth(l.username, l.password, l.host, true)},
	}
}
