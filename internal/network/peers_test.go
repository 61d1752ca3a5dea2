// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	t.Run("an app password that was taken back is invalid", func(t *testing.T) {
		if err := server.RevokeAppPassword(ctx, account, "roster"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Renew(ctx, signIn); network.ValidityOf(err) != network.Invalid {
			t.Error(err)
		}
	})
	t.Run("of an account that was taken down, only the renewal says that plainly", func(t *testing.T) {
		if err := server.TakeDown(ctx, account); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Check(ctx, network.Tokens{Access: account.AccessJWT}); network.ValidityOf(err) != network.Unknown {
			t.Error(err)
		}
		if _, err := n.Renew(ctx, network.Tokens{Refresh: account.RefreshJWT}); network.ValidityOf(err) != network.Invalid {
			t.Error(err)
		}
	})
}

// expired signs a token of the server anew, with an end that is past.
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
