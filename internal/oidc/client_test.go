// SPDX-License-Identifier: Apache-2.0

package oidc_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/testpeer"
)

const (
	redirect = "http://127.0.0.1:1/sign-in/company/acme/callback"
	secret   = "client secret of the tests"
)

// company is a real OpenID provider, and a Client of it.
type company struct {
	t      *testing.T
	server *testpeer.OIDC
	clock  *testclock.FakePassiveClock
	client *oidc.Client
	// leave stops the server.
	leave func()
}

func people() map[string]testpeer.Claims {
	return map[string]testpeer.Claims{
		"ana":             {"email": "Ana@ACME.example", "email_verified": true, "name": "Ana Silva", "groups": []string{"roster-owners"}},
		"successor":       {"email": "ana@acme.example", "email_verified": true},
		"text":            {"email": "text@acme.example", "email_verified": "true"},
		"unverified":      {"email": "eve@acme.example", "email_verified": false},
		"silent":          {"email": "eve@acme.example"},
		"number":          {"email": "eve@acme.example", "email_verified": 1},
		"no address":      {},
		"odd":             {"email": "Eve <eve@acme.example>", "email_verified": true},
		"silent outsider": {"email": "olivia@globex.example"},
		"outsider":        {"email": "olivia@globex.example", "email_verified": true},
		"subdomain":       {"email": "eve@evil.acme.example", "email_verified": true},
		"late":            {"email": "late@acme.example", "userinfo": testpeer.Claims{"email_verified": true}},
		"later":           {"userinfo": testpeer.Claims{"email": "later@acme.example", "email_verified": true}},
		"late no":         {"email": "late@acme.example", "userinfo": testpeer.Claims{"email_verified": false}},
		"two":             {"email": "boss@acme.example", "userinfo": testpeer.Claims{"email": "two@acme.example", "email_verified": true}},
		"two silent":      {"email": "two@acme.example", "userinfo": testpeer.Claims{"email": "boss@acme.example"}},
		"entra":           {"email": "entra@acme.example", "xms_edov": true},
		"entra 1":         {"email": "entra@acme.example", "xms_edov": "1"},
		"entra no":        {"email": "entra@acme.example", "xms_edov": false},
		"entra both":      {"email": "entra@acme.example", "email_verified": false, "xms_edov": true},
	}
}

