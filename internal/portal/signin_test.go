// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/portal/web"
)

// signIn is what somebody types on the sign-in page.
func signIn(login, password string) url.Values {
	return url.Values{"login": {login}, "password": {password}}
}

// registered makes the Account of a new person, who is not signed in anywhere.
func (w *world) registered(s *site, local string) *rosterv1alpha1.Account {
	w.t.Helper()
	b := s.browser()
	b.post(w.link(w.invite(local)), accepting()).expect(w.t, http.StatusSeeOther)
	b.post("/sign-out", nil).expect(w.t, http.StatusSeeOther)
	return w.account(w.address(local))
}

// update changes an Account as an administrator does, while the operator looks on.
func (w *world) update(a *rosterv1alpha1.Account, change func(*rosterv1alpha1.AccountSpec)) *rosterv1alpha1.Account {
	w.t.Helper()
	a = w.account(a.Spec.Email)
	change(&a.Spec)
	if err := w.admin.Update(context.Background(), a); err != nil {
		w.t.Fatal(err)
	}
	a.Status.ObservedGeneration = a.Generation
	if err := w.admin.Status().Update(context.Background(), a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// isSignedIn reports whether the personal page opens.
func (b *browser) isSignedIn() bool { return b.get("/account").StatusCode == http.StatusOK }

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	ana := w.registered(s, "ana")
	b := s.browser()
	page := b.follow(b.get("/account"))
	page.expect(t, http.StatusOK, "Sign in", `autocomplete="username"`, `autocomplete="current-password"`, "next=/account")
	a := b.post("/sign-in", signIn(" "+strings.ToUpper(w.address("ana"))+" ", goodPassword))
	a.expect(t, http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != "/account" {
		t.Errorf("the sign-in leads to %s", got)
	}
	b.follow(a).expect(t, http.StatusOK, "Ana Silva", w.address("ana"))
	b.get("/sign-in").expect(t, http.StatusSeeOther)

	t.Run("by user name", func(t *testing.T) {
		w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Username = "ana." + w.ns })
		s.browser().post("/sign-in", signIn("Ana."+w.ns, goodPassword)).expect(t, http.StatusSeeOther)
	})
	t.Run("in French for people who read French", func(t *testing.T) {
		w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Locale = "fr" })
		b.get("/account").expect(t, http.StatusOK, `<html lang="fr">`)
		b.get("/account?lang=en").expect(t, http.StatusOK, `<html lang="en">`)
	})
	t.Run("signing out", func(t *testing.T) {
		thief := s.browser()
		thief.client.Jar.SetCookies(mustURL(t, s.url), b.client.Jar.Cookies(mustURL(t, s.url)))
		if !thief.isSignedIn() {
			t.Error("a copy of the session does not work, so the test shows nothing")
		}
		b.follow(b.post("/sign-out", nil)).expect(t, http.StatusOK, "Sign in")
		if b.isSignedIn() || thief.isSignedIn() {
			t.Error("the session goes on after signing out")
		}
	})
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Whatever does not lead to a session looks the same, but for what was typed.
func TestSignInTellsNothingAboutAccounts(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.registered(s, "ana")
	suspended := w.registered(s, "suspended")
	w.update(suspended, func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = new(true) })
	deleted := w.registered(s, "deleted")
	if err := w.admin.Delete(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	page := func(login, password string) string {
		a := s.browser().post("/sign-in", signIn(login, password))
		a.expect(t, http.StatusUnprocessableEntity, "Wrong email, user name or password.")
		return strings.ReplaceAll(a.body, login, "(login)")
	}
	want := page("never@"+w.ns+".example", "x")
	for _, login := range []string{w.address("ana"), w.address("suspended"), w.address("deleted"), "no-such-name", "öäü", "a@b", strings.Repeat("x", 400)} {
		if got := page(login, "wrong"); got != want {
			t.Errorf("the page for %s differs:\n%s\nwant:\n%s", login, got, want)
		}
	}
	s.browser().post("/sign-in", signIn(w.address("suspended"), goodPassword)).expect(t, http.StatusForbidden, "Your account is suspended")
	b := s.browser()
	b.post("/sign-in", signIn("", "")).expect(t, http.StatusUnprocessableEntity, "Enter your email address", "Enter your password.", "Error: ")
}

