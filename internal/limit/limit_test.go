// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestLimiter(t *testing.T) {
	l := New[string](Rate{Every: time.Minute, Burst: 2}, 10)
	for i, step := range []struct {
		key  string
		at   time.Duration
		want time.Duration
	}{
		{"a", 0, 0},
		{"a", 0, 0},
		{"a", 0, time.Minute},
		{"a", 0, time.Minute}, // asking in vain does not make the wait longer
		{"b", 0, 0},
		{"a", 40 * time.Second, 20 * time.Second},
		{"a", time.Minute, 0},
		{"a", time.Minute, time.Minute},
		{"a", time.Hour, 0}, // no more than the burst is saved up
		{"a", time.Hour, 0},
		{"a", time.Hour, time.Minute},
	} {
		if got := l.Wait(step.key, noon.Add(step.at)); got != step.want {
			t.Errorf("step %d: %s would wait %s, want %s", i, step.key, got, step.want)
		}
		if got := l.Take(step.key, noon.Add(step.at)); got != step.want {
			t.Errorf("step %d: %s waits %s, want %s", i, step.key, got, step.want)
		}
	}
}

func TestClockThatIsSetBack(t *testing.T) {
	l := New[string](Rate{Every: time.Minute, Burst: 1}, 10)
	l.Take("a", noon.Add(24*time.Hour))
	if wait := l.Take("a", noon); wait != 0 {
		t.Errorf("waits %s", wait)
	}
}

func TestReturn(t *testing.T) {
	l := New[string](Rate{Every: time.Minute, Burst: 1}, 10)
	l.Return("a") // nothing was taken
	for range 3 {
		if wait := l.Take("a", noon); wait != 0 {
			t.Fatalf("waits %s after everything was returned", wait)
		}
		l.Return("a")
	}
	l.Return("a")
	l.Take("a", noon)
	if l.Take("a", noon) == 0 {
		t.Error("returning more than was taken raised the burst")
	}
}

func TestForgetsWhoIsQuiet(t *testing.T) {
	const most = 100
	l := New[int](Rate{Every: time.Hour, Burst: 1}, most)
	const busy, quiet = -1, -2
	l.Take(busy, noon)
	l.Take(quiet, noon.Add(-time.Minute))
	for i := range 3 * most {
		l.Take(i, noon)
		if i%10 == 0 && l.Take(busy, noon) == 0 {
			t.Fatalf("after %d others somebody who keeps asking was forgotten", i)
		}
		if n := len(l.young) + len(l.old); n > 2*most {
			t.Fatalf("%d keys are remembered, want at most %d", n, 2*most)
		}
	}
	if l.Take(quiet, noon) != 0 {
		t.Error("somebody who was quiet is still remembered")
	}
}

// However one asks, no more gets through in any stretch of time than the burst and what the rate allows.
// Nobody gets more tries at one key by trying at others.
func TestWhoIsTriedAtMostIsRememberedLongest(t *testing.T) {
	const most, tried = 100, -1
	for _, each := range []int{1, 2, 9} {
		l := New[int](Rate{Every: time.Hour, Burst: 10}, most)
		for range 10 {
			l.Take(tried, noon)
		}
		for i := range 20 * most {
			for range each {
				l.Take(i, noon)
			}
			if n := len(l.young) + len(l.old); n > 2*most {
				t.Fatalf("%d keys are remembered, want at most %d", n, 2*most)
			}
		}
		if l.Take(tried, noon) == 0 {
			t.Errorf("after others were tried %d times each, one that was tried ten times is forgotten", each)
		}
	}
}

func TestNeverMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Every: time.Duration(rapid.Int64Range(1, 100).Draw(t, "every")) * time.Second, Burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		l, at := New[int](r, 10), noon
		var passed []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "tries") {
			at = at.Add(time.Duration(rapid.Int64Range(0, 50).Draw(t, "pause")) * time.Second)
			wait := l.Take(0, at)
			if wait == 0 {
				passed = append(passed, at)
			} else if l.Take(0, at.Add(wait)) != 0 {
				t.Fatal("who waited as long as they were told is refused")
			} else {
				l.Return(0)
			}
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				if most := r.Burst + int(passed[j].Sub(passed[i])/r.Every); j-i+1 > most {
					t.Fatalf("%d passed in %s, want at most %d", j-i+1, passed[j].Sub(passed[i]), most)
				}
			}
		}
	})
}
