// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"context"
	"encoding/base32"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/portal/web"
)

var (
	secretOnPage = regexp.MustCompile(`<strong class="secret">([A-Z2-7 ]+)</strong>`)
	sealedOnPage = regexp.MustCompile(`name="seed" value="([^"]+)"`)
	codesOnPage  = regexp.MustCompile(`<strong class="secret">([0-9a-z]{4}(?:-[0-9a-z]{4}){3})</strong>`)
)

// app is an authenticator app.
type app struct {
	t    testing.TB
	site *site
	seed []byte
}

// code is what the app shows after so many steps from now.
func (a app) code(steps int) string {
	a.t.Helper()
	c, err := factor.Code(a.seed, a.site.clock.Now().Add(time.Duration(steps)*factor.Period))
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

// addApp sets an app up for the person who is signed in, with the code of the step before, so that the one of now can still be used.
func (b *browser) addApp() (app, []string) {
	b.t.Helper()
	page := b.get("/account/factors/app")
	page.expect(b.t, http.StatusOK, "Set up an authenticator app", "<svg")
	secret := secretOnPage.FindStringSubmatch(page.body)
	sealed := sealedOnPage.FindStringSubmatch(page.body)
	if secret == nil || sealed == nil {
		b.t.Fatalf("no secret on the page:\n%s", page.body)
	}
	a := app{t: b.t, site: b.site, seed: decodeSeed(b.t, secret[1])}
	form := url.Values{"seed": {html.UnescapeString(sealed[1])}, "code": {"000000"}}
	wrong := b.post("/account/factors/app", form)
	wrong.expect(b.t, http.StatusUnprocessableEntity, "The code is wrong", secret[1])
	form.Set("code", a.code(-1))
	done := b.post("/account/factors/app", form)
	done.expect(b.t, http.StatusOK, "Save these recovery codes")
	var codes []string
	for _, m := range codesOnPage.FindAllStringSubmatch(done.body, -1) {
		codes = append(codes, m[1])
	}
	if len(codes) != 10 {
		b.t.Fatalf("%d recovery codes, want 10", len(codes))
	}
	return a, codes
}

func decodeSeed(t testing.TB, text string) []byte {
	t.Helper()
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// protected makes an Account with an authenticator app.
func (w *world) protected(s *site, local string) (*rosterv1alpha1.Account, app, []string) {
	w.t.Helper()
	acct := w.registered(s, local)
	b := s.browser()
	b.post("/sign-in", signIn(w.address(local), goodPassword)).expect(w.t, http.StatusSeeOther)
	a, codes := b.addApp()
	b.post("/sign-out", nil).expect(w.t, http.StatusSeeOther)
	return acct, a, codes
}

// halfIn is a browser in which the password was right and the second factor is asked for.
func (w *world) halfIn(s *site, local string) *browser {
	w.t.Helper()
	b := s.browser()
	a := b.post("/sign-in", signIn(w.address(local), goodPassword))
	a.expect(w.t, http.StatusSeeOther)
	if got := a.Header.Get("Location"); !strings.HasPrefix(got, "/sign-in/second") {
		w.t.Fatalf("the password leads to %s, want the second factor", got)
	}
	return b
}

func code(c string) url.Values     { return url.Values{"code": {c}} }
func recovery(c string) url.Values { return url.Values{"recovery": {c}} }

// secure changes what the organisation asks of its members' accounts.
func (w *world) secure(change func(*rosterv1alpha1.SecurityPolicy)) {
	w.t.Helper()
	fresh := &rosterv1alpha1.Organization{}
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(w.org), fresh); err != nil {
		w.t.Fatal(err)
	}
	change(&fresh.Spec.Security)
	if err := w.admin.Update(context.Background(), fresh); err != nil {
		w.t.Fatal(err)
	}
	w.org = fresh
	w.awaitCache(fresh)
}

func TestSecondFactorAtSignIn(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	ana, a, codes := w.protected(s, "ana")
	b := w.halfIn(s, "ana")
	if b.isSignedIn() {
		t.Fatal("the password alone opens the personal page")
	}
	for _, path := range []string{"/account/factors", "/account/factors/app", "/sign-in/confirm"} {
		if got := b.get(path).Header.Get("Location"); !strings.HasPrefix(got, "/sign-in?") && got != "/sign-in" {
			t.Errorf("the password alone leads from %s to %s", path, got)
		}
	}
	page := b.get("/sign-in/second")
	page.expect(t, http.StatusOK, "One more step", `autocomplete="one-time-code"`, "Recovery code")
	if strings.Contains(page.body, "Ana Silva") || strings.Contains(page.body, "/organizations/") {
		t.Error("the password alone tells whose account it is")
	}
	for name, form := range map[string]url.Values{
		"no code": {}, "wrong": code("123456"), "the code of the set-up": code(a.code(-1)), "old": code(a.code(-3)), "wrong recovery code": recovery("abcd-efgh-jkmn-pqrs"),
		"a passkey that nobody asked for": {"answer": {"{}"}},
	} {
		b.post("/sign-in/second", form).expect(t, http.StatusUnprocessableEntity, "Please fix the following")
		if b.isSignedIn() {
			t.Fatalf("%s: signed in", name)
		}
	}
	b.follow(b.post("/sign-in/second", code(a.code(0)))).expect(t, http.StatusOK, "Ana Silva")

	t.Run("the same code again", func(t *testing.T) {
		w.halfIn(s, "ana").post("/sign-in/second", code(a.code(0))).expect(t, http.StatusUnprocessableEntity, "has already been used")
	})
	t.Run("a recovery code", func(t *testing.T) {
		b := w.halfIn(s, "ana")
		b.follow(b.post("/sign-in/second", recovery(strings.ToUpper(codes[3])))).expect(t, http.StatusOK, "Ana Silva")
		w.halfIn(s, "ana").post("/sign-in/second", recovery(codes[3])).expect(t, http.StatusUnprocessableEntity, "not one of your recovery codes")
		b.get("/account/factors").expect(t, http.StatusOK, "9 codes have not been used")
	})
	t.Run("what is stored", func(t *testing.T) {
		stored := string(w.credentials(w.address("ana")).Data["factors"])
		secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(a.seed)
		if stored == "" || strings.Contains(stored, secret) || strings.Contains(stored, codes[0]) || strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), codes[3]) {
			t.Errorf("the Secret or the log shows a factor: %s", stored)
		}
	})
	t.Run("audit", func(t *testing.T) {
		for series, least := range map[string]float64{
			`roster_portal_security_events_total{event="second_factor",result="success"}`: 2,
			`roster_portal_security_events_total{event="second_factor",result="failure"}`: 6,
			`roster_portal_security_events_total{event="factor_change",result="success"}`: 2,
		} {
			if got := s.count(series); got < least {
				t.Errorf("%s is %v, want at least %v", series, got, least)
			}
		}
		if !strings.Contains(s.log.String(), `"account":"`+ana.Name+`"`) {
			t.Error("no line names the account")
		}
	})
	t.Run("the person is told", func(t *testing.T) {
		if asked := w.account(w.address("ana")).Status.Requested(rosterv1alpha1.MailFactorsChanged); asked.IsZero() {
			t.Error("no mail is asked for")
		}
	})
}

