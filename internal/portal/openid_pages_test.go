// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/testpeer"
)

func parameter(name, value string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam(name, value) }

// goOn is where the link of a page leads whose text is given.
func goOn(t *testing.T, page answer, text string) string {
	t.Helper()
	link := regexp.MustCompile(`href="([^"]+)"[^>]*>` + regexp.QuoteMeta(text) + `<`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatalf("no link %q on the page:\n%s", text, page.body)
	}
	return html.UnescapeString(link[1])
}

// errorOf is what an application is told when nobody signs in.
func errorOf(t *testing.T, back *url.URL, page answer) string {
	t.Helper()
	if back == nil {
		t.Fatalf("the browser stays at the portal, status %d:\n%s", page.StatusCode, page.body)
	}
	if q := back.Query(); q.Get("code") != "" || q.Get("iss") != issuerURL || q.Get("state") == "" {
		t.Errorf("the application is told %s", back)
	}
	return back.Query().Get("error")
}

// Programs on people's devices have no secret: anybody can pretend to be one, so the person is asked.
func TestNativeApplicationsAsk(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("cli", native).ClientID(), "email", "organization", "offline_access")
	p.config.ClientSecret, p.config.RedirectURL = "", loopback
	f := p.begin()
	_, page := b.through(f.url)
	page.expect(t, http.StatusOK, "Continue to The cli?", w.address("ana"), "your role and your teams in Acme Social", "while you are away",
		"have just started The cli yourself")
	if cancel, _ := url.Parse(goOn(t, page, "Cancel")); errorOf(t, cancel, page) != "access_denied" || cancel.Host != "127.0.0.1:41234" {
		t.Errorf("cancelling leads to %s", cancel)
	}
	link := goOn(t, page, "Continue")
	eve := w.signedIn(s, "eve")
	if a := eve.get(link); a.StatusCode == http.StatusSeeOther {
		t.Errorf("a link that somebody else made up goes on: %s", a.Header.Get("Location"))
	}
	again, _ := url.Parse(p.begin().url)
	asked := b.get(again.RequestURI()).Header.Get("Location")
	_, query, _ := strings.Cut(link, "?")
	if a := b.get(asked + "?" + query); a.StatusCode != http.StatusOK {
		t.Errorf("a yes to one request goes on with another: %s", a.Header.Get("Location"))
	}
	back, err := url.Parse(b.get(link).Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), loopback) {
		t.Fatal(back, err)
	}
	token, err := f.exchange(back.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	_, claims := p.claims(token)
	groups, _ := claims["groups"].([]any)
	if len(groups) != 2 || groups[0] != "role:Member" || groups[1] != "team:blue" {
		t.Errorf("%v", claims)
	}
}

