// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/openid/grant"
)

// TestWhatIsAskedForIsChecked is the negative list of the OpenID conformance profile about authorization requests: what the application is
// told, at its own address; nobody gets a code.
func TestWhatIsAskedForIsChecked(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID())
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"no PKCE":                       {func(v url.Values) { v.Del("code_challenge"); v.Del("code_challenge_method") }, "invalid_request"},
		"plain PKCE":                    {func(v url.Values) { v.Set("code_challenge_method", "plain") }, "invalid_request"},
		"PKCE that is plain by default": {func(v url.Values) { v.Del("code_challenge_method") }, "invalid_request"},
		"another way of PKCE":           {func(v url.Values) { v.Set("code_challenge_method", "S512") }, "invalid_request"},
		"a challenge that is no hash":   {func(v url.Values) { v.Set("code_challenge", "short") }, "invalid_request"},
		"an empty challenge":            {func(v url.Values) { v.Set("code_challenge", "") }, "invalid_request"},
		"two challenges":                {func(v url.Values) { v.Add("code_challenge", v.Get("code_challenge")) }, "invalid_request"},
		"two states":                    {func(v url.Values) { v.Add("state", "other") }, "invalid_request"},
		"the implicit flow":             {func(v url.Values) { v.Set("response_type", "id_token token") }, "unsupported_response_type"},
		"an ID token alone":             {func(v url.Values) { v.Set("response_type", "id_token") }, "unsupported_response_type"},
		"an access token alone":         {func(v url.Values) { v.Set("response_type", "token") }, "unsupported_response_type"},
		"the hybrid flow":               {func(v url.Values) { v.Set("response_type", "code id_token") }, "unsupported_response_type"},
		"no response type":              {func(v url.Values) { v.Del("response_type") }, "invalid_request"},
		"a fragment":                    {func(v url.Values) { v.Set("response_mode", "fragment") }, "invalid_request"},
		"a form":                        {func(v url.Values) { v.Set("response_mode", "form_post") }, "invalid_request"},
		"without openid":                {func(v url.Values) { v.Set("scope", "email") }, "invalid_scope"},
		"a request object":              {func(v url.Values) { v.Set("request", "eyJhbGciOiJub25lIn0.e30.") }, "request_not_supported"},
		"a request object elsewhere":    {func(v url.Values) { v.Set("request_uri", "https://evil.example/r") }, "request_uri_not_supported"},
		"max_age that is no number":     {func(v url.Values) { v.Set("max_age", "-1") }, "invalid_request"},
		"a hint that is no token":       {func(v url.Values) { v.Set("id_token_hint", "x") }, "invalid_request"},
		"a state without end":           {func(v url.Values) { v.Set("state", strings.Repeat("s", 3000)) }, "invalid_request"},
	} {
		u, err := url.Parse(p.begin().url)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		c.change(query)
		back, page := b.through("/openid/authorize?" + query.Encode())
		if got := errorOf(t, back, page); got != c.want || !strings.HasPrefix(back.String(), callback+"?") {
			t.Errorf("%s: %s, want %s", name, back, c.want)
		}
	}
	if got := w.grants("ana"); len(got) != 0 {
		t.Errorf("%d grants have begun", len(got))
	}
}

