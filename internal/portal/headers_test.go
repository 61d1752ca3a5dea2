// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/go-logr/logr"

	"github.com/roster-dev/roster/internal/portal/web"
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
