// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// post is an outbox with a real relay at its end: it sends each mail again when it is asked to, by a clock of its own.
type post struct {
	t      *testing.T
	server *smtptest.Server
	clock  *clocktesting.FakeClock
	gate   *mail.Gate
	// tries is how often the relay was asked.
	tries int
	told  int
	// log are the lines that somebody finds who looks for why mail does not go out.
	log []string
}

// Send counts what comes to the relay.
type counted struct {
	*post
	relay *mail.Relay
}

func (c counted) Send(ctx context.Context, m *mail.Message) error {
	c.tries++
	return c.relay.Send(ctx, m)
}

func newPost(t *testing.T, change ...func(*config.SMTP)) *post {
	t.Helper()
	p := &post{t: t, server: serve(t, smtptest.Options{}), clock: clocktesting.NewFakeClock(sent)}
	cfg := config.SMTP{}
	for _, f := range change {
		f(&cfg)
	}
	p.gate = mail.NewGate(cfg, counted{p, relayWith(t, p.server, config.TLSNone, nil, clock.RealClock{})}, p.clock,
		funcr.New(func(_, line string) { p.log = append(p.log, line) }, funcr.Options{}))
	p.gate.Watch(func(mail.Trouble) { p.told++ })
	return p
}

// to is a mail to a person.
func (p *post) to(name string) *mail.Message {
	p.t.Helper()
	in := anInvitation()
	in.To, in.MessageID = name+"@example.com", name+".1@example.com"
	return compose(p.t, in)
}

func (p *post) many(n int) []*mail.Message {
	var all []*mail.Message
	for i := range n {
		all = append(all, p.to(fmt.Sprintf("person-%d", i)))
	}
	return all
}

// pass sends all mails once, and returns those that did not go out and the last error.
func (p *post) pass(all []*mail.Message) (left []*mail.Message, last error) {
	for _, m := range all {
		if err := p.gate.Send(p.t.Context(), m); err != nil {
			left, last = append(left, m), err
		}
	}
	return left, last
}

func held(t *testing.T, err error, reason mail.Reason) *mail.HeldError {
	t.Helper()
	h, ok := errors.AsType[*mail.HeldError](err)
	if !ok || h.Reason != reason {
		t.Fatalf("got %v, want held for %s", err, reason)
	}
	return h
}

// A fault of the set-up condemns nobody: all mail waits, few are tried, and all go out by themselves once it is mended.
func TestWhatASetUpFaultStopsGoesOutWhenItIsMended(t *testing.T) {
	for name, fault := range map[string]smtptest.Fault{
		"relaying":           {Step: smtptest.AtRcpt, Code: 554, Enhanced: "5.7.1", Text: "Relay access denied"},
		"relaying, deferred": {Step: smtptest.AtRcpt, Code: 454, Enhanced: "4.7.1", Text: "Relay access denied"},
		"quota":              {Step: smtptest.AtRcpt, Code: 550, Enhanced: "5.7.232", Text: "quota"},
		"not verified":       {Step: smtptest.AtAccept, Code: 554, Text: "Message rejected: Email address is not verified"},
		"no word for it":     {Step: smtptest.AtRcpt, Code: 550, Text: "relay not permitted"},
		"sender":             {Step: smtptest.AtMail, Code: 550, Enhanced: "5.1.1", Text: "Unauthenticated senders not allowed"},
		"EHLO":               {Step: smtptest.AtHello, Code: 504, Enhanced: "5.5.2", Text: "need fully-qualified hostname"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			mended := 30
			if fault.Step == smtptest.AtHello {
				mended *= 2 // EHLO, then HELO
			}
			fault.Times = mended
			p.server.Script(fault)
			left, last := p.pass(p.many(50))
			if len(left) != 50 || p.tries > 3 {
				t.Fatalf("%d of 50 wait after %d tries", len(left), p.tries)
			}
			if h, ok := errors.AsType[*mail.HeldError](last); !ok || h.Retry > 2*time.Second {
				t.Errorf("the others hear %v", last)
			}
			trouble := p.gate.Trouble()
			if trouble.Reason != mail.RelayRefuses || !trouble.Held || strings.Contains(trouble.Words, "person-") {
				t.Errorf("%+v", trouble)
			}
			told := p.told
			for range 40 {
				p.clock.Step(2 * time.Minute)
				if left, last = p.pass(left); len(left) == 0 {
					break
				}
				_ = held(t, last, mail.RelayRefuses)
			}
			if len(left) != 0 || p.server.Received() != 50 {
				t.Errorf("%d still wait, %d have arrived: %v", len(left), p.server.Received(), last)
			}
			if p.tries > 50+30+1 || p.told != told+1 || p.gate.Trouble().Held {
				t.Errorf("%d tries, told %d times more, %+v", p.tries, p.told-told, p.gate.Trouble())
			}
		})
	}
}

