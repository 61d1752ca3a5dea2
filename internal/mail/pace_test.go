// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"testing"
	"time"
)

// strict is a relay that takes so many mails in any second, as Amazon SES does, and 20 ms for each.
type strict struct {
	perSecond int
	taken     []time.Time
	tries     int
}

func (s *strict) takes(now time.Time) bool {
	s.tries++
	in := 0
	for _, at := range s.taken {
		if now.Sub(at) < time.Second {
			in++
		}
	}
	if in >= s.perSecond {
		return false
	}
	s.taken = append(s.taken, now)
	return true
}

// simulate sends mails by so many hands, and returns how long that took.
func simulate(p *pace, relay *strict, mails, hands int) time.Duration {
	const answer = 20 * time.Millisecond
	start := time.Unix(0, 0)
	free := make([]time.Time, hands)
	for i := range free {
		free[i] = start
	}
	for len(relay.taken) < mails {
		next := 0
		for i := range free {
			if free[i].Before(free[next]) {
				next = i
			}
		}
		now := free[next]
		wait, ok := p.take(now, turn)
		if !ok {
			free[next] = now.Add(wait)
			continue
		}
		begun := now.Add(wait)
		if relay.takes(begun) {
			p.delivered(begun.Add(answer))
		} else {
			p.slow(begun, begun.Add(answer))
		}
		free[next] = begun.Add(answer)
	}
	return relay.taken[len(relay.taken)-1].Sub(start)
}

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		perMinute      int
		allowed, mails int
		least, most    time.Duration
		tries          int
	}{
		"as configured":           {perMinute: 840, allowed: 15, mails: 500, least: 35 * time.Second, most: 37 * time.Second, tries: 500},
		"found out":               {allowed: 14, mails: 500, least: 35 * time.Second, most: 48 * time.Second, tries: 540},
		"configured too high":     {perMinute: 6000, allowed: 14, mails: 500, least: 35 * time.Second, most: 48 * time.Second, tries: 540},
		"one a second":            {allowed: 1, mails: 30, least: 29 * time.Second, most: 75 * time.Second, tries: 60},
		"a relay without a limit": {allowed: 1 << 30, mails: 500, most: 2 * time.Second, tries: 500},
	} {
		t.Run(name, func(t *testing.T) {
			relay := &strict{perSecond: c.allowed}
			took := simulate(newPace(c.perMinute), relay, c.mails, 16)
			t.Logf("%d mails in %s by %d tries", c.mails, took, relay.tries)
			if took < c.least || took > c.most {
				t.Errorf("took %s, want %s to %s", took, c.least, c.most)
			}
			if relay.tries > c.tries {
				t.Errorf("%d tries, want %d at most", relay.tries, c.tries)
			}
		})
	}
}