// TestNobodyIsSentElsewhere: an address that is not registered gets neither a code nor an error.
func TestNobodyIsSentElsewhere(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID())
	cli := s.party(w.application("cli", native).ClientID())
	for _, redirect := range []string{
		"", "https://evil.example/callback", callback + "/", callback + "x", callback + "?x=1", callback + "#x", callback + "/../evil",
		strings.ToUpper(callback), "https://wiki.acme.example:443/callback", "https://wiki.acme.example:8443/callback",
		"http://wiki.acme.example/callback", "https://user@wiki.acme.example/callback", "https://wiki.acme.example@evil.example/callback",
		"https://wiki.acme.example.evil.example/callback", "https://wiki.acme.example/%63allback", callback + "%00", " " + callback,
		"javascript:alert(1)", "//wiki.acme.example/callback", `https://evil.example\@wiki.acme.example/callback`,
	} {
		for _, party := range []*party{p, cli} {
			party.config.RedirectURL = redirect
			for _, broken := range []string{"", "&response_type=token", "&prompt=none"} {
				f := party.begin()
				back, page := b.through(f.url + broken)
				if back != nil || page.StatusCode != http.StatusBadRequest {
					t.Errorf("%q: status %d, sent to %s", redirect, page.StatusCode, back)
				}
			}
		}
	}
	u, _ := url.Parse(p.begin().url)
	query := u.Query()
	query["redirect_uri"] = []string{callback, "https://evil.example/"}
	if back, page := b.through("/openid/authorize?" + query.Encode()); back != nil || page.StatusCode != http.StatusBadRequest {
		t.Errorf("two addresses: sent to %s", back)
	}
	if a := b.get("/openid/continue/AAAA"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a request that nobody sealed: %d", a.StatusCode)
	}
	// An application that has other addresses by now.
	app := w.application("moves")
	u, _ = url.Parse(s.party(app.ClientID()).begin().url)
	asked := b.get(u.RequestURI()).Header.Get("Location")
	w.applicationSpec(app, func(a *rosterv1alpha1.ApplicationSpec) { a.RedirectURIs = []string{"https://moves.acme.example/"} })
	if a := b.get(asked); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an address that has been taken away: %d %s", a.StatusCode, a.Header.Get("Location"))
	}
}

// TestCodesAreOfTheirApplication: a code that was stolen is of no use, and one that is smuggled in lets nobody in.
func TestCodesAreOfTheirApplication(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "offline_access")
	thief := s.party(w.application("chat").ClientID())
	cli := s.party(w.application("cli", native).ClientID())
	cli.config.ClientSecret = ""
	f := p.begin()
	code := f.code(b)
	exchange := func(p *party, change func(url.Values)) string {
		t.Helper()
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {f.verifier},
		}
		if p.config.ClientSecret == "" {
			form.Set("client_id", p.config.ClientID)
		}
		change(form)
		status, said := p.post("/openid/token", form)
		if status == http.StatusOK {
			return "tokens"
		}
		if status >= 500 {
			t.Errorf("status %d: %v", status, said)
		}
		return said["error"].(string)
	}
	same := func(url.Values) {}
	wrongSecret := *p
	wrongSecret.config.ClientSecret = "guessed"
	noSecret := *p
	noSecret.config.ClientSecret = ""
	for name, c := range map[string]struct {
		by     *party
		change func(url.Values)
		want   string
	}{
		"another application":         {thief, same, "invalid_grant"},
		"a program without a secret":  {cli, same, "invalid_grant"},
		"with a wrong secret":         {&wrongSecret, same, "invalid_client"},
		"without the secret":          {&noSecret, same, "invalid_client"},
		"without a verifier":          {p, func(v url.Values) { v.Del("code_verifier") }, "invalid_request"},
		"another verifier":            {p, func(v url.Values) { v.Set("code_verifier", oauth2.GenerateVerifier()) }, "invalid_grant"},
		"the challenge as verifier":   {p, func(v url.Values) { v.Set("code_verifier", oauth2.S256ChallengeFromVerifier(f.verifier)) }, "invalid_grant"},
		"another address":             {p, func(v url.Values) { v.Set("redirect_uri", callback+"/") }, "invalid_grant"},
		"no address":                  {p, func(v url.Values) { v.Del("redirect_uri") }, "invalid_grant"},
		"another code":                {p, func(v url.Values) { v.Set("code", code+"x") }, "invalid_grant"},
		"a code that is none":         {p, func(v url.Values) { v.Set("code", "x") }, "invalid_grant"},
		"as a refresh token":          {p, func(v url.Values) { v.Set("grant_type", "refresh_token"); v.Set("refresh_token", code) }, "invalid_grant"},
		"two codes":                   {p, func(v url.Values) { v.Add("code", "x") }, "invalid_request"},
		"the password of a person":    {p, func(v url.Values) { v.Set("grant_type", "password") }, "unsupported_grant_type"},
		"in the application's name":   {p, func(v url.Values) { v.Set("grant_type", "client_credentials") }, "unsupported_grant_type"},
		"an assertion":                {p, func(v url.Values) { v.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer") }, "unsupported_grant_type"},
		"an exchange of tokens":       {p, func(v url.Values) { v.Set("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange") }, "unsupported_grant_type"},
		"no grant type":               {p, func(v url.Values) { v.Del("grant_type") }, "invalid_request"},
		"two ways to show the secret": {p, func(v url.Values) { v.Set("client_id", p.config.ClientID); v.Set("client_secret", wikiSecret) }, "invalid_request"},
		"a signed assertion of itself": {&noSecret, func(v url.Values) {
			v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			v.Set("client_assertion", "eyJhbGciOiJub25lIn0.e30.")
		}, "invalid_client"},
	} {
		if got := exchange(c.by, c.change); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	// In the address of the request nothing counts.
	if status, said := p.post("/openid/token?grant_type=authorization_code&code="+url.QueryEscape(code)+"&code_verifier="+f.verifier, nil); status == http.StatusOK {
		t.Errorf("parameters in the address: %v", said)
	}
	token, err := f.exchange(code)
	if err != nil {
		t.Fatalf("after all that the application itself: %v", err)
	}
	if _, err := f.exchange(code); !refusedAs(err, "invalid_grant") {
		t.Errorf("again: %v", err)
	}
	if _, err := p.refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("the refresh token of a code that was used twice: %v", err)
	}
	f = p.begin()
	code = f.code(b)
	s.clock.SetTime(s.clock.Now().Add(grant.CodeLifetime))
	if _, err := f.exchange(code); !refusedAs(err, "invalid_grant") {
		t.Errorf("a code that is over: %v", err)
	}
	token = p.begin().tokens(b)
	if _, err := thief.refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("the refresh token of another application: %v", err)
	}
	if _, err := p.refresh(token.RefreshToken); err != nil {
		t.Errorf("a stranger's try ends what is the application's: %v", err)
	}
}

