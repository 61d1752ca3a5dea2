// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// keys are a Set of keys that sign from so long after the start. Deciding needs no real ones.
func keys(from ...time.Duration) Set {
	var s Set
	for i, d := range from {
		s = append(s, Key{ID: fmt.Sprint(i), Created: start, SignsFrom: start.Add(d)})
	}
	return s
}

func TestDecide(t *testing.T) {
	const day = 24 * time.Hour
	ended := TokenLifetime + Overlap
	for name, tc := range map[string]struct {
		set    Set
		now    time.Duration
		make   []time.Duration // when it is made, and when it signs
		remove []string
		again  time.Duration
	}{
		"the first signs at once":                  {nil, 0, []time.Duration{0, 0}, nil, 28 * day},
		"nothing for 28 days":                      {keys(0), 28*day - 1, nil, nil, 28 * day},
		"the next is published two days before":    {keys(0), 28 * day, []time.Duration{28 * day, 30 * day}, nil, 58 * day},
		"and as long before when it is late":       {keys(0), 40 * day, []time.Duration{40 * day, 42 * day}, nil, 70 * day},
		"one next is enough":                       {keys(0, 30*day), 29 * day, nil, nil, 30*day + ended},
		"the former stays while its tokens do":     {keys(0, 30*day), 30*day + ended - 1, nil, nil, 30*day + ended},
		"and goes afterwards":                      {keys(0, 30*day), 30*day + ended, nil, []string{"0"}, 58 * day},
		"what is left signs on, and gets a next":   {keys(0), 31 * day, []time.Duration{31 * day, 33 * day}, nil, 61 * day},
		"a next that is alone needs no other soon": {keys(30 * day), 29 * day, nil, nil, 58 * day},
	} {
		got := Decide(tc.set, start.Add(tc.now))
		var made []time.Duration
		if got.Make != nil {
			made = []time.Duration{got.Make.Created.Sub(start), got.Make.SignsFrom.Sub(start)}
		}
		if !slices.Equal(made, tc.make) || !slices.Equal(got.Remove, tc.remove) || !got.Again.Equal(start.Add(tc.again)) {
			t.Errorf("%s: makes %v, removes %v, looks again after %v", name, made, got.Remove, got.Again.Sub(start))
		}
	}
}

// life is what a manager, a portal and an administrator do with a Secret over the years.
type life struct {
	*rapid.T
	now       time.Time
	set       Set
	made      int
	withdrawn []string
	// excused is until when a key may sign that has not been published for long, since somebody took others away.
	excused time.Time
	signed  []token
}

type token struct {
	key string
	at  time.Time
}

// look is what the manager does.
func (l *life) look() {
	d := Decide(l.set, l.now)
	l.set = slices.DeleteFunc(l.set, func(k Key) bool { return slices.Contains(d.Remove, k.ID) })
	if d.Make != nil {
		l.made++
		l.set = append(l.set, Key{ID: fmt.Sprint("k", l.made), Created: d.Make.Created, SignsFrom: d.Make.SignsFrom})
		slices.SortFunc(l.set, inTurn)
	}
	if !d.Again.After(l.now) {
		l.Fatalf("at %v: look again at %v", l.now, d.Again)
	}
	if len(l.set) > 3 {
		l.Fatalf("%d keys", len(l.set))
	}
}

func (l *life) publishes(id string) bool {
	return slices.ContainsFunc(l.set.Published(l.now), func(k Key) bool { return k.ID == id })
}

// sign is what the portal does.
func (l *life) sign() {
	k, ok := l.set.Signing(l.now)
	if !ok {
		if len(l.set) > 0 {
			l.Fatalf("no key signs of %d", len(l.set))
		}
		return // everything was taken away, and the manager has not looked yet
	}
	if !l.publishes(k.ID) {
		l.Fatalf("signs with %s, which is not published", k.ID)
	}
	if slices.Contains(l.withdrawn, k.ID) {
		l.Fatalf("signs with %s, which was withdrawn", k.ID)
	}
	first := k.SignsFrom.Equal(k.Created)
	if age := l.now.Sub(k.Created); !first && age < 24*time.Hour && l.now.After(l.excused) {
		l.Fatalf("signs with a key that has been published for %v", age)
	}
	l.signed = append(l.signed, token{k.ID, l.now})
}

// check is what applications do.
func (l *life) check() {
	l.signed = slices.DeleteFunc(l.signed, func(t token) bool { return !l.now.Before(t.at.Add(TokenLifetime + Overlap)) })
	for _, t := range l.signed {
		found := l.publishes(t.key)
		if gone := slices.Contains(l.withdrawn, t.key); found == gone {
			l.Fatalf("a token of %v by %s: its key was withdrawn: %t, is found: %t", l.now.Sub(t.at), t.key, gone, found)
		}
	}
}

// TestTheLifeOfKeys holds whatever happens: there is always a key to sign with, applications have had time to get to know it, it is
// published for as long as anything that it signed, and there are never many.
func TestTheLifeOfKeys(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := &life{T: r, now: start}
		l.look()
		step := rapid.OneOf(rapid.Int64Range(0, int64(12*time.Hour)), rapid.Int64Range(0, int64(60*24*time.Hour)))
		r.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { l.sign(); l.check() },
			"time passes, and the manager looks when it is due": func(r *rapid.T) {
				for until := l.now.Add(time.Duration(step.Draw(r, "d"))); ; l.look() {
					next := Decide(l.set, l.now).Again
					if next.After(until) {
						l.now = until
						return
					}
					l.now = next
				}
			},
			"time passes without a manager": func(r *rapid.T) { l.now = l.now.Add(time.Duration(step.Draw(r, "d"))) },
			"another key takes over": func(*rapid.T) {
				last := func() time.Time { return l.set[len(l.set)-1].SignsFrom }
				if len(l.set) == 0 {
					return
				}
				if due := last().Add(Period - Lead); !last().After(l.now) && due.After(l.now) {
					l.now = due
				}
				if l.look(); last().After(l.now) {
					l.now = last().Add(-1)
					l.sign()
					l.now = l.now.Add(1)
					l.sign()
				}
			},
			"the manager looks": func(*rapid.T) { l.look() },
			"a key is withdrawn": func(r *rapid.T) {
				if len(l.set) == 0 {
					return
				}
				i := rapid.IntRange(0, len(l.set)-1).Draw(r, "which")
				l.withdrawn = append(l.withdrawn, l.set[i].ID)
				l.set = slices.Delete(l.set, i, i+1)
				l.excused = l.now.Add(Lead)
				if len(l.set) == 0 && rapid.Bool().Draw(r, "the manager looks") {
					l.look()
				}
			},
		})
	})
}
