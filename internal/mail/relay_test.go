// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

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

func relayWith(t testing.TB, s *smtptest.Server, tls config.TLSMode, credentials mail.Credentials, clk clock.Clock, change ...func(*config.SMTP)) *mail.Relay {
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
		{"STARTTLS with a password", smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "ter"}}, config.TLSStartTLS, "ros"},
		{"implicit TLS with a password", smtptest.Options{TLS: smtptest.Implicit, Users: map[string]string{"ros": "ter"}}, config.TLSImplicit, "ros"},
		{"a password over the loopback", smtptest.Options{Users: map[string]string{"ros": "ter"}, Mechanisms: []string{"PLAIN"}}, config.TLSNone, "ros"},
		{"AUTH LOGIN", smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "ter"}, Mechanisms: []string{"LOGIN"}}, config.TLSStartTLS, "ros"},
		{"AUTH CRAM-MD5", smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "ter"}, Mechanisms: []string{"CRAM-MD5"}}, config.TLSStartTLS, "ros"},
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

// What can go wrong at the relay, what Roster says about it, and whether it is for good.
func TestFailures(t *testing.T) {
	auth := smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "ter"}}
	for _, c := range []struct {
		name     string
		opts     smtptest.Options
		tls      config.TLSMode
		faults   []smtptest.Fault
		password string
		change   func(*config.SMTP)
		rejected *mail.RejectedError
		want     string
		// received is how many mails the relay has taken nevertheless.
		received int
	}{
		{
			name: "421 instead of a greeting", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtConnect, Code: 421, Enhanced: "4.3.2", Text: "Too busy"}},
			want:   "The mail relay RELAY turns connections away (waiting for the greeting): 421 4.3.2 Too busy; Roster tries again.",
		},
		{
			name: "554 instead of a greeting", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtConnect, Code: 554, Text: "No SMTP service here"}},
			want:   "The mail relay RELAY turns connections away (waiting for the greeting): 554 No SMTP service here; Roster tries again.",
		},
		{
			name: "cut before the greeting", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtConnect, Cut: true}},
			want:   "The mail relay RELAY broke off (waiting for the greeting): it closed the connection; Roster tries again.",
		},
		{
			name: "cut at EHLO", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtHello, Cut: true}},
			want:   "The mail relay RELAY broke off (EHLO): it closed the connection; Roster tries again.",
		},
		{
			name: "EHLO refused", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtHello, Code: 550, Enhanced: "5.7.1", Text: "Go away", Times: -1}},
			want:   "The mail relay RELAY turns connections away (EHLO): 550 5.7.1 Go away; Roster tries again.",
		},
		{
			name: "cut in the TLS handshake", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSStartTLS,
			faults: []smtptest.Fault{{Step: smtptest.AtHandshake, Cut: true}},
			want:   "The mail relay RELAY broke off (TLS): it closed the connection; Roster tries again.",
		},
		{
			name: "TLS handshake refused", opts: smtptest.Options{TLS: smtptest.Implicit}, tls: config.TLSImplicit,
			faults: []smtptest.Fault{{Step: smtptest.AtHandshake}},
			want:   "No encrypted connection to the mail relay RELAY: tls: internal error; check mail.smtp.tls and the relay's certificate.",
		},
		{
			name: "no STARTTLS", tls: config.TLSStartTLS,
			want: "The mail relay RELAY does not offer STARTTLS; set mail.smtp.tls to Implicit if it speaks TLS from the first byte, or to None if the way to it is safe.",
		},
		{
			name: "TLS from the first byte where the relay wants STARTTLS", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSImplicit,
			want: "The mail relay RELAY does not speak TLS from the first byte; set mail.smtp.tls to StartTLS.",
		},
		{
			name: "unknown authority", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSStartTLS,
			change: func(c *config.SMTP) { c.CAFile = "" },
			want:   "The certificate of the mail relay RELAY is signed by an authority that is not known; name a file with the authority in mail.smtp.caFile.",
		},
		{
			name: "wrong password", opts: auth, tls: config.TLSStartTLS, password: "wrong", change: withSecret,
			want: "The mail relay RELAY refused the user name or password of Secret roster-smtp: 535 5.7.8 Authentication failed; correct the Secret.",
		},
		{
			name: "AUTH not possible for now", opts: auth, tls: config.TLSStartTLS, password: "ter", change: withSecret,
			faults: []smtptest.Fault{{Step: smtptest.AtAuth, Code: 454, Enhanced: "4.7.0", Text: "Directory is down"}},
			want:   "The mail relay RELAY cannot check the user name and password now: 454 4.7.0 Directory is down; Roster tries again.",
		},
		{
			name: "cut at AUTH", opts: auth, tls: config.TLSStartTLS, password: "ter", change: withSecret,
			faults: []smtptest.Fault{{Step: smtptest.AtAuth, Cut: true}},
			want:   "The mail relay RELAY broke off (AUTH): it closed the connection; Roster tries again.",
		},
		{
			name: "a password that the relay does not want", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSStartTLS, password: "ter", change: withSecret,
			want: "The mail relay RELAY offers no way to sign in that Roster knows; empty mail.smtp.authSecret if it wants no password, or let it offer PLAIN.",
		},
		{
			name: "a password that the relay wants", opts: auth, tls: config.TLSStartTLS,
			want: "The mail relay RELAY wants a user name and password: 530 5.7.0 Authentication required; name a Secret with both in mail.smtp.authSecret.",
		},
		{
			name: "sender refused", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtMail, Code: 553, Enhanced: "5.7.1", Text: "Not your address"}},
			want:   "The mail relay RELAY refused the sender roster@example.com: 553 5.7.1 Not your address; correct mail.from in the configuration, or let the relay take mail from it.",
		},
		{
			name: "no mail for now", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtMail, Code: 452, Enhanced: "4.3.1", Text: "Disk full"}},
			want:   "The mail relay RELAY takes no mail now: 452 4.3.1 Disk full; Roster tries again.",
		},
		{
			name: "cut at MAIL", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtMail, Cut: true}},
			want:   "The mail relay RELAY broke off (MAIL FROM): it closed the connection; Roster tries again.",
		},
		{
			name: "greylisted", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 450, Enhanced: "4.2.0", Text: "Greylisted, try again in 287 seconds"}},
			want:   "The mail relay RELAY does not take mail for bob@example.com now: 450 4.2.0 Greylisted, try again in … seconds; Roster tries again.",
		},
		{
			name: "no such mailbox", tls: config.TLSNone,
			faults:   []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 550, Enhanced: "5.1.1", Text: "No such user here"}},
			rejected: &mail.RejectedError{Code: 550, Enhanced: "5.1.1", Reply: "No such user here", Recipient: "bob@example.com"},
			want: "The mail relay refused the address bob@example.com for good: 550 5.1.1 No such user here; if the address is wrong, " +
				"delete the object and create it with the right one, else set spec.resendRequestedAt once the mailbox takes mail.",
		},
		{
			name: "a refusal of many lines", tls: config.TLSNone,
			faults:   []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 550, Enhanced: "5.7.1", Text: "No\nand\tno"}},
			rejected: &mail.RejectedError{Code: 550, Enhanced: "5.7.1", Reply: "No and no", Recipient: "bob@example.com"},
			want: "The mail relay refused the address bob@example.com for good: 550 5.7.1 No and no; if the address is wrong, " +
				"delete the object and create it with the right one, else set spec.resendRequestedAt once the mailbox takes mail.",
		},
		{
			name: "421 at RCPT", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 421, Enhanced: "4.7.0", Text: "Slow down"}},
			want:   "The mail relay RELAY does not take mail for bob@example.com now: 421 4.7.0 Slow down; Roster tries again.",
		},
		{
			name: "cut at RCPT", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtRcpt, Cut: true}},
			want:   "The mail relay RELAY broke off (RCPT TO): it closed the connection; Roster tries again.",
		},
		{
			name: "content refused", tls: config.TLSNone,
			faults:   []smtptest.Fault{{Step: smtptest.AtAccept, Code: 554, Enhanced: "5.7.1", Text: "Looks like spam"}},
			rejected: &mail.RejectedError{Code: 554, Enhanced: "5.7.1", Reply: "Looks like spam"},
			want:     "The mail relay refused the mail for good: 554 5.7.1 Looks like spam; ask those who run the relay, then set spec.resendRequestedAt to invite again.",
		},
		{
			name: "content put off", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtAccept, Code: 451, Enhanced: "4.3.0", Text: "Scanner is down, id 7f3a9c0012ab"}},
			want:   "The mail relay RELAY does not take the mail now: 451 4.3.0 Scanner is down, id …; Roster tries again.",
		},
		{
			name: "cut before the final dot", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtContent, Cut: true}},
			want:   "", // either of the two below, depending on how fast the news travels
		},
		{
			name: "cut after the final dot", tls: config.TLSNone, received: 1,
			faults: []smtptest.Fault{{Step: smtptest.AtAccept, Cut: true}},
			want:   "The mail relay RELAY did not confirm the mail and may have taken it: it closed the connection; Roster tries again under the same Message-ID.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.opts)
			s.Script(c.faults...)
			var credentials mail.Credentials
			if c.password != "" {
				credentials = asUser("ros", c.password)
			}
			changes := []func(*config.SMTP){}
			if c.change != nil {
				changes = append(changes, c.change)
			}
			r := relayWith(t, s, c.tls, credentials, clock.RealClock{}, changes...)
			err := r.Send(t.Context(), compose(t, aFullInvitation()))
			if err == nil {
				t.Fatal("no error")
			}
			var rejected *mail.RejectedError
			switch is := errors.As(err, &rejected); {
			case is != (c.rejected != nil):
				t.Errorf("refused for good: %v, want %v: %v", is, c.rejected != nil, err)
			case is && *rejected != *c.rejected:
				t.Errorf("got %+v, want %+v", *rejected, *c.rejected)
			}
			if got := explain(s, err); c.want != "" && got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if s.Received() != c.received {
				t.Errorf("the relay took %d mails, want %d", s.Received(), c.received)
			}
			if c.opts.Users == nil && c.change == nil && c.tls == config.TLSNone && c.faults[0].Times == 0 {
				// The fault is over: the same Relay delivers.
				mustSend(t, r, compose(t, aFullInvitation()))
			}
		})
	}
}

