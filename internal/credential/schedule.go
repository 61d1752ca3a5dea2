// SPDX-License-Identifier: Apache-2.0

// Package credential holds the rules about the tokens of SocialProfiles: when the network is asked again, when they are renewed, what the
// status says, and who hears of it. It does no I/O.
package credential

import (
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/backoff"
	"github.com/roster-dev/roster/internal/network"
)

// Interval between two checks of the same tokens.
const Interval = 6 * time.Hour

// How long to wait after an answer that says nothing: the pause doubles from the first to the last.
const (
	firstPause = time.Minute
	lastPause  = time.Hour
	// lastLook is the last pause for what is in the way within the cluster, which costs little to look at.
	lastLook = 5 * time.Minute
)

// patience is how many answers that say nothing, one after the other, make a good condition Unknown.
const patience = 3

// farthest is how far away an expiry can be and still be believed. The longest lifetime that any of the networks documents is a year
// (LinkedIn and TikTok: refresh tokens); some write dates such as 2058 for "we do not know".
const farthest = 2 * 365 * 24 * time.Hour

// phase is a number from 0 to 1 that is always the same for the same object and spreads objects evenly.
func phase(uid types.UID, salt string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(uid))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(salt))
	// The low bits of a short input are mixed badly; this spreads them (the finaliser of MurmurHash3).
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// part is the share of a time that belongs to the object.
func part(d time.Duration, uid types.UID, salt string) time.Duration {
	return time.Duration(phase(uid, salt) * float64(d))
}

// NextSlot is the first time after now at which the object has its turn. Turns are Interval apart, and those of different objects are
// spread over it; they need no memory, so that a restart changes nothing.
func NextSlot(uid types.UID, now time.Time) time.Time {
	start := now.Truncate(Interval).Add(part(Interval, uid, "slot"))
	if !start.After(now) {
		start = start.Add(Interval)
	}
	return start
}

// Pause is how long to wait after so many answers that said nothing; with what the network asked for, where that is more.
func Pause(uid types.UID, failures int, asked time.Duration) time.Duration {
	pause := max(backoff.Pause(failures-1, firstPause, lastPause), asked)
	return pause + part(pause/4, uid, "pause")
}

// Trust is an expiry if it can be true, else zero.
func Trust(expiry, now time.Time) time.Time {
	if expiry.Sub(now) > farthest {
		return time.Time{}
	}
	return expiry
}

// Expiry is when an access token ends: what the network says counts, else what the Secret says.
func Expiry(t network.Tokens, r network.Report, now time.Time) time.Time {
	if told := Trust(r.AccessExpiry, now); !told.IsZero() {
		return told
	}
	return Trust(t.AccessExpiry, now)
}

// RenewAt is when a token that ends is renewed: before the lead that its network asks for, a little earlier for some than for others.
// Zero: never.
func RenewAt(uid types.UID, expiry time.Time, lead time.Duration) time.Time {
	if expiry.IsZero() || lead == 0 {
		return time.Time{}
	}
	return expiry.Add(-lead - part(lead/4, uid, "renew"))
}

// earliest of the times after now; zero if there is none.
func earliest(now time.Time, times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Resume is when to look again at tokens that the status speaks of already, as after a restart of the operator.
func Resume(p *rosterv1alpha1.SocialProfile, lead time.Duration, now time.Time) time.Time {
	c := p.Status.Credential
	at := NextSlot(p.UID, now)
	if c.ReconnectByTime != nil {
		at = earliest(now, append(thresholds(c.ReconnectByTime.Time), at)...)
	}
	if p.Spec.Refresh != rosterv1alpha1.RefreshBeforeExpiry || c.AccessExpiryTime == nil {
		return at
	}
	if renew := RenewAt(p.UID, c.AccessExpiryTime.Time, lead); !renew.IsZero() && renew.Before(at) {
		return renew
	}
	return at
}

// warning is a notice that tokens end, and how long before.
type warning struct {
	before time.Duration
	notice rosterv1alpha1.NoticeCause
}

// warnings are those that people get, the first one first.
func warnings() []warning {
	const day = 24 * time.Hour
	return []warning{
		{soon, rosterv1alpha1.NoticeExpiresIn14Days}, {3 * day, rosterv1alpha1.NoticeExpiresIn3Days}, {day, rosterv1alpha1.NoticeExpiresIn1Day},
	}
}

// thresholds are the times at which there is something new to say about tokens that end.
func thresholds(end time.Time) []time.Time {
	var times []time.Time
	for _, w := range warnings() {
		times = append(times, end.Add(-w.before))
	}
	return append(times, end)
}

// latestWarning is what people are to know of tokens that end soon.
func latestWarning(end, now time.Time) rosterv1alpha1.NoticeCause {
	all := warnings()
	latest := all[0].notice
	for _, w := range all {
		if end.Sub(now) <= w.before {
			latest = w.notice
		}
	}
	return latest
}
