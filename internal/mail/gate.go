// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/backoff"
	"github.com/roster-dev/roster/internal/config"
)

// Sender hands one mail over. *Relay is the real one.
type Sender interface {
	Send(ctx context.Context, m *Message) error
}

// Reason is why mail is held.
type Reason string

// The reasons for which mail is held.
const (
	// RelayUnavailable: the relay cannot be reached, or takes no mail at present.
	RelayUnavailable Reason = "RelayUnavailable"
	// RelayRefuses: the relay does not take mail from this installation: somebody has to mend the settings, here or there.
	RelayRefuses Reason = "RelayRefuses"
	// RelayThrottles: the relay takes fewer mails than there are.
	RelayThrottles Reason = "RelayThrottles"
)

// HeldError means that a mail has not gone out for a reason that is not its own. It should be sent again after a while.
type HeldError struct {
	// Reason is empty where nothing is wrong, and the mail waits for its turn.
	Reason Reason
	// Retry is after how long the mail is to be sent again.
	Retry time.Duration
	// Tried reports whether the relay was asked.
	Tried bool
	cause error
}

func (e *HeldError) Error() string {
	if e.cause == nil {
		return "the mail waits for its turn"
	}
	return fmt.Sprintf("mail is held: %v", e.cause)
}

func (e *HeldError) Unwrap() error { return e.cause }

// Trouble is what keeps mail from going out.
type Trouble struct {
	// Reason and Words of the last trouble; empty where there was none.
	Reason Reason
	// Words name no recipient: they are read in every organisation.
	Words string
	// Held reports whether no mail goes out at all.
	Held bool
}

const (
	// firstTrial and lastTrial are how long no mail goes out after a failure that concerns all; then one tries. Twice as long each time.
	firstTrial = time.Second
	lastTrial  = time.Minute
	// lastRetry is how long a mail waits that is refused again and again while the relay takes others.
	lastRetry = time.Hour
	// turn is how long a mail may wait for its turn within Send: after that it may not be wanted any more.
	turn = 2 * time.Second
	// suspicious is how many recipients the relay has to refuse one after the other, and take none between, for that to concern all.
	suspicious = 3
	// maxRefusals is how many refused mails are remembered.
	maxRefusals = 10000
)

// Gate is what all mails go through on the way to the relay. It keeps the pace, and when the relay cannot be used it holds all mail and
// lets one at a time try. It is safe for concurrent use.
type Gate struct {
	sender Sender
	clock  clock.Clock
	log    logr.Logger

	mu      sync.Mutex
	pace    *pace
	trouble Trouble
	// until is when one may try while mail is held, trying says that one does, and trials counts those in vain.
	until  time.Time
	trying bool
	trials int
	// delivered is when the relay last took a mail, and refused are the recipients that it has refused since for no reason of theirs.
	delivered time.Time
	refused   map[string]bool
	refusals  map[string]*refusal
	watchers  []func(Trouble)
}

// refusal is what is remembered of a mail that was refused as if it were not the recipient's fault.
type refusal struct {
	first time.Time
	count int
}

// NewGate makes a gate before a relay.
func NewGate(cfg config.SMTP, sender Sender, clk clock.Clock, log logr.Logger) *Gate {
	return &Gate{
		sender: sender, clock: clk, log: log, pace: newPace(cfg.MailsPerMinute),
		refused: map[string]bool{}, refusals: map[string]*refusal{},
	}
}

// Trouble is what keeps mail from going out, or did so last.
func (g *Gate) Trouble() Trouble {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trouble
}

// Watch has f called whenever Trouble changes. It must neither wait nor ask the Gate anything.
func (g *Gate) Watch(f func(Trouble)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watchers = append(g.watchers, f)
}

// Send hands one mail to the relay when its turn comes. It returns nil when the relay has taken it, a [RejectedError] if that will never
// be, a [HeldError] if all mail waits or the relay refuses who sends, and every other error if it failed for now.
func (g *Gate) Send(ctx context.Context, m *Message) error {
	trial, wait, held := g.enter()
	if held != nil {
		return held
	}
	if f := g.await(ctx, wait); f != nil {
		g.interrupted(trial)
		return f
	}
	begun := g.clock.Now()
	err := g.sender.Send(ctx, m)
	return g.leave(m, begun, trial, err)
}

// enter returns how long a mail has to wait for its turn, or that it is held. Where mail is held, it reports which one may try.
func (g *Gate) enter() (trial bool, wait time.Duration, held *HeldError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if g.trouble.Held {
		if g.trying || now.Before(g.until) {
			return false, 0, g.holdUntried(now)
		}
		g.trying = true
		return true, 0, nil
	}
	wait, ok := g.pace.take(now, turn)
	if !ok {
		return false, 0, &HeldError{Retry: backoff.Spread(wait)}
	}
	return false, wait, nil
}

// holdUntried is for a mail that comes while mail is held. What is over in a moment is not worth telling.
func (g *Gate) holdUntried(now time.Time) *HeldError {
	held := &HeldError{Retry: backoff.Spread(max(g.until.Sub(now), firstTrial)), cause: errors.New(g.trouble.Words)}
	if g.trials > 1 {
		held.Reason = g.trouble.Reason
	}
	return held
}

