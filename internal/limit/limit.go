// SPDX-License-Identifier: Apache-2.0

// Package limit counts how often something is done, by key, in bounded memory.
package limit

import (
	"slices"
	"sync"
	"time"
)

// Rate allows Burst at once and then one each Every.
type Rate struct {
	Every time.Duration
	Burst int
}

// Limiter counts by key. It knows between one and two generations of keys: when the young one is full it becomes the old one, and of the
// one before, only those are kept that have the least of their burst left, half a generation at most. A forgotten key may be used as if it
// were new. To have one forgotten that was used n times, one has to use half a generation of others n times.
type Limiter[K comparable] struct {
	rate Rate
	most int

	mu sync.Mutex
	// full is when all of a key's burst is there again (the generic cell rate algorithm, ITU-T I.371): it says all that there is to know.
	young, old map[K]time.Time
}

// New returns a Limiter that remembers at most twice as many keys as most.
func New[K comparable](r Rate, most int) *Limiter[K] {
	return &Limiter[K]{rate: r, most: most, young: map[K]time.Time{}}
}

// Take counts one more. It returns 0, or, if that is one too many, counts nothing and returns how long to wait.
func (l *Limiter[K]) Take(key K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, wait := l.next(key, now)
	if wait == 0 {
		l.young[key] = full
	}
	return wait
}

// Wait is what Take would return. It counts nothing.
func (l *Limiter[K]) Wait(key K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, wait := l.next(key, now)
	return wait
}

// next is when a key's burst would be there again after one more, and how long that one has to wait.
func (l *Limiter[K]) next(key K, now time.Time) (full time.Time, wait time.Duration) {
	burst := l.burst()
	if _, known := l.young[key]; !known {
		l.rotate(key, now)
	}
	full = l.full(key)
	if full.Before(now) || full.Sub(now) > burst { // the latter where the clock was set back
		full = now
	}
	full = full.Add(l.rate.Every)
	return full, max(0, full.Sub(now)-burst)
}

// Return takes back one that was counted.
func (l *Limiter[K]) Return(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if full := l.full(key); !full.IsZero() {
		l.young[key] = full.Add(-l.rate.Every)
	}
}

// full is what is known of a key, which is young from now on if anything is.
func (l *Limiter[K]) full(key K) time.Time {
	if full, ok := l.young[key]; ok {
		return full
	}
	full, ok := l.old[key]
	if ok {
		delete(l.old, key)
		l.young[key] = full
	}
	return full
}

// burst is how long it takes for all of a key's burst to be there again.
func (l *Limiter[K]) burst() time.Duration { return time.Duration(l.rate.Burst) * l.rate.Every }

// rotate makes room for a key that is asked about, of which nothing is forgotten.
func (l *Limiter[K]) rotate(asked K, now time.Time) {
	if len(l.young) < l.most {
		return
	}
	var used []K
	before := l.old
	for key, full := range before {
		if full.After(now) && full.Sub(now) <= l.burst() {
			used = append(used, key)
		}
	}
	slices.SortFunc(used, func(a, b K) int { return before[b].Compare(before[a]) })
	l.young, l.old = make(map[K]time.Time, l.most), l.young
	for _, key := range used[:min(len(used), l.most/2)] {
		l.young[key] = before[key]
	}
	if full, ok := before[asked]; ok {
		l.young[asked] = full
	}
}
