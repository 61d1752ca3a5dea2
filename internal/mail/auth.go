// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"net"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/roster-dev/roster/internal/config"
)

// signIn authenticates (RFC 4954) in the best way that both sides know.
func (c *conn) signIn(how config.AuthMode, l login) *failure {
	offered, offer := c.client.Extension("AUTH")
	if !offered {
		return &failure{step: stepAuth, err: errNoAuth}
	}
	_, clearText := c.client.GetTLSConnectionState()
	private := clearText == nil || isLoopback(c.raw)
	auth, err := chooseAuth(strings.Fields(offer), private, mechanisms(how, l))
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
func chooseAuth(offered []string, private bool, known []mechanism) (smtp.Auth, error) {
	exposed := false
	for _, m := range known {
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

// mechanisms that Roster knows, the best first. By XOAUTH2 (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol) the
// password is an access token.
func mechanisms(how config.AuthMode, l login) []mechanism {
	if how == config.AuthXOAUTH2 {
		return []mechanism{{"XOAUTH2", true, smtp.XOAuth2Auth(l.username, l.password)}}
	}
	return []mechanism{
		{"SCRAM-SHA-256", false, smtp.ScramSHA256Auth(l.username, l.password)},
		{"SCRAM-SHA-1", false, smtp.ScramSHA1Auth(l.username, l.password)},
		{"CRAM-MD5", false, smtp.CRAMMD5Auth(l.username, l.password)},
		{"PLAIN", true, smtp.PlainAuth("", l.username, l.password, l.host, true)},
		{"LOGIN", true, smtp.LoginAuth(l.username, l.password, l.host, true)},
	}
}
