// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/openid/grant"
)

// refusedAs reports whether an endpoint answered with that error.
func refusedAs(err error, code string) bool {
	answer := (*oauth2.RetrieveError)(nil)
	return errors.As(err, &answer) && answer.ErrorCode == code
}

func TestRefreshTokensRotate(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "email", "offline_access")
	first := p.begin().tokens(b)
	_, before := p.claims(first)
	s.clock.SetTime(s.clock.Now().Add(time.Hour))
	s.writes.clear()
	second, err := p.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.writes.String(); got != "update *v1.Secret" {
		t.Errorf("a refresh writes:\n%s", got)
	}
	_, after := p.claims(second)
	for _, name := range []string{"sub", "sid", "auth_time", "email"} {
		if before[name] == nil || before[name] != after[name] {
			t.Errorf("%s was %v, and is %v", name, before[name], after[name])
		}
	}
	if second.RefreshToken == "" || second.RefreshToken == first.RefreshToken {
		t.Fatal("the refresh token stays the same")
	}
	if _, err := p.refresh(first.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("the one before, at once: %v", err)
	}
	third, err := p.refresh(second.RefreshToken)
	if err != nil {
		t.Fatalf("an application that has raced with itself has lost everything: %v", err)
	}
	s.clock.SetTime(s.clock.Now().Add(grant.RaceGrace))
	if _, err := p.refresh(first.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("the first one, later: %v", err)
	}
	if _, err := p.refresh(third.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("somebody used a stolen refresh token, and the thief's or the owner's still works: %v", err)
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(third)); err == nil {
		t.Error("the access token still tells things")
	}
	if !strings.Contains(s.log.String(), `"why":"Reused"`) || strings.Contains(s.log.String(), first.RefreshToken) {
		t.Error("the log does not tell of the reuse, or has the token")
	}
}

// Two replicas are asked at the same moment.
func TestRacesHaveOneWinner(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	other := w.site(unlimited, w.provides)
	other.today()
	app := w.application("wiki")
	one, two := s.party(app.ClientID(), "offline_access"), other.party(app.ClientID(), "offline_access")
	race := func(run func(*party) error) (won int) {
		errs := make([]error, 8)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() { errs[i] = run([]*party{one, two}[i%2]) })
		}
		group.Wait()
		for _, err := range errs {
			if err == nil {
				won++
			} else if !refusedAs(err, "invalid_grant") {
				t.Errorf("%v, want invalid_grant", err)
			}
		}
		return won
	}
	f := one.begin()
	code := f.code(b)
	if won := race(func(p *party) error {
		_, err := flow{party: p, verifier: f.verifier}.exchange(code)
		return err
	}); won != 1 {
		t.Errorf("a code was exchanged %d times", won)
	}
	token := one.begin().tokens(b)
	if won := race(func(p *party) error { _, err := p.refresh(token.RefreshToken); return err }); won != 1 {
		t.Errorf("a refresh token was exchanged %d times", won)
	}
}

