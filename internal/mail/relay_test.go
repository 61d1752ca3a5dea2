// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

func serve(t testing.TB, opts smtptest.Options) *smtptest.Server {
	t.Helper()
	s, err := smtptest.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// relayTo is a Relay that fits the server.
func relayTo(t testing.TB, s *smtptest.Server, tls config.TLSMode, change ...func(*config.SMTP)) *mail.Relay {
	t.Helper()
	return relayWith(t, s, tls, nil, clock.RealClock{}, change...)
}

func relayWith(
	t testing.TB, s *smtptest.Server, tls config.TLSMode, credentials mail.Credentials, clk clock.Clock, change ...func(*config.SMTP),
) *mail.Relay {
	t.Helper()
	cfg := config.SMTP{Address: s.Addr(), TLS: tls, Connections: 4, Timeout: metav1.Duration{Duration: 30 * time.Second}}
	if s.CA() != nil {
		cfg.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(cfg.CAFile, s.CA(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range change {
		f(&cfg)
	}
	r, err := mail.NewRelay(cfg, credentials, clk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func asUser(user, password string) mail.Credentials {
	return func(context.Context) (string, string, error) { return user, password, nil }
}

func withSecret(c *config.SMTP) { c.AuthSecret = "roster-smtp" }

// explain replaces the address of the server, which differs from run to run.
func explain(s *smtptest.Server, err error) string {
	return strings.ReplaceAll(mail.Explain(err), s.Addr(), "RELAY")
}

func mustSend(t testing.TB, r *mail.Relay, m *mail.Message) {
	t.Helper()
	if err := r.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func TestDelivery(t *testing.T) {
	users := map[string]string{"ros": "ter"}
	for _, c := range []struct {
		name string
		opts smtptest.Options
		tls  config.TLSMode
		user string
	}{
		{"plain", smtptest.Options{}, config.TLSNone, ""},
		{"STARTTLS", smtptest.Options{TLS: smtptest.StartTLS}, config.TLSStartTLS, ""},
		{"STARTTLS is the default", smtptest.Options{TLS: smtptest.StartTLS}, "", ""},
		{"implicit TLS", smtptest.Options{TLS: smtptest.Implicit}, config.TLSImplicit, ""},
		{"STARTTLS with a password", smtptest.Options{TLS: smtptest.StartTLS, Users: users}, config.TLSStartTLS, "ros"},
		{"implicit TLS with a password", smtptest.Options{TLS: smtptest.Implicit, Users: users}, config.TLSImplicit, "ros"},
		{"a password over the loopback", smtptest.Options{Users: users, Mechanisms: []string{"PLAIN"}}, config.TLSNone, "ros"},
		{"AUTH PLAIN", smtptest.Options{TLS: smtptest.StartTLS, Users: users, Mechanisms: []string{"PLAIN"}}, config.TLSStartTLS, "ros"},
		{"AUTH LOGIN", smtptest.Options{TLS: smtptest.StartTLS, Users: users, Mechanisms: []string{"LOGIN"}}, config.TLSStartTLS, "ros"},
		{"AUTH CRAM-MD5", smtptest.Options{TLS: smtptest.StartTLS, Users: users, Mechanisms: []string{"CRAM-MD5"}}, config.TLSStartTLS, "ros"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.opts)
			var credentials mail.Credentials
			if c.user != "" {
				credentials = asUser(c.user, c.opts.Users[c.user])
			}
			r := relayWith(t, s, c.tls, credentials, clock.RealClock{})
			m := compose(t, aFullInvitation())
			mustSend(t, r, m)
			got := s.Messages()
			if len(got) != 1 {
				t.Fatalf("%d mails arrived", len(got))
			}
			if got[0].From != "roster@example.com" || len(got[0].To) != 1 || got[0].To[0] != "bob@example.com" {
				t.Errorf("envelope: from %s to %v", got[0].From, got[0].To)
			}
			if string(got[0].Raw) != string(m.Bytes()) {
				t.Error("the mail has changed on its way: " + difference(string(m.Bytes()), string(got[0].Raw)))
			}
			if got[0].User != c.user || got[0].Encrypted != (c.tls != config.TLSNone) || got[0].UTF8 {
				t.Errorf("user %q, encrypted %v, SMTPUTF8 %v", got[0].User, got[0].Encrypted, got[0].UTF8)
			}
		})
	}
}

// The normal form of an address is the one that is mailed, to the letter: in the envelope and in the header.
func TestNormalFormsAreMailedAsTheyAre(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayTo(t, s, config.TLSNone)
	for i, written := range []string{
		"O'Neil@mail.example", "!#$%&'*+-/=?^_`{|}~@mail.example", "a.n.a+x@mail.example", "ana@BÜCHER.example", "jo\u0308rg@mail.example", "安娜@mail.example",
	} {
		normal, err := address.Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		in := anInvitation()
		in.To = string(normal)
		m := compose(t, in)
		mustSend(t, r, m)
		got := s.Messages()
		if len(got) != i+1 || got[i].To[0] != string(normal) {
			t.Fatalf("%s: the envelope has %v", normal, got[len(got)-1].To)
		}
		if header := open(t, m.Bytes()).header.Get("To"); !strings.HasSuffix(header, "<"+string(normal)+">") {
			t.Errorf("%s: the header has %s", normal, header)
		}
	}
}

func TestInternationalAddresses(t *testing.T) {
	in := anInvitation()
	in.To = "zoë@example.com"
	m := compose(t, in)
	t.Run("the relay takes them", func(t *testing.T) {
		s := serve(t, smtptest.Options{})
		r := relayTo(t, s, config.TLSNone)
		mustSend(t, r, m)
		mustSend(t, r, compose(t, anInvitation()))
		got := s.Messages()
		if got[0].To[0] != "zoë@example.com" || !got[0].UTF8 || got[1].UTF8 {
			t.Errorf("to %v, SMTPUTF8 %v, then %v", got[0].To, got[0].UTF8, got[1].UTF8)
		}
	})
	t.Run("the relay does not", func(t *testing.T) {
		s := serve(t, smtptest.Options{ASCIIOnly: true})
		r := relayTo(t, s, config.TLSNone)
		err := r.Send(t.Context(), m)
		var rejected *mail.RejectedError
		if !errors.As(err, &rejected) || rejected.Code != 553 || rejected.Enhanced != "5.6.7" || rejected.Recipient != "zoë@example.com" {
			t.Errorf("got %v", err)
		}
		mustSend(t, r, compose(t, anInvitation()))
	})
}

func TestConfigurationIsChecked(t *testing.T) {
	for name, cfg := range map[string]config.SMTP{
		"no port":       {Address: "smtp.example.com"},
		"no CA file":    {Address: "smtp.example.com:587", CAFile: "/does/not/exist"},
		"empty CA file": {Address: "smtp.example.com:587", CAFile: os.DevNull},
	} {
		if _, err := mail.NewRelay(cfg, nil, clock.RealClock{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHelloName(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayTo(t, s, config.TLSNone, func(c *config.SMTP) { c.HelloName = "roster.example.com" })
	mustSend(t, r, compose(t, anInvitation()))
	if got := s.Messages()[0].Hello; got != "roster.example.com" {
		t.Errorf("Roster calls itself %s", got)
	}
}

// An access token lives for an hour; another tool puts the next one into the Secret.
func TestARotatedTokenCounts(t *testing.T) {
	s := serve(t, smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "second"}, Mechanisms: []string{"PLAIN", "XOAUTH2"}})
	token := "first"
	current := func(context.Context) (string, string, error) { return "ros", token, nil }
	r := relayWith(t, s, config.TLSStartTLS, current, clock.RealClock{}, withSecret, func(c *config.SMTP) { c.Auth = config.AuthXOAUTH2 })
	m := compose(t, anInvitation())
	want := "The mail relay RELAY refused the user name or token of Secret roster-smtp: 535 5.7.8 Authentication failed; correct the Secret."
	if got := explain(s, r.Send(t.Context(), m)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	token = "second"
	mustSend(t, r, m)
	if got := s.Messages()[0].User; got != "ros" {
		t.Errorf("signed in as %q", got)
	}
}
