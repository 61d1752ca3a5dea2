// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/portal/web"
)

// FuzzSecondFactors sends any cookies, parameters and forms to the pages of second factors and of companies' sign-in, of a portal that
// knows nobody. Nothing that was not sealed here gets further than to an orderly page, and nobody is signed in.
func FuzzSecondFactors(f *testing.F) {
	c := clocktesting.NewFakePassiveClock(now())
	metrics, err := web.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	r := &secretReader{data: map[string][]byte{keyring.Current: []byte(strings.Repeat("k", 32))}}
	keys := web.NewKeySource(r, client.ObjectKey{}, c)
	limits := configure{}
	unlimited(&limits)
	p, err := New(Options{
		Cache: empty{}, Keys: keys, SessionKeys: keys, FactorKeys: keys, BaseURL: "https://roster.example.com", Clock: c, Log: logr.Discard(),
		Metrics: metrics, Limits: limits.Limits,
		Companies: oidc.Directory{oidc.New(oidc.Issuer{Name: "acme", URL: "https://login.acme.invalid", Domains: []string{"acme.example"}}, "", c)},
	})
	if err != nil {
		f.Fatal(err)
	}
	paths := []string{
		"/sign-in/second", "/sign-in/passkey", "/sign-in/company", "/sign-in/company/acme/callback", "/account/factors", "/account/factors/app",
		"/account/factors/passkey", "/sign-in/company/x/callback",
	}
	f.Add(0, "next=/account", "code=123456", "x", true)
	f.Add(1, "", `answer={"id":"AAAA","type":"public-key"}`, "x", true)
	f.Add(2, "next=//evil.example", "login=ana@acme.example", "", true)
	f.Add(3, "code=x&state=y&iss=https://login.acme.invalid", "", "AAAA", false)
	f.Fuzz(func(t *testing.T, page int, query, body, cookie string, post bool) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
		r.URL = &url.URL{Path: paths[uint(page)%uint(len(paths))], RawQuery: query}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, name := range []string{"roster-session", "roster-ceremony", "roster-company", "roster-device"} {
			r.AddCookie(&http.Cookie{Name: "__Host-" + name, Value: cookie})
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s: status %d", method, r.URL.Path, w.Code)
		}
		if to := w.Header().Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			t.Errorf("%s %s leads to %q", method, r.URL.Path, to)
		}
		for _, set := range w.Result().Cookies() {
			if set.Name == "__Host-roster-session" && set.Value != "" {
				t.Errorf("%s %s signs somebody in", method, r.URL.Path)
			}
		}
	})
}
