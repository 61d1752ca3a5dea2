// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/roster-dev/roster/internal/backoff"
)

const (
	// cut is what is left of the rate when the relay asks for patience, and recovery by how many mails a second it grows in each second
	// that goes well: with both the rate stays just below what the relay takes, as that of TCP does (RFC 5681, 3.1).
	cut      = 0.8
	recovery = 0.5
	// slowest is the rate in mails a second below which nothing is gained, and fastest the one above which nothing is counted.
	slowest = 0.5
	fastest = 1000
	// firstPause and lastPause are how long no mail goes out after the relay has asked for patience; twice as long each time.
	firstPause = time.Second
	lastPause  = time.Minute
	// throttled is how often in a row the relay asks for patience before that is worth telling.
	throttled = 3
)

// pace decides when the next mail may go out: no faster than configured, and no faster than the relay can be seen to take them.
type pace struct {
	ceiling rate.Limit
	limiter *rate.Limiter
	// until is the end of the pause.
	until time.Time
	// slowed is when the relay last asked for patience, and slows how often it has since a mail was taken.
	slowed time.Time
	slows  int
	// recent are the times of the mails that were taken in the last second.
	recent []time.Time
}

// newPace allows that many mails a minute; without a limit of its own for 0.
func newPace(perMinute int) *pace {
	ceiling := rate.Inf
	if perMinute > 0 {
		ceiling = rate.Limit(float64(perMinute) / 60)
	}
	return &pace{ceiling: ceiling, limiter: rate.NewLimiter(ceiling, 1)}
}

// take reserves the place of a mail, and says how long it has to wait for it. Where that is longer than the patience, no place is taken.
func (p *pace) take(now time.Time, patience time.Duration) (wait time.Duration, ok bool) {
	at := now
	if p.until.After(at) {
		at = p.until
	}
	r := p.limiter.ReserveN(at, 1)
	wait = at.Sub(now) + r.DelayFrom(at)
	if wait > patience {
		r.CancelAt(at)
		return wait, false
	}
	return wait, true
}

// slow is told that the relay asks for patience, of a mail that was begun at that time. Those that were on their way when it did so the
// first time say nothing new.
func (p *pace) slow(begun, now time.Time) {
	if begun.Before(p.slowed) {
		return
	}
	p.prune(now)
	limit := min(p.limiter.Limit(), rate.Limit(max(len(p.recent), 1)))
	p.limiter.SetLimitAt(now, max(limit*cut, slowest))
	p.until = now.Add(backoff.Pause(p.slows, firstPause, lastPause))
	p.slowed = now
	p.slows++
}

// delivered is told that the relay took a mail.
func (p *pace) delivered(now time.Time) {
	p.slows = 0
	p.prune(now)
	p.recent = append(p.recent, now)
	limit := p.limiter.Limit()
	if limit >= p.ceiling {
		return
	}
	limit = min(limit+recovery/limit, p.ceiling)
	if limit > fastest && p.ceiling == rate.Inf {
		limit = rate.Inf
	}
	p.limiter.SetLimitAt(now, limit)
}

func (p *pace) prune(now time.Time) {
	n := 0
	for n < len(p.recent) && now.Sub(p.recent[n]) >= time.Second {
		n++
	}
	p.recent = p.recent[n:]
}
