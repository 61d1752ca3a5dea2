// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"net/netip"
	"time"

	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/limit"
)

// Rate allows Burst at once and then one each Every.
type Rate = limit.Rate

// Limits are how often something may be done at one replica of the portal, as config.Limits explains. A zero Rate stands for its default.
type Limits struct {
	// Requests and Posts of one requester.
	Requests, Posts Rate
	// DeviceTries of one browser at the accounts of people that it is known to belong to, and NetworkTries of one network at one account, by
	// browsers that are not known.
	DeviceTries, NetworkTries Rate
	// AllTries at one account, or at it behind one invitation, by browsers that are not known, from whatever networks: as many as
	// NIST SP 800-63B-4 (3.2.2) allows at once, and more than twenty networks have.
	AllTries Rate
	// AllCodes are the tries at the second factor of one account, by browsers that are not known. Six digits are few.
	AllCodes Rate
	// Mails that one browser or network may ask for one address or user name, and AllMails that all browsers that are not known may.
	Mails, AllMails Rate
	// Applications are requests of one application from one address to the endpoints of the OpenID provider.
	Applications Rate
}

// WithDefaults fills in what is left out.
func (l Limits) WithDefaults() Limits {
	d := LimitsOf(config.DefaultLimits())
	for _, r := range []struct{ set, otherwise *Rate }{
		{&l.Requests, &d.Requests}, {&l.Posts, &d.Posts}, {&l.DeviceTries, &d.DeviceTries}, {&l.NetworkTries, &d.NetworkTries},
		{&l.AllTries, &d.AllTries}, {&l.AllCodes, &d.AllCodes}, {&l.Mails, &d.Mails}, {&l.AllMails, &d.AllMails},
		{&l.Applications, &d.Applications},
	} {
		r.set.Every, r.set.Burst = cmp.Or(r.set.Every, r.otherwise.Every), cmp.Or(r.set.Burst, r.otherwise.Burst)
	}
	return l
}

// maxKeys bounds the memory of a limiter. A person with more addresses than this gains little by being forgotten.
const maxKeys = 20_000

// Limiters counts what is limited. Browsers that a person has used, and people who hold something that was mailed to them, are counted
// apart from strangers: no stranger can use up what is theirs (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
type Limiters struct {
	clock clock.PassiveClock

	Requests, Posts, DeviceTries, NetworkTries, allTries, AllCodes, Mails, AllMails, Applications *limit.Limiter[string]
}

// NewLimiters makes the limiters of a replica.
func NewLimiters(l Limits, c clock.PassiveClock) *Limiters {
	l = l.WithDefaults()
	of := func(r Rate) *limit.Limiter[string] { return limit.New[string](r, maxKeys) }
	return &Limiters{
		clock: c, Requests: of(l.Requests), Posts: of(l.Posts), DeviceTries: of(l.DeviceTries), NetworkTries: of(l.NetworkTries),
		allTries: of(l.AllTries), AllCodes: of(l.AllCodes), Mails: of(l.Mails), AllMails: of(l.AllMails),
		Applications: of(l.Applications),
	}
}

// Bucket is a limiter, and what it counts by.
type Bucket struct {
	of  *limit.Limiter[string]
	key string
}

// Count is the bucket of a key in a limiter.
func Count(of *limit.Limiter[string], key string) Bucket { return Bucket{of, key} }

// Try is one that was counted, wherever it counts.
type Try []Bucket

// Take counts one more in each bucket. If one of them is full it counts in none, so that being refused costs nothing, and returns how long
// to wait.
func (l *Limiters) Take(buckets ...Bucket) (Try, time.Duration) {
	now := l.clock.Now()
	for i, b := range buckets {
		if wait := b.of.Take(b.key, now); wait > 0 {
			Try(buckets[:i]).GiveBack()
			return nil, wait
		}
	}
	return buckets, 0
}

// GiveBack is for a try that was none: what was typed was right, or could not be checked.
func (t Try) GiveBack() {
	for _, b := range t {
		b.of.Return(b.key)
	}
}

// stranger says who asks, where nothing is known but the address: all of a network count as one.
func stranger(client netip.Addr) string { return " network " + networkKey(client) }

// networkKey is what tries at somebody's account are counted by: neighbours of a stranger are most likely the same stranger. Providers hand
// out IPv6 in networks of /48 at most (RFC 6177), and IPv4 in networks of /24 at least (what can be routed).
func networkKey(a netip.Addr) string {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	if p, err := a.Prefix(bits); err == nil {
		return p.String()
	}
	return a.String()
}

// ClientKey is what a client is counted by. A home or an office has a whole /64 of IPv6 (RFC 6177), so that is one client.
func ClientKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// Tries are the buckets of a try at the password behind a login. People who hold the link of an invitation are counted with
// others who do, not with strangers.
func (l *Limiters) Tries(login string, d Device, invitationUID string, client netip.Addr) []Bucket {
	if d.knows(login) || d.knows(Mailbox(login)) {
		return []Bucket{{l.DeviceTries, "password device " + d.ID}}
	}
	key := "password " + LoginHash(login)
	if invitationUID != "" {
		key += " invitation " + invitationUID
	}
	return []Bucket{{l.NetworkTries, key + stranger(client)}, {l.allTries, key}}
}

// Codes are the buckets of a try at a second factor of the account with that address. Having its mails is not enough to be known here.
func (l *Limiters) Codes(login string, d Device, client netip.Addr) []Bucket {
	if d.knows(login) {
		return []Bucket{{l.DeviceTries, "code device " + d.ID}}
	}
	key := "code " + LoginHash(login)
	return []Bucket{{l.NetworkTries, key + stranger(client)}, {l.AllCodes, key}}
}

// MailsTo are the buckets of asking for a mail to a login.
func (l *Limiters) MailsTo(login string, d Device, client netip.Addr) []Bucket {
	if d.knows(login) || d.knows(Mailbox(login)) {
		return []Bucket{{l.Mails, "device " + d.ID}}
	}
	key := LoginHash(login)
	return []Bucket{{l.Mails, key + stranger(client)}, {l.AllMails, key}}
}

// Mailbox is what a device remembers of somebody who opened a link that was mailed to them.
func Mailbox(login string) string { return "mailbox of " + login }

// LimitsOf are the limits that the configuration asks for.
func LimitsOf(c config.Limits) Limits {
	rate := func(r config.Rate) Rate { return Rate{Every: r.Every.Duration, Burst: r.Burst} }
	return Limits{
		Requests: rate(c.Requests), Posts: rate(c.Posts), DeviceTries: rate(c.DeviceTries), NetworkTries: rate(c.NetworkTries),
		AllTries: rate(c.AllTries), AllCodes: rate(c.AllCodes), Mails: rate(c.Mails), AllMails: rate(c.AllMails),
		Applications: rate(c.Applications),
	}
}
