// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// example is an address of the page.
func (r route) example() string {
	return regexp.MustCompile(`\{[^}]+\}`).ReplaceAllStringFunc(r.path, func(parameter string) string {
		if parameter == "{$}" {
			return ""
		}
		return "x"
	})
}

func TestRoutesAllowTheirMethods(t *testing.T) {
	for _, root := range []string{"", "/team"} {
		p := alone(t, "https://roster.example.com"+root)
		for _, r := range p.routes() {
			path := root + r.example()
			if r.atHost {
				path = r.example()
			}
			var allowed []string
			if r.get != nil {
				allowed = append(allowed, http.MethodGet, http.MethodHead)
			}
			if r.post != nil {
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
	known, parameter := parameters(), regexp.MustCompile(`\{([^}]+)\}`)
	for _, r := range p.routes() {
		path := r.example()
		if got := p.destination(path) == path; got != r.returnable {
			t.Errorf("%s: returnable is %t, but it is accepted: %t", r.path, r.returnable, got)
		}
		for _, other := range []string{path + "/", path + "/y", "/" + path, path + "?x", path + "\n", "/y" + path, "/team" + path, "https://roster.example.com" + path} {
			page := func(o route) bool { return o.returnable && o.example() == strings.Replace(other, "/y", "/x", 1) }
			if p.destination(other) == other && !slices.ContainsFunc(p.routes(), page) {
				t.Errorf("%q is accepted as a place to return to", other)
			}
		}
		if !r.returnable {
			continue
		}
		if r.get == nil || r.atHost {
			t.Errorf("%s is returnable, but nobody can be sent on to it", r.path)
		}
		for _, match := range parameter.FindAllStringSubmatch(r.path, -1) {
			if known[match[1]] == "" {
				t.Errorf("%s is returnable: add %s to parameters", r.path, match[1])
			}
			for _, bad := range []string{"", ".", "..", "x%2fy", "x\\y", "é"} {
				if other := strings.Replace(r.path, match[0], bad, 1); p.destination(other) == other {
					t.Errorf("%q is accepted as a place to return to", other)
				}
			}
		}
	}
}

// Pages of a person and of an organisation are for people who are signed in: the entry of each says so.
func TestRoutesOfPeopleAreGuarded(t *testing.T) {
	p := alone(t, "https://roster.example.com")
	for _, r := range p.routes() {
		if r.guard == nil && (strings.HasPrefix(r.path, "/account") || strings.HasPrefix(r.path, "/organizations") || strings.HasPrefix(r.path, "/connect")) {
			t.Errorf("%s has no guard", r.path)
		}
		if r.guard == nil {
			continue
		}
		for method, page := range map[string]func(*visit){http.MethodGet: r.get, http.MethodPost: r.post} {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, r.example(), nil))
			if to := w.Header().Get("Location"); page != nil && (w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in")) {
				t.Errorf("%s %s: a stranger gets status %d and is sent to %q", method, r.path, w.Code, to)
			}
		}
	}
}
