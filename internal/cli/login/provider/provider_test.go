// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/cli/login/provider"
)

// liar is a provider that says what a test wants.
type liar struct {
	*httptest.Server
	t *testing.T
	// metadata, claims and token change what is said; nil leaves it as it should be.
	metadata func(map[string]any)
	claims   func(map[string]any)
	token    func(http.ResponseWriter) bool
	// nonce and challenge are those of the last request.
	nonce, challenge string
	keys             *oidctest.Server
	key              *rsa.PrivateKey
}

func newLiar(t *testing.T, key *rsa.PrivateKey) *liar {
	t.Helper()
	l := &liar{t: t, key: key, keys: &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "one", Algorithm: "RS256"}}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", l.discovery)
	mux.HandleFunc("GET /authorize", l.authorize)
	mux.HandleFunc("POST /token", l.exchange)
	mux.Handle("GET /keys", l.keys)
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
	l.keys.SetIssuer(l.URL)
	return l
}

func (l *liar) discovery(w http.ResponseWriter, _ *http.Request) {
	said := map[string]any{
		"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token", "jwks_uri": l.URL + "/keys",
	}
	if l.metadata != nil {
		l.metadata(said)
	}
	_ = json.NewEncoder(w).Encode(said)
}

func (l *liar) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	l.nonce, l.challenge = q.Get("nonce"), q.Get("code_challenge")
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("scope") != "openid email offline_access" {
		l.t.Errorf("asked for %s", q)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"c"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (l *liar) exchange(w http.ResponseWriter, r *http.Request) {
	if l.token != nil && l.token(w) {
		return
	}
	if r.FormValue("grant_type") == "authorization_code" && (r.FormValue("code") != "c" || r.FormValue("code_verifier") == "") {
		l.t.Errorf("redeemed %s", r.Form)
	}
	claims := map[string]any{
		"iss": l.URL, "aud": "kubectl", "sub": "1", "email": "zoe@acme.example", "nonce": l.nonce,
		"iat": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix(),
	}
	if l.claims != nil {
		l.claims(claims)
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	payload, _ := json.Marshal(claims)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": "a", "token_type": "Bearer", "expires_in": 600, "refresh_token": "r",
		"id_token": oidctest.SignIDToken(l.key, "one", "RS256", string(payload)),
	})
}

func (l *liar) discover() (*provider.Provider, error) {
	return provider.Discover(l.t.Context(), provider.Options{
		Issuer: l.URL, ClientID: "kubectl", Clock: clocktesting.NewFakePassiveClock(time.Now()),
	})
}

// signIn lets visit be the browser.
func (l *liar) signIn(visit func(address string)) (provider.Tokens, error) {
	p, err := l.discover()
	if err != nil {
		return provider.Tokens{}, err
	}
	return p.Browser(l.t.Context(), "127.0.0.1:0", func(address string) { go visit(address) })
}

