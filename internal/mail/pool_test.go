// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

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
	for server, client := range map[smtptest.TLS]config.TLSMode{
		smtptest.Plain: config.TLSNone, smtptest.StartTLS: config.TLSStartTLS, smtptest.Implicit: config.TLSImplicit,
	} {
		t.Run(string(client), func(t *testing.T) {
			s := serve(t, smtptest.Options{TLS: server})
			r := relayTo(t, s, client)
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
	// Between mails one timer runs: the one for idle connections.
	settle := func() {
		for clk.Waiters() != 1 {
			runtime.Gosched()
		}
	}
	mustSend(t, r, m)
	settle()
	clk.Step(14 * time.Second)
	mustSend(t, r, m)
	settle()
	clk.Step(16 * time.Second) // 30 since the first mail, 16 since the second
	settle()
	mustSend(t, r, m)
	if s.Connections() != 1 {
		t.Fatalf("closed although it was used: %d connections", s.Connections())
	}
	settle()
	clk.Step(14 * time.Second) // 30 since the second mail, 14 since the third
	settle()
	if s.Open() != 1 {
		t.Fatal("closed although it was used")
	}
	clk.Step(16 * time.Second)
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
	gate := smtptest.NewGate()
	s.Script(smtptest.Fault{Step: smtptest.AtRcpt, Gate: gate})
	result := make(chan error, 1)
	go func() { result <- r.Send(t.Context(), m) }()
	<-gate.Reached()
	mustSend(t, r, m)
	taken := make(chan int, 1)
	go func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		taken <- s.Received()
	}()
	s.AwaitOpen(t.Context(), 1) // the idle connection is gone, the other still busy
	if err := r.Send(t.Context(), m); err == nil {
		t.Error("a Relay that is being closed still sends")
	}
	gate.Open()
	if err := <-result; err != nil {
		t.Errorf("a mail on its way was not finished: %v", err)
	}
	if n := <-taken; n != 2 {
		t.Errorf("closed when the relay had %d mails of 2", n)
	}
	s.AwaitOpen(t.Context(), 0)
	if err := r.Send(t.Context(), m); err == nil {
		t.Error("a closed Relay still sends")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
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