// TestTokensAreWhatTheyAre: one kind is not taken for another, and nothing that somebody else signed for anything.
func TestTokensAreWhatTheyAre(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "email", "offline_access")
	token := p.begin().tokens(b)
	idToken := token.Extra("id_token").(string)
	ask := func(bearer string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openid/userinfo", nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		rec := httptest.NewRecorder()
		s.handler.ServeHTTP(rec, r)
		if rec.Code == http.StatusUnauthorized && !strings.Contains(rec.Header().Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("WWW-Authenticate: %s", rec.Header().Get("WWW-Authenticate"))
		}
		return rec.Code
	}
	for name, bearer := range map[string]string{
		"none": "", "an ID token": idToken, "a refresh token": token.RefreshToken, "a part": token.AccessToken[:40],
		"a changed one": token.AccessToken[:len(token.AccessToken)-2] + "AA", "null": "a.bnVsbA.c",
	} {
		if got := ask(bearer); got != http.StatusUnauthorized {
			t.Errorf("userinfo with %s: %d", name, got)
		}
	}
	if got := ask(token.AccessToken); got != http.StatusOK {
		t.Errorf("userinfo: %d", got)
	}
	if _, err := p.refresh(token.AccessToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("an access token as refresh token: %v", err)
	}
	s.clock.SetTime(s.clock.Now().Add(grant.TokenLifetime))
	if got := ask(token.AccessToken); got != http.StatusUnauthorized {
		t.Errorf("userinfo with one that is over: %d", got)
	}

	// Hints: alg none, the public key as the key of a MAC, and a key of somebody else's.
	key, err := theKey()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(idToken, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	public, _ := json.Marshal(key.Public())
	signed := func(with jose.SigningKey, change func(map[string]any)) string {
		t.Helper()
		copied := maps.Clone(claims)
		change(copied)
		data, _ := json.Marshal(copied)
		signer, err := jose.NewSigner(with, (&jose.SignerOptions{}).WithHeader("kid", key.ID))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(data)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := jws.CompactSerialize()
		return text
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	own := jose.SigningKey{Algorithm: jose.RS256, Key: key.Private}
	for name, c := range map[string]struct {
		hint string
		good bool
	}{
		"ours":                        {idToken, true},
		"signed by us":                {signed(own, func(map[string]any) {}), true},
		"alg none":                    {none, false},
		"the public key as a secret":  {signed(jose.SigningKey{Algorithm: jose.HS256, Key: public}, func(map[string]any) {}), false},
		"another algorithm":           {signed(jose.SigningKey{Algorithm: jose.PS256, Key: key.Private}, func(map[string]any) {}), false},
		"of another issuer":           {signed(own, func(c map[string]any) { c["iss"] = "https://evil.example" }), false},
		"an access token":             {token.AccessToken, false},
		"a payload that says nothing": {parts[0] + ".bnVsbA." + parts[2], false},
	} {
		u := p.begin(parameter("id_token_hint", c.hint)).url
		back, page := b.through(u)
		if back == nil {
			t.Fatalf("%s: %s", name, page.body)
		}
		if good := back.Query().Get("code") != ""; good != c.good {
			t.Errorf("%s: sent to %s", name, back)
		}
	}
	if lasts := claims["exp"].(float64) - claims["iat"].(float64); lasts != grant.TokenLifetime.Seconds() {
		t.Errorf("an ID token lasts %v seconds", lasts)
	}
}

// FuzzOpenID sends anything to the endpoints of a provider that knows one application: there is no fault, and nobody is sent elsewhere.
func FuzzOpenID(f *testing.F) {
	paths := []string{
		"/openid/authorize", "/openid/token", "/openid/userinfo", "/openid/introspect", "/openid/revoke", "/openid/logout",
		"/openid/device-authorization", "/openid/keys", "/.well-known/openid-configuration", "/device",
	}
	p := aloneProvider(f)
	for i := range paths {
		f.Add(uint8(i), "client_id=kubectl&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&response_type=code&scope=openid&state=x"+
			"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256", "", true)
		f.Add(uint8(i), "grant_type=authorization_code&code=rosterc_YS0xL2c.x&client_id=kubectl&code_verifier=x", "Basic a3ViZWN0bDo=", true)
		f.Add(uint8(i), "grant_type=refresh_token&refresh_token=rosterr_YS0xL2c.x&client_id=kubectl&token=a.bnVsbA.c&id_token_hint=a.bnVsbA.c",
			"Bearer rostera_AAAA", true)
		f.Add(uint8(i), "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=rosterd_device-0.x&client_id=kubectl&max_age=%00&scope=openid",
			"Bearer a.bnVsbA.c", false)
		f.Add(uint8(i), "client_id=kubectl&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%5C%40evil.example%2Fcallback&prompt=none&ui_locales=%zz&a=1;b=2", "Basic !", false)
	}
	f.Fuzz(func(t *testing.T, which uint8, form, authorization string, post bool) {
		path, method := paths[int(which)%len(paths)], http.MethodGet
		r := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: form}
		if post {
			r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(form))
			r.URL = &url.URL{Path: path}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header["Authorization"] = []string{authorization}
		rec := httptest.NewRecorder()
		p.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Errorf("%s %q: status %d: %s", path, form, rec.Code, rec.Body)
		}
		to, err := url.Parse(rec.Header().Get("Location"))
		if err != nil || to.Host != "" && (to.Scheme != "http" || to.Hostname() != "127.0.0.1" || to.Path != "/callback" || to.User != nil) {
			t.Errorf("%s %q: sent to %q", path, form, rec.Header().Get("Location"))
		}
		if strings.Contains(rec.Body.String(), "access_token\":") || to.Query().Get("code") != "" {
			t.Errorf("%s %q: somebody got in: %s", path, form, rec.Body)
		}
	})
}