func TestARotatedSecretCounts(t *testing.T) {
	s := serve(t, smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "new"}})
	password := "old"
	r := relayWith(t, s, config.TLSStartTLS, func(context.Context) (string, string, error) { return "ros", password, nil }, clock.RealClock{}, withSecret)
	m := compose(t, anInvitation())
	if err := r.Send(t.Context(), m); err == nil {
		t.Fatal("the old password was taken")
	}
	password = "new"
	mustSend(t, r, m)
}

func TestAMissingSecretIsExplained(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayWith(t, s, config.TLSNone, func(context.Context) (string, string, error) {
		return "", "", errors.New(`secrets "roster-smtp" not found`)
	},
		clock.RealClock{}, withSecret)
	err := r.Send(t.Context(), compose(t, anInvitation()))
	want := `The user name and password for the mail relay RELAY cannot be read: secrets "roster-smtp" not found; create Secret roster-smtp with username and password, or correct mail.smtp.authSecret.`
	if got := explain(s, err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if s.Connections() != 0 {
		t.Error("the relay was bothered without a password")
	}
}

func TestNobodyListens(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayTo(t, s, config.TLSNone)
	_ = s.Close()
	want := "The mail relay RELAY refuses connections; check that it runs, and mail.smtp.address in the configuration."
	if got := explain(s, r.Send(t.Context(), compose(t, anInvitation()))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnknownHost(t *testing.T) {
	r, err := mail.NewRelay(config.SMTP{Address: "smtp.invalid:587"}, nil, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	got := mail.Explain(r.Send(t.Context(), compose(t, anInvitation())))
	if !strings.HasPrefix(got, "The mail relay smtp.invalid:587 cannot be found: ") {
		t.Error(got)
	}
}

// A relay that holds up at any step is given up on, by the relay's own time and when the caller gives up.
func TestSlowRelay(t *testing.T) {
	for step, want := range map[smtptest.Step]string{
		smtptest.AtConnect: "The mail relay RELAY accepts connections but says nothing within 30s; if it speaks TLS from the first byte, as on port 465, set mail.smtp.tls to Implicit.",
		smtptest.AtHello:   "The mail relay RELAY did not answer within 30s (EHLO); Roster tries again.",
		smtptest.AtMail:    "The mail relay RELAY did not answer within 30s (MAIL FROM); Roster tries again.",
		smtptest.AtRcpt:    "The mail relay RELAY did not answer within 30s (RCPT TO); Roster tries again.",
		smtptest.AtAccept:  "The mail relay RELAY did not confirm the mail within 30s and may have taken it; Roster tries again under the same Message-ID.",
	} {
		t.Run(fmt.Sprintf("time passes at step %d", step), func(t *testing.T) {
			s := serve(t, smtptest.Options{})
			gate := smtptest.NewGate()
			s.Script(smtptest.Fault{Step: step, Gate: gate})
			clk := clocktesting.NewFakeClock(sent)
			r := relayWith(t, s, config.TLSNone, nil, clk)
			result := make(chan error, 1)
			go func() { result <- r.Send(t.Context(), compose(t, anInvitation())) }()
			<-gate.Reached()
			clk.Step(29 * time.Second)
			select {
			case err := <-result:
				t.Fatalf("given up after 29 of 30 seconds: %v", err)
			default:
			}
			clk.Step(time.Second)
			got := explain(s, <-result)
			if step == smtptest.AtConnect {
				// The server may have accepted before the client's system has told it so.
				got = strings.Replace(got, "does not answer within 30s; check mail.smtp.address in the configuration, and that nothing between blocks the port.",
					strings.TrimPrefix(want, "The mail relay RELAY "), 1)
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			gate.Open()
			mustSend(t, r, compose(t, anInvitation()))
		})
		t.Run(fmt.Sprintf("the caller gives up at step %d", step), func(t *testing.T) {
			s := serve(t, smtptest.Options{})
			gate := smtptest.NewGate()
			s.Script(smtptest.Fault{Step: step, Gate: gate})
			r := relayTo(t, s, config.TLSNone)
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() { result <- r.Send(ctx, compose(t, anInvitation())) }()
			<-gate.Reached()
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) || explain(s, err) != "The delivery was interrupted; Roster tries again." {
				t.Errorf("got %v: %s", err, explain(s, err))
			}
			gate.Open()
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	s := serve(t, smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "ter"}})
	r := relayWith(t, s, config.TLSStartTLS, asUser("ros", "ter"), clock.RealClock{})
	m := compose(t, anInvitation())
	for range 20 {
		mustSend(t, r, m)
	}
	if s.Connections() != 1 || s.Received() != 20 {
		t.Errorf("%d mails over %d connections, want 20 over 1", s.Received(), s.Connections())
	}
}

func TestManySendersShareAFewConnections(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayTo(t, s, config.TLSNone)
	m := compose(t, anInvitation())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 10 {
				if err := r.Send(t.Context(), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s.Connections() > 4 || s.Received() != 160 {
		t.Errorf("%d mails over %d connections, want 160 over 4 at most", s.Received(), s.Connections())
	}
}

func TestWaitingForAConnectionEndsWithTheCaller(t *testing.T) {
	s := serve(t, smtptest.Options{})
	gate := smtptest.NewGate()
	s.Script(smtptest.Fault{Step: smtptest.AtRcpt, Gate: gate})
	r := relayTo(t, s, config.TLSNone, func(c *config.SMTP) { c.Connections = 1 })
	result := make(chan error, 1)
	go func() { result <- r.Send(t.Context(), compose(t, anInvitation())) }()
	<-gate.Reached()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Send(ctx, compose(t, anInvitation())); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	gate.Open()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestADroppedIdleConnectionIsReplaced(t *testing.T) {
	for name, tls := range map[string]smtptest.TLS{"plain": smtptest.Plain, "STARTTLS": smtptest.StartTLS, "implicit TLS": smtptest.Implicit} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, smtptest.Options{TLS: tls})
			r := relayTo(t, s, map[smtptest.TLS]config.TLSMode{smtptest.Plain: config.TLSNone, smtptest.StartTLS: config.TLSStartTLS, smtptest.Implicit: config.TLSImplicit}[tls])
			m := compose(t, anInvitation())
			mustSend(t, r, m)
			s.Drop()
			mustSend(t, r, m)
			if s.Received() != 2 || s.Connections() != 2 {
				t.Errorf("%d mails over %d connections, want 2 over 2", s.Received(), s.Connections())
			}
		})
	}
}

// A relay may also end a session when the next mail begins: "too many mails on this connection".
func TestASessionThatEndsIsReplacedOnce(t *testing.T) {
	for _, step := range []smtptest.Step{smtptest.AtMail, smtptest.AtRcpt} {
		s := serve(t, smtptest.Options{})
		r := relayTo(t, s, config.TLSNone)
		m := compose(t, anInvitation())
		mustSend(t, r, m)
		s.Script(smtptest.Fault{Step: step, Code: 421, Enhanced: "4.7.0", Text: "Enough for this session"})
		mustSend(t, r, m)
		if s.Received() != 2 || s.Connections() != 2 {
			t.Errorf("step %d: %d mails over %d connections, want 2 over 2", step, s.Received(), s.Connections())
		}
		s.Script(smtptest.Fault{Step: step, Code: 421, Enhanced: "4.7.0", Text: "Enough", Times: 2})
		if err := r.Send(t.Context(), m); err == nil {
			t.Errorf("step %d: a fresh connection was refused, too, and there is no error", step)
		}
	}
}

// After the final dot the relay may have taken the mail: that is for the caller to know, not for the Relay to send again.
func TestNothingIsSentTwice(t *testing.T) {
	for _, step := range []smtptest.Step{smtptest.AtContent, smtptest.AtAccept} {
		s := serve(t, smtptest.Options{})
		r := relayTo(t, s, config.TLSNone)
		m := compose(t, anInvitation())
		mustSend(t, r, m)
		s.Script(smtptest.Fault{Step: step, Cut: true})
		if err := r.Send(t.Context(), m); err == nil {
			t.Errorf("step %d: no error", step)
		}
		if s.Connections() != 1 {
			t.Errorf("step %d: the mail was sent again over another connection", step)
		}
	}
}

func TestARefusalDoesNotSpoilTheConnection(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayTo(t, s, config.TLSNone)
	m := compose(t, anInvitation())
	for _, f := range []smtptest.Fault{
		{Step: smtptest.AtMail, Code: 450}, {Step: smtptest.AtRcpt, Code: 450}, {Step: smtptest.AtRcpt, Code: 550},
		{Step: smtptest.AtAccept, Code: 451}, {Step: smtptest.AtAccept, Code: 554},
	} {
		s.Script(f)
		if err := r.Send(t.Context(), m); err == nil {
			t.Errorf("%+v: no error", f)
		}
		mustSend(t, r, m)
	}
	if s.Connections() != 1 || s.Received() != 5 {
		t.Errorf("%d mails over %d connections, want 5 over 1", s.Received(), s.Connections())
	}
	for _, got := range s.Messages() {
		if len(got.To) != 1 {
			t.Errorf("recipients %v: those of a refused mail were kept", got.To)
		}
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	s := serve(t, smtptest.Options{})
	clk := clocktesting.NewFakeClock(sent)
	r := relayWith(t, s, config.TLSNone, nil, clk)
	m := compose(t, anInvitation())
	mustSend(t, r, m)
	clk.Step(29 * time.Second)
	mustSend(t, r, m)
	if s.Connections() != 1 {
		t.Fatalf("closed too early: %d connections", s.Connections())
	}
	clk.Step(time.Second) // since the first mail; the second came a second ago
	mustSend(t, r, m)
	if s.Connections() != 1 {
		t.Fatalf("closed although it was used: %d connections", s.Connections())
	}
	clk.Step(30 * time.Second)
	s.AwaitOpen(t.Context(), 0)
	if s.Open() != 0 {
		t.Fatal("an idle connection stays open")
	}
	mustSend(t, r, m)
}

func TestCloseEndsEverything(t *testing.T) {
	s := serve(t, smtptest.Options{})
	r := relayTo(t, s, config.TLSNone)
	m := compose(t, anInvitation())
	mustSend(t, r, m)
	gate := smtptest.NewGate()
	s.Script(smtptest.Fault{Step: smtptest.AtRcpt, Gate: gate})
	result := make(chan error, 1)
	go func() { result <- r.Send(t.Context(), m) }()
	<-gate.Reached()
	closed := make(chan error, 1)
	go func() { closed <- r.Close() }()
	gate.Open()
	if err := <-result; err != nil {
		t.Errorf("a mail on its way was not finished: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	s.AwaitOpen(t.Context(), 0)
	if err := r.Send(t.Context(), m); err == nil {
		t.Error("a closed Relay still sends")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
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

// rawServer answers each line of the client with the next of the replies, for what no proper server says.
func rawServer(t *testing.T, replies ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		buffer := make([]byte, 4096)
		for i, reply := range replies {
			if i > 0 {
				if _, err := c.Read(buffer); err != nil {
					return
				}
			}
			if _, err := fmt.Fprint(c, reply); err != nil {
				return
			}
		}
		_, _ = c.Read(buffer)
	}()
	return l.Addr().String()
}

func TestOddRelays(t *testing.T) {
	for _, c := range []struct {
		name     string
		replies  []string
		rejected bool
		want     string
	}{
		{"554 to the DATA command", []string{"220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "554 5.5.1 no valid recipients\r\n", "250 reset\r\n"}, true,
			"The mail relay refused the mail for good: 554 5.5.1 no valid recipients; ask those who run the relay, then set spec.resendRequestedAt to invite again."},
		{"530 at RCPT is no verdict on the address", []string{"220 x\r\n", "250 x\r\n", "250 ok\r\n", "530 5.7.0 sign in first\r\n", "250 reset\r\n"}, false,
			"The mail relay RELAY wants a user name and password: 530 5.7.0 sign in first; name a Secret with both in mail.smtp.authSecret."},
		{"not SMTP at all", []string{"HTTP/1.1 400 Bad Request\r\n"}, false,
			"What listens at RELAY does not speak SMTP (waiting for the greeting); correct mail.smtp.address and mail.smtp.tls in the configuration."},
		{"only HELO", []string{"220 x\r\n", "502 what\r\n", "250 hi\r\n", "250 ok\r\n", "452 4.3.1 full\r\n", "250 reset\r\n"}, false,
			"The mail relay RELAY does not take mail for bob@example.com now: 452 4.3.1 full; Roster tries again."},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := rawServer(t, c.replies...)
			r, err := mail.NewRelay(config.SMTP{Address: addr, TLS: config.TLSNone}, nil, clock.RealClock{})
			if err != nil {
				t.Fatal(err)
			}
			err = r.Send(t.Context(), compose(t, anInvitation()))
			var rejected *mail.RejectedError
			if errors.As(err, &rejected) != c.rejected {
				t.Errorf("refused for good: %v, want %v", !c.rejected, c.rejected)
			}
			if got := strings.ReplaceAll(mail.Explain(err), addr, "RELAY"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	for _, connections := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("16 senders over %d connections", connections), func(b *testing.B) {
			s := serve(b, smtptest.Options{CountOnly: true})
			r := relayTo(b, s, config.TLSNone, func(c *config.SMTP) { c.Connections = connections })
			m := compose(b, aFullInvitation())
			work := make(chan struct{}, 1024)
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range work {
						if err := r.Send(b.Context(), m); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(s.Received())/b.Elapsed().Seconds(), "mails/s")
			b.ReportMetric(float64(len(m.Bytes())), "bytes/mail")
		})
	}
}