func (l *liar) open(address string) string {
	response, err := http.Get(address)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatIsBelieved(t *testing.T) {
	key, other := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		lie  func(*liar)
		want error
		says string
	}{
		"the truth":              {func(*liar) {}, nil, ""},
		"another nonce":          {func(l *liar) { l.claims = set("nonce", "of another sign-in") }, provider.ErrUnbelievable, "another sign-in"},
		"no nonce":               {func(l *liar) { l.claims = set("nonce", nil) }, provider.ErrUnbelievable, "another sign-in"},
		"another audience":       {func(l *liar) { l.claims = set("aud", "acme.grafana") }, provider.ErrUnbelievable, "audience"},
		"another issuer":         {func(l *liar) { l.claims = set("iss", "https://evil.example") }, provider.ErrUnbelievable, "different provider"},
		"a token that has ended": {func(l *liar) { l.claims = set("exp", time.Now().Add(-time.Hour).Unix()) }, provider.ErrUnbelievable, "before it was given"},
		"another key":            {func(l *liar) { l.key = other }, provider.ErrUnbelievable, "signature"},
		"no ID token":            {func(l *liar) { l.token = answer(http.StatusOK, `{"access_token":"a","token_type":"Bearer"}`) }, provider.ErrUnbelievable, "no ID token"},
		"a code that is used": {func(l *liar) {
			l.token = answer(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"code is used"}`)
		}, provider.ErrRefused, "code is used"},
		"an unknown client":  {func(l *liar) { l.token = answer(http.StatusUnauthorized, `{"error":"invalid_client"}`) }, nil, `no public client "kubectl"`},
		"trouble of its own": {func(l *liar) { l.token = answer(http.StatusBadGateway, `<html>`) }, provider.ErrAway, "502"},
		"words for a terminal": {func(l *liar) {
			l.token = answer(http.StatusBadRequest, `{"error":"oh\u001b[2J","error_description":"x\u009b"}`)
		}, nil, "answers oh [2J: x "},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t, key)
			c.lie(l)
			pages := make(chan string, 1)
			tokens, err := l.signIn(func(address string) { pages <- l.open(address) })
			page := <-pages
			if c.says == "" {
				if err != nil || tokens.Email != "zoe@acme.example" || tokens.Refresh != "r" || !strings.Contains(page, "You are signed in") {
					t.Errorf("%+v, %v, %s", tokens, err, page)
				}
				return
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v with %q", err, c.want, c.says)
			}
			if !strings.Contains(page, "You are not signed in") {
				t.Errorf("the browser shows %s", page)
			}
		})
	}
}

func set(claim string, value any) func(map[string]any) {
	return func(claims map[string]any) { claims[claim] = value }
}

func answer(status int, body string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// Other pages and programs of the machine can call the address. They neither end the wait nor put a code of their own in.
func TestWhatComesToTheAddress(t *testing.T) {
	l := newLiar(t, newKey(t))
	tokens, err := l.signIn(func(address string) {
		for _, path := range []string{"callback", "callback?code=evil", "callback?code=evil&state=guessed", "callback?error=access_denied&state=x"} {
			if page := l.open(address + path); !strings.Contains(page, "Nothing to do here") {
				t.Errorf("%s shows %s", path, page)
			}
		}
		if page := l.open(address + "elsewhere"); !strings.Contains(page, "404") {
			t.Errorf("another path shows %s", page)
		}
		named := strings.Replace(address, "127.0.0.1", "localhost", 1)
		if page := l.open(named); !strings.Contains(page, "not here") {
			t.Errorf("under another name, it shows %s", page)
		}
		l.open(address)
	})
	if err != nil || tokens.Email != "zoe@acme.example" {
		t.Errorf("%+v, %v", tokens, err)
	}
}

// A provider that names itself in its answers (RFC 9207) does so in each; and one that was mixed up with another is refused.
func TestMixUp(t *testing.T) {
	for name, names := range map[string]bool{"the issuer is missing": true, "the issuer is another": false} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t, newKey(t))
			l.metadata = set("authorization_response_iss_parameter_supported", names)
			_, err := l.signIn(func(address string) {
				if names {
					l.open(address)
					return
				}
				state := l.state(address)
				l.open(address + "callback?code=c&iss=https%3A%2F%2Fevil.example&state=" + state)
			})
			if !errors.Is(err, provider.ErrUnbelievable) || !strings.Contains(err.Error(), "it comes from the issuer") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// state begins a sign-in, and returns the state of it.
func (l *liar) state(address string) string {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(address)
	if err != nil {
		l.t.Error(err)
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	location, err := response.Location()
	if err != nil {
		l.t.Error(err)
		return ""
	}
	return location.Query().Get("state")
}

func TestARefusalOnThePage(t *testing.T) {
	l := newLiar(t, newKey(t))
	_, err := l.signIn(func(address string) {
		l.open(address + "callback?error=access_denied&error_description=you+are+suspended&state=" + l.state(address))
	})
	if !errors.Is(err, provider.ErrRefused) || !strings.Contains(err.Error(), "access_denied: you are suspended") {
		t.Errorf("got %v", err)
	}
}

// The API server knows people by what the refreshed token says.
func TestARefreshThatNamesSomebodyElse(t *testing.T) {
	l := newLiar(t, newKey(t))
	p, err := l.discover()
	if err != nil {
		t.Fatal(err)
	}
	l.claims = func(c map[string]any) { c["sub"] = "2" }
	if _, err := p.Refresh(t.Context(), provider.Tokens{Refresh: "r", Subject: "1"}); !errors.Is(err, provider.ErrUnbelievable) {
		t.Errorf("got %v", err)
	}
	l.token = answer(http.StatusBadRequest, `{"error":"invalid_grant"}`)
	if _, err := p.Refresh(t.Context(), provider.Tokens{Refresh: "r", Subject: "1"}); !errors.Is(err, provider.ErrEnded) {
		t.Errorf("got %v", err)
	}
}

func TestDiscoveryThatDoesNotDo(t *testing.T) {
	key := newKey(t)
	for name, c := range map[string]struct {
		lie  func(map[string]any)
		says string
	}{
		"another name":            {set("issuer", "https://roster.acme.example"), `calls itself "https://roster.acme.example": write it like that in --issuer`},
		"tokens in the clear":     {set("token_endpoint", "http://roster.acme.example/token"), "token_endpoint"},
		"revocation in the clear": {set("revocation_endpoint", "http://roster.acme.example/revoke"), "revocation_endpoint"},
		"no authorize endpoint":   {set("authorization_endpoint", ""), "authorization_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t, key)
			l.metadata = c.lie
			if _, err := l.discover(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	t.Run("no issuer at all", func(t *testing.T) {
		for address, says := range map[string]string{
			"http://roster.acme.example": "must begin with https", "roster.acme.example": "--issuer", "http://127.0.0.1:1": "cannot be reached",
		} {
			_, err := provider.Discover(t.Context(), provider.Options{Issuer: address, Clock: clocktesting.NewFakePassiveClock(time.Now())})
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %q", address, err, says)
			}
		}
		nothing := httptest.NewServer(http.NotFoundHandler())
		defer nothing.Close()
		_, err := provider.Discover(t.Context(), provider.Options{Issuer: nothing.URL, Clock: clocktesting.NewFakePassiveClock(time.Now())})
		if err == nil || !strings.Contains(err.Error(), "is no OpenID provider") || !strings.Contains(err.Error(), "portal.openID.issuer") {
			t.Errorf("got %v", err)
		}
	})
}

// Over https, it matters who signed the certificate, and until when.
func TestCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.StartTLS()
	defer server.Close()
	discover := func(pool *x509.CertPool) error {
		_, err := provider.Discover(t.Context(), provider.Options{
			Issuer: server.URL, Authorities: pool, Clock: clocktesting.NewFakePassiveClock(time.Now()),
		})
		return err
	}
	if err := discover(nil); err == nil || !strings.Contains(err.Error(), "--certificate-authority") {
		t.Errorf("got %v", err)
	}
	known := x509.NewCertPool()
	known.AddCert(server.Certificate())
	if err := discover(known); err == nil || !strings.Contains(err.Error(), "is no OpenID provider") {
		t.Errorf("got %v", err)
	}
}

// A certificate that has not begun, or has ended, may be the fault of this machine's clock.
func TestACertificateThatDoesNotCountNow(t *testing.T) {
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	known := x509.NewCertPool()
	known.AddCert(server.Certificate())
	_, err = provider.Discover(t.Context(), provider.Options{
		Issuer: server.URL, Authorities: known, Clock: clocktesting.NewFakePassiveClock(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)),
	})
	if err == nil || !strings.Contains(err.Error(), "does not count at 2031-01-01T00:00:00Z, the time of this machine: set the clock") {
		t.Errorf("got %v", err)
	}
}

func TestThePageSpeaksFrench(t *testing.T) {
	l := newLiar(t, newKey(t))
	page := make(chan string, 1)
	_, err := l.signIn(func(address string) {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			page <- err.Error()
			return
		}
		r.Header.Set("Accept-Language", "fr-CH, fr;q=0.9, en;q=0.8")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			page <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		page <- string(body)
	})
	if text := <-page; err != nil || !strings.Contains(text, `lang="fr"`) || !strings.Contains(text, "Vous êtes connecté") {
		t.Errorf("%v, %s", err, text)
	}
}
