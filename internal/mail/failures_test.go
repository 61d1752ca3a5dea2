// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// What can go wrong at the relay, and whether it is for good. What Roster says about each is in testdata/failures.txt.
func TestFailures(t *testing.T) {
	sentences := map[string]string{}
	auth := smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "ter"}}
	for _, c := range []struct {
		name     string
		opts     smtptest.Options
		tls      config.TLSMode
		faults   []smtptest.Fault
		password string
		change   func(*config.SMTP)
		rejected *mail.RejectedError
		// received is how many mails the relay has taken nevertheless.
		received int
		// race: whether the client is still sending or waits already when the connection is cut is a matter of luck.
		race bool
	}{
		{
			name: "421 instead of a greeting", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtConnect, Code: 421, Enhanced: "4.3.2", Text: "Too busy"}},
		},
		{
			name: "554 instead of a greeting", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtConnect, Code: 554, Text: "No SMTP service here"}},
		},
		{
			name: "cut before the greeting", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtConnect, Cut: true}},
		},
		{
			name: "cut at EHLO", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtHello, Cut: true}},
		},
		{
			name: "EHLO refused", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtHello, Code: 550, Enhanced: "5.7.1", Text: "Go away", Times: -1}},
		},
		{
			name: "cut in the TLS handshake", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSStartTLS,
			faults: []smtptest.Fault{{Step: smtptest.AtHandshake, Cut: true}},
		},
		{
			name: "TLS handshake refused", opts: smtptest.Options{TLS: smtptest.Implicit}, tls: config.TLSImplicit,
			faults: []smtptest.Fault{{Step: smtptest.AtHandshake}},
		},
		{
			name: "no STARTTLS", tls: config.TLSStartTLS,
		},
		{
			name: "TLS from the first byte where the relay wants STARTTLS", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSImplicit,
		},
		{
			name: "unknown authority", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSStartTLS,
			change: func(c *config.SMTP) { c.CAFile = "" },
		},
		{
			name: "wrong password", opts: auth, tls: config.TLSStartTLS, password: "wrong", change: withSecret,
		},
		{
			name: "AUTH not possible for now", opts: auth, tls: config.TLSStartTLS, password: "ter", change: withSecret,
			faults: []smtptest.Fault{{Step: smtptest.AtAuth, Code: 454, Enhanced: "4.7.0", Text: "Directory is down"}},
		},
		{
			name: "cut at AUTH", opts: auth, tls: config.TLSStartTLS, password: "ter", change: withSecret,
			faults: []smtptest.Fault{{Step: smtptest.AtAuth, Cut: true}},
		},
		{
			name: "a password that the relay does not want", opts: smtptest.Options{TLS: smtptest.StartTLS}, tls: config.TLSStartTLS,
			password: "ter", change: withSecret,
		},
		{
			name: "a password that the relay wants", opts: auth, tls: config.TLSStartTLS,
		},
		{
			name: "sender refused", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtMail, Code: 553, Enhanced: "5.7.1", Text: "Not your address"}},
		},
		{
			name: "no mail for now", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtMail, Code: 452, Enhanced: "4.3.1", Text: "Disk full"}},
		},
		{
			name: "cut at MAIL", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtMail, Cut: true}},
		},
		{
			name: "greylisted", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 450, Enhanced: "4.2.0", Text: "Greylisted, try again in 287 seconds"}},
		},
		{
			name: "no such mailbox", tls: config.TLSNone,
			faults:   []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 550, Enhanced: "5.1.1", Text: "No such user here"}},
			rejected: &mail.RejectedError{Code: 550, Enhanced: "5.1.1", Reply: "No such user here", Recipient: "bob@example.com"},
		},
		{
			name: "a refusal of many lines", tls: config.TLSNone,
			faults:   []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 550, Enhanced: "5.1.1", Text: "No\nand\tno"}},
			rejected: &mail.RejectedError{Code: 550, Enhanced: "5.1.1", Reply: "No and no", Recipient: "bob@example.com"},
		},
		{
			name: "421 at RCPT", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtRcpt, Code: 421, Enhanced: "4.7.0", Text: "Slow down"}},
		},
		{
			name: "cut at RCPT", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtRcpt, Cut: true}},
		},
		{
			name: "content refused", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtAccept, Code: 554, Enhanced: "5.7.1", Text: "Looks like spam"}},
		},
		{
			name: "content put off", tls: config.TLSNone,
			faults: []smtptest.Fault{{Step: smtptest.AtAccept, Code: 451, Enhanced: "4.3.0", Text: "Scanner is down, id 7f3a9c0012ab"}},
		},
		{
			name: "cut before the final dot", tls: config.TLSNone, race: true,
			faults: []smtptest.Fault{{Step: smtptest.AtContent, Cut: true}},
		},
		{
			name: "cut after the final dot", tls: config.TLSNone, received: 1,
			faults: []smtptest.Fault{{Step: smtptest.AtAccept, Cut: true}},
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
			if !c.race {
				sentences[c.name] = explain(s, err)
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
	goldenSentences(t, "failures.txt", sentences)
}

// goldenSentences compares what Roster says about each failure.
func goldenSentences(t *testing.T, file string, sentences map[string]string) {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sentences)) {
		text.WriteString(name + "\n    " + sentences[name] + "\n")
	}
	golden(t, file, text.String())
}

func TestARotatedSecretCounts(t *testing.T) {
	s := serve(t, smtptest.Options{TLS: smtptest.StartTLS, Users: map[string]string{"ros": "new"}})
	password := "old"
	current := func(context.Context) (string, string, error) { return "ros", password, nil }
	r := relayWith(t, s, config.TLSStartTLS, current, clock.RealClock{}, withSecret)
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
	want := `The user name and password for the mail relay RELAY cannot be read: secrets "roster-smtp" not found; ` +
		`create Secret roster-smtp with username and password, or correct mail.smtp.authSecret.`
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

func TestOutcomeOf(t *testing.T) {
	for want, err := range map[outcome.Outcome]error{
		outcome.Delivered: nil,
		outcome.Rejected:  fmt.Errorf("mail: %w", &mail.RejectedError{Code: 550}),
		outcome.Held:      fmt.Errorf("mail: %w", &mail.HeldError{Reason: mail.RelayThrottles}),
		outcome.Failing:   io.ErrUnexpectedEOF,
	} {
		if got := mail.OutcomeOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