// Each try costs as much hashing and as many requests, for any account: that is what its time is made of.
func TestSignInTakesAsLongWithoutAnAccount(t *testing.T) {
	w := newWorld(t)
	var requests int
	s := w.site(unlimited, func(c *configure) {
		c.funcs.Get = func(ctx context.Context, cl client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			requests++
			return cl.Get(ctx, key, o, opts...)
		}
	})
	w.registered(s, "ana")
	cost := func(login string) (int, uint64) {
		before, n := s.observations("roster_portal_password_hash_wait_seconds"), requests
		s.browser().post("/sign-in", signIn(login, "wrong")).expect(t, http.StatusUnprocessableEntity)
		return requests - n, s.observations("roster_portal_password_hash_wait_seconds") - before
	}
	cost("warm@up.example") // reads the keys
	gets, hashes := cost(w.address("ana"))
	if hashes != 1 {
		t.Errorf("a try at an account hashes %d times", hashes)
	}
	if g, h := cost("never@" + w.ns + ".example"); g != gets || h != hashes {
		t.Errorf("a try at nobody's address: %d requests and %d hashes, want %d and %d", g, h, gets, hashes)
	}
}

func TestSessionsEndAtOnceOnEveryReplica(t *testing.T) {
	w := newWorld(t)
	one, two := w.site(), w.site()
	ana := w.registered(one, "ana")
	b := one.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	elsewhere := &browser{t: t, site: two, client: b.client, header: b.header}
	for name, tc := range map[string]struct{ end, undo func() }{
		"suspended": {
			func() { w.update(ana, func(s *rosterv1alpha1.AccountSpec) { s.Suspended = new(true) }) },
			func() { w.update(ana, func(s *rosterv1alpha1.AccountSpec) { s.Suspended = nil }) },
		},
		"idle": {
			func() { two.clock.SetTime(now().Add(account.SessionIdle)) },
			func() { two.clock.SetTime(now()) },
		},
	} {
		if !elsewhere.isSignedIn() {
			t.Fatal("the session of one replica does not count at another")
		}
		tc.end()
		if elsewhere.isSignedIn() {
			t.Errorf("%s: the session goes on", name)
		}
		elsewhere.post("/sign-in/confirm", url.Values{"password": {goodPassword}}).expect(t, http.StatusSeeOther)
		tc.undo()
	}
	b.post("/sign-out", nil)
	if elsewhere.isSignedIn() {
		t.Error("signing out at one replica does not sign out at another")
	}
}

func TestSessionOutlivesARestartAndANewKey(t *testing.T) {
	w := newWorld(t)
	old, next := bytes.Repeat([]byte("k"), 32), bytes.Repeat([]byte("n"), 32)
	r := &secretReader{data: map[string][]byte{keyring.Current: old}}
	var c *clocktesting.FakePassiveClock
	start := func() *site {
		return w.site(func(o *configure) {
			c = clocktesting.NewFakePassiveClock(now())
			o.Clock = c
			o.SessionKeys = web.NewKeySource(r, client.ObjectKey{}, c)
		})
	}
	s := start()
	w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	b.site = start()
	if !b.isSignedIn() {
		t.Error("the session ended with the process")
	}
	r.data = map[string][]byte{keyring.Current: next, "previous": old}
	c.SetTime(now().Add(web.RefreshEvery))
	if !b.isSignedIn() {
		t.Error("the session ended with a new key")
	}
	r.data = map[string][]byte{keyring.Current: next}
	c.SetTime(now().Add(2 * web.RefreshEvery))
	if !b.isSignedIn() {
		t.Error("a session in use is not sealed renewed with the new key")
	}
	r.data = map[string][]byte{keyring.Current: bytes.Repeat([]byte("x"), 32)}
	c.SetTime(now().Add(3 * web.RefreshEvery))
	if b.isSignedIn() {
		t.Error("a session counts whose key is gone")
	}
}