// One mail that is refused does not stop the others, and is not condemned for what may not be its recipient's fault.
func TestOneRefusedMailStopsNoOther(t *testing.T) {
	p := newPost(t)
	p.server.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: "eve@example.com", Code: 554, Enhanced: "5.7.1", Text: "Access denied", Times: -1})
	eve := p.to("eve")
	var last time.Duration
	for i := range 12 {
		last = held(t, p.gate.Send(t.Context(), eve), mail.RelayRefuses).Retry
		if err := p.gate.Send(t.Context(), p.to(fmt.Sprintf("other-%d", i))); err != nil {
			t.Fatalf("the others wait: %v", err)
		}
		p.clock.Step(time.Minute)
	}
	if last < 10*time.Minute {
		t.Errorf("the relay is asked again after %s", last)
	}
	if len(p.log) != 12 || !strings.Contains(p.log[0], `"msg"="A mail is held"`) || !strings.Contains(p.log[0], "Access denied") {
		t.Errorf("the log does not say each time why the mail waits: %q", p.log)
	}
}

// Where a reply does not say whom it means, what the relay does with others tells.
func TestAnUnclearRefusalIsJudgedByWhatTheRelayTakesElse(t *testing.T) {
	p := newPost(t)
	p.server.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: "eve@example.com", Code: 550, Text: "Unrouteable address", Times: -1})
	eve := p.to("eve")
	mustPass := func(name string) {
		t.Helper()
		if err := p.gate.Send(t.Context(), p.to(name)); err != nil {
			t.Fatal(err)
		}
		p.clock.Step(time.Second)
	}
	mustPass("before")
	for range 3 {
		_ = held(t, p.gate.Send(t.Context(), eve), mail.RelayRefuses)
		p.clock.Step(time.Minute)
	}
	mustPass("after")
	err := p.gate.Send(t.Context(), eve)
	rejected, ok := errors.AsType[*mail.RejectedError](err)
	if !ok || rejected.Recipient != "eve@example.com" || rejected.Code != 550 {
		t.Errorf("got %v", err)
	}
}

func TestARecipientsFaultStopsNobody(t *testing.T) {
	p := newPost(t)
	for i, c := range []struct {
		code     int
		enhanced string
	}{{550, "5.1.1"}, {552, "5.2.2"}, {550, "5.1.1"}, {550, "5.1.10"}, {552, ""}} {
		p.server.Script(smtptest.Fault{Step: smtptest.AtRcpt, Code: c.code, Enhanced: c.enhanced, Text: "No"})
		if _, ok := errors.AsType[*mail.RejectedError](p.gate.Send(t.Context(), p.to(fmt.Sprint("gone-", i)))); !ok {
			t.Errorf("%d %s is not the recipient's fault", c.code, c.enhanced)
		}
	}
	if left, err := p.pass(p.many(3)); len(left) != 0 {
		t.Error(err)
	}
}

// Greylisting is one mail's own affair.
func TestGreylistedThreeTimes(t *testing.T) {
	p := newPost(t)
	p.server.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: "bob@example.com", Code: 451, Enhanced: "4.7.1", Text: "Greylisted", Times: 3})
	bob := p.to("bob")
	for range 3 {
		err := p.gate.Send(t.Context(), bob)
		if _, ok := errors.AsType[*mail.HeldError](err); ok || err == nil {
			t.Fatalf("got %v", err)
		}
	}
	if left, err := p.pass([]*mail.Message{p.to("ana"), bob}); len(left) != 0 {
		t.Error(err)
	}
}

