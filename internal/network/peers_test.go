// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/utils/clock"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testpeer"
)

// Against the reference server of Bluesky.
func TestBluesky(t *testing.T) {
	ctx := t.Context()
	server, err := testpeer.StartBluesky(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	account, err := server.CreateAccount(ctx, "acmesocial", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	n, err := network.New("Bluesky", network.Options{URL: server.URL, Clock: clock.RealClock{}})
	if err != nil {
		t.Fatal(err)
	}
	password, err := server.AppPassword(ctx, account, "roster")
	if err != nil {
		t.Fatal(err)
	}
	signIn := network.Tokens{AppPassword: password, Handle: "@acmesocial.test"}
	connector, ok := network.Connects(n)
	if !ok {
		t.Fatal("no accounts to connect")
	}
	session, err := n.Renew(ctx, signIn)
	if err != nil {
		t.Fatal("an app password opens a session:", err)
	}

	t.Run("a session is valid, and says whose and how long", func(t *testing.T) {
		report, err := n.Check(ctx, session)
		if err != nil || report.AccountID != account.DID || report.Handle != "acmesocial.test" {
			t.Errorf("%+v, %v", report, err)
		}
		if left := time.Until(report.AccessExpiry); left < time.Hour || left > 3*time.Hour {
			t.Errorf("the access token lives %s more", left)
		}
		if left := time.Until(session.RefreshExpiry); left < 24*time.Hour {
			t.Errorf("the refresh token lives %s more", left)
		}
	})
	t.Run("the account is offered, with tokens that live and the app password", func(t *testing.T) {
		offers, err := connector.Offers(ctx, signIn)
		if err != nil || len(offers) != 1 || offers[0].AccountID != account.DID || offers[0].Handle != "acmesocial.test" {
			t.Fatalf("%+v, %v", offers, err)
		}
		got := offers[0].Tokens
		if got.AppPassword != password || !n.Traits().Renewable(got) || got.RefreshExpiry.IsZero() {
			t.Errorf("a session that ends at %s cannot be renewed", got.RefreshExpiry)
		}
		stored, err := network.ParseTokens(got.Store(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Check(ctx, stored); err != nil {
			t.Error("what is stored opens the account:", err)
		}
	})
	t.Run("a wrong app password offers nothing, and is not repeated", func(t *testing.T) {
		_, err := connector.Offers(ctx, network.Tokens{AppPassword: "wrong-pass-word-here", Handle: signIn.Handle})
		if network.ValidityOf(err) != network.Invalid || strings.Contains(err.Error(), "wrong-pass") {
			t.Error(err)
		}
	})
	t.Run("the password of the account itself is refused: Roster would keep it", func(t *testing.T) {
		offers, err := connector.Offers(ctx, network.Tokens{AppPassword: "correct horse", Handle: signIn.Handle})
		if len(offers) != 0 || network.ValidityOf(err) != network.Invalid || !strings.Contains(err.Error(), "app password") {
			t.Errorf("%+v, %v", offers, err)
		}
	})
	t.Run("a renewal rotates the refresh token", func(t *testing.T) {
		renewed, err := n.Renew(ctx, session) // whose access token may be the same within one second
		if err != nil || renewed.Access == "" || renewed.Refresh == session.Refresh {
			t.Fatalf("%v", err)
		}
		if _, err := n.Check(ctx, renewed); err != nil {
			t.Error(err)
		}
	})
	t.Run("an expired token is invalid, with a 400", func(t *testing.T) {
		_, err := n.Check(ctx, network.Tokens{Access: expired(t, session.Access, server.JWTSecret)})
		if network.ValidityOf(err) != network.Invalid || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "ExpiredToken") {
			t.Error(err)
		}
	})
	t.Run("an expired refresh token is invalid, and an app password helps", func(t *testing.T) {
		old := network.Tokens{Refresh: expired(t, session.Refresh, server.JWTSecret)}
		if _, err := n.Renew(ctx, old); network.ValidityOf(err) != network.Invalid {
			t.Error(err)
		}
		old.AppPassword, old.Handle = password, signIn.Handle
		if _, err := n.Renew(ctx, old); err != nil {
			t.Error(err)
		}
	})
	t.Run("what is no token is invalid", func(t *testing.T) {
		if _, err := n.Check(ctx, network.Tokens{Access: "gibberish"}); network.ValidityOf(err) != network.Invalid {
			t.Error(err)
		}
	})
	t.Run("an app password opens the account by its DID when the handle has changed", func(t *testing.T) {
		if err := server.Rename(ctx, account, "acme-renamed"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Renew(ctx, signIn); network.ValidityOf(err) != network.Invalid || !strings.Contains(err.Error(), "spec.accountID") {
			t.Errorf("by the handle that it had: %v", err)
		}
		byDID := signIn
		byDID.AccountID = account.DID
		renewed, err := n.Renew(ctx, byDID)
		if err != nil {
			t.Fatal(err)
		}
		if report, err := n.Check(ctx, renewed); err != nil || report.AccountID != account.DID || report.Handle != "acme-renamed.test" {
			t.Errorf("%+v, %v", report, err)
		}
		signIn.Handle = "https://bsky.app/profile/acme-renamed.test"
		if _, err := n.Renew(ctx, signIn); err != nil {
			t.Error("the address of the page is as good as the handle:", err)
		}
	})
	t.Run("an app password that was taken back is invalid", func(t *testing.T) {
		if err := server.RevokeAppPassword(ctx, account, "roster"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Renew(ctx, signIn); network.ValidityOf(err) != network.Invalid {
			t.Error(err)
		}
	})
	t.Run("an account that was taken down is closed; the old tokens alone do not say so", func(t *testing.T) {
		if err := server.TakeDown(ctx, account); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Check(ctx, network.Tokens{Access: account.AccessJWT}); network.ValidityOf(err) != network.Unknown {
			t.Error(err)
		}
		if _, err := n.Renew(ctx, network.Tokens{Refresh: account.RefreshJWT}); network.ValidityOf(err) != network.Closed {
			t.Error(err)
		}
	})
}

// The code flow with PKCE against a certified provider, whose endpoints are where those of the networks are.
func TestCodeFlow(t *testing.T) {
	for name, c := range map[rosterv1alpha1.Network]struct {
		auth, token, method string
		noPKCE              bool
	}{
		"Mastodon": {auth: "/oauth/authorize", token: "/oauth/token", method: "client_secret_post"},
		"X":        {auth: "/i/oauth2/authorize", token: "/2/oauth2/token", method: "client_secret_basic"},
		"YouTube":  {auth: "/o/oauth2/v2/auth", token: "/token", method: "client_secret_post"},
		"LinkedIn": {auth: "/oauth/v2/authorization", token: "/oauth/v2/accessToken", method: "client_secret_post", noPKCE: true},
	} {
		t.Run(string(name), func(t *testing.T) {
			ctx := t.Context()
			const back = "https://roster.acme.example/connect/callback"
			provider, err := testpeer.StartOIDC(ctx, testpeer.OIDCOptions{
				Clients:  []testpeer.OIDCClient{{ID: app.ClientID, Secret: app.ClientSecret, RedirectURIs: []string{back}, AuthMethod: c.method}},
				AuthPath: c.auth, TokenPath: c.token, Scopes: []string{"read", "write"}, PKCEOptional: c.noPKCE,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = provider.Stop() })
			server := accounts(t, provider)
			n, err := network.New(name, network.Options{
				URL: server, AuthURL: provider.URL, ConnectURL: provider.URL, App: app, Clock: clock.RealClock{},
			})
			if err != nil {
				t.Fatal(err)
			}
			r, ok := network.Redirects(n)
			if !ok {
				t.Fatal("no redirect")
			}
			agree := func() (string, network.Authorization) {
				t.Helper()
				a := network.Authorization{State: rand.Text(), Verifier: oauth2.GenerateVerifier(), RedirectURL: back, Scopes: []string{"read", "write"}}
				at, err := provider.SignIn(ctx, r.AuthorizeURL(a), "acme")
				if err != nil {
					t.Fatal(err)
				}
				if at.Query().Get("state") != a.State || at.Query().Get("code") == "" {
					t.Fatalf("people come back to %s", at)
				}
				return at.Query().Get("code"), a
			}
			code, a := agree()
			tokens, err := r.Exchange(ctx, code, a)
			if err != nil || tokens.Access == "" {
				t.Fatal("a code brings tokens:", err)
			}
			if missing := network.Missing(tokens.Scopes, a.Scopes); len(missing) > 0 {
				t.Errorf("the scopes %v were granted, and not told", missing)
			}
			if name == "Mastodon" {
				offers, err := r.Offers(ctx, tokens)
				want := "@acme@" + strings.TrimPrefix(server, "http://")
				if err != nil || len(offers) != 1 || offers[0].Handle != want || offers[0].Tokens.Access != tokens.Access {
					t.Errorf("%+v, %v, want %s", offers, err, want)
				}
			}
			refused := func(why, code string, a network.Authorization) {
				t.Helper()
				got, err := r.Exchange(ctx, code, a)
				if network.ValidityOf(err) != network.Invalid || got.Access != "" {
					t.Errorf("%s: %v", why, err)
				} else if strings.Contains(err.Error(), code) {
					t.Errorf("the error repeats the code: %s", err)
				}
			}
			refused("a code is good for one use", code, a)
			code, a = agree()
			other := a
			other.RedirectURL = back + "/elsewhere"
			refused("a code is good for the address that it was sent to", code, other)
			if !c.noPKCE {
				code, a = agree()
				a.Verifier = oauth2.GenerateVerifier()
				refused("a code works with its verifier only", code, a)
			}
		})
	}
}

// accounts is the part of a server of Mastodon that tells whose a token is; whether it is one, the provider knows.
func accounts(t *testing.T, provider *testpeer.OIDC) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		ask, _ := http.NewRequest(http.MethodPost, provider.URL+"/token/introspection", strings.NewReader(url.Values{
			"token": {token}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret},
		}.Encode()))
		ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = response.Body.Close() }()
		var info struct {
			Active bool   `json:"active"`
			Sub    string `json:"sub"`
		}
		if err := json.NewDecoder(response.Body).Decode(&info); err != nil || !info.Active || r.URL.Path != "/api/v1/accounts/verify_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"The access token is invalid"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"id":"1","acct":%q}`, info.Sub)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// expired signs a token of the server again, with an end that is past.
func expired(t *testing.T, token, secret string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	claims["iat"], claims["exp"] = time.Now().Add(-3*time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	if payload, err = json.Marshal(claims); err != nil {
		t.Fatal(err)
	}
	unsigned := parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(unsigned))
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Renewal by OAuth 2.0 against a certified provider, in the two ways that clients show their secret.
func TestOAuth(t *testing.T) {
	for name, c := range map[string]struct {
		path, method string
		style        oauth2.AuthStyle
	}{
		"YouTube":   {"/token", "client_secret_post", oauth2.AuthStyleInParams},
		"LinkedIn":  {"/oauth/v2/accessToken", "client_secret_post", oauth2.AuthStyleInParams},
		"X":         {"/2/oauth2/token", "client_secret_basic", oauth2.AuthStyleInHeader},
		"Pinterest": {"/v5/oauth/token", "client_secret_basic", oauth2.AuthStyleInHeader},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			provider, err := testpeer.StartOIDC(ctx, testpeer.OIDCOptions{
				Clients: []testpeer.OIDCClient{{
					ID: app.ClientID, Secret: app.ClientSecret, RedirectURIs: []string{"http://127.0.0.1/back"}, AuthMethod: c.method,
				}},
				TokenPath: c.path,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = provider.Stop() })
			first := connect(t, provider, oauth2.Endpoint{AuthURL: provider.URL + "/auth", TokenURL: provider.URL + c.path, AuthStyle: c.style})
			n, err := network.New(rosterv1alpha1.Network(name), network.Options{URL: provider.URL, App: app, Clock: clock.RealClock{}})
			if err != nil {
				t.Fatal(err)
			}
			second, err := n.Renew(ctx, first)
			if err != nil {
				t.Fatal(err)
			}
			if second.Access == "" || second.Refresh == first.Refresh || second.AccessExpiry.IsZero() || len(second.Scopes) == 0 {
				t.Errorf("the renewal brings %+v", second)
			}
			wrong, err := network.New(rosterv1alpha1.Network(name), network.Options{
				URL: provider.URL, App: network.App{ClientID: app.ClientID, ClientSecret: "wrong"}, Clock: clock.RealClock{},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := wrong.Renew(ctx, second); network.ValidityOf(err) != network.Unknown {
				t.Errorf("a wrong secret of the app says nothing about the token: %v", err)
			}
			if _, err := n.Renew(ctx, first); network.ValidityOf(err) != network.Invalid {
				t.Errorf("a refresh token is good for one use: %v", err)
			}
			if _, err := n.Renew(ctx, second); network.ValidityOf(err) != network.Invalid {
				t.Errorf("using one twice ends the whole family: %v", err)
			}
		})
	}
}

// connect goes through the code flow with PKCE.
func connect(t *testing.T, provider *testpeer.OIDC, endpoint oauth2.Endpoint) network.Tokens {
	t.Helper()
	config := oauth2.Config{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret, RedirectURL: "http://127.0.0.1/back", Endpoint: endpoint,
		Scopes: []string{"openid", "offline_access"},
	}
	verifier := oauth2.GenerateVerifier()
	address := config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent"))
	back, err := provider.SignIn(t.Context(), address, "acme")
	if err != nil {
		t.Fatal(err)
	}
	token, err := config.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return network.Tokens{Access: token.AccessToken, Refresh: token.RefreshToken}
}
