// SPDX-License-Identifier: Apache-2.0

package testpeer_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"golang.org/x/oauth2"

	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/testpeer"
)

// The code flow as a program and a person go through it, and that a second use of a refresh token ends the whole family.
func TestOIDC(t *testing.T) {
	ctx := t.Context()
	o, err := testpeer.StartOIDC(ctx, testpeer.OIDCOptions{
		Clients:  []testpeer.OIDCClient{{ID: "roster", Secret: "s3cret", RedirectURIs: []string{"http://127.0.0.1/back"}}},
		Accounts: map[string]testpeer.Claims{"ana": {"email": "ana@acme.example", "email_verified": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Stop(); err != nil {
			t.Error(err)
		}
	})
	client := oauth2.Config{
		ClientID: "roster", ClientSecret: "s3cret", RedirectURL: "http://127.0.0.1/back", Scopes: []string{"openid", "email", "offline_access"},
		Endpoint: oauth2.Endpoint{AuthURL: o.URL + "/auth", TokenURL: o.URL + "/token"},
	}
	verifier := oauth2.GenerateVerifier()
	back, err := o.SignIn(ctx, client.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent")), "ana")
	if err != nil {
		t.Fatal(err)
	}
	if got := back.Query().Get("state"); got != "state" {
		t.Fatalf("the provider sends back to %s", back)
	}
	token, err := client.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	old := &oauth2.Token{RefreshToken: token.RefreshToken}
	renewed, err := client.TokenSource(ctx, old).Token()
	if err != nil || renewed.RefreshToken == token.RefreshToken {
		t.Fatalf("a refresh token must rotate: %v", err)
	}
	if _, err := client.TokenSource(ctx, old).Token(); err == nil {
		t.Error("a refresh token was good for two uses")
	}
	if _, err := client.TokenSource(ctx, &oauth2.Token{RefreshToken: renewed.RefreshToken}).Token(); err == nil {
		t.Error("the second use of a refresh token left its family alive")
	}
}

// The application that others are tested with, at the provider that it is tested with.
func TestRelyingParty(t *testing.T) {
	ctx := t.Context()
	port := freeport.For(t).Number()
	o, err := testpeer.StartOIDC(ctx, testpeer.OIDCOptions{
		Clients:  []testpeer.OIDCClient{{ID: "tool", Secret: "s3cret", RedirectURIs: []string{fmt.Sprintf("http://127.0.0.1:%d/callback", port)}}},
		Accounts: map[string]testpeer.Claims{"ana": {"email": "ana@acme.example", "email_verified": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Stop() })
	rp, err := testpeer.StartRelyingParty(ctx, testpeer.RelyingPartyOptions{Port: port, Issuer: o.URL, ClientID: "tool", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rp.Stop() })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Get(rp.URL + "/login")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := o.SignIn(ctx, response.Header.Get("Location"), "ana")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{back.String(), rp.URL + "/me"} {
		if response, err = browser.Get(address); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
	}
	type person struct {
		Sub   string `json:"sub"`
		Email string `json:"email"`
	}
	var me struct {
		Claims   person `json:"claims"`
		Userinfo person `json:"userinfo"`
	}
	if err := json.NewDecoder(response.Body).Decode(&me); err != nil || me.Claims.Sub != "ana" || me.Userinfo.Email != "ana@acme.example" {
		t.Errorf("%+v, %v", me, err)
	}
}

func TestBluesky(t *testing.T) {
	ctx := t.Context()
	b, err := testpeer.StartBluesky(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
	})
	account, err := b.CreateAccount(ctx, "acmesocial", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if account.Handle != "acmesocial.test" || account.DID == "" {
		t.Errorf("the account is %+v", account)
	}
	if password, err := b.AppPassword(ctx, account, "roster"); err != nil || password == "" {
		t.Errorf("no app password: %v", err)
	}
	if err := b.TakeDown(ctx, account); err != nil {
		t.Error(err)
	}
}
