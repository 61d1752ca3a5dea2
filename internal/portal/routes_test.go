// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/portal/web"
)

// example is an address of the page.
func example(r web.Route) string {
	return regexp.MustCompile(`\{[^}]+\}`).ReplaceAllStringFunc(r.Path, func(parameter string) string {
		if parameter == "{$}" {
			return ""
		}
		return "x"
	})
}

func TestRoutesAllowTheirMethods(t *testing.T) {
	for _, root := range []string{"", "/team"} {
		p := alone(t, "https://roster.example.com"+root)
		for _, r := range p.routes {
			path := root + example(r)
			if r.AtHost {
				path = example(r)
			}
			var allowed []string
			if r.Get != nil {
				allowed = append(allowed, http.MethodGet, http.MethodHead)
			}
			if r.Post != nil {
				allowed = append(allowed, http.MethodPost)
			}
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
				w := httptest.NewRecorder()
				p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
				if refused := w.Code == http.StatusMethodNotAllowed; refused == slices.Contains(allowed, method) {
					t.Errorf("%s %s: status %d, want 405 for all but %s", method, path, w.Code, allowed)
				}
				if got, want := w.Header().Get("Allow"), strings.Join(allowed, ", "); w.Code == http.StatusMethodNotAllowed && got != want {
					t.Errorf("%s %s: Allow: %s, want %s", method, path, got, want)
				}
			}
		}
	}
}

func TestRoutesToReturnTo(t *testing.T) {
	p := alone(t, "https://roster.example.com/team")
	accepted := func(path string) bool { return visiting(t, p, "/team/sign-in").Destination(path) == path }
	parameter := regexp.MustCompile(`\{([^}]+)\}`)
	for _, r := range p.routes {
		path := example(r)
		if got := accepted(path); got != r.Returnable {
			t.Errorf("%s: returnable is %t, but it is accepted: %t", r.Path, r.Returnable, got)
		}
		for _, other := range []string{path + "/", path + "/y", "/" + path, path + "?x", path + "\n", "/y" + path, "/team" + path, "https://roster.example.com" + path} {
			page := func(o web.Route) bool { return o.Returnable && example(o) == strings.Replace(other, "/y", "/x", 1) }
			if accepted(other) && !slices.ContainsFunc(p.routes, page) {
				t.Errorf("%q is accepted as a place to return to", other)
			}
		}
		if !r.Returnable {
			continue
		}
		if r.Get == nil || r.AtHost {
			t.Errorf("%s is returnable, but nobody can be sent on to it", r.Path)
		}
		for _, match := range parameter.FindAllStringSubmatch(r.Path, -1) {
			for _, bad := range []string{"", ".", "..", "x%2fy", "x\\y", "é"} {
				if other := strings.Replace(r.Path, match[0], bad, 1); accepted(other) {
					t.Errorf("%q is accepted as a place to return to", other)
				}
			}
		}
	}
}

// TestRoutesAreDocumented: docs/portal.md has every page that people can open, by its address or by what the address ends in.
func TestRoutesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/portal.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range alone(t, "https://roster.example.com").routes {
		if r.Path == "/robots.txt" || strings.HasPrefix(r.Path, "/assets/") {
			continue
		}
		path, inTeam := strings.CutPrefix(strings.TrimSuffix(r.Path, "{$}"), "/organizations/{namespace}/team")
		names := []string{path, "…" + path[strings.LastIndex(path, "/"):]}
		if inTeam && strings.HasPrefix(path, "/settings/") {
			names = append(names, "/settings/{section}")
		}
		if !slices.ContainsFunc(names, func(name string) bool {
			return regexp.MustCompile("`((GET|POST) )?" + regexp.QuoteMeta(name) + "`").Match(page)
		}) {
			t.Errorf("docs/portal.md does not name %s", r.Path)
		}
	}
}

// guarded reports whether a page is for people who are signed in: all are, but for those that are named here.
func guarded(r web.Route) bool {
	return !regexp.MustCompile(`^(/\{\$\}|/robots\.txt|/assets/\{name\}|/\.well-known/(change-password|openid-configuration)|` +
		`/invitations/\{token\}(/decline|/welcome)?|/copied/\{token\}|/sign-in(/passkey|/company(/\{issuer\}(/callback)?)?)?|/sign-out|` +
		`/forgotten|/reset/\{token\}|/openid/(authorize|continue/\{request\}|token|userinfo|introspect|revoke|device-authorization|` +
		`logout|sign-out/\{request\}|keys))$`).MatchString(r.Path)
}

// Every page but the public ones goes through the check of the session (docs/security.md, 8.2.1).
func TestRoutesOfPeopleAreGuarded(t *testing.T) {
	p, pages := aloneProvider(t), 0
	for _, r := range p.routes {
		if !guarded(r) {
			continue
		}
		for method, page := range map[string]func(*web.Visit) error{http.MethodGet: r.Get, http.MethodPost: r.Post} {
			if page == nil {
				continue
			}
			pages++
			w := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), method, example(r), nil)
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			p.ServeHTTP(w, request)
			if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
				t.Errorf("%s %s: a stranger gets status %d and is sent to %q", method, r.Path, w.Code, to)
			}
		}
	}
	if pages < 100 {
		t.Errorf("only %d pages are guarded", pages)
	}
}