// Nothing is kept in memory: another replica, or the same after a restart, goes on at every point.
func TestAnyReplicaGoesOn(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	other := w.site(unlimited, w.provides)
	other.today()
	id := w.application("wiki").ClientID()
	f := s.party(id, "offline_access").begin()
	u, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	asked := b.get(u.RequestURI())
	jar := b.client.Jar
	there := other.browser()
	for _, c := range jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(s.url, "http://")}) {
		there.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(other.url, "http://")}, []*http.Cookie{c})
	}
	back, page := there.through(asked.Header.Get("Location"))
	if back == nil {
		t.Fatalf("the other replica shows:\n%s", page.body)
	}
	token, err := f.exchange(back.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := other.party(id)
	if _, err := elsewhere.refresh(token.RefreshToken); err != nil {
		t.Error(err)
	}
	if _, err := elsewhere.provider.UserInfo(elsewhere.ctx, oauth2.StaticTokenSource(token)); err != nil {
		t.Error(err)
	}
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "email", "organization", "offline_access")
	chat := s.party(w.application("chat").ClientID())
	token := p.begin().tokens(b)
	ask := func(p *party, token string) map[string]any {
		t.Helper()
		status, said := p.post("/openid/introspect", url.Values{"token": {token}})
		if status != http.StatusOK {
			t.Errorf("status %d: %v", status, said)
		}
		return said
	}
	said := ask(p, token.AccessToken)
	if said["active"] != true || said["client_id"] != p.config.ClientID || said["username"] != w.address("ana") || said["role"] != "Member" {
		t.Errorf("%v", said)
	}
	for name, said := range map[string]map[string]any{
		"of another application": ask(chat, token.AccessToken),
		"the refresh token":      ask(p, token.RefreshToken),
		"the ID token":           ask(p, token.Extra("id_token").(string)),
		"none":                   ask(p, ""),
		"something else":         ask(p, "rostera_AAAA"),
		"null":                   ask(p, "a.bnVsbA.c"),
	} {
		if len(said) != 1 || said["active"] != false {
			t.Errorf("%s: %v", name, said)
		}
	}
	p.config.ClientSecret = "wrong"
	if status, said := p.post("/openid/introspect", url.Values{"token": {token.AccessToken}}); status != http.StatusUnauthorized {
		t.Errorf("with a wrong secret: %d %v", status, said)
	}
	p.config.ClientSecret = ""
	if status, said := p.post("/openid/introspect", url.Values{"token": {token.AccessToken}, "client_id": {p.config.ClientID}}); status != http.StatusUnauthorized {
		t.Errorf("without a secret: %d %v", status, said)
	}
	// What is asked about is what is true now.
	p.config.ClientSecret = wikiSecret
	b.post("/sign-out", nil)
	if said := ask(p, token.AccessToken); said["active"] != false {
		t.Errorf("after the person has signed out: %v", said)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "offline_access")
	chat := s.party(w.application("chat").ClientID())
	good := func(token *oauth2.Token) bool {
		_, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token))
		return err == nil
	}
	for name, which := range map[string]func(*oauth2.Token) string{
		"by the access token":  func(t *oauth2.Token) string { return t.AccessToken },
		"by the refresh token": func(t *oauth2.Token) string { return t.RefreshToken },
	} {
		token := p.begin().tokens(b)
		for _, form := range []url.Values{{"token": {which(token)}}, {"token": {which(token)}, "token_type_hint": {"access_token"}}} {
			if status, said := chat.post("/openid/revoke", form); status != http.StatusOK || !good(token) {
				t.Errorf("%s, by another application: %d %v", name, status, said)
			}
		}
		if status, said := p.post("/openid/revoke", url.Values{"token": {which(token)}}); status != http.StatusOK || good(token) {
			t.Errorf("%s: %d %v", name, status, said)
		}
		if _, err := p.refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
			t.Errorf("%s: a refresh: %v", name, err)
		}
	}
	for _, token := range []string{"x", "a.bnVsbA.c", "rosterr_AAAA.x", "rostera_x"} {
		if status, said := p.post("/openid/revoke", url.Values{"token": {token}}); status != http.StatusOK {
			t.Errorf("%q: %d %v", token, status, said)
		}
	}
	p.config.ClientSecret = "wrong"
	if status, _ := p.post("/openid/revoke", url.Values{"token": {"x"}}); status != http.StatusUnauthorized {
		t.Errorf("with a wrong secret: %d", status)
	}
}

func TestDeviceCodes(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party("kubectl", "email", "offline_access")
	p.config.Endpoint.DeviceAuthURL = "http://127.0.0.1/openid/device-authorization"
	begin := func() *oauth2.DeviceAuthResponse {
		t.Helper()
		asked, err := p.config.DeviceAuth(p.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	poll := func(asked *oauth2.DeviceAuthResponse) (int, map[string]any) {
		s.clock.SetTime(s.clock.Now().Add(5 * time.Second))
		return p.post("/openid/token", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {asked.DeviceCode}, "client_id": {"kubectl"},
		})
	}
	says := func(asked *oauth2.DeviceAuthResponse, code string) {
		t.Helper()
		if status, said := poll(asked); status != http.StatusBadRequest || said["error"] != code {
			t.Errorf("%d %v, want %s", status, said, code)
		}
	}
	asked := begin()
	says(asked, "authorization_pending")
	name, _, _ := strings.Cut(asked.DeviceCode, ".")
	says(&oauth2.DeviceAuthResponse{DeviceCode: name + ".guessed"}, "invalid_grant")
	if strings.Contains(asked.VerificationURI, "?") || asked.VerificationURIComplete != asked.VerificationURI+"/"+asked.UserCode {
		t.Errorf("%+v", asked)
	}
	stranger := s.browser()
	stranger.get("/device/"+asked.UserCode).expect(t, http.StatusSeeOther)
	b.post("/device", url.Values{"user_code": {"nonsense"}}).expect(t, http.StatusUnprocessableEntity, "eight letters")
	b.post("/device", url.Values{"user_code": {"BBBB-BBBB"}}).expect(t, http.StatusSeeOther)
	b.get("/device/BBBB-BBBB").expect(t, http.StatusUnprocessableEntity, "does not exist")
	typed := strings.ToLower(strings.ReplaceAll(asked.UserCode, "-", " "))
	b.follow(b.post("/device", url.Values{"user_code": {typed}})).expect(t, http.StatusOK, "Sign in to kubectl?", asked.UserCode,
		"they would be signed in as you", "your email address")
	says(asked, "authorization_pending")
	b.post("/device/"+asked.UserCode, url.Values{"action": {"approve"}}).expect(t, http.StatusOK, "You are signed in")
	b.post("/device/"+asked.UserCode, url.Values{"action": {"approve"}}).expect(t, http.StatusUnprocessableEntity, "has been used")
	other := s.party("kubectl")
	if status, said := other.post("/openid/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {asked.DeviceCode}, "client_id": {"wiki"},
	}); status != http.StatusBadRequest || said["error"] != "invalid_grant" {
		t.Errorf("another application: %d %v", status, said)
	}
	status, said := poll(asked)
	if status != http.StatusOK || said["id_token"] == nil || said["refresh_token"] == nil {
		t.Fatalf("%d %v", status, said)
	}
	_, claims := p.claims((&oauth2.Token{}).WithExtra(said))
	if claims["email"] != w.address("ana") || claims["organization"] != nil || claims["role"] != nil {
		t.Errorf("%v", claims)
	}
	if _, err := p.refresh(said["refresh_token"].(string)); err != nil {
		t.Error(err)
	}
	says(asked, "expired_token")

	refused := begin()
	b.post("/device/"+refused.UserCode, url.Values{"action": {"deny"}}).expect(t, http.StatusOK, "Nobody was signed in")
	says(refused, "access_denied")
	says(refused, "expired_token")

	quick := begin()
	for range 2 {
		says(quick, "authorization_pending")
	}
	ask := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {quick.DeviceCode}, "client_id": {"kubectl"}}
	p.post("/openid/token", ask)
	if _, said := p.post("/openid/token", ask); said["error"] != "slow_down" {
		t.Errorf("asked too often: %v", said)
	}
	s.clock.SetTime(s.clock.Now().Add(10 * time.Minute))
	says(quick, "expired_token")
	if err := s.handler.applications.Tidy(t.Context(), s.clock.Now()); err != nil {
		t.Error(err)
	}
	web := s.party(w.application("wiki").ClientID())
	if status, said := web.post("/openid/device-authorization", url.Values{"client_id": {web.config.ClientID}, "scope": {"openid"}}); said["error"] != "unauthorized_client" {
		t.Errorf("an application on a server: %d %v", status, said)
	}
}

