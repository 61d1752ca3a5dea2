// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
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
}

func (l Limits) withDefaults() Limits {
	d := limitsOf(config.DefaultLimits())
	for _, r := range []struct{ set, otherwise *Rate }{
		{&l.Requests, &d.Requests}, {&l.Posts, &d.Posts}, {&l.DeviceTries, &d.DeviceTries}, {&l.NetworkTries, &d.NetworkTries},
		{&l.AllTries, &d.AllTries}, {&l.AllCodes, &d.AllCodes}, {&l.Mails, &d.Mails}, {&l.AllMails, &d.AllMails},
	} {
		r.set.Every, r.set.Burst = cmp.Or(r.set.Every, r.otherwise.Every), cmp.Or(r.set.Burst, r.otherwise.Burst)
	}
	return l
}

// maxKeys bounds the memory of a limiter. Whoever has more addresses than this at hand gains little by being forgotten.
const maxKeys = 20_000

// limits counts what is limited. Browsers that a person has used, and whoever holds something that was mailed to them, are counted apart
// from strangers: no stranger can use up what is theirs (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
type limits struct {
	clock clock.PassiveClock

	requests, posts, deviceTries, networkTries, allTries, allCodes, mails, allMails *limit.Limiter[string]
}

func newLimits(l Limits, c clock.PassiveClock) *limits {
	l = l.withDefaults()
	of := func(r Rate) *limit.Limiter[string] { return limit.New[string](r, maxKeys) }
	return &limits{
		clock: c, requests: of(l.Requests), posts: of(l.Posts), deviceTries: of(l.DeviceTries), networkTries: of(l.NetworkTries),
		allTries: of(l.AllTries), allCodes: of(l.AllCodes), mails: of(l.Mails), allMails: of(l.AllMails),
	}
}

// bucket is a limiter, and what it counts by.
type bucket struct {
	of  *limit.Limiter[string]
	key string
}

// try is one that was counted, wherever it counts.
type try []bucket

// take counts one more in each bucket. If one of them is full it counts in none, so that being refused costs nothing, and returns how long
// to wait.
func (l *limits) take(buckets ...bucket) (try, time.Duration) {
	now := l.clock.Now()
	for i, b := range buckets {
		if wait := b.of.Take(b.key, now); wait > 0 {
			try(buckets[:i]).giveBack()
			return nil, wait
		}
	}
	return buckets, 0
}

// giveBack is for a try that was none: what was typed was right, or could not be checked.
func (t try) giveBack() {
	for _, b := range t {
		b.of.Return(b.key)
	}
}

// stranger says who asks, where nothing is known but the address: all of a network count as one.
func stranger(client netip.Addr) string { return " network " + networkKey(client) }

// tries are the buckets of a try at the password behind a login. Whoever holds the link of an invitation is counted with
// others who do, not with strangers.
func (l *limits) tries(login string, d device, invitationUID string, client netip.Addr) []bucket {
	if d.knows(login) || d.knows(mailbox(login)) {
		return []bucket{{l.deviceTries, "password device " + d.ID}}
	}
	key := "password " + loginHash(login)
	if invitationUID != "" {
		key += " invitation " + invitationUID
	}
	return []bucket{{l.networkTries, key + stranger(client)}, {l.allTries, key}}
}

// codes are the buckets of a try at a second factor of the account with that address. Having its mails is not enough to be known here.
func (l *limits) codes(login string, d device, client netip.Addr) []bucket {
	if d.knows(login) {
		return []bucket{{l.deviceTries, "code device " + d.ID}}
	}
	key := "code " + loginHash(login)
	return []bucket{{l.networkTries, key + stranger(client)}, {l.allCodes, key}}
}

// mailsTo are the buckets of asking for a mail to a login.
func (l *limits) mailsTo(login string, d device, client netip.Addr) []bucket {
	if d.knows(login) || d.knows(mailbox(login)) {
		return []bucket{{l.mails, "device " + d.ID}}
	}
	key := loginHash(login)
	return []bucket{{l.mails, key + stranger(client)}, {l.allMails, key}}
}

// mailbox is what a device remembers of somebody who opened a link that was mailed to them.
func mailbox(login string) string { return "mailbox of " + login }

// takeRequest counts a request, and says whose it is.
func (p *Portal) takeRequest(v *visit) (requester string, wait time.Duration) {
	if strings.HasPrefix(v.r.URL.Path, p.root+"/assets/") {
		return "", 0
	}
	key := p.requester(v)
	buckets := []bucket{{p.limits.requests, key}}
	if v.r.Method == http.MethodPost {
		buckets = append(buckets, bucket{p.limits.posts, key})
	}
	_, wait = p.limits.take(buckets...)
	return key, wait
}

// requester is what requests are counted by: the person who is signed in, the invitation whose link was opened, or whom the browser has
// signed in before. So people behind one address do not use up each other's. Only strangers are counted by address.
func (p *Portal) requester(v *visit) string {
	var s account.Session
	if ok, err := p.openCookie(v, sessionCookie, sessionUse, &s); ok && err == nil {
		return "account " + s.Account
	}
	if rest, ok := strings.CutPrefix(v.r.URL.Path, p.root+"/invitations/"); ok {
		token, _, _ := strings.Cut(rest, "/")
		if f, err := p.identify(v.r.Context(), token); err == nil {
			return "invitation " + string(f.offer.Invitation.UID) + " " + clientKey(v.client)
		}
	}
	if d, err := p.browser(v); err == nil && len(d.Logins) > 0 {
		return "login " + d.Logins[len(d.Logins)-1]
	}
	return "client " + clientKey(v.client)
}

// canonicalLogin is a login in the form in which tries at it are counted. The address and the user name of an account are counted apart:
// who tries must not learn that they belong together.
func canonicalLogin(typed string) string {
	if a, err := address.Parse(typed); err == nil {
		return string(a)
	}
	if a := address.Former(typed); a != "" {
		return string(a)
	}
	return strings.ToLower(typed)
}
