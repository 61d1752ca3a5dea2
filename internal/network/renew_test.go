// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

func TestRenew(t *testing.T) {
	in := func(d time.Duration) time.Time { return now.Add(d) }
	const days60 = 5184000 * time.Second
	for _, c := range []struct {
		name    string
		network rosterv1alpha1.Network
		path    string
		answer  answer
		want    network.Tokens
		valid   network.Validity
		kind    network.Kind
		says    string
		sends   url.Values
	}{
		{
			name: "a token for a token", network: "Facebook", path: "GET /v25.0/oauth/access_token",
			answer: answer{200, nil, `{"access_token":"new","token_type":"bearer","expires_in":5184000}`},
			want:   network.Tokens{Access: "new", AccessExpiry: in(days60)},
			sends:  url.Values{"grant_type": {"fb_exchange_token"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "fb_exchange_token": {tokens.Access}},
		},
		{
			name: "no expiry", network: "Facebook", path: "GET /v25.0/oauth/access_token",
			answer: answer{200, nil, `{"access_token":"new","token_type":"bearer"}`}, want: network.Tokens{Access: "new"},
		},
		{
			name: "too late: the token has expired", network: "Instagram", path: "GET /refresh_access_token",
			answer: answer{400, nil, `{"error":{"message":"Error validating access token: Session has expired","type":"OAuthException","code":190,"error_subcode":463}}`},
			valid:  network.Invalid, kind: network.KindAuthentication, says: "subcode 463",
		},
		{
			name: "a token for a token", network: "Instagram", path: "GET /refresh_access_token",
			answer: answer{200, nil, `{"access_token":"new","token_type":"bearer","expires_in":5184000}`},
			want:   network.Tokens{Access: "new", AccessExpiry: in(days60)},
			sends:  url.Values{"grant_type": {"ig_refresh_token"}, "access_token": {tokens.Access}},
		},
		{
			name: "an empty answer", network: "Threads", path: "GET /refresh_access_token",
			answer: answer{200, nil, `{}`}, valid: network.Unknown, says: "without a token",
		},
		{
			name: "a new refresh token", network: "X", path: "POST /2/oauth2/token",
			answer: answer{200, nil, `{"token_type":"bearer","expires_in":7200,"access_token":"new","scope":"tweet.read offline.access","refresh_token":"newer"}`},
			want:   network.Tokens{Access: "new", Refresh: "newer", AccessExpiry: in(2 * time.Hour), Scopes: []string{"tweet.read", "offline.access"}},
			sends:  url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}},
		},
		{
			name: "the refresh token was used already", network: "X", path: "POST /2/oauth2/token",
			answer: answer{400, nil, `{"error":"invalid_request","error_description":"Value passed for the token was invalid."}`},
			valid:  network.Invalid, kind: network.KindAuthentication, says: "Value passed",
		},
		{
			name: "another invalid request", network: "X", path: "POST /2/oauth2/token",
			answer: answer{400, nil, `{"error":"invalid_request","error_description":"Missing required parameter [client_id]."}`},
			valid:  network.Unknown, says: "Missing",
		},
		{
			name: "the app is not known", network: "X", path: "POST /2/oauth2/token",
			answer: answer{401, nil, `{"error":"unauthorized_client","error_description":"Missing valid authorization header"}`},
			valid:  network.Unknown, says: "unauthorized_client",
		},
		{
			name: "the refresh token keeps its own end", network: "LinkedIn", path: "POST /oauth/v2/accessToken",
			answer: answer{200, nil, `{"access_token":"new","expires_in":5184000,"refresh_token":"refresh-value","refresh_token_expires_in":26438400}`},
			want:   network.Tokens{Access: "new", AccessExpiry: in(days60), Refresh: "refresh-value", RefreshExpiry: in(26438400 * time.Second)},
			sends: url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret},
			},
		},
		{
			name: "no refresh token comes back", network: "YouTube", path: "POST /token",
			answer: answer{200, nil, `{"access_token":"new","expires_in":3599,"scope":"a b","token_type":"Bearer"}`},
			want:   network.Tokens{Access: "new", Refresh: tokens.Refresh, AccessExpiry: in(3599 * time.Second), Scopes: []string{"a", "b"}},
		},
		{
			name: "the person took it back", network: "YouTube", path: "POST /token",
			answer: answer{400, nil, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`},
			valid:  network.Invalid, kind: network.KindAuthentication, says: "invalid_grant",
		},
		{
			name: "a new refresh token", network: "TikTok", path: "POST /v2/oauth/token/",
			answer: answer{200, nil, `{"access_token":"new","expires_in":86400,"open_id":"x","refresh_expires_in":31536000,"refresh_token":"newer","scope":"user.info.basic,video.publish","token_type":"Bearer"}`},
			want: network.Tokens{
				Access: "new", Refresh: "newer", AccessExpiry: in(24 * time.Hour), RefreshExpiry: in(365 * 24 * time.Hour),
				Scopes: []string{"user.info.basic", "video.publish"},
			},
			sends: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}, "client_key": {app.ClientID}, "client_secret": {app.ClientSecret}},
		},
		{
			name: "an error in an answer of 200", network: "TikTok", path: "POST /v2/oauth/token/",
			answer: answer{200, nil, `{"error":"invalid_grant","error_description":"Refresh token is invalid or expired.","log_id":"x"}`},
			valid:  network.Invalid, kind: network.KindAuthentication, says: "invalid_grant",
		},
		{
			name: "the app is not known", network: "TikTok", path: "POST /v2/oauth/token/",
			answer: answer{401, nil, `{"error":"invalid_client","error_description":"Client key or secret is incorrect."}`},
			valid:  network.Unknown, says: "invalid_client",
		},
		{
			name: "a continuous refresh token", network: "Pinterest", path: "POST /v5/oauth/token",
			answer: answer{200, nil, `{"access_token":"new","response_type":"refresh_token","token_type":"bearer","expires_in":2592000,"refresh_token":"newer","refresh_token_expires_in":5184000,"scope":"boards:read"}`},
			want: network.Tokens{
				Access: "new", Refresh: "newer", AccessExpiry: in(30 * 24 * time.Hour), RefreshExpiry: in(days60), Scopes: []string{"boards:read"},
			},
		},
		{
			name: "too many requests", network: "Pinterest", path: "POST /v5/oauth/token",
			answer: answer{429, nil, `{"code":8,"message":"refresh-value"}`}, valid: network.Unknown, kind: network.KindLimit,
		},
	} {
		t.Run(string(c.network)+": "+c.name, func(t *testing.T) {
			f := newFake(t, map[string]answer{c.path: c.answer})
			n := f.network(t, c.network, app)
			if !n.Traits().Renewable(tokens) {
				t.Fatal("there is all that a renewal needs")
			}
			got, err := n.Renew(t.Context(), tokens)
			if c.valid == "" {
				c.valid = network.Valid
			}
			if v := network.ValidityOf(err); v != c.valid {
				t.Errorf("the tokens are %s, want %s: %v", v, c.valid, err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if c.valid != network.Valid {
				wantFault(t, err, c.kind, c.says, 0)
			}
			if len(f.requests) != 1 {
				t.Errorf("%d requests for one renewal: the second may find the token used", len(f.requests))
			}
			sent, _ := url.ParseQuery(f.bodies[0])
			if f.requests[0].Method == http.MethodGet {
				sent = f.requests[0].URL.Query()
			}
			if diff := cmp.Diff(c.sends, sent); c.sends != nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// With the secret of a confidential client in the header (X, "Confidential clients"), and without one in the body.
func TestClientAuthentication(t *testing.T) {
	answers := map[string]answer{"POST /2/oauth2/token": {200, nil, `{"access_token":"new","expires_in":7200}`}}
	f := newFake(t, answers)
	if _, err := f.network(t, "X", app).Renew(t.Context(), tokens); err != nil {
		t.Fatal(err)
	}
	if id, secret, ok := f.requests[0].BasicAuth(); !ok || id != app.ClientID || secret != app.ClientSecret {
		t.Errorf("the client shows %q, %q", id, secret)
	}
	f = newFake(t, answers)
	if _, err := f.network(t, "X", network.App{ClientID: "public"}).Renew(t.Context(), tokens); err != nil {
		t.Fatal(err)
	}
	if sent, _ := url.ParseQuery(f.bodies[0]); sent.Get("client_id") != "public" || sent.Has("client_secret") {
		t.Errorf("a public client sends %v", sent)
	}
}

func TestNewWantsAServer(t *testing.T) {
	if _, err := network.New("Mastodon", network.Options{}); err == nil {
		t.Error("Mastodon has no server of its own")
	}
	if _, err := network.New("MySpace", network.Options{}); err == nil {
		t.Error("MySpace is not known")
	}
}
