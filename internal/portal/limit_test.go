// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/portal/web"
)

// TestGuessesAreBounded proves the numbers that docs/security.md gives for one account in one day, whatever is tried: each caller asks again
// the moment that they may.
func TestGuessesAreBounded(t *testing.T) {
	known := web.Device{ID: "own", Logins: []string{web.LoginHash("ana@acme.example")}}
	reads := web.Device{ID: "reads", Logins: []string{web.LoginHash(web.Mailbox("ana@acme.example"))}}
	tries := func(d web.Device, invitation string) func(*web.Limiters, netip.Addr) []web.Bucket {
		return func(l *web.Limiters, from netip.Addr) []web.Bucket {
			return l.Tries("ana@acme.example", d, invitation, from)
		}
	}
	codes := func(d web.Device) func(*web.Limiters, netip.Addr) []web.Bucket {
		return func(l *web.Limiters, from netip.Addr) []web.Bucket { return l.Codes("ana@acme.example", d, from) }
	}
	oneAddress := func(int) string { return "192.0.2.1" }
	oneNetwork := func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i%60000) }
	everywhere := func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i%60000) }
	for name, c := range map[string]struct {
		buckets func(*web.Limiters, netip.Addr) []web.Bucket
		from    func(int) string
		atOnce  int
		inADay  int
	}{
		"passwords, one address":                         {tries(web.Device{}, ""), oneAddress, 5, 5 + 24*12},
		"passwords, one network":                         {tries(web.Device{}, ""), oneNetwork, 5, 5 + 24*12},
		"passwords, any number of networks":              {tries(web.Device{}, ""), everywhere, 100, 100 + 24*180},
		"passwords, by a link, any number of networks":   {tries(web.Device{}, "uid"), everywhere, 100, 100 + 24*180},
		"passwords, a browser of the person":             {tries(known, ""), everywhere, 5, 5 + 24*60},
		"passwords, a browser that opened a mail":        {tries(reads, "uid"), everywhere, 5, 5 + 24*60},
		"second factors, one network":                    {codes(web.Device{}), oneNetwork, 5, 5 + 24*12},
		"second factors, any number of networks":         {codes(web.Device{}), everywhere, 20, 20 + 24*12},
		"second factors, a browser that opened a mail":   {codes(reads), everywhere, 20, 20 + 24*12},
		"second factors, a browser of the person":        {codes(known), everywhere, 5, 5 + 24*60},
		"somebody else's browser is nobody's in special": {tries(web.Device{ID: "x", Logins: []string{web.LoginHash("eve@acme.example")}}, ""), everywhere, 100, 100 + 24*180},
	} {
		clock := clocktesting.NewFakePassiveClock(now())
		l := web.NewLimiters(web.Limits{}, clock)
		passed, atOnce := 0, 0
		for i := 0; !clock.Now().After(now().Add(24 * time.Hour)); i++ {
			_, wait := l.Take(c.buckets(l, netip.MustParseAddr(c.from(i)))...)
			if wait == 0 {
				passed++
				continue
			}
			if atOnce == 0 {
				atOnce = passed
			}
			// Somebody with many networks tries from the next one.
			if _, wait := l.Take(c.buckets(l, netip.MustParseAddr(c.from(i+1)))...); wait == 0 {
				passed++
				continue
			}
			clock.SetTime(clock.Now().Add(wait))
		}
		if atOnce != c.atOnce || passed != c.inADay {
			t.Errorf("%s: %d at once and %d in a day, want %d and %d", name, atOnce, passed, c.atOnce, c.inADay)
		}
	}
}

