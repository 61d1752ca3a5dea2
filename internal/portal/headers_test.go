// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/http/httptest"
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
