// SPDX-License-Identifier: Apache-2.0

package signing

import "time"

const (
	// Period is how long a key signs.
	Period = 30 * 24 * time.Hour
	// Lead is how long a key is published before it signs. Applications that keep the keys for a day know it by then, and a manager that
	// was away for a while is not late.
	Lead = 48 * time.Hour
	// TokenLifetime is how long what a key has signed can be good for at most.
	TokenLifetime = 10 * time.Minute
	// Overlap is how much longer a key is published than the last token lasts that it signed: clocks of applications may be wrong, and they
	// show old ID tokens to say who signs out.
	Overlap = 24 * time.Hour
)

// Set is all keys of a Secret, in the order in which they begin to sign.
type Set []Key

// Signing is the key that signs: the last one whose time has come. If those that had begun are gone, the next one signs before its time.
// There is none only in an empty Set.
func (s Set) Signing(now time.Time) (Key, bool) {
	if len(s) == 0 {
		return Key{}, false
	}
	return s[s.signing(now)], true
}

func (s Set) signing(now time.Time) int {
	signing := 0
	for i, k := range s {
		if !k.SignsFrom.After(now) {
			signing = i
		}
	}
	return signing
}

// Published are the keys that tokens are checked with: all but those whose last token ran out a while ago.
func (s Set) Published(now time.Time) []Key {
	published := make([]Key, 0, len(s))
	for i, k := range s {
		if until, ends := s.publishedUntil(i); !ends || now.Before(until) {
			published = append(published, k)
		}
	}
	return published
}

// publishedUntil is when a key is no longer published: some time after the next one has taken over. The last one has no such time.
func (s Set) publishedUntil(i int) (time.Time, bool) {
	if i+1 >= len(s) {
		return time.Time{}, false
	}
	return s[i+1].SignsFrom.Add(TokenLifetime + Overlap), true
}

// Turn is when a key is published and when it signs.
type Turn struct {
	Created, SignsFrom time.Time
}

// Decision is what to do with the keys.
type Decision struct {
	// Make is the turn of a key to make; nil if none is due.
	Make *Turn
	// Remove are the IDs of keys whose time is over.
	Remove []string
	// Again is when there is something to do next, if nobody takes a key away.
	Again time.Time
}

// Decide tells what to do with the keys now.
func Decide(s Set, now time.Time) Decision {
	if len(s) == 0 {
		// Nobody can have kept keys that are without it, so that it signs at once. If all keys were taken away, this one is unknown
		// everywhere, and applications that meet it fetch the keys and forget those that are gone.
		return Decision{Make: &Turn{Created: now, SignsFrom: now}, Again: now.Add(Period - Lead)}
	}
	var d Decision
	for i, k := range s {
		until, ends := s.publishedUntil(i)
		switch {
		case !ends:
		case !now.Before(until):
			d.Remove = append(d.Remove, k.ID)
		default:
			d.at(until)
		}
	}
	last := s[len(s)-1]
	if due := last.SignsFrom.Add(Period); now.Before(due.Add(-Lead)) {
		d.at(due.Add(-Lead))
	} else {
		next := due
		if soonest := now.Add(Lead); next.Before(soonest) {
			next = soonest
		}
		d.Make = &Turn{Created: now, SignsFrom: next}
		d.at(next.Add(Period - Lead))
	}
	return d
}

// at notes that there is something to do at a time.
func (d *Decision) at(t time.Time) {
	if d.Again.IsZero() || t.Before(d.Again) {
		d.Again = t
	}
}