func TestPrompts(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID())
	silently := func(b *browser, more ...oauth2.AuthCodeOption) string {
		t.Helper()
		back, page := b.through(p.begin(append(more, parameter("prompt", "none"))...).url)
		if back != nil && back.Query().Get("code") != "" {
			return "code"
		}
		return errorOf(t, back, page)
	}
	if got := silently(b); got != "code" {
		t.Errorf("somebody who is signed in: %s", got)
	}
	if got := silently(s.browser()); got != "login_required" {
		t.Errorf("a stranger: %s", got)
	}
	if got := silently(w.signedIn(s, "eve")); got != "access_denied" {
		t.Errorf("somebody who is no member: %s", got)
	}
	token := p.begin().tokens(b)
	hint := token.Extra("id_token").(string)
	if got := silently(b, parameter("id_token_hint", hint)); got != "code" {
		t.Errorf("the person of the hint: %s", got)
	}
	w.joined("zoe", nil, nil)
	if got := silently(w.signedIn(s, "zoe"), parameter("id_token_hint", hint)); got != "login_required" {
		t.Errorf("another person than that of the hint: %s", got)
	}
	s.clock.SetTime(s.clock.Now().Add(20 * time.Minute))
	if got := silently(b, parameter("max_age", "1260")); got != "code" {
		t.Errorf("not yet too old: %s", got)
	}
	if got := silently(b, parameter("max_age", "600")); got != "login_required" {
		t.Errorf("too old: %s", got)
	}
	for _, how := range []oauth2.AuthCodeOption{parameter("max_age", "600"), parameter("max_age", "0"), parameter("prompt", "login")} {
		s.clock.SetTime(s.clock.Now().Add(20 * time.Minute))
		f := p.begin(how)
		_, page := b.through(f.url)
		page.expect(t, http.StatusOK, "Please confirm that it’s you")
		next := page.Request.URL.RequestURI()
		done := b.post(next, url.Values{"password": {goodPassword}})
		back, page := b.through(done.Header.Get("Location"))
		if back == nil {
			t.Fatalf("after the password:\n%s", page.body)
		}
		token, err := f.exchange(back.Query().Get("code"))
		if err != nil {
			t.Fatal(err)
		}
		if _, claims := p.claims(token); int64(claims["auth_time"].(float64)) != s.clock.Now().Unix() {
			t.Errorf("auth_time is %v", claims["auth_time"])
		}
	}
	for _, prompt := range []string{"consent", "select_account"} {
		back, page := b.through(p.begin(parameter("prompt", "none "+prompt)).url)
		if got := errorOf(t, back, page); got != "invalid_request" {
			t.Errorf("none and %s: %s", prompt, got)
		}
		_, page = b.through(p.begin(parameter("prompt", prompt)).url)
		page.expect(t, http.StatusOK, "Continue to The wiki?", "Use another account")
	}
	_, page := b.through(p.begin(parameter("login_hint", w.address("zoe"))).url)
	page.expect(t, http.StatusOK, "Continue to The wiki?")
	path := page.Request.URL.Path
	switched := b.post(path, nil)
	switched.expect(t, http.StatusSeeOther)
	if b.isSignedIn() || !strings.HasPrefix(switched.Header.Get("Location"), "/sign-in?next=") {
		t.Errorf("using another account leads to %s", switched.Header.Get("Location"))
	}
	signed := b.post(switched.Header.Get("Location"), signIn(w.address("zoe"), goodPassword))
	back, page := b.through(signed.Header.Get("Location"))
	if back == nil || back.Query().Get("code") == "" {
		t.Errorf("after signing in as somebody else:\n%s", page.body)
	}
	_, page = s.browser().through(p.begin(parameter("ui_locales", "de fr-CA en")).url)
	page.expect(t, http.StatusOK, `<html lang="fr">`)
}

// What people read when a tool is not set up correctly; nobody is sent anywhere.
func TestBrokenRequestsAreExplained(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID())
	p.config.RedirectURL = "https://wiki.acme.example/other"
	for _, b := range []*browser{b, s.browser()} {
		back, page := b.through(p.begin().url)
		if back != nil {
			t.Fatalf("sent to %s", back)
		}
		page.expect(t, http.StatusBadRequest, "The wiki is not set up correctly", "spec.redirectURIs of the Application wiki in the namespace "+w.ns,
			"https://wiki.acme.example/other")
	}
	p.config.ClientID = w.ns + ".other"
	_, page := b.through(p.begin().url)
	page.expect(t, http.StatusBadRequest, "This tool is not known here")
	late := s.party(w.application("late").ClientID()).begin()
	u, _ := url.Parse(late.url)
	asked := b.get(u.RequestURI()).Header.Get("Location")
	s.clock.SetTime(s.clock.Now().Add(time.Hour))
	w.signedIn(s, "ana").get(asked).expect(t, http.StatusGone, "taken too long", "The late")
}

func TestWhoMaySignIn(t *testing.T) {
	w := newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{"ana": verified(w.address("ana"))})
	s, b := w.provider(companies(acme))
	wiki := w.application("wiki")
	p := s.party(wiki.ClientID())
	closed := func(b *browser, texts ...string) answer {
		t.Helper()
		back, page := b.through(p.begin().url)
		if back != nil {
			t.Fatalf("let in: %s", back)
		}
		page.expect(t, page.StatusCode, texts...)
		return page
	}
	p.begin().code(b)
	closed(w.signedIn(s, "eve"), "You cannot open The wiki yet", "Use another account")

	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) {
		a.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}, Teams: []string{"red"}}
	})
	closed(b, "open to other roles or teams than yours")
	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) { a.Members.Teams = []string{"blue"} })
	p.begin().code(b)

	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) { a.MultiFactor = rosterv1alpha1.ApplicationFactorRequired })
	page := closed(b, "asks for a second factor, and your account has none")
	if to := goOn(t, page, "Set up a second factor"); !strings.HasPrefix(to, "/account/factors?next=%2Fopenid%2Fcontinue%2F") {
		t.Errorf("the link leads to %s", to)
	}
	elsewhere := w.signedIn(s, "ana") // without a second factor yet
	app, _ := b.addApp()
	p.begin().code(b)
	f := p.begin()
	_, page = elsewhere.through(f.url)
	page.expect(t, http.StatusOK, "One more step")
	done := elsewhere.post(page.Request.URL.RequestURI(), code(app.code(0)))
	back, page := elsewhere.through(done.Header.Get("Location"))
	if back == nil {
		t.Fatalf("after the code:\n%s", page.body)
	}
	token, err := f.exchange(back.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if _, claims := p.claims(token); claims["acr"] != "mfa" || len(claims["amr"].([]any)) != 3 {
		t.Errorf("%v, %v", claims["acr"], claims["amr"])
	}
	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) {
		a.MultiFactor = rosterv1alpha1.ApplicationFactorPhishingResistant
	})
	closed(b, "asks for a passkey, and your account has none")
	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) {
		a.MultiFactor = rosterv1alpha1.ApplicationFactorAsOrganization
	})

	// A company's sign-in opens what asks for it, a password does not.
	w.sso("acme", rosterv1alpha1.SignInSSO)
	page = closed(b, "who sign in as the organisation requires", "Continue with The acme company")
	if strings.Contains(page.body, "Acme Social") {
		t.Error("the page tells who the organisation is, to a session that does not open it")
	}
	f = p.begin()
	u, _ := url.Parse(f.url)
	asked := b.get(u.RequestURI()).Header.Get("Location")
	if back, page = b.through(b.at(acme, "ana", asked).Header.Get("Location")); back == nil {
		t.Fatalf("after the company's sign-in:\n%s", page.body)
	}
}

