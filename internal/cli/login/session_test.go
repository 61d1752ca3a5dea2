// SPDX-License-Identifier: Apache-2.0

package login

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/cli/login/cache"
	"github.com/roster-dev/roster/internal/cli/login/provider"
)

// What the token endpoint answers decides whether a sign-in is kept: trouble passes, and an end does not.
func TestWhatARefusedRenewalMeans(t *testing.T) {
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status int
		body   string
		says   string
		kept   bool
	}{
		"the portal restarts":     {http.StatusBadGateway, "<html>", "the provider cannot be reached", true},
		"too many requests":       {http.StatusTooManyRequests, `{"error":"slow_down"}`, "the provider cannot be reached", true},
		"the client is not known": {http.StatusUnauthorized, `{"error":"invalid_client"}`, `knows no public client "kubectl"`, true},
		"the sign-in has ended":   {http.StatusBadRequest, `{"error":"invalid_grant"}`, "your sign-in has ended: run kubectl roster login", false},
	} {
		t.Run(name, func(t *testing.T) {
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == "/token" {
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]string{
					"issuer": server.URL, "authorization_endpoint": server.URL + "/a", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/k",
				})
			}))
			defer server.Close()
			clock := clocktesting.NewFakePassiveClock(now)
			s := &session{
				file: cache.For(t.TempDir(), server.URL, "kubectl"), clock: clock, errOut: io.Discard,
				provider: provider.Options{Issuer: server.URL, ClientID: "kubectl", Clock: clock},
			}
			if err := s.file.Write(cache.Entry{IDToken: "i", RefreshToken: "r", Subject: "1", Expiry: now.Add(margin)}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.token(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if e, err := s.file.Read(); err != nil || (e != nil) != c.kept {
				t.Errorf("kept: %+v, %v", e, err)
			}
		})
	}
}

// A token is renewed a little before its end, and what cannot be read is no token.
func TestWhatCountsAsAToken(t *testing.T) {
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		e    *cache.Entry
		want bool
	}{
		"nothing":             {nil, false},
		"for a while":         {&cache.Entry{Expiry: now.Add(margin + time.Second)}, true},
		"for a moment":        {&cache.Entry{Expiry: now.Add(margin)}, false},
		"one that has ended":  {&cache.Entry{Expiry: now.Add(-time.Hour)}, false},
		"one without any end": {&cache.Entry{}, false},
	} {
		if got := counts(c.e, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !errors.Is(ended{}, errAsk) {
		t.Error("a sign-in that has ended is not one to ask about")
	}
}