func TestForgedCookies(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	cookies := map[string]string{}
	for _, c := range b.client.Jar.Cookies(mustURL(t, s.url)) {
		cookies[c.Name] = c.Value
	}
	good := cookies["roster-session"]
	for name, value := range map[string]string{
		"the device's": cookies["roster-device"], "cut": good[:len(good)-4], "empty": "", "plain": `{"account":"x"}`,
		"changed": good[:50] + string(good[50]^1) + good[51:],
	} {
		other := s.browser()
		other.header.Set("Cookie", "roster-session="+value)
		if other.isSignedIn() {
			t.Errorf("%s: signed in", name)
		}
	}
	other := s.browser()
	other.header.Set("Cookie", "roster-session="+good)
	if !other.isSignedIn() {
		t.Error("the true one does not sign in")
	}
}

func TestAskingForThePasswordAgain(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	before := b.client.Jar.Cookies(mustURL(t, s.url))
	b.get("/sign-in/confirm?next=/account").expect(t, http.StatusOK, "confirm that it’s you", "readonly", "next=/account")
	b.post("/sign-in/confirm", url.Values{"password": {""}}).expect(t, http.StatusUnprocessableEntity, "Enter your password.")
	b.post("/sign-in/confirm", url.Values{"password": {"wrong"}}).expect(t, http.StatusUnprocessableEntity, "Wrong password")
	b.post("/sign-in/confirm?next=/account", url.Values{"password": {goodPassword}}).expect(t, http.StatusSeeOther)
	if !b.isSignedIn() {
		t.Error("confirming signed out")
	}
	old := s.browser()
	old.client.Jar.SetCookies(mustURL(t, s.url), before)
	if old.isSignedIn() {
		t.Error("the session from before still counts")
	}
	for range 4 {
		b.post("/sign-in/confirm", url.Values{"password": {"wrong"}})
	}
	b.post("/sign-in/confirm", url.Values{"password": {goodPassword}}).expect(t, http.StatusTooManyRequests)
	s.browser().get("/sign-in/confirm").expect(t, http.StatusSeeOther)
}

func TestNoOpenRedirects(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.registered(s, "ana")
	for next, want := range map[string]string{
		"/account": "/account", "/account/password": "/account/password", "/invitations/abc": "/invitations/abc",
		"/organizations/acme/welcome": "/organizations/acme/welcome",
		"//evil.example":              "/account", "https://evil.example": "/account", "/\\evil.example": "/account", "/account\r\nX: y": "/account",
		"/account/../../evil": "/account", "javascript:alert(1)": "/account", "/sign-out": "/account", "": "/account", "/account?x=//evil": "/account",
		"/invitations/abc/..": "/account",
	} {
		a := s.browser().post("/sign-in?next="+url.QueryEscape(next), signIn(w.address("ana"), goodPassword))
		if got := a.Header.Get("Location"); got != want || a.StatusCode != http.StatusSeeOther {
			t.Errorf("next=%q leads to %q (%d), want %q", next, got, a.StatusCode, want)
		}
		if body := s.browser().get("/sign-in?next=" + url.QueryEscape(next)).body; strings.Contains(body, "evil") || strings.Contains(body, "javascript:") {
			t.Errorf("next=%q is on the page", next)
		}
	}
}