// TestStrangersAreGivenFewDeviceCodes: each is an object in the cluster, and there are many addresses.
func TestStrangersAreGivenFewDeviceCodes(t *testing.T) {
	w := newWorld(t)
	s := w.site(w.provides, behindProxy)
	ask := url.Values{"client_id": {"kubectl"}, "scope": {"openid"}}
	given := 0
	for i := range 110 {
		b := from(s.browser(), fmt.Sprintf("198.51.100.%d", i))
		switch a := b.post("/openid/device-authorization", ask); a.StatusCode {
		case http.StatusOK:
			given++
		case http.StatusTooManyRequests:
			a.expect(t, http.StatusTooManyRequests, "too many device codes are being asked for")
		default:
			t.Fatalf("%d: %s", a.StatusCode, a.body)
		}
	}
	if given != 100 {
		t.Errorf("%d device codes were given out", given)
	}
}

// TestSignInsToApplicationsAreAudited: as docs/operations.md lists the events, and with nothing that opens anything.
func TestSignInsToApplicationsAreAudited(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "email", "offline_access")
	closed := w.application("closed", func(a *rosterv1alpha1.ApplicationSpec) {
		a.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}
	})
	var secrets []string
	signsIn := func() *oauth2.Token {
		f := p.begin()
		code := f.code(b)
		token, err := f.exchange(code)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, code, f.state, f.nonce, f.verifier, token.AccessToken, token.RefreshToken, token.Extra("id_token").(string))
		return token
	}
	ended := func(token *oauth2.Token) {
		t.Helper()
		if _, err := p.refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
			t.Errorf("a refresh: %v", err)
		}
	}
	reused := signsIn()
	if _, err := p.refresh(reused.RefreshToken); err != nil {
		t.Fatal(err)
	}
	s.clock.SetTime(s.clock.Now().Add(grant.RaceGrace))
	ended(reused)
	revoked := signsIn()
	p.post("/openid/revoke", url.Values{"token": {revoked.RefreshToken}})
	ended(revoked)
	removed := signsIn()
	w.changeMember("ana", func(m *rosterv1alpha1.MemberSpec) { m.Suspended = ptr.To(true) })
	ended(removed)
	b.through(s.party(closed.ClientID()).begin().url)
	ana := `"account":"` + w.account(w.address("ana")).Name + `","client":"127.0.0.1","application":"` + w.ns
	for _, want := range []string{
		`"event":"application","result":"success",` + ana + `.wiki","grant":"`,
		`"event":"application_tokens","result":"success",` + ana + `.wiki","grant":"`,
		`"event":"application_tokens","result":"failure",` + ana + `.wiki","grant":"`, `"why":"Reused"`,
		`"event":"application_tokens","result":"refused",` + ana + `.wiki","grant":"`, `"why":"NoMember"`,
		`"event":"application_sign_out","result":"success",` + ana + `.wiki","grant":"`, `"why":"Revoked"`,
		`"event":"application","result":"refused",` + ana + `.closed","why":"`,
	} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, s.log)
		}
	}
	for _, secret := range append(secrets, wikiSecret, w.address("ana")) {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}