// await waits for the turn of a mail. Nothing is begun once the caller has given up.
func (g *Gate) await(ctx context.Context, wait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return &failure{step: stepQueue, err: cause(ctx, err)}
	}
	if wait <= 0 {
		return nil
	}
	timer := g.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return &failure{step: stepQueue, err: cause(ctx, ctx.Err())}
	}
}

func (g *Gate) interrupted(trial bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if trial {
		g.trying = false
	}
}

// leave learns from what became of a mail, and says what the caller is to make of it.
func (g *Gate) leave(m *Message, begun time.Time, trial bool, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if trial {
		g.trying = false
	}
	now := g.clock.Now()
	f, failed := errors.AsType[*failure](err)
	switch {
	case err == nil:
		g.taken(m, now)
	case !failed: // refused for good
		delete(g.refusals, m.ID)
		g.open()
	default:
		return g.judge(m, f, begun, now)
	}
	return err
}

func (g *Gate) judge(m *Message, f *failure, begun, now time.Time) error {
	switch f.blame() {
	case blameNobody:
		return f
	case blameUnclear:
		// The relay takes others since, and still refuses this one.
		if r := g.refusals[m.ID]; r != nil && g.delivered.After(r.first) {
			delete(g.refusals, m.ID)
			g.open()
			return f.rejection()
		}
		return g.refuse(m, f, now)
	case blameSetup:
		return g.refuse(m, f, now)
	case blameRelay:
		g.hold(RelayUnavailable, f, now)
		return &HeldError{Reason: RelayUnavailable, Retry: backoff.Spread(g.until.Sub(now)), Tried: true, cause: f}
	case blamePace:
		return g.slow(f, begun, now)
	}
	g.open()
	return f
}

func (g *Gate) taken(m *Message, now time.Time) {
	g.delivered = now
	clear(g.refused)
	delete(g.refusals, m.ID)
	g.pace.delivered(now)
	g.open()
}

// refuse is for a mail that the relay refuses because of who sends, or perhaps so. What it says before there is a recipient concerns all;
// what it says of a recipient does if it goes for several.
func (g *Gate) refuse(m *Message, f *failure, now time.Time) error {
	r := g.refusals[m.ID]
	if r == nil {
		if len(g.refusals) >= maxRefusals {
			clear(g.refusals)
		}
		r = &refusal{first: now}
		g.refusals[m.ID] = r
	}
	pause := backoff.Pause(r.count, firstTrial, lastTrial)
	if g.delivered.After(r.first) {
		pause = backoff.Pause(r.count, firstTrial, lastRetry)
	}
	r.count++
	g.refused[strings.ToLower(m.To)] = true
	if f.step <= stepSender || len(g.refused) >= suspicious || g.trouble.Held {
		g.hold(RelayRefuses, f, now)
		pause = g.until.Sub(now)
	} else {
		g.tell(RelayRefuses, f, false)
		// One that waits alone stops nobody, so nothing else tells of it where no object does, as for mails about accounts.
		g.log.Info("A mail is held", "reason", RelayRefuses, "why", g.trouble.Words, "again", pause.String(), "error", f.Error())
	}
	return &HeldError{Reason: RelayRefuses, Retry: backoff.Spread(pause), Tried: true, cause: f}
}

// slow is for a mail that the relay would have taken at another time.
func (g *Gate) slow(f *failure, begun, now time.Time) error {
	g.pace.slow(begun, now)
	held := &HeldError{Retry: backoff.Spread(max(g.pace.until.Sub(now), firstPause)), Tried: true, cause: f}
	if g.pace.slows >= throttled {
		held.Reason = RelayThrottles
		g.tell(RelayThrottles, f, true)
		g.until = g.pace.until
	} else {
		g.open()
	}
	return held
}

// hold keeps all mail back for a while.
func (g *Gate) hold(reason Reason, f *failure, now time.Time) {
	if g.trouble.Held && now.Before(g.until) {
		return // Several were on their way.
	}
	g.until = now.Add(backoff.Pause(g.trials, firstTrial, lastTrial))
	g.trials++
	g.tell(reason, f, true)
}

// open lets all mail go out.
func (g *Gate) open() {
	g.trials = 0
	if !g.trouble.Held {
		return
	}
	g.trouble.Held = false
	g.log.Info("Mail goes out again")
	g.notify()
}

func (g *Gate) tell(reason Reason, f *failure, held bool) {
	is := Trouble{Reason: reason, Words: anonymous(Explain(f), f.sender), Held: held}
	if is == g.trouble {
		return
	}
	if held && (!g.trouble.Held || g.trouble.Words != is.Words) {
		g.log.Info("Mail is held", "reason", reason, "why", is.Words, "error", f.Error())
	}
	g.trouble = is
	g.notify()
}

func (g *Gate) notify() {
	for _, f := range g.watchers {
		f(g.trouble)
	}
}

// anAddress is what looks like a mail address.
var anAddress = regexp.MustCompile(`(?:"[^"]*"|[^\s<>()\[\],;:"']+)@[^\s<>()\[\],;:"']*[^\s<>()\[\],;:"'.]`)

// anonymous takes all addresses out of a text but the sender's.
func anonymous(text, sender string) string {
	return anAddress.ReplaceAllStringFunc(text, func(address string) string {
		if strings.EqualFold(address, sender) {
			return address
		}
		return "…"
	})
}