// The sign-in of a person, and then one thing at a time that it rested on.
func TestGrantsEndWithWhatTheyRestOn(t *testing.T) {
	for name, end := range map[string]func(*world, *site, *browser, *rosterv1alpha1.Application){
		"signed out": func(_ *world, _ *site, b *browser, _ *rosterv1alpha1.Application) { b.post("/sign-out", nil) },
		"signed out everywhere": func(w *world, s *site, _ *browser, _ *rosterv1alpha1.Application) {
			if err := s.store.SignOutEverywhere(w.t.(*testing.T).Context(), w.account(w.address("ana"))); err != nil {
				w.t.Fatal(err)
			}
		},
		"account suspended": func(w *world, _ *site, _ *browser, _ *rosterv1alpha1.Application) {
			w.update(w.account(w.address("ana")), func(a *rosterv1alpha1.AccountSpec) { a.Suspended = ptr.To(true) })
		},
		"account deleted": func(w *world, _ *site, _ *browser, _ *rosterv1alpha1.Application) {
			if err := w.admin.Delete(w.t.(*testing.T).Context(), w.account(w.address("ana"))); err != nil {
				w.t.Fatal(err)
			}
		},
		"member suspended": func(w *world, _ *site, _ *browser, _ *rosterv1alpha1.Application) {
			w.changeMember("ana", func(m *rosterv1alpha1.MemberSpec) { m.Suspended = ptr.To(true) })
		},
		"application deleted and made again": func(w *world, _ *site, _ *browser, a *rosterv1alpha1.Application) {
			if err := w.admin.Delete(w.t.(*testing.T).Context(), a.DeepCopy()); err != nil {
				w.t.Fatal(err)
			}
			w.application("wiki")
		},
		"application for others": func(w *world, _ *site, _ *browser, a *rosterv1alpha1.Application) {
			w.applicationSpec(a, func(a *rosterv1alpha1.ApplicationSpec) {
				a.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}
			})
		},
		"organisation asks for a second factor": func(w *world, _ *site, _ *browser, _ *rosterv1alpha1.Application) {
			w.secure(func(p *rosterv1alpha1.SecurityPolicy) { p.MultiFactor = rosterv1alpha1.MultiFactorRequired })
		},
		"organisation asks for the company's sign-in": func(w *world, _ *site, _ *browser, _ *rosterv1alpha1.Application) {
			w.sso("acme", rosterv1alpha1.SignInSSO)
		},
		"its time": func(_ *world, s *site, _ *browser, _ *rosterv1alpha1.Application) {
			s.clock.SetTime(s.clock.Now().Add(grant.RefreshIdle))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, b := w.provider()
			app := w.application("wiki")
			p := s.party(app.ClientID(), "offline_access")
			token, open := p.begin().tokens(b), p.begin()
			code := open.code(b)
			end(w, s, b, app)
			if _, err := p.refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
				t.Errorf("a refresh: %v", err)
			}
			if _, err := open.exchange(code); !refusedAs(err, "invalid_grant") {
				t.Errorf("a code that was given out before: %v", err)
			}
			if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err == nil {
				t.Error("the access token still tells things")
			}
			if _, said := p.post("/openid/introspect", url.Values{"token": {token.AccessToken}}); said["active"] != false {
				t.Errorf("introspection: %v", said)
			}
		})
	}
}