func newCompany(t *testing.T) *company {
	t.Helper()
	server, err := testpeer.StartOIDC(t.Context(), testpeer.OIDCOptions{
		Clients:  []testpeer.OIDCClient{{ID: "roster", Secret: secret, RedirectURIs: []string{redirect}}},
		Accounts: people(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &company{t: t, server: server, clock: testclock.NewFakePassiveClock(time.Now())}
	c.leave = sync.OnceFunc(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(c.leave)
	c.client = c.with(func(*oidc.Issuer) {})
	return c
}

// with is a Client that is configured otherwise.
func (c *company) with(change func(*oidc.Issuer)) *oidc.Client {
	issuer := oidc.Issuer{
		Name: "acme", DisplayName: "Acme", URL: c.server.URL, ClientID: "roster", Domains: []string{"acme.example"},
		ClientSecret: func(context.Context) (string, error) { return secret, nil }, HTTP: oidc.NewHTTPClient(nil),
	}
	change(&issuer)
	return oidc.New(issuer, redirect, c.clock)
}

// swapped has userinfo speak of somebody else.
type swapped struct{ http.RoundTripper }

func (s swapped) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.RoundTripper.RoundTrip(r)
	if err != nil || !strings.Contains(response.Header.Get("Content-Type"), "json") {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	body = bytes.ReplaceAll(body, []byte(`"sub":"late"`), []byte(`"sub":"ana"`))
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, err
}

// rewriting has the issuer answer something else.
type rewriting struct {
	http.RoundTripper
	rewrite func(r *http.Request, status int, body []byte) (int, []byte)
}

func (s rewriting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.StatusCode, body = s.rewrite(r, response.StatusCode, body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, err
}

// visit signs somebody in there and returns what the browser comes back with.
func (c *company) visit(client *oidc.Client, name string) (oidc.Flow, url.Values) {
	c.t.Helper()
	address, flow, err := client.Begin(c.t.Context(), "wanted")
	if err != nil {
		c.t.Fatal(err)
	}
	back, err := c.server.SignIn(c.t.Context(), address, name)
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.HasPrefix(back.String(), redirect) {
		c.t.Fatalf("sent back to %s", back)
	}
	return flow, back.Query()
}

func TestVerifiedAddressIsReturned(t *testing.T) {
	c := newCompany(t)
	flow, answer := c.visit(c.client, "ana")
	got, err := c.client.Finish(t.Context(), flow, answer)
	want := oidc.Identity{Issuer: c.server.URL, Subject: "ana", Address: "ana@acme.example", Name: "Ana Silva"}
	if err != nil || got != want {
		t.Fatalf("Finish = %+v, %v, want %+v", got, err, want)
	}
	if _, err := c.client.Finish(t.Context(), flow, answer); !errors.Is(err, oidc.ErrFlow) {
		t.Errorf("the same code again: %v, want ErrFlow", err)
	}
	for name, want := range map[string]error{
		"late": nil, "later": nil, "late no": oidc.ErrUnverified, "two": nil, "two silent": oidc.ErrUnverified, "entra": nil, "entra 1": nil,
		"entra no": oidc.ErrUnverified, "entra both": oidc.ErrUnverified,
		"text": nil, "successor": nil, "unverified": oidc.ErrUnverified, "silent": oidc.ErrUnverified, "number": oidc.ErrUnverified,
		"no address": oidc.ErrUnverified, "odd": oidc.ErrUnverified, "outsider": oidc.ErrDomain, "subdomain": oidc.ErrDomain,
	} {
		flow, answer := c.visit(c.client, name)
		got, err := c.client.Finish(t.Context(), flow, answer)
		if err != nil || got.Subject != name || !errors.Is(got.NoAddress, want) || (got.Address == "") != (want != nil) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, want)
		}
		if name == "two" && got.Address != "two@acme.example" {
			t.Errorf("userinfo vouches for one address, and %s is taken", got.Address)
		}
	}
	swapping := c.with(func(i *oidc.Issuer) { i.HTTP.Transport = swapped{i.HTTP.Transport} })
	flow, answer = c.visit(swapping, "late")
	if got, err := swapping.Finish(t.Context(), flow, answer); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("userinfo about somebody else: %+v, %v, want ErrToken", got, err)
	}
	flow, answer = c.visit(c.client, "successor")
	if other, err := c.client.Finish(t.Context(), flow, answer); err != nil || other.Subject == got.Subject {
		t.Errorf("another person with the same address: %+v, %v, want another subject", other, err)
	}
}

// The platform may say that all addresses of the domains are the issuer's. That goes no further than the domains, nor against what it says.
func TestAnIssuerThatOwnsItsDomains(t *testing.T) {
	c := newCompany(t)
	owner := c.with(func(i *oidc.Issuer) { i.OwnsDomains = true })
	for name, want := range map[string]error{
		"silent": nil, "late": nil, "entra": nil, "entra no": oidc.ErrUnverified, "unverified": oidc.ErrUnverified, "number": oidc.ErrUnverified,
		"no address": oidc.ErrUnverified, "outsider": oidc.ErrDomain, "silent outsider": oidc.ErrDomain,
	} {
		flow, answer := c.visit(owner, name)
		if got, err := owner.Finish(t.Context(), flow, answer); err != nil || !errors.Is(got.NoAddress, want) || (got.Address == "") != (want != nil) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, want)
		}
	}
}

func TestAnswersThatBelongToNoFlowAreRefused(t *testing.T) {
	c := newCompany(t)
	for name, change := range map[string]func(*oidc.Flow, url.Values){
		"another state":          func(_ *oidc.Flow, v url.Values) { v.Set("state", "x") },
		"no state":               func(_ *oidc.Flow, v url.Values) { v.Del("state") },
		"neither has a state":    func(f *oidc.Flow, v url.Values) { f.State = ""; v.Del("state") },
		"of another issuer":      func(f *oidc.Flow, _ url.Values) { f.Issuer = "globex" },
		"from another issuer":    func(_ *oidc.Flow, v url.Values) { v.Set("iss", "https://evil.example") },
		"from nobody":            func(_ *oidc.Flow, v url.Values) { v.Del("iss") },
		"another browser's code": func(f *oidc.Flow, _ url.Values) { f.Verifier = strings.Repeat("x", 43) },
		"no code":                func(_ *oidc.Flow, v url.Values) { v.Set("code", "x") },
		"too late":               func(f *oidc.Flow, _ url.Values) { f.Begun = f.Begun.Add(-oidc.FlowFor - time.Second) },
	} {
		flow, answer := c.visit(c.client, "ana")
		change(&flow, answer)
		if got, err := c.client.Finish(t.Context(), flow, answer); !errors.Is(err, oidc.ErrFlow) {
			t.Errorf("%s: %+v, %v, want ErrFlow", name, got, err)
		}
	}
	flow, answer := c.visit(c.client, "ana")
	flow.Nonce = "x"
	if got, err := c.client.Finish(t.Context(), flow, answer); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("another nonce: %+v, %v, want ErrToken", got, err)
	}
	flow, answer = c.visit(c.client, "ana")
	answer.Del("code")
	answer.Set("error", "access_denied\r\nevil")
	if _, err := c.client.Finish(t.Context(), flow, answer); !errors.Is(err, oidc.ErrDenied) || strings.Contains(err.Error(), "\n") {
		t.Errorf("an error: %v, want ErrDenied in one line", err)
	}
	flow, answer = c.visit(c.client, "ana")
	c.clock.SetTime(time.Now().Add(3 * time.Hour))
	flow.Begun = c.clock.Now()
	if _, err := c.client.Finish(t.Context(), flow, answer); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("an old ID token: %v, want ErrToken", err)
	}
}

