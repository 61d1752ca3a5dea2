// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/portal/web"
)

func TestCookiesAreBoundToTheHostOverHTTPS(t *testing.T) {
	w := newWorld(t)
	s := w.site(func(c *configure) { c.BaseURL = "https://roster.example.com" })
	cookies := s.browser().post(w.link(w.invite("ana")), accepting()).Header.Values("Set-Cookie")
	if len(cookies) != 2 {
		t.Errorf("%d cookies, want those of the session and of the device", len(cookies))
	}
	for _, cookie := range cookies {
		for _, want := range []string{"__Host-roster-", "Path=/;", "Secure", "HttpOnly", "SameSite=Lax"} {
			if !strings.Contains(cookie, want) {
				t.Errorf("Set-Cookie has no %s: %s", want, cookie)
			}
		}
		if strings.Contains(cookie, "Domain") {
			t.Errorf("Set-Cookie: %s", cookie)
		}
	}
}

func TestHostHeaderIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	inv, b := w.invite("ana"), w.site().browser()
	b.header.Set("Host", "evil.example")
	b.header.Set("X-Forwarded-Host", "evil.example")
	for _, a := range []answer{b.get("/"), b.get(w.link(inv)), b.get("/nothing"), b.post(w.link(inv), accepting())} {
		if strings.Contains(a.body, "evil.example") || strings.Contains(fmt.Sprint(a.Header), "evil.example") {
			t.Errorf("the answer repeats the Host header: %v\n%s", a.Header, a.body)
		}
	}
}