// Somebody who tries passwords at an account is slowed down from wherever they come. The person themselves can still sign in with a browser
// that they have used before.
func TestThrottlingLocksNobodyOut(t *testing.T) {
	w := newWorld(t)
	s := w.site(func(c *configure) {
		c.TrustedProxies = []string{"127.0.0.0/8"}
		c.Limits.Posts = web.Rate{Every: time.Millisecond, Burst: 1 << 20}
	})
	w.registered(s, "ana")
	mine := s.browser()
	mine.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	mine.post("/sign-out", nil)
	attack := func(address string) int {
		return from(s.browser(), address).post("/sign-in", signIn(w.address("ana"), "wrong")).StatusCode
	}
	for i := range 6 {
		if got, want := attack("192.0.2.1"), http.StatusUnprocessableEntity; i < 5 && got != want || i == 5 && got != http.StatusTooManyRequests {
			t.Errorf("try %d: status %d", i, got)
		}
	}
	for i := range 95 {
		if got := attack(fmt.Sprintf("203.0.%d.1", i)); got != http.StatusUnprocessableEntity {
			t.Errorf("network %d: status %d", i, got)
		}
	}
	if got := attack("203.0.113.1"); got != http.StatusTooManyRequests {
		t.Errorf("the 101st try: status %d", got)
	}
	from(s.browser(), "198.51.100.1").post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusTooManyRequests)
	mine.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	s.browser().post("/sign-in", signIn(w.address("bob"), "wrong")).expect(t, http.StatusUnprocessableEntity)
	if got := s.count(`roster_portal_security_events_total{event="sign_in",result="throttled"}`); got == 0 {
		t.Error("no throttled try was counted")
	}
}

func TestAudit(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	ana := w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), "wrong"))
	b.post("/sign-in", signIn(w.address("ana"), goodPassword))
	b.post("/sign-out", nil)
	log := s.log.String()
	for _, want := range []string{
		`"event":"sign_in","result":"failure","account":"","client":"127.0.0.1","login":"`,
		`"event":"sign_in","result":"success","account":"` + ana.Name + `","client":"127.0.0.1","session":"`, `"methods":["password"]`,
		`"event":"sign_out","result":"success","account":"` + ana.Name + `"`,
		`"event":"accept","result":"success","account":"` + ana.Name + `"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s:\n%s", want, log)
		}
	}
	if strings.Contains(log, w.address("ana")) {
		t.Error("the log tells an address")
	}
	if got := s.count(`roster_portal_security_events_total{event="sign_in",result="success"}`); got != 2 {
		t.Errorf("%v sign-ins are counted, want 2", got)
	}
}

func TestSignInWhileTheAPIServerIsAway(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	broken := w.site(down(errors.New("connection refused")), func(c *configure) {
		c.SessionKeys = web.NewKeySource(w.portal, client.ObjectKey{Namespace: systemNamespace, Name: sessionKeysName}, c.Clock)
	})
	b.site = broken
	for _, a := range []answer{
		b.get("/account"), b.get("/sign-in"), b.post("/sign-out", nil), b.post("/sign-in", signIn(w.address("ana"), goodPassword)),
	} {
		a.expect(t, http.StatusServiceUnavailable, "Please try again in a minute")
	}
	b.site = s
	if !b.isSignedIn() {
		t.Error("the session was lost")
	}
}

// observations is how many there are in a histogram.
func (s *site) observations(name string) uint64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetHistogram().GetSampleCount()
		}
	}
	return 0
}

func TestBrowserLabel(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "Edge, Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari, iPhone",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                            "Chrome, Android",
		"<script>": "", "curl/8": "", "": "",
	} {
		if got := web.BrowserLabel(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

// The manager is away while an Account is suspended and set free again: sessions from before have ended all the same.
func TestSuspensionThatNobodySawEndsSessions(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	change := func(change func(*rosterv1alpha1.AccountSpec)) {
		t.Helper()
		a := w.account(w.address("ana"))
		change(&a.Spec)
		if err := w.admin.Update(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	change(func(spec *rosterv1alpha1.AccountSpec) { spec.DisplayName = "Ana S." })
	b.get("/account").expect(t, http.StatusOK) // one change is no suspension that has ended
	s.clock.SetTime(now().Add(2 * time.Minute))
	b.get("/account").expect(t, http.StatusOK)
	change(func(spec *rosterv1alpha1.AccountSpec) { spec.DisplayName = "Ana Silva" })
	b.get("/account").expect(t, http.StatusOK) // nor are two that the session saw
	change(func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = new(true) })
	change(func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = nil })
	b.get("/account").expect(t, http.StatusSeeOther)
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	b.get("/account").expect(t, http.StatusOK)
}