func TestIssuersThatCannotBeUsedAreUnavailable(t *testing.T) {
	c := newCompany(t)
	for name, change := range map[string]func(*oidc.Issuer){
		"nobody there":         func(i *oidc.Issuer) { i.URL = "http://127.0.0.1:1" },
		"another identifier":   func(i *oidc.Issuer) { i.URL += "/" },
		"no discovery":         func(i *oidc.Issuer) { i.URL += "/tenant" },
		"not trusted":          func(i *oidc.Issuer) { i.URL = strings.Replace(i.URL, "http:", "https:", 1) },
		"the name of the host": func(i *oidc.Issuer) { i.URL = strings.Replace(i.URL, "127.0.0.1", "localhost", 1) },
	} {
		if address, _, err := c.with(change).Begin(t.Context(), ""); !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%s: %q, %v, want ErrUnavailable", name, address, err)
		}
	}
	for name, get := range map[string]func(context.Context) (string, error){
		"wrong secret": func(context.Context) (string, error) { return "wrong", nil },
		"no secret":    func(context.Context) (string, error) { return "", errors.New("not found") },
		"none sent":    nil,
	} {
		client := c.with(func(i *oidc.Issuer) { i.ClientSecret = get })
		flow, answer := c.visit(client, "ana")
		_, err := client.Finish(t.Context(), flow, answer)
		if !errors.Is(err, oidc.ErrUnavailable) || strings.Contains(err.Error(), answer.Get("code")) {
			t.Errorf("%s: %v, want ErrUnavailable without the code", name, err)
		}
	}
}