// TestTryingAtOthersGivesNoTries: somebody with a great many addresses does not get more tries at one account by trying at names that they
// make up, until the portal has forgotten the account.
func TestTryingAtOthersGivesNoTries(t *testing.T) {
	l := web.NewLimiters(web.Limits{}, clocktesting.NewFakePassiveClock(now()))
	try := func(login string, i int) bool {
		from := netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::1", i%60000))
		_, wait := l.Take(l.Tries(login, web.Device{}, "", from)...)
		return wait == 0
	}
	passed := 0
	for round := range 5 {
		for i := range 200 {
			if try("ana@acme.example", round*200+i) {
				passed++
			}
		}
		for i := range 50_000 {
			try(fmt.Sprintf("nobody-%d-%d@acme.example", round, i), i)
		}
	}
	if passed != 100 {
		t.Errorf("%d tries at one account, want 100", passed)
	}
}

// TestRefusedTriesCostNothing: who is refused because of others has as many of their own as before.
func TestRefusedTriesCostNothing(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(now())
	l := web.NewLimiters(web.Limits{AllTries: web.Rate{Every: time.Hour, Burst: 1}}, clock)
	at := func(address string) []web.Bucket {
		return l.Tries("ana@acme.example", web.Device{}, "", netip.MustParseAddr(address))
	}
	if _, wait := l.Take(at("192.0.2.1")...); wait != 0 {
		t.Fatal("the first is refused")
	}
	for range 20 {
		if _, wait := l.Take(at("198.51.100.1")...); wait != time.Hour {
			t.Fatalf("waits %s, want an hour", wait)
		}
	}
	clock.SetTime(now().Add(time.Hour))
	if _, wait := l.Take(at("198.51.100.1")...); wait != 0 {
		t.Errorf("refused tries used up one's own: %s", wait)
	}
}

// TestStrangersKeepNobodyOut is an attack that goes on: the right password gets in from a new browser nevertheless while it comes from few
// networks, and from the browser that a reset was made on, and from known ones, however many there are.
func TestStrangersKeepNobodyOut(t *testing.T) {
	w := newWorld(t)
	s := w.site(behindProxy)
	mine := from(s.browser(), "192.0.2.1")
	mine.post(w.link(w.invite("ana")), accepting()).expect(t, http.StatusSeeOther)
	ana := w.account(w.address("ana"))
	attack := func(networks, each int) {
		for i := range networks * each {
			from(s.browser(), fmt.Sprintf("203.0.%d.%d", i%networks, i/networks)).post("/sign-in", signIn(w.address("ana"), "wrong"))
		}
	}
	attack(11, 5)
	from(s.browser(), "198.51.100.1").post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	// Eleven networks cannot keep it up: what they are given is less than what comes back.
	for range 30 {
		s.clock.SetTime(s.clock.Now().Add(5 * time.Minute))
		attack(11, 5)
	}
	from(s.browser(), "198.51.100.1").post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	attack(200, 5)
	fresh := from(s.browser(), "198.51.100.1")
	fresh.post("/sign-in", signIn(w.address("ana"), goodPassword)).
		expect(t, http.StatusTooManyRequests, "Someone else may be trying to get into your account", `href="/forgotten"`)
	fresh.forgotten(w.address("ana")).expect(t, http.StatusOK, "Check your email")
	fresh.post(w.resetLink(ana, s.clock.Now()), choosing(newPassword)).expect(t, http.StatusOK)
	attack(200, 5)
	fresh.post("/sign-in", signIn(w.address("ana"), newPassword)).expect(t, http.StatusSeeOther)
	mine.post("/sign-out", nil)
	mine.post("/sign-in", signIn(w.address("ana"), newPassword)).expect(t, http.StatusSeeOther)
	// What is known of a browser helps with its own person only.
	w.registered(s, "ben")
	for range 5 {
		fresh.post("/sign-in", signIn(w.address("ben"), "wrong")).expect(t, http.StatusUnprocessableEntity)
	}
	fresh.post("/sign-in", signIn(w.address("ben"), "wrong")).expect(t, http.StatusTooManyRequests)
}

