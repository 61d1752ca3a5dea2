// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/tracing"
)

// Cookies of other sites of the domain: they do not keep anybody from signing in, and if there are too many the person is told.
func TestCookiesOfTheDomain(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	running := httptest.NewUnstartedServer(nil)
	running.Config = newServer(s.handler, logr.Discard())
	running.Listener = web.Explaining{Listener: running.Listener, Answer: s.handler.site.TooManyCookies()}
	running.Start()
	defer running.Close()
	s.url = running.URL
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	others := func(size int) {
		var all []string
		for i := range size / 3000 {
			all = append(all, "other"+strconv.Itoa(i)+"="+strings.Repeat("x", 2990))
		}
		b.header.Set("Cookie", strings.Join(all, "; "))
	}
	others(21_000)
	b.get("/account").expect(t, http.StatusOK, w.address("ana"))
	others(90_000)
	a := b.get("/account")
	a.expect(t, http.StatusRequestHeaderFieldsTooLarge, "Your browser sends too many cookies", "Delete the cookies of 127.0.0.1",
		"Votre navigateur envoie trop de cookies", `lang="fr"`)
	if got := a.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type: %s", got)
	}
	for header, want := range s.browser().get("/robots.txt").Header {
		if strings.HasPrefix(header, "X-") || strings.HasSuffix(header, "-Policy") || header == "Cache-Control" {
			if got := a.Header.Get(header); got != want[0] {
				t.Errorf("%s: %q, want that of all pages, %q", header, got, want[0])
			}
		}
	}
}

func TestHeadersStandOnEveryAnswer(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site(w.provides, func(c *configure) { c.BaseURL = "https://roster.example.com" })
	b := s.browser()
	page := b.get(w.link(inv))
	foreign := s.browser()
	foreign.header.Set("Sec-Fetch-Site", "cross-site")
	style := between(t, page.body, `rel="stylesheet" href="`, `"`)
	for name, a := range map[string]answer{
		"page":            page,
		"refused form":    b.post(w.link(inv), accepting("displayName", "")),
		"redirect":        b.post(w.link(inv), accepting()),
		"dead link":       s.browser().get(w.link(inv)),
		"unknown link":    b.get("/invitations/x"),
		"unknown page":    b.get("/nothing/here"),
		"wrong method":    b.do(http.MethodPut, w.link(inv), nil),
		"cleaned path":    b.get("//invitations//x"),
		"home":            b.get("/"),
		"robots":          b.get("/robots.txt"),
		"style":           b.get(style),
		"too large":       b.post(w.link(inv), accepting("company", strings.Repeat("c", maxBody))),
		"not a form":      b.do(http.MethodPost, w.link(inv), nil),
		"unknown asset":   b.get("/assets/portal.css"),
		"options":         b.do(http.MethodOptions, "/", nil),
		"strange request": b.do("PROPFIND", "/", nil),
		"another site":    foreign.post("/sign-in", nil),
		"token":           b.post("/openid/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"kubectl"}, "code": {"x"}}),
		"userinfo":        b.get("/openid/userinfo"),
		"introspection":   b.post("/openid/introspect", nil),
		"revocation":      b.post("/openid/revoke", url.Values{"client_id": {"kubectl"}, "token": {"x"}}),
		"device":          b.post("/openid/device-authorization", url.Values{"client_id": {"kubectl"}, "scope": {"openid"}}),
		"unknown tool":    b.get("/openid/authorize?client_id=nobody"),
		"keys":            b.get("/openid/keys"),
		"discovery":       b.get("/.well-known/openid-configuration"),
	} {
		t.Run(name, func(t *testing.T) {
			for header, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
					"base-uri 'none'; frame-ancestors 'none'",
				"Referrer-Policy":              "no-referrer",
				"X-Content-Type-Options":       "nosniff",
				"X-Frame-Options":              "DENY",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security":    "max-age=31536000",
				"X-Robots-Tag":                 "noindex, nofollow",
			} {
				if got := a.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			if a.Header.Get("Permissions-Policy") == "" {
				t.Error("no Permissions-Policy")
			}
			want := "no-store"
			switch name {
			case "style":
				want = "public, max-age=31536000, immutable"
			case "keys", "discovery":
				want = "public, max-age=300"
			}
			if got := a.Header.Get("Cache-Control"); got != want {
				t.Errorf("Cache-Control: %q, want %q", got, want)
			}
			if name != "style" && strings.Contains(a.body, "<script") || strings.Contains(a.body, "style=") {
				t.Error("the page has a script or an inline style")
			}
		})
	}
}

func between(t *testing.T, s, before, after string) string {
	t.Helper()
	_, s, ok := strings.Cut(s, before)
	if !ok {
		t.Fatalf("no %s", before)
	}
	s, _, _ = strings.Cut(s, after)
	return s
}

func TestOverPlainHTTP(t *testing.T) {
	w := newWorld(t)
	for base, policy := range map[string]string{
		"http://127.0.0.1:8080": "no-referrer", "http://localhost": "no-referrer", "http://[::1]:80": "no-referrer",
		"http://roster.internal": "same-origin", "https://roster.example.com": "no-referrer",
	} {
		s := w.site(func(c *configure) { c.BaseURL = base })
		a := s.browser().get("/")
		if got := a.Header.Get("Referrer-Policy"); got != policy {
			t.Errorf("%s: Referrer-Policy %s, want %s", base, got, policy)
		}
		if hsts := a.Header.Get("Strict-Transport-Security") != ""; hsts != strings.HasPrefix(base, "https") {
			t.Errorf("%s: HSTS %v", base, hsts)
		}
	}
}

// TestTracesOfStrangersAreNotGoneOnWith: they could have as many traces recorded as they like, and pass them for those of others. A proxy that
// is trusted begins the trace.
func TestTracesOfStrangersAreNotGoneOnWith(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	s := newWorld(t).site(unlimited, func(c *configure) { c.TrustedProxies = []string{"192.0.2.0/24"} })
	for peer, goesOn := range map[string]bool{"192.0.2.7:4711": true, "198.51.100.7:4711": false} {
		kept := tracetest.NewInMemoryExporter()
		r := httptest.NewRequest(http.MethodGet, "/sign-in", nil)
		r = r.WithContext(tracing.With(t.Context(), sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))))
		r.RemoteAddr = peer
		r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		spans := kept.GetSpans()
		if len(spans) == 0 {
			t.Fatal("a page is not traced")
		}
		if of := spans[len(spans)-1].SpanContext.TraceID().String(); (of == trace) != goesOn {
			t.Errorf("the trace that %s begins is gone on with: %v, want %v", peer, of == trace, goesOn)
		}
	}
}
