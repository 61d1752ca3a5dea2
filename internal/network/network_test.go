// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	clocktesting "k8s.io/utils/clock/testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answer is what a network says.
type answer struct {
	status int
	header map[string]string
	body   string
}

// fake is a network that answers as its documentation has it, by method and path.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newFake(t *testing.T, answers map[string]answer) *fake {
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.requests, f.bodies = append(f.requests, r), append(f.bodies, string(body))
		f.mu.Unlock()
		a, ok := answerTo(r, answers)
		if !ok {
			t.Errorf("nobody documents %s %s", r.Method, r.URL)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(f.Close)
	return f
}

// answerTo finds the answer to a request. Those to one page of a list have a part of the query in their key.
func answerTo(r *http.Request, answers map[string]answer) (answer, bool) {
	for key, a := range answers {
		address, query, _ := strings.Cut(key, "?")
		if query != "" && address == r.Method+" "+r.URL.Path && strings.Contains("&"+r.URL.RawQuery+"&", "&"+query+"&") {
			return a, true
		}
	}
	a, ok := answers[r.Method+" "+r.URL.Path]
	return a, ok
}

func (f *fake) network(t *testing.T, name rosterv1alpha1.Network, app network.App) network.Network {
	t.Helper()
	n, err := network.New(name, network.Options{URL: f.URL, App: app, Clock: clocktesting.NewFakePassiveClock(now)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var (
	app    = network.App{ClientID: "client-id", ClientSecret: "client-secret-value"}
	tokens = network.Tokens{Access: "access-value", Refresh: "refresh-value"}
)

func TestCheck(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, c := range []struct {
		name    string
		network rosterv1alpha1.Network
		app     network.App
		answers map[string]answer
		want    network.Validity
		kind    network.Kind
		says    string
		wait    time.Duration
		report  network.Report
	}{
		{
			name: "a Page token that never expires, and data access that does", network: "Facebook", app: app,
			answers: map[string]answer{
				"GET /v25.0/debug_token": {200, nil, `{"data":{"app_id":"1","type":"PAGE","is_valid":true,"expires_at":0,"data_access_expires_at":1780000000,"scopes":["pages_show_list","pages_manage_posts"]}}`},
				"GET /v25.0/me":          {200, nil, `{"id":"4711"}`},
			},
			want: network.Valid, report: network.Report{
				AccountID: "4711", Scopes: []string{"pages_show_list", "pages_manage_posts"}, DataAccessExpiry: at("2026-05-28T20:26:40Z"),
			},
		},
		{
			name: "an expiry in the year 2058 is passed on for the caller to doubt", network: "Facebook", app: app,
			answers: map[string]answer{
				"GET /v25.0/debug_token": {200, nil, `{"data":{"is_valid":true,"expires_at":2779200000}}`},
				"GET /v25.0/me":          {200, nil, `{"id":"4711"}`},
			},
			want: network.Valid, report: network.Report{AccountID: "4711", AccessExpiry: at("2058-01-25T16:00:00Z")},
		},
		{
			name: "an expired token is inside an answer of 200", network: "Facebook", app: app,
			answers: map[string]answer{
				"GET /v25.0/debug_token": {200, nil, `{"data":{"is_valid":false,"expires_at":1770000000,"error":{"code":190,"message":"Error validating access token: Session has expired","subcode":463}}}`},
			},
			want: network.Invalid, kind: network.KindAuthentication, says: "Session has expired",
			report: network.Report{AccessExpiry: at("2026-02-02T02:40:00Z")},
		},
		{
			name: "the secret of the app is wrong, which says nothing about the token", network: "Facebook", app: app,
			answers: map[string]answer{
				"GET /v25.0/debug_token": {400, nil, `{"error":{"message":"Error validating application. Invalid application secret client-secret-value.","type":"OAuthException","code":190}}`},
			},
			want: network.Unknown, says: "client_id or client_secret of the app is refused",
		},
		{
			name: "a 400 with a subcode: the password was changed", network: "Instagram",
			answers: map[string]answer{
				"GET /v25.0/me": {400, nil, `{"error":{"message":"The session has been invalidated because the user changed their password access-value","type":"OAuthException","code":190,"error_subcode":460,"fbtrace_id":"x"}}`},
			},
			want: network.Invalid, kind: network.KindAuthentication, says: "code 190, subcode 460",
		},
		{
			name: "too many calls of the app, with a 400", network: "Instagram",
			answers: map[string]answer{
				"GET /v25.0/me": {400, map[string]string{"Retry-After": "120"}, `{"error":{"message":"Application request limit reached","type":"OAuthException","code":4}}`},
			},
			want: network.Unknown, kind: network.KindLimit, wait: 2 * time.Minute, says: "limit",
		},
		{
			name: "a permission was taken away", network: "Threads",
			answers: map[string]answer{
				"GET /v1.0/me": {403, nil, `{"error":{"message":"(#10) Application does not have permission","type":"OAuthException","code":10}}`},
			},
			want: network.Unknown, kind: network.KindScope, says: "#10",
		},
		{
			name: "all is well", network: "Threads",
			answers: map[string]answer{"GET /v1.0/me": {200, nil, `{"id":"77","username":"acme"}`}},
			want:    network.Valid, report: network.Report{AccountID: "77", Handle: "acme"},
		},
		{
			name: "all is well", network: "X",
			answers: map[string]answer{"GET /2/users/me": {200, nil, `{"data":{"id":"12","name":"Acme","username":"acme"}}`}},
			want:    network.Valid, report: network.Report{AccountID: "12", Handle: "acme"},
		},
		{
			name: "the token is no good", network: "X",
			answers: map[string]answer{"GET /2/users/me": {401, nil, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "Unauthorized",
		},
		{
			name: "a 401 with a type of its own", network: "X",
			answers: map[string]answer{"GET /2/users/me": {401, nil, `{"title":"Unauthorized","type":"https://api.twitter.com/2/problems/client-forbidden","status":401,"detail":"The app is not enrolled"}`}},
			want:    network.Unknown, says: "not enrolled",
		},
		{
			name: "a 401 in JSON that is not X's", network: "X",
			answers: map[string]answer{"GET /2/users/me": {401, nil, `{"message":"sign in to the gateway"}`}},
			want:    network.Unknown, says: "answers 401",
		},
		{
			name: "the app may not", network: "X",
			answers: map[string]answer{"GET /2/users/me": {403, nil, `{"title":"Client Forbidden","type":"https://api.twitter.com/2/problems/client-forbidden","status":403,"detail":"Your client app is not configured"}`}},
			want:    network.Unknown, says: "Client Forbidden",
		},
		{
			name: "too many requests, with the time of the reset", network: "X",
			answers: map[string]answer{"GET /2/users/me": {429, map[string]string{"x-rate-limit-reset": "1772366700"}, `{"title":"Too Many Requests","status":429}`}},
			want:    network.Unknown, kind: network.KindLimit, wait: 5 * time.Minute, says: "Too Many",
		},
		{
			name: "a 401 from a proxy that is not X", network: "X",
			answers: map[string]answer{"GET /2/users/me": {401, nil, `<html>sign in to the guest network</html>`}},
			want:    network.Unknown, says: "answers 401",
		},
		{
			name: "all is well, though the token does not reach to the person", network: "LinkedIn", app: app,
			answers: map[string]answer{
				"POST /oauth/v2/introspectToken": {200, nil, `{"active":true,"status":"active","scope":"r_organization_social,w_organization_social","expires_at":1777000000}`},
				"GET /v2/userinfo":               {403, nil, `{"status":403,"serviceErrorCode":100,"code":"ACCESS_DENIED","message":"Not enough permissions to access: userinfo.GET.NO_VERSION"}`},
			},
			want: network.Valid, report: network.Report{Scopes: []string{"r_organization_social", "w_organization_social"}, AccessExpiry: at("2026-04-24T03:06:40Z")},
		},
		{
			name: "the person revoked the app", network: "LinkedIn", app: app,
			answers: map[string]answer{"POST /oauth/v2/introspectToken": {200, nil, `{"active":false,"status":"revoked"}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "revoked",
		},
		{
			name: "the secret of the app is wrong", network: "LinkedIn", app: app,
			answers: map[string]answer{"POST /oauth/v2/introspectToken": {401, nil, `{"error":"invalid_client","error_description":"Client authentication failed"}`}},
			want:    network.Unknown, says: "invalid_client",
		},
		{
			name: "a revoked token", network: "LinkedIn",
			answers: map[string]answer{"GET /v2/userinfo": {401, nil, `{"status":401,"serviceErrorCode":65601,"code":"REVOKED_ACCESS_TOKEN","message":"The token used in the request has been revoked by the user"}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "65601",
		},
		{
			name: "another 401", network: "LinkedIn",
			answers: map[string]answer{"GET /v2/userinfo": {401, nil, `{"status":401,"serviceErrorCode":0,"message":"Empty oauth2 access token"}`}},
			want:    network.Unknown, says: "Empty",
		},
		{
			name: "all is well", network: "YouTube",
			answers: map[string]answer{
				"GET /tokeninfo":           {200, nil, `{"azp":"x","aud":"x","scope":"https://www.googleapis.com/auth/youtube.upload","exp":"1772370000","expires_in":"3600","access_type":"offline"}`},
				"GET /youtube/v3/channels": {200, nil, `{"items":[{"id":"UC1","snippet":{"title":"Acme","customUrl":"@acme"}}]}`},
			},
			want: network.Valid, report: network.Report{
				AccountID: "UC1", Handle: "@acme", Scopes: []string{"https://www.googleapis.com/auth/youtube.upload"}, AccessExpiry: at("2026-03-01T13:00:00Z"),
			},
		},
		{
			name: "a 400 for an expired token", network: "YouTube",
			answers: map[string]answer{"GET /tokeninfo": {400, nil, `{"error":"invalid_token","error_description":"Invalid Value"}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "invalid_token",
		},
		{
			name: "a dead token, after tokeninfo", network: "YouTube",
			answers: map[string]answer{
				"GET /tokeninfo":           {200, nil, `{"exp":"1772370000"}`},
				"GET /youtube/v3/channels": {401, nil, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","errors":[{"message":"Invalid Credentials","domain":"global","reason":"authError","location":"Authorization"}],"status":"UNAUTHENTICATED"}}`},
			},
			want: network.Invalid, kind: network.KindAuthentication, says: "invalid authentication", report: network.Report{AccessExpiry: at("2026-03-01T13:00:00Z")},
		},
		{
			name: "a 401 for want of a channel", network: "YouTube",
			answers: map[string]answer{
				"GET /tokeninfo":           {200, nil, `{"exp":"1772370000"}`},
				"GET /youtube/v3/channels": {401, nil, `{"error":{"code":401,"message":"Unauthorized","errors":[{"domain":"youtube.header","reason":"youtubeSignupRequired"}]}}`},
			},
			want: network.Unknown, says: "Unauthorized", report: network.Report{AccessExpiry: at("2026-03-01T13:00:00Z")},
		},
		{
			name: "a missing scope in the details", network: "YouTube",
			answers: map[string]answer{
				"GET /tokeninfo":           {200, nil, `{"exp":"1772370000"}`},
				"GET /youtube/v3/channels": {403, nil, `{"error":{"code":403,"message":"Request had insufficient authentication scopes.","errors":[],"status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT","domain":"googleapis.com"}]}}`},
			},
			want: network.Unknown, kind: network.KindScope, says: "insufficient", report: network.Report{AccessExpiry: at("2026-03-01T13:00:00Z")},
		},
		{
			name: "the quota of the app is used up, with a 403", network: "YouTube",
			answers: map[string]answer{
				"GET /tokeninfo":           {200, nil, `{"exp":"1772370000"}`},
				"GET /youtube/v3/channels": {403, nil, `{"error":{"code":403,"message":"The request cannot be completed because you have exceeded your quota.","errors":[{"reason":"quotaExceeded"}]}}`},
			},
			want: network.Unknown, kind: network.KindLimit, says: "quota", report: network.Report{AccessExpiry: at("2026-03-01T13:00:00Z")},
		},
		{
			name: "all is well", network: "TikTok",
			answers: map[string]answer{"GET /v2/user/info/": {200, nil, `{"data":{"user":{"open_id":"723f"}},"error":{"code":"ok","message":"","log_id":"x"}}`}},
			want:    network.Valid, report: network.Report{AccountID: "723f"},
		},
		{
			name: "the token is no good", network: "TikTok",
			answers: map[string]answer{"GET /v2/user/info/": {401, nil, `{"data":{},"error":{"code":"access_token_invalid","message":"The access token is invalid or not found in the request.","log_id":"x"}}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "access_token_invalid",
		},
		{
			name: "a scope is missing, also with a 401", network: "TikTok",
			answers: map[string]answer{"GET /v2/user/info/": {401, nil, `{"error":{"code":"scope_not_authorized","message":"The user did not authorize the scope required"}}`}},
			want:    network.Unknown, kind: network.KindScope, says: "scope_not_authorized",
		},
		{
			name: "all is well", network: "Pinterest",
			answers: map[string]answer{"GET /v5/user_account": {200, nil, `{"account_type":"BUSINESS","id":"2783","username":"acme"}`}},
			want:    network.Valid, report: network.Report{AccountID: "2783", Handle: "acme"},
		},
		{
			name: "the token is no good", network: "Pinterest",
			answers: map[string]answer{"GET /v5/user_account": {401, nil, `{"code":2,"message":"Authentication failed."}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "Authentication failed",
		},
		{
			name: "a missing scope, also with a 401", network: "Pinterest",
			answers: map[string]answer{"GET /v5/user_account": {401, nil, `{"code":3,"message":"Your token does not have sufficient permissions to perform this operation."}`}},
			want:    network.Unknown, kind: network.KindScope, says: "sufficient permissions",
		},
		{
			name: "code 2 of something else", network: "Pinterest",
			answers: map[string]answer{"GET /v5/user_account": {404, nil, `{"code":2,"message":"AdAccount not found."}`}},
			want:    network.Unknown, says: "not found",
		},
		{
			name: "too many requests, with the seconds to the reset", network: "Pinterest",
			answers: map[string]answer{"GET /v5/user_account": {429, map[string]string{"x-ratelimit-reset": "40"}, `{"code":8,"message":"You have exceeded your rate limit. Try again later."}`}},
			want:    network.Unknown, kind: network.KindLimit, wait: 40 * time.Second, says: "rate limit",
		},
		{
			name: "all is well", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {200, nil, `{"id":"14715","username":"acme","acct":"acme"}`}},
			want:    network.Valid, report: network.Report{AccountID: "14715", Handle: "acme"},
		},
		{
			name: "the token was revoked", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {401, nil, `{"error":"The access token was revoked"}`}},
			want:    network.Invalid, kind: network.KindAuthentication, says: "revoked",
		},
		{
			name: "the login is disabled", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {403, nil, `{"error":"Your login is currently disabled"}`}},
			want:    network.Closed, kind: network.KindDisabled, says: "disabled",
		},
		{
			name: "the login waits for approval", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {403, nil, `{"error":"Your login is currently pending approval"}`}},
			want:    network.Closed, kind: network.KindDisabled, says: "pending approval",
		},
		{
			name: "a 403 about something else", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {403, nil, `{"error":"This action is not allowed"}`}},
			want:    network.Unknown, says: "not allowed",
		},
		{
			name: "the account is suspended", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {200, nil, `{"id":"1","acct":"acme","display_name":"","suspended":true}`}},
			want:    network.Closed, kind: network.KindSuspended, says: "suspended", report: network.Report{AccountID: "1", Handle: "acme"},
		},
		{
			name: "the account has moved", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {200, nil, `{"id":"1","acct":"acme","moved":{"id":"9","acct":"acme@new.example"}}`}},
			want:    network.Closed, kind: network.KindMoved, says: "@acme@new.example", report: network.Report{AccountID: "1", Handle: "acme"},
		},
		{
			name: "the account is deactivated", network: "Bluesky",
			answers: map[string]answer{"GET /xrpc/com.atproto.server.getSession": {200, nil, `{"did":"did:plc:1","handle":"acme.test","active":false,"status":"deactivated"}`}},
			want:    network.Closed, kind: network.KindDisabled, says: "deactivated", report: network.Report{AccountID: "did:plc:1", Handle: "acme.test"},
		},
		{
			name: "the account is suspended", network: "Bluesky",
			answers: map[string]answer{"GET /xrpc/com.atproto.server.getSession": {200, nil, `{"did":"did:plc:1","handle":"acme.test","active":false,"status":"suspended"}`}},
			want:    network.Closed, kind: network.KindSuspended, says: "suspended", report: network.Report{AccountID: "did:plc:1", Handle: "acme.test"},
		},
		{
			name: "the person has to put something right at the network", network: "Instagram",
			answers: map[string]answer{"GET /v25.0/me": {400, nil, `{"error":{"message":"The user is enrolled in a blocking, logged-in checkpoint","type":"OAuthException","code":190,"error_subcode":459}}`}},
			want:    network.Closed, kind: network.KindDisabled, says: "checkpoint",
		},
		{
			name: "the account is suspended", network: "YouTube",
			answers: map[string]answer{
				"GET /tokeninfo":           {200, nil, `{"exp":"1772370000"}`},
				"GET /youtube/v3/channels": {403, nil, `{"error":{"code":403,"message":"The YouTube account of the authenticated user is suspended.","errors":[{"domain":"youtube.common","reason":"authenticatedUserAccountSuspended"}]}}`},
			},
			want: network.Closed, kind: network.KindSuspended, says: "suspended", report: network.Report{AccessExpiry: at("2026-03-01T13:00:00Z")},
		},
		{
			name: "too many requests, with a date", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {429, map[string]string{"X-RateLimit-Reset": "2026-03-01T12:05:00.123Z"}, `{"error":"Too many requests"}`}},
			want:    network.Unknown, kind: network.KindLimit, wait: 5*time.Minute + 123*time.Millisecond, says: "Too many",
		},
		{
			name: "down", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {503, map[string]string{"Retry-After": "Sun, 01 Mar 2026 12:10:00 GMT"}, `upstream`}},
			want:    network.Unknown, wait: 10 * time.Minute, says: "503",
		},
		{
			name: "an answer of 200 that is not JSON", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {200, nil, `<html>`}},
			want:    network.Unknown, says: "not the JSON",
		},
		{
			name: "a redirect, which is not followed", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {302, map[string]string{"Location": "/stolen"}, ``}},
			want:    network.Unknown, says: "302",
		},
	} {
		t.Run(string(c.network)+": "+c.name, func(t *testing.T) {
			f := newFake(t, c.answers)
			report, err := f.network(t, c.network, c.app).Check(t.Context(), tokens)
			if got := network.ValidityOf(err); got != c.want {
				t.Errorf("the tokens are %s, want %s: %v", got, c.want, err)
			}
			if diff := cmp.Diff(c.report, report, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			wantFault(t, err, c.kind, c.says, c.wait)
		})
	}
}