// Somebody who tries a user name must not learn by the limits whose it is. A browser of the person is known by either.
func TestUserNamesAreCountedApart(t *testing.T) {
	w := newWorld(t)
	s := w.site(behindProxy)
	mine := from(s.browser(), "192.0.2.1")
	mine.post(w.link(w.invite("ana")), accepting()).expect(t, http.StatusSeeOther)
	ana := w.account(w.address("ana"))
	ana.Spec.Username = "u" + ana.Name[:20]
	if err := w.admin.Update(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	mine.post("/sign-out", nil)
	mine.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther) // notes the user name
	for range 5 {
		from(s.browser(), "203.0.113.1").post("/sign-in", signIn(ana.Spec.Username, "wrong")).expect(t, http.StatusUnprocessableEntity)
	}
	from(s.browser(), "203.0.113.1").post("/sign-in", signIn(ana.Spec.Username, "wrong")).expect(t, http.StatusTooManyRequests)
	from(s.browser(), "203.0.113.1").post("/sign-in", signIn(w.address("ana"), "wrong")).expect(t, http.StatusUnprocessableEntity)
	for _, login := range []string{w.address("ana"), ana.Spec.Username} {
		mine.post("/sign-out", nil)
		from(mine, "203.0.113.1").post("/sign-in", signIn(login, goodPassword)).expect(t, http.StatusSeeOther)
	}
}

// Sixty people of one office accept within nine seconds, behind one address.
func TestAnOfficeAcceptsBehindOneAddress(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	for i := range 60 {
		name := fmt.Sprintf("p%d", i)
		link := w.link(w.invite(name))
		b := s.browser()
		b.get(link).expect(t, http.StatusOK)
		b.follow(b.post(link, accepting())).expect(t, http.StatusOK)
		b.get("/account").expect(t, http.StatusOK)
		b.post("/sign-out", nil).expect(t, http.StatusSeeOther)
		b.post("/sign-in", signIn(w.address(name), goodPassword)).expect(t, http.StatusSeeOther)
		s.clock.SetTime(s.clock.Now().Add(150 * time.Millisecond))
	}
	// Who holds no link is counted by address.
	limited := false
	for range 130 {
		limited = limited || s.browser().get("/invitations/forged").StatusCode == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("somebody who makes up links is not slowed down")
	}
}

// What is right is not counted: one may sign in as often as one likes.
func TestRightPasswordsAreNotCounted(t *testing.T) {
	w := newWorld(t)
	s := w.site(func(c *configure) { c.Limits.Posts = web.Rate{Every: time.Millisecond, Burst: 1 << 20} })
	w.registered(s, "ana")
	for range 20 {
		s.browser().post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	}
}

// Everybody counts as one while the proxy is not trusted. The operator is told: at the start, once in the log, and by a metric.
func TestUntrustedProxyIsReported(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	for range 3 {
		from(s.browser(), "192.0.2.1").get("/")
	}
	if got := strings.Count(s.log.String(), "a proxy that is not trusted"); got != 1 {
		t.Errorf("the log says so %d times, want once", got)
	}
	if got := s.count(`roster_portal_untrusted_proxy_requests_total{}`); got != 3 {
		t.Errorf("%v requests are counted, want 3", got)
	}
	trusting := w.site(behindProxy)
	from(trusting.browser(), "192.0.2.1").get("/")
	if strings.Contains(trusting.log.String(), "not trusted") || trusting.count(`roster_portal_untrusted_proxy_requests_total{}`) != 0 {
		t.Error("a trusted proxy is reported")
	}
	for base, warns := range map[string]bool{"https://roster.example.com": true, "http://127.0.0.1": false} {
		var events []string
		s := w.site(func(c *configure) {
			c.BaseURL, c.Warn = base, func(reason, note string) { events = append(events, reason+": "+note) }
		})
		s.handler.warnOfProxy(config.Portal{URL: base})
		s.handler.warnOfProxy(config.Portal{URL: base, TrustedProxies: []string{"10.0.0.0/8"}})
		if got := strings.Count(s.log.String(), "Set portal.trustedProxies"); got != 0 != warns || got > 1 || got != len(events) {
			t.Errorf("%s: the log warns %d times", base, got)
		}
	}
}