// Of many uses of one code at the same moment, at the same account, one wins.
func TestOneCodeLetsOneIn(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	_, a, codes := w.protected(s, "ana")
	for name, form := range map[string]url.Values{"app": code(a.code(0)), "recovery": recovery(codes[0])} {
		t.Run(name, func(t *testing.T) {
			var browsers []*browser
			for range 6 {
				browsers = append(browsers, w.halfIn(s, "ana"))
			}
			results := make([]int, len(browsers))
			var all sync.WaitGroup
			for i, b := range browsers {
				all.Go(func() {
					if a, err := b.try(http.MethodPost, "/sign-in/second", strings.NewReader(form.Encode())); err == nil {
						results[i] = a.StatusCode
					}
				})
			}
			all.Wait()
			in := 0
			for i, status := range results {
				switch status {
				case http.StatusSeeOther:
					in++
				case http.StatusUnprocessableEntity:
				default:
					t.Errorf("browser %d: status %d", i, status)
				}
			}
			if in != 1 {
				t.Errorf("%d of %d were let in by one code: %v", in, len(browsers), results)
			}
		})
	}
}

func TestOrganisationAsksForSecondFactor(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.registered(s, "ana")
	w.joined("ana", nil, func(m *rosterv1alpha1.MemberStatus) { m.JoinedTime = &metav1.Time{Time: now().Add(-time.Hour)} })
	b := s.browser()
	b.follow(b.post("/sign-in", signIn(w.address("ana"), goodPassword))).expect(t, http.StatusOK, "Ana Silva")

	t.Run("new members", func(t *testing.T) {
		w.secure(func(p *rosterv1alpha1.SecurityPolicy) { p.MultiFactor = rosterv1alpha1.MultiFactorNewMembers })
		w.org.Status.MultiFactorSince = &metav1.Time{Time: now().Add(-2 * time.Hour)}
		if err := w.admin.Status().Update(t.Context(), w.org); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(w.org)
		if b.isSignedIn() {
			t.Error("somebody who joined after it was asked for need not enrol")
		}
		w.org.Status.MultiFactorSince = &metav1.Time{Time: now()}
		if err := w.admin.Status().Update(t.Context(), w.org); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(w.org)
		if !b.isSignedIn() {
			t.Error("somebody who joined before it was asked for must enrol")
		}
	})
	t.Run("everybody", func(t *testing.T) {
		w.secure(func(p *rosterv1alpha1.SecurityPolicy) { p.MultiFactor = rosterv1alpha1.MultiFactorRequired })
		b.follow(b.get("/account")).expect(t, http.StatusOK, "These organisations require a second factor", "Acme Social", "/account/factors/app")
		for _, r := range s.handler.routes {
			own := strings.HasPrefix(r.Path, "/account/factors") || strings.HasPrefix(r.Path, "/sign-in/")
			if r.Get == nil || !guarded(r) || own {
				continue
			}
			path := strings.Replace(r.Path, "{namespace}", w.ns, 1)
			if a := b.get(path); !strings.HasPrefix(a.Header.Get("Location"), "/account/factors") {
				t.Errorf("%s opens for somebody who owes a second factor: status %d", r.Path, a.StatusCode)
			}
		}
		_, codes := b.addApp()
		if !b.isSignedIn() {
			t.Error("who has enrolled is not let in")
		}
		other := w.halfIn(s, "ana")
		other.follow(other.post("/sign-in/second", recovery(codes[0]))).expect(t, http.StatusOK, "Ana Silva")
		b.post("/account/factors", url.Values{"action": {"remove-app"}}).expect(t, http.StatusSeeOther)
		again := s.browser()
		again.follow(again.follow(again.post("/sign-in", signIn(w.address("ana"), goodPassword)))).expect(t, http.StatusOK, "require a second factor")
	})
}