// wantFault checks an error, and that it holds nothing secret.
func wantFault(t *testing.T, err error, kind network.Kind, says string, wait time.Duration) {
	t.Helper()
	if err == nil {
		if says != "" {
			t.Errorf("no error, want one that says %q", says)
		}
		return
	}
	var fault *network.Error
	if !errors.As(err, &fault) {
		t.Fatalf("%v is no Error", err)
	}
	if fault.Kind != kind || !strings.Contains(fault.Message, says) || fault.RetryAfter != wait {
		t.Errorf("the fault is %+v, want kind %d, %q, %s", fault, kind, says, wait)
	}
	for _, secret := range []string{tokens.Access, tokens.Refresh, app.ClientSecret} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error gives %q away: %s", secret, err)
		}
	}
}

// A server that is not there must not give away what the address of the request holds.
func TestNobodyThere(t *testing.T) {
	f := newFake(t, nil)
	f.Close()
	for _, name := range []rosterv1alpha1.Network{"Facebook", "Instagram", "Threads", "X", "LinkedIn", "YouTube", "TikTok", "Pinterest", "Mastodon", "Bluesky"} {
		n := f.network(t, name, app)
		_, err := n.Check(t.Context(), tokens)
		if err == nil || network.ValidityOf(err) != network.Unknown {
			t.Errorf("%s: %v says nothing about the tokens", name, err)
		}
		wantFault(t, err, network.KindOther, "connection refused", 0)
		if n.Traits().Renewable(tokens) {
			_, err = n.Renew(t.Context(), tokens)
			wantFault(t, err, network.KindOther, "connection refused", 0)
		}
	}
}

// A network that hangs is not waited for longer than the caller wants.
func TestHang(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, map[string]answer{})
	f.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := f.network(t, "Instagram", app).Check(ctx, tokens)
	wantFault(t, err, network.KindOther, "context canceled", 0)
}