// TestForgedIDTokens: whatever the issuer says that it signs with, a token counts by its signature with a public key alone.
func TestForgedIDTokens(t *testing.T) {
	c := newCompany(t)
	for name, forge := range map[string]func(header, payload, signature string) string{
		"as it is": func(h, p, s string) string { return h + "." + p + "." + s },
		"alg none": func(_, p, _ string) string { return encoded(`{"alg":"none"}`) + "." + p + "." },
		"the client secret as key": func(_, p, _ string) string {
			signed := encoded(`{"alg":"HS256"}`) + "." + p
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(signed))
			return signed + "." + encoded(string(mac.Sum(nil)))
		},
		"somebody else": func(h, p, s string) string {
			said, _ := base64.RawURLEncoding.DecodeString(p)
			return h + "." + encoded(strings.Replace(string(said), `"sub":"ana"`, `"sub":"eve"`, 1)) + "." + s
		},
		"no signature": func(h, p, _ string) string { return h + "." + p + "." },
	} {
		client := c.with(func(i *oidc.Issuer) {
			i.HTTP.Transport = rewriting{i.HTTP.Transport, func(_ *http.Request, status int, body []byte) (int, []byte) {
				body = bytes.Replace(body, []byte(`"id_token_signing_alg_values_supported":[`),
					[]byte(`"id_token_signing_alg_values_supported":["none","HS256",`), 1)
				token := regexp.MustCompile(`"id_token":"([^."]*)\.([^."]*)\.([^."]*)"`)
				return status, token.ReplaceAllFunc(body, func(found []byte) []byte {
					part := token.FindSubmatch(found)
					return []byte(`"id_token":"` + forge(string(part[1]), string(part[2]), string(part[3])) + `"`)
				})
			}}
		})
		flow, answer := c.visit(client, "ana")
		got, err := client.Finish(t.Context(), flow, answer)
		if name == "as it is" && err != nil || name != "as it is" && !errors.Is(err, oidc.ErrToken) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// TestErrorsTellNoToken: what an issuer answers may be what it was sent, and errors get into the log.
func TestErrorsTellNoToken(t *testing.T) {
	c := newCompany(t)
	sent := ""
	client := c.with(func(i *oidc.Issuer) {
		i.HTTP.Transport = rewriting{i.HTTP.Transport, func(r *http.Request, status int, body []byte) (int, []byte) {
			bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok {
				return status, body
			}
			sent = bearer
			return http.StatusBadRequest, []byte("what is this: " + bearer)
		}}
	})
	flow, answer := c.visit(client, "late")
	_, err := client.Finish(t.Context(), flow, answer)
	if !errors.Is(err, oidc.ErrUnavailable) || sent == "" || strings.Contains(err.Error(), sent) {
		t.Errorf("userinfo says what it was sent: %v, want ErrUnavailable without the token %q", err, sent)
	}
}

// An issuer that goes away is asked again, not at each request, and what it said before counts until then.
func TestDiscoveryIsKept(t *testing.T) {
	c := newCompany(t)
	begin := func() error {
		_, _, err := c.client.Begin(t.Context(), "")
		return err
	}
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	c.leave()
	for _, later := range []time.Duration{time.Minute, 2 * time.Hour, 20 * time.Hour} {
		c.clock.SetTime(time.Now().Add(later))
		if err := begin(); err != nil {
			t.Errorf("after %s: %v", later, err)
		}
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	c := newCompany(t)
	address, flow, err := c.client.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "roster", "redirect_uri": redirect, "scope": "openid email profile", "code_challenge_method": "S256",
		"state": flow.State, "nonce": flow.Nonce,
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if strings.Contains(address, flow.Verifier) || strings.Contains(address, url.QueryEscape(secret)) || len(q.Get("code_challenge")) != 43 {
		t.Errorf("the address is %s", address)
	}
	_, other, err := c.client.Begin(t.Context(), "")
	if err != nil || other.State == flow.State || other.Nonce == flow.Nonce || other.Verifier == flow.Verifier {
		t.Errorf("two flows share something: %+v, %+v, %v", flow, other, err)
	}
}

func TestDirectory(t *testing.T) {
	clk := testclock.NewFakePassiveClock(time.Now())
	d := oidc.Directory{
		oidc.New(oidc.Issuer{Name: "acme", Domains: []string{"acme.example", "acme.test"}}, "", clk),
		oidc.New(oidc.Issuer{Name: "globex", Domains: []string{"globex.example"}}, "", clk),
		oidc.New(oidc.Issuer{Name: "buecher", Domains: []string{"bücher.example"}}, "", clk),
	}
	for address, want := range map[address.Address]string{
		"ana@acme.example": "acme", "ana@acme.test": "acme", "bo@globex.example": "globex", "x@sub.acme.example": "", "x@example": "",
		"ana@xn--bcher-kva.example": "buecher",
	} {
		got := ""
		if c := d.For(address); c != nil {
			got = c.Name
		}
		if got != want {
			t.Errorf("%s: issuer %q, want %q", address, got, want)
		}
	}
	if c := d.Named("globex"); c == nil || c.Name != "globex" || d.Named("") != nil {
		t.Errorf("Named finds %+v", c)
	}
}

func TestCheckURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://login.example.com": true, "https://login.example.com/tenant": true, "http://127.0.0.1:8080": true, "http://localhost/x": true,
		"http://login.example.com": false, "http://localhost.example.com": false, "https://user@login.example.com": false, "file:///etc/passwd": false,
		"": false, "https://": false,
	} {
		if err := oidc.CheckURL(address); (err == nil) != want {
			t.Errorf("CheckURL(%q) = %v, want it accepted: %v", address, err, want)
		}
	}
}

// Whatever parameters a browser comes back with: without the state of its flow nothing is asked, and nothing breaks.
func FuzzFinish(f *testing.F) {
	clk := testclock.NewFakePassiveClock(time.Now())
	client := oidc.New(oidc.Issuer{Name: "acme", URL: "http://127.0.0.1:1", HTTP: oidc.NewHTTPClient(nil)}, redirect, clk)
	f.Add("code=x&state=s&iss=y")
	f.Add("error=access_denied&state=s")
	f.Fuzz(func(t *testing.T, query string) {
		answer, _ := url.ParseQuery(query)
		flow := oidc.Flow{Issuer: "acme", State: "s", Begun: clk.Now()}
		want := oidc.ErrFlow
		if answer.Get("state") == "s" {
			want = oidc.ErrUnavailable
		}
		if _, err := client.Finish(t.Context(), flow, answer); !errors.Is(err, want) {
			t.Errorf("Finish(%q): %v, want %v", query, err, want)
		}
	})
}