// TestStatusTellsOfSecondFactor: those who look after a team learn from the status whether somebody has a second factor, in the write that is
// made anyway.
func TestStatusTellsOfSecondFactor(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.registered(s, "ana")
	b := s.browser()
	for _, step := range []struct {
		name   string
		do     func()
		want   bool
		writes int
	}{
		{"signing in", func() { b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther) }, false, 0},
		// With the first factor come recovery codes, of which the person is told, too.
		{"adding an app", func() { b.addApp() }, true, 2},
		{"removing it", func() {
			b.post("/account/factors", url.Values{"action": {"remove-app"}}).expect(t, http.StatusSeeOther)
		}, false, 1},
	} {
		s.clock.SetTime(s.clock.Now().Add(time.Minute))
		s.writes.clear()
		step.do()
		if has := w.account(w.address("ana")).HasSecondFactor(s.clock.Now()); has == nil || *has != step.want {
			t.Errorf("%s: %v, want %v", step.name, has, step.want)
		}
		if n := strings.Count(s.writes.String(), "patch status *v1alpha1.Account"); n != step.writes {
			t.Errorf("%s: %d writes of the status, want %d", step.name, n, step.writes)
		}
	}
}

func TestAdministratorResetsFactors(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	ana, a, codes := w.protected(s, "ana")
	ana = w.update(ana, func(spec *rosterv1alpha1.AccountSpec) {
		spec.FactorsResetRequestedAt = &metav1.Time{Time: now().Add(time.Minute)}
	})
	finder := w.halfIn(s, "ana") // not yet
	finder.follow(finder.post("/sign-in/second", recovery(codes[1]))).expect(t, http.StatusOK, "Ana Silva")
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.FactorsResetRequestedAt = &metav1.Time{Time: now()} })
	finder.follow(finder.get("/account/factors/passkey")).expect(t, http.StatusOK, "Sign in")
	half := s.browser()
	half.follow(half.post("/sign-in", signIn(w.address("ana"), goodPassword))).expect(t, http.StatusOK, "Ana Silva")
	half.get("/account/factors").expect(t, http.StatusOK, "Set up an app")
	for name, form := range map[string]url.Values{"code": code(a.code(0)), "recovery code": recovery(codes[0])} {
		if got := half.post("/sign-in/second", form).StatusCode; got == http.StatusOK {
			t.Errorf("%s: status %d", name, got)
		}
	}
	s.clock.SetTime(now().Add(2 * time.Minute))
	fresh := s.browser()
	fresh.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	renewed, _ := fresh.addApp()
	b := w.halfIn(s, "ana")
	b.follow(b.post("/sign-in/second", code(renewed.code(0)))).expect(t, http.StatusOK, "Ana Silva")
}