func TestPathOfTheBaseURL(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site(func(c *configure) { c.BaseURL = "http://127.0.0.1/teams/roster/" })
	b := s.browser()
	page := b.get("/teams/roster" + w.link(inv))
	page.expect(t, http.StatusOK, `action="/teams/roster`+w.link(inv)+`"`)
	b.get(between(t, page.body, `rel="stylesheet" href="`, `"`)).expect(t, http.StatusOK)
	b.follow(b.post("/teams/roster"+w.link(inv), accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
	b.get("/teams/roster/").expect(t, http.StatusOK)
	b.get(w.link(inv)).expect(t, http.StatusNotFound)
	if !strings.Contains(s.log.String(), `"route":"/invitations/{token}/welcome"`) {
		t.Error("the log names routes with the path of the address")
	}
	for _, bad := range []string{"", "roster.example.com", "ftp://roster.example.com", "https://x/{y}", "https://x//y"} {
		if _, err := New(Options{BaseURL: bad}); err == nil {
			t.Errorf("New took the address %q", bad)
		}
	}
}

// Browsers write hosts in one form only: in the origins of forms, and in what passkeys are made for.
func TestTheHostIsAsBrowsersWriteIt(t *testing.T) {
	for base, want := range map[string]string{
		"https://People.Acme.example": "people.acme.example", "https://people.acme.example:443": "people.acme.example",
		"http://people.acme.example:80/x": "people.acme.example", "https://people.acme.example:8443": "people.acme.example:8443",
		"https://BÜCHER.example": "xn--bcher-kva.example", "http://[::1]:80": "[::1]", "http://127.0.0.1:8080": "127.0.0.1:8080",
		"http://LOCALHOST:8080": "localhost:8080", "https://roster_internal": "roster_internal",
	} {
		site, err := web.NewSite(web.SiteOptions{BaseURL: base})
		if err != nil || site.URL.Host != want {
			t.Errorf("%s: %v, want the host %s", base, err, want)
		}
	}
	page := httptest.NewRecorder()
	alone(t, "https://People.Acme.example").ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sign-in", nil))
	if body := html.UnescapeString(page.Body.String()); !strings.Contains(body, `"rpId":"people.acme.example"`) {
		t.Errorf("passkeys are not asked for with people.acme.example:\n%s", body)
	}
}

func TestPasswordManagersFindThePage(t *testing.T) {
	w := newWorld(t)
	for base, want := range map[string]string{"http://127.0.0.1": "/account/password", "http://127.0.0.1/teams": "/teams/account/password"} {
		b := w.site(func(c *configure) { c.BaseURL = base }).browser()
		a := b.get("/.well-known/change-password")
		a.expect(t, http.StatusSeeOther)
		if got := a.Header.Get("Location"); got != want {
			t.Errorf("%s: sent to %s, want %s", base, got, want)
		}
		b.get(want).expect(t, http.StatusSeeOther)
		b.get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").expect(t, http.StatusNotFound)
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site(func(c *configure) { c.BaseURL = "https://roster.example.com" })
	for name, c := range map[string]struct {
		header map[string]string
		ok     bool
	}{
		"another site":                {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, false},
		"another host of the domain":  {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.com"}, false},
		"old browser, another site":   {map[string]string{"Origin": "https://evil.example"}, false},
		"old browser, hidden origin":  {map[string]string{"Origin": "null"}, false},
		"this site":                   {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, true},
		"old browser, behind a proxy": {map[string]string{"Origin": "https://roster.example.com"}, true},
		"no browser":                  {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.writes.String()
			b := s.browser()
			for k, v := range c.header {
				b.header.Set(k, v)
			}
			a := b.post(w.link(inv), accepting("displayName", "")) // goes no further than the form
			if c.ok {
				a.expect(t, http.StatusUnprocessableEntity)
			} else {
				a.expect(t, http.StatusForbidden, "Sent from another site")
			}
			if s.writes.String() != before {
				t.Error("it wrote")
			}
		})
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b := s.browser()
	b.post(w.link(inv), accepting("company", strings.Repeat("c", maxBody))).expect(t, http.StatusRequestEntityTooLarge, "Too much text")
	b.do(http.MethodPost, w.link(inv), strings.NewReader("action=%zz")).expect(t, http.StatusBadRequest, "could not be read")
	b.post(w.link(inv), url.Values{"action": {"explode"}}).expect(t, http.StatusBadRequest)
	b.post(w.link(inv), nil).expect(t, http.StatusBadRequest)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+w.link(inv), strings.NewReader(`{"action":"accept"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("JSON: status %d", response.StatusCode)
	}
	// The action in the address does not count.
	b.post(w.link(inv)+"?action=decline&confirm=yes", nil).expect(t, http.StatusBadRequest)
	if got := s.writes.String(); got != "" {
		t.Errorf("writes: %s", got)
	}
}

func TestPagesThatAreNotThere(t *testing.T) {
	w := newWorld(t)
	link, b := w.link(w.invite("ana")), w.site().browser()
	b.get("/").expect(t, http.StatusOK, "open the link in your invitation email")
	b.get("/robots.txt").expect(t, http.StatusOK, "User-agent: *\nDisallow: /\n")
	for _, path := range []string{"/invitations", "/invitations/", link + "/", link + "/x", "/assets/", "/sign-in/", "/sign-in/x", "/healthz", "/%00", "/..%2f"} {
		b.get(path).expect(t, http.StatusNotFound, "Page not found")
	}
	for path, allow := range map[string]string{"/": "GET, HEAD", link: "GET, HEAD, POST", link + "/decline": "GET, HEAD", link + "/welcome": "GET, HEAD",
		"/sign-in": "GET, HEAD, POST", "/sign-in/confirm": "GET, HEAD, POST", "/sign-out": "POST"} {
		a := b.do(http.MethodDelete, path, nil)
		a.expect(t, http.StatusMethodNotAllowed, "This does not work here")
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow: %s, want %s", path, got, allow)
		}
	}
	if a := b.do(http.MethodHead, link, nil); a.StatusCode != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d, %q", a.StatusCode, a.body)
	}
}

// from makes requests come from an address, through a proxy that is trusted.
func from(b *browser, address string) *browser {
	b.header.Set("X-Forwarded-For", address)
	return b
}

func behindProxy(c *configure) { c.TrustedProxies = []string{"127.0.0.0/8"} }

func TestGuessingAPasswordIsSlowed(t *testing.T) {
	w := newWorld(t)
	s := w.site(behindProxy)
	from(s.browser(), "192.0.2.1").post(w.link(w.invite("ana")), accepting()).expect(t, http.StatusSeeOther)
	inv := w.invite("ana")
	guesser := from(s.browser(), "2001:db8:bad::1")
	for range 5 {
		guesser.post(w.link(inv), signingIn("guess")).expect(t, http.StatusUnprocessableEntity)
	}
	guesser = from(guesser, "2001:db8:bad::2") // another address of the same network
	a := guesser.post(w.link(inv), signingIn(goodPassword))
	a.expect(t, http.StatusTooManyRequests, "Too many attempts", "Please wait 5 minutes, then try again.", "request a link by email",
		`href="/forgotten"`)
	if got := a.Header.Get("Retry-After"); got != "300" {
		t.Errorf("Retry-After: %s, want 300", got)
	}
	if got := s.count(`roster_portal_claims_total{result="throttled"}`); got != 1 {
		t.Errorf("counted %v throttled", got)
	}
	guesser.get(w.link(inv)).expect(t, http.StatusOK)
	from(s.browser(), "192.0.2.1").post(w.link(inv), signingIn(goodPassword)).expect(t, http.StatusSeeOther)
}

func TestGuessingFromManyNetworksIsSlowed(t *testing.T) {
	w := newWorld(t)
	s := w.site(behindProxy)
	from(s.browser(), "192.0.2.1").post(w.link(w.invite("ana")), accepting()).expect(t, http.StatusSeeOther)
	inv := w.invite("ana")
	// Without the link one cannot use these tries up.
	for i := range 101 {
		from(s.browser(), fmt.Sprintf("198.18.%d.1", i)).post("/sign-in", signIn(w.address("ana"), "guess"))
	}
	for i := range 100 {
		from(s.browser(), fmt.Sprintf("203.0.%d.1", i)).post(w.link(inv), signingIn("guess")).expect(t, http.StatusUnprocessableEntity)
	}
	from(s.browser(), "203.0.200.1").post(w.link(inv), signingIn("guess")).expect(t, http.StatusTooManyRequests)
	s.clock.SetTime(now().Add(21 * time.Second))
	from(s.browser(), "192.0.2.1").post(w.link(inv), signingIn(goodPassword)).expect(t, http.StatusSeeOther)
}

func TestClientsAreSlowed(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	s := w.site(behindProxy, func(c *configure) {
		c.Limits.Requests, c.Limits.Posts = web.Rate{Every: time.Second, Burst: 5}, web.Rate{Every: time.Minute, Burst: 2}
	})
	b := from(s.browser(), "192.0.2.1")
	for range 2 {
		b.post(w.link(inv), accepting("displayName", "")).expect(t, http.StatusUnprocessableEntity)
	}
	b.post(w.link(inv), accepting("displayName", "")).expect(t, http.StatusTooManyRequests)
	for range 3 {
		b.get(w.link(inv)).expect(t, http.StatusOK)
	}
	b.get(w.link(inv)).expect(t, http.StatusTooManyRequests)
	for range 5 {
		b.get("/").expect(t, http.StatusOK)
	}
	b.get("/").expect(t, http.StatusTooManyRequests)
	b.get(s.stylePath()).expect(t, http.StatusOK)
	// What is not there asks the API server who is signed in.
	b.get("/assets/portal/x").expect(t, http.StatusTooManyRequests)
	b.post(s.stylePath(), nil).expect(t, http.StatusTooManyRequests)
	from(s.browser(), "192.0.2.2").get(w.link(inv)).expect(t, http.StatusOK)
	s.clock.SetTime(now().Add(time.Second))
	b.get(w.link(inv)).expect(t, http.StatusOK)
	t.Run("who is not behind the proxy cannot pretend", func(t *testing.T) {
		s := w.site(func(c *configure) { c.Limits.Requests = web.Rate{Every: time.Second, Burst: 1} })
		from(s.browser(), "192.0.2.3").get("/").expect(t, http.StatusOK)
		from(s.browser(), "192.0.2.4").get("/").expect(t, http.StatusTooManyRequests)
	})
}

func (s *site) stylePath() string {
	p, err := web.NewPages("")
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Style
}

func TestLogAndMetricsTellNoSecret(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	link := w.link(inv)
	b := s.browser()
	b.get(link)
	b.get(link + "?lang=fr")
	b.get(link + "x")
	b.get("/" + link + "/../" + link)
	b.post(link, accepting("confirm", "other secret"))
	b.follow(b.post(link, accepting()))
	s.browser().post(link, signingIn("wrong secret"))
	s.browser().post("/sign-in", url.Values{"login": {w.address("ana")}, "password": {"wrong secret"}})
	s.browser().post("/sign-in", url.Values{"login": {"secret in the wrong field"}, "password": {"x"}})
	b.do("SECRETMETHOD", link, nil)
	failing := w.site(down(fmt.Errorf("connection refused")), func(c *configure) {
		c.Keys = web.NewKeySource(w.portal, client.ObjectKey{Namespace: systemNamespace, Name: keySecretName}, c.Clock)
	})
	failing.browser().post(link, accepting())
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	everything := s.log.String() + failing.log.String() + fmt.Sprint(families)
	token := strings.TrimPrefix(link, "/invitations/")
	for _, secret := range []string{token, token[:20], token[30:], goodPassword, "other secret", "wrong secret", "secret in the wrong field", "SECRETMETHOD", "argon2id"} {
		if strings.Contains(everything, secret) {
			t.Errorf("log or metrics tell %q:\n%s", secret, everything)
		}
	}
	for _, want := range []string{
		`"method":"GET","route":"/invitations/{token}","status":200`, `"method":"POST","route":"/invitations/{token}","status":303`,
		`"route":"/invitations/{token}/welcome","status":200`, `"method":"other"`, `"client":"127.0.0.1"`, `"seconds":`,
	} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, s.log)
		}
	}
	for series, want := range map[string]float64{
		`roster_portal_requests_total{code="303",method="POST",route="/invitations/{token}"}`: 1,
		`roster_portal_claims_total{result="accepted"}`:                                       1,
		`roster_portal_claims_total{result="invalid"}`:                                        1,
		`roster_portal_claims_total{result="wrong_password"}`:                                 1,
	} {
		if got := s.count(series); got != want {
			t.Errorf("%s = %v, want %v", series, got, want)
		}
	}
	if !strings.Contains(failing.log.String(), "connection refused") {
		t.Error("the error is not logged")
	}
}

// bomb is a cache that panics.
type bomb struct{ client.Reader }

func (bomb) List(context.Context, client.ObjectList, ...client.ListOption) error { panic("boom") }

func TestPanicIsAPage(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site(func(c *configure) { c.Cache = bomb{w.cache} })
	s.browser().get(w.link(inv)).expect(t, http.StatusInternalServerError, "Something went wrong")
	if log := s.log.String(); !strings.Contains(log, "panic: boom") || strings.Contains(log, w.link(inv)) {
		t.Errorf("log: %s", log)
	}
}

func TestServerDoesNotWaitForSlowClients(t *testing.T) {
	server := newServer(http.NotFoundHandler(), logr.Discard())
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= maxDuration || server.IdleTimeout <= 0 {
		t.Errorf("server without timeouts: %+v", server)
	}
	running := httptest.NewUnstartedServer(server.Handler)
	running.Config = server
	running.Start()
	defer running.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, running.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 2*maxHeader))
	response, err := running.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large header: status %d", response.StatusCode)
	}
}

func TestReadiness(t *testing.T) {
	w := newWorld(t)
	keys := func(name string) *web.KeySource {
		return web.NewKeySource(w.portal, client.ObjectKey{Namespace: systemNamespace, Name: name}, w.site().clock)
	}
	if err := errors.Join(filled(w.cache)(t.Context()), keys(keySecretName).Ready(t.Context())); err != nil {
		t.Errorf("all is there: %v", err)
	}
	if err := keys("missing").Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "Secret "+systemNamespace+"/missing") {
		t.Errorf("without link keys: %v", err)
	}
	options := CacheOptions()
	options.Scheme = w.portal.Scheme()
	idle, err := cache.New(w.userConfig, options)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := filled(idle)(gone); err == nil {
		t.Error("ready with an empty cache")
	}
}

// fetch returns the status of an address, 0 if there is no answer.
func fetch(ctx context.Context, address string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}