func TestSigningOutAtAnApplication(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	wiki := w.application("wiki")
	p, chat := s.party(wiki.ClientID(), "offline_access"), s.party(w.application("chat").ClientID(), "offline_access")
	good := func(p *party, token *oauth2.Token) bool {
		_, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token))
		return err == nil
	}
	leave := func(b *browser, more url.Values) (*url.URL, answer) {
		t.Helper()
		return b.through("/openid/logout?" + more.Encode())
	}
	const bye = "https://wiki.acme.example/bye"
	one, other := p.begin().tokens(b), chat.begin().tokens(b)
	hint := one.Extra("id_token").(string)
	s.clock.SetTime(s.clock.Now().Add(time.Hour)) // the ID token is over by then
	b = w.signedIn(s, "ana")
	one = p.begin().tokens(b)

	// Nobody who has no ID token of the person signs them out.
	_, page := leave(b, url.Values{"client_id": {p.config.ClientID}, "post_logout_redirect_uri": {bye}, "state": {"x"}})
	page.expect(t, http.StatusOK, "Sign out?", "Sign out of The wiki", "Sign out of Roster")
	if !good(p, one) {
		t.Error("opening the page signs out")
	}
	_, page = leave(b, url.Values{"id_token_hint": {other.Extra("id_token").(string)}, "client_id": {p.config.ClientID}})
	page.expect(t, http.StatusOK, "Sign out?")
	for _, redirect := range []string{bye + "/", bye + "?x", "https://evil.example/", "https://wiki.acme.example/callback"} {
		if back, page := leave(b, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {redirect}}); back != nil {
			t.Errorf("%s: sent to %s", redirect, back)
		} else {
			page.expect(t, http.StatusOK, "You are signed out")
		}
	}
	if good(p, one) || !good(chat, chat.begin().tokens(b)) {
		t.Error("another application than the one that was left has ended, or it has not")
	}
	one = p.begin().tokens(b)
	back, _ := leave(b, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}, "state": {"x"}})
	if back == nil || back.String() != bye+"?state=x" || good(p, one) || !b.isSignedIn() {
		t.Errorf("sent to %v", back)
	}
	if _, err := p.refresh(one.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("a refresh: %v", err)
	}

	one = p.begin().tokens(b)
	_, page = leave(b, url.Values{"client_id": {p.config.ClientID}, "post_logout_redirect_uri": {bye}})
	done := b.post(page.Request.URL.RequestURI(), url.Values{"action": {"application"}})
	done.expect(t, http.StatusOK, "You are signed out", `href="`+bye+`"`)
	if good(p, one) || !b.isSignedIn() {
		t.Error("signing out of the application alone")
	}
	_, page = leave(b, nil)
	b.post(page.Request.URL.RequestURI(), url.Values{"action": {"everything"}}).expect(t, http.StatusOK, "You are signed out")
	if b.isSignedIn() {
		t.Error("still signed in")
	}
	if back, _ := leave(b, url.Values{"client_id": {p.config.ClientID}, "post_logout_redirect_uri": {bye}}); back == nil || back.String() != bye {
		t.Errorf("somebody who is signed out is sent to %v", back)
	}
	_, page = leave(b, url.Values{"state": {strings.Repeat("s", 3000)}})
	page.expect(t, http.StatusBadRequest)
	forged := strings.Split(hint, ".")
	for name, bad := range map[string]string{"none": "eyJhbGciOiJub25lIn0." + forged[1] + ".", "cut": forged[0] + "." + forged[1] + ".AAAA", "null": "e30.bnVsbA.x"} {
		b := w.signedIn(s, "ana")
		_, page := leave(b, url.Values{"id_token_hint": {bad}, "post_logout_redirect_uri": {bye}})
		page.expect(t, http.StatusOK, "Sign out?")
		_ = name
	}
}

// A form of the portal, such as that of the sign-in page, may lead to no other site: browsers follow no redirect there. So a page sends the
// browser on.
func TestFormsLeadToApplications(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	u, err := url.Parse(s.party(w.application("wiki").ClientID()).begin().url)
	if err != nil {
		t.Fatal(err)
	}
	asked := b.get(u.RequestURI()).Header.Get("Location")
	b.header.Set("Sec-Fetch-Site", "same-origin")
	page := b.get(asked)
	page.expect(t, http.StatusOK, "One moment, please")
	if to := page.Header.Get("Refresh"); !strings.HasPrefix(to, "0; url="+callback+"?code=rosterc_") {
		t.Errorf("the browser is sent to %q", to)
	}
}
