// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// Rate allows Burst at once and then one each Every.
type Rate struct {
	Every time.Duration
	Burst int
}

// Limits are how often something may be done at one replica of the portal. A zero Rate stands for its default.
type Limits struct {
	// Requests of one client to pages. An office behind one address must get through. Default 120, then 4 a second.
	Requests Rate
	// Posts of one client. Default 30, then one every two seconds.
	Posts Rate
	// Tries of one client at the password behind one invitation. Default 5, then one a minute.
	Tries Rate
	// AllTries at the password behind one invitation, by whatever clients: loose enough that somebody who has got hold of a link does not
	// easily keep the invited person out. Default 50, then one every 20 seconds.
	AllTries Rate
	// AllCodes are the tries at the second factor of one account, by whatever clients that the person has not signed in with before. Six
	// digits are few. Default 20, then one every five minutes.
	AllCodes Rate
	// Mails that may be asked for one address or user name. Default 3, then one every ten minutes. The operator has limits of its own.
	Mails Rate
}

func (l Limits) withDefaults() Limits {
	def := func(r *Rate, every time.Duration, burst int) {
		if *r == (Rate{}) {
			*r = Rate{Every: every, Burst: burst}
		}
	}
	def(&l.Requests, 250*time.Millisecond, 120)
	def(&l.Posts, 2*time.Second, 30)
	def(&l.Tries, time.Minute, 5)
	def(&l.AllTries, 20*time.Second, 50)
	def(&l.AllCodes, 5*time.Minute, 20)
	def(&l.Mails, 10*time.Minute, 3)
	return l
}

// maxKeys bounds the memory of a limiter. Whoever has more addresses than this at hand gains little by being forgotten.
const maxKeys = 20_000

// limiter counts by key. It knows between one and two generations of at most maxKeys keys: when the young one is full it becomes the old
// one, and what was not asked about for a whole generation is forgotten.
type limiter struct {
	rate  Rate
	clock clock.PassiveClock

	mu         sync.Mutex
	young, old map[string]*rate.Limiter
}

func newLimiter(r Rate, c clock.PassiveClock) *limiter {
	return &limiter{rate: r, clock: c, young: map[string]*rate.Limiter{}}
}

// take returns 0 if one more is allowed, else how long to wait.
func (l *limiter) take(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	reservation := l.bucket(key).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now) // who is told to wait does not wait longer for having asked
	}
	return wait
}

func (l *limiter) bucket(key string) *rate.Limiter {
	if b, ok := l.young[key]; ok {
		return b
	}
	b, ok := l.old[key]
	if !ok {
		b = rate.NewLimiter(rate.Every(l.rate.Every), l.rate.Burst)
	}
	if len(l.young) >= maxKeys {
		l.young, l.old = make(map[string]*rate.Limiter, maxKeys), l.young
	}
	l.young[key] = b
	return b
}
