// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	clocktesting "k8s.io/utils/clock/testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

var way = network.Authorization{State: "state-value", Verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", RedirectURL: "https://roster.acme.example/connect/x/callback"}

// Where people are sent, with the scopes that are asked for by default.
func TestAuthorizeURL(t *testing.T) {
	const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
	pkce := url.Values{"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for name, c := range map[rosterv1alpha1.Network]struct {
		address, client, scope string
		more                   url.Values
	}{
		"Facebook": {
			address: "https://www.facebook.com/v25.0/dialog/oauth", more: url.Values{"auth_type": {"rerequest"}},
			scope: "pages_show_list,pages_read_engagement,pages_manage_posts,pages_manage_engagement",
		},
		"Instagram": {
			address: "https://www.instagram.com/oauth/authorize",
			scope:   "instagram_business_basic,instagram_business_content_publish,instagram_business_manage_comments",
		},
		"Threads": {address: "https://threads.net/oauth/authorize", scope: "threads_basic,threads_content_publish,threads_manage_replies"},
		"X":       {address: "https://x.com/i/oauth2/authorize", scope: "tweet.read tweet.write users.read offline.access", more: pkce},
		"LinkedIn": {
			address: "https://www.linkedin.com/oauth/v2/authorization", scope: "w_organization_social r_organization_social r_organization_admin",
		},
		"YouTube": {
			address: "https://accounts.google.com/o/oauth2/v2/auth",
			scope:   "https://www.googleapis.com/auth/youtube.upload https://www.googleapis.com/auth/youtube.force-ssl",
			more: url.Values{
				"code_challenge": pkce["code_challenge"], "code_challenge_method": {"S256"}, "access_type": {"offline"}, "prompt": {"consent"},
			},
		},
		"TikTok": {
			address: "https://www.tiktok.com/v2/auth/authorize/", scope: "user.info.basic,video.publish", more: url.Values{"client_key": {app.ClientID}},
		},
		"Pinterest": {address: "https://www.pinterest.com/oauth/", scope: "boards:read,pins:read,pins:write,user_accounts:read"},
		"Mastodon":  {address: "https://mastodon.example/oauth/authorize", scope: "read write", more: pkce},
	} {
		t.Run(string(name), func(t *testing.T) {
			o := network.Options{App: app, Clock: clocktesting.NewFakePassiveClock(now)}
			if name == "Mastodon" {
				o.URL = "https://mastodon.example/"
			}
			n, err := network.New(name, o)
			if err != nil {
				t.Fatal(err)
			}
			r, ok := network.Redirects(n)
			if !ok {
				t.Fatal("people connect it by an app and a redirect")
			}
			a := way
			a.Scopes = n.Traits().Scopes
			got, err := url.Parse(r.AuthorizeURL(a))
			if err != nil {
				t.Fatal(err)
			}
			want := url.Values{
				"response_type": {"code"}, "client_id": {app.ClientID}, "redirect_uri": {way.RedirectURL}, "state": {way.State}, "scope": {c.scope},
			}
			maps.Copy(want, c.more)
			if diff := cmp.Diff(want, got.Query()); diff != "" {
				t.Error(diff)
			}
			if got.RawQuery = ""; got.String() != c.address {
				t.Errorf("people are sent to %s, want %s", got, c.address)
			}
			if strings.Contains(r.AuthorizeURL(a), way.Verifier) || strings.Contains(r.AuthorizeURL(a), app.ClientSecret) {
				t.Error("the address gives a secret away")
			}
		})
	}
}

// What a list of scopes lacks for finding the accounts is asked for, too.
func TestScopesForOffers(t *testing.T) {
	for name, c := range map[string]struct {
		network      rosterv1alpha1.Network
		asked, wants string
	}{
		"to see the Pages":               {"Facebook", "ads_read", "ads_read,pages_show_list"},
		"to see the name":                {"Instagram", "instagram_business_content_publish", "instagram_business_content_publish,instagram_business_basic"},
		"to be renewed":                  {"X", "tweet.write", "tweet.write tweet.read users.read offline.access"},
		"to see the person, not pages":   {"LinkedIn", "w_member_social", "w_member_social openid profile"},
		"one that says more is enough":   {"LinkedIn", "w_organization_social rw_organization_admin", "w_organization_social rw_organization_admin"},
		"ads alone":                      {"LinkedIn", "r_ads", "r_ads"},
		"to see the channel":             {"YouTube", "https://www.googleapis.com/auth/youtube.upload", "https://www.googleapis.com/auth/youtube.upload https://www.googleapis.com/auth/youtube.readonly"},
		"to see the account":             {"Mastodon", "write:statuses", "write:statuses read:accounts"},
		"to see the user":                {"TikTok", "video.publish", "video.publish,user.info.basic"},
		"to see the account, in commas,": {"Pinterest", "ads:read", "ads:read,user_accounts:read"},
	} {
		n, err := network.New(c.network, network.Options{URL: "https://social.example", App: app})
		if err != nil {
			t.Fatal(err)
		}
		r, _ := network.Redirects(n)
		a := way
		a.Scopes = strings.Fields(c.asked)
		got, err := url.Parse(r.AuthorizeURL(a))
		if err != nil || got.Query().Get("scope") != c.wants || got.Host != "social.example" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestConnectURL(t *testing.T) {
	for want, o := range map[string]network.Options{
		"https://x.com":        {AuthURL: "https://tokens.example"},
		"https://own.example":  {URL: "https://own.example/"},
		"https://door.example": {URL: "https://own.example", ConnectURL: "https://door.example/"},
		"https://gate.example": {ConnectURL: "https://gate.example"},
	} {
		n, err := network.New("X", o)
		if err != nil {
			t.Fatal(err)
		}
		if r, _ := network.Redirects(n); !strings.HasPrefix(r.AuthorizeURL(way), want+"/i/oauth2/authorize?") {
			t.Errorf("people are sent to %s, want %s", r.AuthorizeURL(way), want)
		}
	}
}

func TestBlueskyHasNoRedirect(t *testing.T) {
	n, err := network.New("Bluesky", network.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := network.Redirects(n); ok {
		t.Error("people connect it by an app password")
	}
	if _, ok := network.Connects(n); !ok {
		t.Error("its accounts can be connected")
	}
}

// exchanged is a way back from a network: what it answers, and what comes of it.
type exchanged struct {
	name    string
	network rosterv1alpha1.Network
	answers map[string]answer
	want    network.Tokens
	valid   network.Validity
	kind    network.Kind
	says    string
	// sends is what the first request has.
	sends url.Values
}

func TestExchange(t *testing.T) {
	in := func(d time.Duration) time.Time { return now.Add(d) }
	const days60 = 5184000 * time.Second
	scopes := []string{"one", "two"}
	code := url.Values{
		"grant_type": {"authorization_code"}, "code": {"code-value"}, "redirect_uri": {way.RedirectURL}, "client_id": {app.ClientID},
		"client_secret": {app.ClientSecret},
	}
	and := func(more url.Values) url.Values {
		all := maps.Clone(code)
		maps.Copy(all, more)
		return all
	}
	header := url.Values{"grant_type": code["grant_type"], "code": code["code"], "redirect_uri": code["redirect_uri"]}
	for _, c := range []exchanged{
		{
			name: "a token that lasts, and what was granted", network: "Facebook", sends: code,
			answers: map[string]answer{
				"POST /v25.0/oauth/access_token": {200, nil, `{"access_token":"short","token_type":"bearer","expires_in":5000}`},
				"GET /v25.0/oauth/access_token":  {200, nil, `{"access_token":"long","token_type":"bearer","expires_in":5184000}`},
				"GET /v25.0/debug_token":         {200, nil, `{"data":{"is_valid":true,"expires_at":0,"scopes":["pages_show_list"]}}`},
			},
			want: network.Tokens{Access: "long", AccessExpiry: in(days60), Scopes: []string{"pages_show_list"}},
		},
		{
			name: "a code that was used", network: "Facebook",
			answers: map[string]answer{"POST /v25.0/oauth/access_token": {400, nil, `{"error":{"message":"This authorization code has been used. code-value","type":"OAuthException","code":100,"error_subcode":36009}}`}},
			valid:   network.Unknown, says: "has been used. [secret]",
		},
		{
			name: "no token that lasts", network: "Facebook",
			answers: map[string]answer{
				"POST /v25.0/oauth/access_token": {200, nil, `{"access_token":"short-value"}`},
				"GET /v25.0/oauth/access_token":  {400, nil, `{"error":{"message":"cannot exchange short-value","code":1}}`},
			},
			valid: network.Unknown, says: "cannot exchange [secret]",
		},
		{
			name: "a list around the answer, permissions in one text", network: "Instagram", sends: code,
			answers: map[string]answer{
				"POST /oauth/access_token": {200, nil, `{"data":[{"access_token":"short","user_id":"1020","permissions":"instagram_business_basic,instagram_business_content_publish"}]}`},
				"GET /access_token":        {200, nil, `{"access_token":"long","token_type":"bearer","expires_in":5184000}`},
			},
			want: network.Tokens{Access: "long", AccessExpiry: in(days60), Scopes: []string{"instagram_business_basic", "instagram_business_content_publish"}},
		},
		{
			name: "no list around the answer, permissions in a list", network: "Instagram",
			answers: map[string]answer{
				"POST /oauth/access_token": {200, nil, `{"access_token":"short","user_id":17841405822304914,"permissions":["instagram_business_basic"]}`},
				"GET /access_token":        {200, nil, `{"access_token":"long","expires_in":5184000}`},
			},
			want: network.Tokens{Access: "long", AccessExpiry: in(days60), Scopes: []string{"instagram_business_basic"}},
		},
		{
			name: "a short answer", network: "Instagram",
			answers: map[string]answer{"POST /oauth/access_token": {200, nil, `{"data":[]}`}}, valid: network.Unknown, says: "without a token",
		},
		{
			name: "a code that was used", network: "Instagram",
			answers: map[string]answer{"POST /oauth/access_token": {400, nil, `{"error_type":"OAuthException","code":400,"error_message":"Matching code was not found or was already used"}`}},
			valid:   network.Unknown, says: "already used",
		},
		{
			name: "a token that lasts", network: "Threads", sends: code,
			answers: map[string]answer{
				"POST /oauth/access_token": {200, nil, `{"access_token":"short","user_id":17841405793187218}`},
				"GET /access_token":        {200, nil, `{"access_token":"long","token_type":"bearer","expires_in":5183944}`},
			},
			want: network.Tokens{Access: "long", AccessExpiry: in(5183944 * time.Second)},
		},
		{
			name: "the secret of the app is wrong", network: "Threads",
			answers: map[string]answer{"POST /oauth/access_token": {400, nil, `{"error":{"message":"Error validating application.","type":"OAuthException","code":190}}`}},
			valid:   network.Unknown, says: "client_id or client_secret",
		},
		{
			name: "a refresh token", network: "X", sends: url.Values{
				"grant_type": code["grant_type"], "code": code["code"], "redirect_uri": code["redirect_uri"], "code_verifier": {way.Verifier},
			},
			answers: map[string]answer{"POST /2/oauth2/token": {200, nil, `{"token_type":"bearer","expires_in":7200,"access_token":"new","scope":"tweet.read offline.access","refresh_token":"newer"}`}},
			want:    network.Tokens{Access: "new", Refresh: "newer", AccessExpiry: in(2 * time.Hour), Scopes: []string{"tweet.read", "offline.access"}},
		},
		{
			name: "the verifier is repeated", network: "X",
			answers: map[string]answer{"POST /2/oauth2/token": {400, nil, `{"error":"invalid_grant","error_description":"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk does not fit code-value"}`}},
			valid:   network.Invalid, kind: network.KindAuthentication, says: "[secret] does not fit [secret]",
		},
		{
			name: "no refresh token, as of those who are no partners", network: "LinkedIn", sends: code,
			answers: map[string]answer{"POST /oauth/v2/accessToken": {200, nil, `{"access_token":"new","expires_in":5184000,"scope":"r_ads,w_organization_social"}`}},
			want:    network.Tokens{Access: "new", AccessExpiry: in(days60), Scopes: []string{"r_ads", "w_organization_social"}},
		},
		{
			name: "the app is not known", network: "LinkedIn",
			answers: map[string]answer{"POST /oauth/v2/accessToken": {401, nil, `{"error":"invalid_client","error_description":"Client authentication failed"}`}},
			valid:   network.Unknown, says: "invalid_client",
		},
		{
			name: "a part of the scopes", network: "YouTube", sends: and(url.Values{"code_verifier": {way.Verifier}}),
			answers: map[string]answer{"POST /token": {200, nil, `{"access_token":"new","expires_in":3599,"refresh_token":"newer","scope":"two","token_type":"Bearer"}`}},
			want:    network.Tokens{Access: "new", Refresh: "newer", AccessExpiry: in(3599 * time.Second), Scopes: []string{"two"}},
		},
		{
			name: "an answer without a token", network: "YouTube",
			answers: map[string]answer{"POST /token": {200, nil, `{"scope":"two"}`}}, valid: network.Unknown, says: "access_token",
		},
		{
			name: "a client_key", network: "TikTok", sends: url.Values{
				"grant_type": code["grant_type"], "code": code["code"], "redirect_uri": code["redirect_uri"], "client_key": {app.ClientID},
				"client_secret": {app.ClientSecret},
			},
			answers: map[string]answer{"POST /v2/oauth/token/": {200, nil, `{"open_id":"afd97af1","scope":"user.info.basic,video.publish","access_token":"new","expires_in":86400,"refresh_token":"newer","refresh_expires_in":31536000,"token_type":"Bearer"}`}},
			want: network.Tokens{
				Access: "new", Refresh: "newer", AccessExpiry: in(24 * time.Hour), RefreshExpiry: in(365 * 24 * time.Hour),
				Scopes: []string{"user.info.basic", "video.publish"},
			},
		},
		{
			name: "an error in an answer of 200", network: "TikTok",
			answers: map[string]answer{"POST /v2/oauth/token/": {200, nil, `{"error":"invalid_grant","error_description":"Authorization code is expired.","log_id":"x"}`}},
			valid:   network.Invalid, kind: network.KindAuthentication, says: "expired",
		},
		{
			name: "a refresh token that is continuous", network: "Pinterest", sends: url.Values{
				"grant_type": header["grant_type"], "code": header["code"], "redirect_uri": header["redirect_uri"], "continuous_refresh": {"true"},
			},
			answers: map[string]answer{"POST /v5/oauth/token": {200, nil, `{"access_token":"new","refresh_token":"newer","response_type":"authorization_code","token_type":"bearer","expires_in":2592000,"refresh_token_expires_in":5184000,"scope":"boards:read ads:read"}`}},
			want: network.Tokens{
				Access: "new", Refresh: "newer", AccessExpiry: in(30 * 24 * time.Hour), RefreshExpiry: in(days60), Scopes: []string{"boards:read", "ads:read"},
			},
		},
		{
			name: "the app is refused", network: "Pinterest",
			answers: map[string]answer{"POST /v5/oauth/token": {401, nil, `{"code":2,"message":"Authentication failed."}`}},
			valid:   network.Unknown, says: "Authentication failed",
		},
		{
			name: "all that was asked for is granted, which need not be said", network: "Mastodon", sends: and(url.Values{"code_verifier": {way.Verifier}}),
			answers: map[string]answer{"POST /oauth/token": {200, nil, `{"access_token":"new","token_type":"Bearer","created_at":1573979017}`}},
			want:    network.Tokens{Access: "new", Scopes: scopes},
		},
		{
			name: "a code that has expired", network: "Mastodon",
			answers: map[string]answer{"POST /oauth/token": {400, nil, `{"error":"invalid_grant","error_description":"The provided authorization grant is invalid, expired, revoked, does not match"}`}},
			valid:   network.Invalid, kind: network.KindAuthentication, says: "invalid_grant",
		},
		{
			name: "too many requests", network: "Mastodon",
			answers: map[string]answer{"POST /oauth/token": {429, nil, `{"error":"Too many requests"}`}}, valid: network.Unknown, kind: network.KindLimit, says: "429",
		},
	} {
		t.Run(string(c.network)+": "+c.name, func(t *testing.T) { testExchange(t, c, scopes) })
	}
}

func testExchange(t *testing.T, c exchanged, scopes []string) {
	f := newFake(t, c.answers)
	r, ok := network.Redirects(f.network(t, c.network, app))
	if !ok {
		t.Fatal("no redirect")
	}
	a := way
	a.Scopes = scopes
	got, err := r.Exchange(t.Context(), "code-value", a)
	if c.valid == "" {
		c.valid = network.Valid
	}
	if v := network.ValidityOf(err); v != c.valid {
		t.Errorf("the code is %s, want %s: %v", v, c.valid, err)
	}
	if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if c.valid != network.Valid {
		wantFault(t, err, c.kind, c.says, 0)
		for _, secret := range []string{"code-value", way.Verifier, "short-value"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error gives %q away: %s", secret, err)
			}
		}
	}
	if sent, _ := url.ParseQuery(f.bodies[0]); c.sends != nil {
		if diff := cmp.Diff(c.sends, sent); diff != "" {
			t.Error(diff)
		}
	}
	if id, secret, ok := f.requests[0].BasicAuth(); (c.network == "X" || c.network == "Pinterest") && (!ok || id != app.ClientID || secret != app.ClientSecret) {
		t.Errorf("the client shows %q, %q", id, secret)
	}
}

// A handle has 1 to 253 characters, whatever people call their accounts.
func TestHandleFits(t *testing.T) {
	for name, want := range map[string]string{
		"  Acme\n  EMEA ": "Acme EMEA", "": "77", "\u0000": "77", strings.Repeat("ö", 300): strings.Repeat("ö", 253),
	} {
		quoted := strings.NewReplacer("\n", `\n`, "\u0000", `\u0000`).Replace(name)
		f := newFake(t, map[string]answer{
			"GET /v5/user_account": {200, nil, `{"id":"1","username":"acme"}`},
			"GET /v5/ad_accounts":  {200, nil, `{"items":[{"id":"77","name":"` + quoted + `"}],"bookmark":null}`},
		})
		c, _ := network.Connects(f.network(t, "Pinterest", app))
		offers, err := c.Offers(t.Context(), network.Tokens{Access: "a", Scopes: []string{"ads:read"}})
		if err != nil || len(offers) != 2 || offers[1].Handle != want || utf8.RuneCountInString(offers[1].Handle) > 253 {
			t.Errorf("%q becomes %+v, %v", name, offers, err)
		}
	}
}
