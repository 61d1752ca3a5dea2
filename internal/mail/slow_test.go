// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// A relay that holds up at any step is given up on by the relay's own time. A mail that is under way is finished when the caller gives up.
func TestSlowRelay(t *testing.T) {
	sentences := map[string]string{}
	for step, name := range map[smtptest.Step]string{
		smtptest.AtConnect: "connecting",
		smtptest.AtHello:   "EHLO",
		smtptest.AtMail:    "MAIL",
		smtptest.AtRcpt:    "RCPT",
		smtptest.AtAccept:  "after the final dot",
	} {
		t.Run("time passes: "+name, func(t *testing.T) {
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
			err := <-result
			if step != smtptest.AtConnect {
				sentences["slow: "+name] = explain(s, err)
			} else if !strings.Contains(explain(s, err), "within 30s") {
				// The server may have accepted before the client's system has told it so: two sentences are right.
				t.Error(explain(s, err))
			}
			gate.Open()
			mustSend(t, r, compose(t, anInvitation()))
		})
		t.Run("the caller gives up: "+name, func(t *testing.T) {
			s := serve(t, smtptest.Options{})
			gate := smtptest.NewGate()
			s.Script(smtptest.Fault{Step: step, Gate: gate})
			r := relayTo(t, s, config.TLSNone)
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() { result <- r.Send(ctx, compose(t, anInvitation())) }()
			<-gate.Reached()
			cancel()
			gate.Open()
			switch err := <-result; {
			case step == smtptest.AtConnect: // there, the server turns the connection away
			case err != nil:
				t.Errorf("a mail under way is finished: %v", err)
			case s.Received() != 1:
				t.Errorf("the relay took %d mails", s.Received())
			}
		})
	}
	goldenSentences(t, "slow.txt", sentences)
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

// lines makes replies of one line each.
func lines(s string) []string {
	all := strings.Split(s, "|")
	for i := range all {
		all[i] += "\r\n"
	}
	return all
}

func TestOddRelays(t *testing.T) {
	sentences := map[string]string{}
	for _, c := range []struct {
		name     string
		replies  []string
		rejected bool
	}{
		{"554 to the DATA command", lines(`220 relay|250 hi|250 ok|250 ok|554 5.5.1 no valid recipients|250 reset`), false},
		{"530 at RCPT is no verdict on the address", lines(`220 relay|250 hi|250 ok|530 5.7.0 sign in first|250 reset`), false},
		{"not SMTP at all", lines(`HTTP/1.1 400 Bad Request`), false},
		{"only HELO", lines(`220 relay|502 what|250 hi|250 ok|452 4.3.1 full|250 reset`), false},
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
			sentences[c.name] = strings.ReplaceAll(mail.Explain(err), addr, "RELAY")
		})
	}
	goldenSentences(t, "odd.txt", sentences)
}