func TestARelayThatIsAwayIsAskedByOneAtATime(t *testing.T) {
	p := newPost(t)
	p.server.Script(smtptest.Fault{Step: smtptest.AtConnect, Code: 421, Text: "Too busy", Times: 8})
	left, _ := p.pass(p.many(20))
	if p.tries != 1 || len(left) != 20 {
		t.Fatalf("%d tries, %d wait", p.tries, len(left))
	}
	for range 7 {
		p.clock.Step(2 * time.Minute)
		_, err := p.pass(left)
		if p.gate.Trouble().Reason != mail.RelayUnavailable {
			t.Errorf("%v", err)
		}
	}
	if p.tries != 8 {
		t.Errorf("%d tries", p.tries)
	}
	p.clock.Step(2 * time.Minute)
	if left, err := p.pass(left); len(left) != 0 || p.gate.Trouble().Held {
		t.Error(err)
	}
}

func TestTheWholeOutboxSlowsDown(t *testing.T) {
	p := newPost(t)
	p.server.Script(smtptest.Fault{Step: smtptest.AtMail, Code: 454, Text: "Throttling failure: Maximum sending rate exceeded", Times: 4})
	all := p.many(20)
	for range 4 {
		before := p.tries
		left, err := p.pass(all[:1])
		if _, ok := errors.AsType[*mail.HeldError](err); !ok || len(left) != 1 || p.tries != before+1 {
			t.Fatalf("%v after %d tries", err, p.tries-before)
		}
		p.clock.Step(2 * time.Minute)
	}
	if trouble := p.gate.Trouble(); trouble.Reason != mail.RelayThrottles || !trouble.Held {
		t.Errorf("%+v", trouble)
	}
	left := all
	for range 100 {
		p.clock.Step(2 * time.Second)
		if len(left) == 0 {
			break
		}
		var some []*mail.Message
		some, _ = p.pass(left[:1])
		left = append(some, left[1:]...)
	}
	if p.server.Received() != 20 || p.gate.Trouble().Held {
		t.Errorf("%d have arrived, %+v", p.server.Received(), p.gate.Trouble())
	}
}

func TestAConfiguredPace(t *testing.T) {
	p := newPost(t, func(c *config.SMTP) { c.MailsPerMinute = 10 })
	all := p.many(2)
	if left, err := p.pass(all[:1]); len(left) != 0 {
		t.Fatal(err)
	}
	err := p.gate.Send(t.Context(), all[1])
	if h := held(t, err, ""); h.Tried || h.Retry < 6*time.Second || h.Retry > 7*time.Second {
		t.Errorf("%+v", h)
	}
	p.clock.Step(6 * time.Second)
	if left, err := p.pass(all[1:]); len(left) != 0 {
		t.Error(err)
	}
}

func TestNothingIsBegunAfterTheCallerGaveUp(t *testing.T) {
	p := newPost(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.gate.Send(ctx, p.to("bob")); !mail.Interrupted(err) || p.tries != 0 {
		t.Errorf("%d tries: %v", p.tries, err)
	}
	if left, err := p.pass(p.many(1)); len(left) != 0 {
		t.Error(err)
	}
}

// A process that may not be the only one any more hands over nothing, not even a mail that is under way.
func TestTheFence(t *testing.T) {
	lost := errors.New("the Lease is another's")
	for _, c := range []struct {
		name  string
		after int
	}{{"before a mail", 0}, {"before the final dot", 1}} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, smtptest.Options{})
			asked, lasts := 0, c.after
			r := relayTo(t, s, config.TLSNone).Behind(func() error {
				if asked++; asked > lasts {
					return lost
				}
				return nil
			})
			g := mail.NewGate(config.SMTP{}, r, clock.RealClock{}, logr.Discard())
			err := g.Send(t.Context(), compose(t, anInvitation()))
			if !mail.Interrupted(err) || !errors.Is(err, lost) || s.Received() != 0 || g.Trouble().Held {
				t.Errorf("%d mails have arrived: %v", s.Received(), err)
			}
			lasts = asked + 2
			if err := g.Send(t.Context(), compose(t, anInvitation())); err != nil || s.Received() != 1 {
				t.Errorf("%d mails have arrived: %v", s.Received(), err)
			}
		})
	}
}