// TestReplacingTheKeyOfFactors is what docs/second-factors.md tells administrators: the portal looks once a minute, seeds move to the new key
// as their apps are used, and people who have not used theirs are told.
func TestReplacingTheKeyOfFactors(t *testing.T) {
	w := newWorld(t)
	old, next := bytes.Repeat([]byte("k"), 32), bytes.Repeat([]byte("n"), 32)
	r := &secretReader{data: map[string][]byte{keyring.Current: old}}
	s := w.site(unlimited, func(c *configure) { c.FactorKeys = web.NewKeySource(r, client.ObjectKey{}, c.Clock) })
	_, used, _ := w.protected(s, "ana")
	_, unused, _ := w.protected(s, "ben")
	for _, keys := range []map[string][]byte{{keyring.Current: next, "previous": old}, {keyring.Current: next}} {
		r.data = keys
		s.clock.SetTime(s.clock.Now().Add(web.RefreshEvery))
		b := w.halfIn(s, "ana")
		b.follow(b.post("/sign-in/second", code(used.code(0)))).expect(t, http.StatusOK, "Ana Silva")
	}
	w.halfIn(s, "ben").post("/sign-in/second", code(unused.code(0))).
		expect(t, http.StatusUnprocessableEntity, "Your authenticator app cannot be checked")
	if !strings.Contains(s.log.String(), "sealed with a key that is not known") {
		t.Errorf("the log does not say why:\n%s", s.log)
	}
}

// Tries at the second factor are few, and somebody else's do not use up those of a browser that the person has signed in with.
func TestCodesAreThrottled(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	ana := w.registered(s, "ana")
	known := s.browser()
	known.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	a, _ := known.addApp()
	known.post("/sign-out", nil).expect(t, http.StatusSeeOther)
	s.clock.SetTime(now().Add(time.Hour))
	thief := w.halfIn(s, "ana")
	for range 5 {
		thief.post("/sign-in/second", code("000000")).expect(t, http.StatusUnprocessableEntity)
	}
	thief.post("/sign-in/second", code(a.code(0))).expect(t, http.StatusTooManyRequests)
	if !strings.Contains(s.log.String(), `"event":"second_factor","result":"throttled","account":"`+ana.Name+`"`) {
		t.Error("the audit does not tell")
	}
	known.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	known.follow(known.post("/sign-in/second", code(a.code(0)))).expect(t, http.StatusOK, "Ana Silva")
}

// People who accept an invitation with a password give their second factor, too.
func TestAcceptingAsksForSecondFactor(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	_, a, _ := w.protected(s, "ana")
	inv := w.invite("ana")
	b := s.browser()
	half := b.post(w.link(inv), signingIn(goodPassword))
	half.expect(t, http.StatusSeeOther)
	if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationSent {
		t.Fatalf("the password alone made it %s", got)
	}
	b.follow(half).expect(t, http.StatusOK, "One more step")
	back := b.post(half.Header.Get("Location"), code(a.code(0)))
	b.follow(back).expect(t, http.StatusOK, "Join Acme Social")
	b.follow(b.post(w.link(inv), url.Values{"action": {"accept"}})).expect(t, http.StatusOK, "Welcome to Acme Social")
	if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationAccepted {
		t.Errorf("state %s", got)
	}
}
