// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	issuerURL   = "https://roster.example"
	signingKeys = "roster-openid-keys"
	wikiSecret  = "the secret of the wiki"
	callback    = "https://wiki.acme.example/callback"
	loopback    = "http://127.0.0.1:41234/callback"
)

// theKey is made once: it takes a second.
var theKey = sync.OnceValues(func() (signing.Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signing.Key{}, err
	}
	return signing.Of(signing.Turn{Created: now().AddDate(-1, 0, 0), SignsFrom: now().AddDate(-1, 0, 0)}, private)
})

// keyOfTokens makes the Secret with the key that signs, unless it is there.
func (w *world) keyOfTokens() {
	w.t.Helper()
	key, err := theKey()
	if err != nil {
		w.t.Fatal(err)
	}
	entry, err := key.Entry()
	if err != nil {
		w.t.Fatal(err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: signingKeys}, Data: map[string][]byte{key.ID: entry},
	}
	if err := w.admin.Create(context.Background(), secret); client.IgnoreAlreadyExists(err) != nil {
		w.t.Fatal(err)
	}
}

// provides makes a portal a provider, with kubectl as an application of the platform.
func (w *world) provides(c *configure) {
	w.keyOfTokens()
	c.OpenID = config.OpenID{Issuer: issuerURL, Clients: []config.OpenIDClient{
		{ID: "kubectl", DisplayName: "kubectl", RedirectURIs: []string{"http://127.0.0.1/callback"}},
	}}
	c.SigningKeys = web.NewSource(w.portal, client.ObjectKey{Namespace: systemNamespace, Name: signingKeys}, signing.FromSecret, c.Clock)
}

// application makes one with a client secret, as the operator does.
func (w *world) application(name string, mods ...func(*rosterv1alpha1.ApplicationSpec)) *rosterv1alpha1.Application {
	w.t.Helper()
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: rosterv1alpha1.ApplicationSpec{
			DisplayName: "The " + name, Type: rosterv1alpha1.ApplicationWeb, RedirectURIs: []string{callback},
			PostLogoutRedirectURIs: []string{"https://wiki.acme.example/bye"},
		},
	}
	for _, mod := range mods {
		mod(&a.Spec)
	}
	w.create(a)
	sum := sha256.Sum256([]byte(wikiSecret))
	a.Status.ClientID = a.ClientID()
	if a.Spec.Type == rosterv1alpha1.ApplicationWeb {
		a.Status.SecretHashes = []rosterv1alpha1.SecretHash{{SHA256: base64.RawURLEncoding.EncodeToString(sum[:])}}
	}
	if err := w.admin.Status().Update(context.Background(), a); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(a)
	return a
}

// applicationSpec changes an application, and waits until the portal knows.
func (w *world) applicationSpec(a *rosterv1alpha1.Application, change func(*rosterv1alpha1.ApplicationSpec)) {
	w.t.Helper()
	fresh := &rosterv1alpha1.Application{}
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(a), fresh); err != nil {
		w.t.Fatal(err)
	}
	change(&fresh.Spec)
	if err := w.admin.Update(context.Background(), fresh); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(fresh)
}

func native(spec *rosterv1alpha1.ApplicationSpec) {
	spec.Type, spec.RedirectURIs = rosterv1alpha1.ApplicationNative, []string{"http://127.0.0.1/callback"}
	spec.PostLogoutRedirectURIs = nil
}

// today has the portal live now: the library reads the time of the machine.
func (s *site) today() *site {
	s.clock.SetTime(time.Now())
	return s
}

// party is an application as others write them: with the libraries that Go programs use.
type party struct {
	t        testing.TB
	site     *site
	ctx      context.Context
	config   oauth2.Config
	provider *oidc.Provider
}

// everywhere leads every request to the portal, whatever host it is for.
type everywhere struct{ site *site }

func (e everywhere) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(e.site.url)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	return http.DefaultTransport.RoundTrip(r)
}

func (s *site) party(clientID string, scopes ...string) *party {
	s.t.Helper()
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: everywhere{s}})
	provider, err := oidc.NewProvider(ctx, issuerURL)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &party{t: s.t, site: s, ctx: ctx, provider: provider, config: oauth2.Config{
		ClientID: clientID, Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: append([]string{"openid"}, scopes...),
	}}
	if clientID == "kubectl" {
		p.config.RedirectURL = loopback
		return p
	}
	p.config.ClientSecret = wikiSecret
	return p
}

// flow is one sign-in that an application has begun.
type flow struct {
	*party
	state, nonce, verifier string
	url                    string
}

func (p *party) begin(more ...oauth2.AuthCodeOption) flow {
	f := flow{party: p, state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	f.url = p.config.AuthCodeURL(f.state, append([]oauth2.AuthCodeOption{oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)}, more...)...)
	return f
}

// through follows a sign-in in a browser until it leaves the portal, or shows a page.
func (b *browser) through(address string) (back *url.URL, page answer) {
	b.t.Helper()
	for range 8 {
		u, err := url.Parse(address)
		if err != nil {
			b.t.Fatal(err)
		}
		if u.Host != "" && u.Host != "127.0.0.1" {
			return u, page
		}
		page = b.get(u.RequestURI())
		address = page.Header.Get("Location")
		if page.StatusCode != http.StatusSeeOther {
			return nil, page
		}
	}
	b.t.Fatal("the sign-in goes round in circles")
	return nil, page
}

// code signs the person in who uses the browser, and returns the code.
func (f flow) code(b *browser) string {
	f.t.Helper()
	back, page := b.through(f.url)
	if back == nil {
		f.t.Fatalf("the browser stays at the portal, status %d:\n%s", page.StatusCode, page.body)
	}
	query := back.Query()
	if !strings.HasPrefix(back.String(), f.config.RedirectURL+"?") || query.Get("state") != f.state || query.Get("iss") != issuerURL {
		f.t.Fatalf("the browser is sent to %s", back)
	}
	return query.Get("code")
}

func (f flow) exchange(code string, more ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	return f.config.Exchange(f.ctx, code, append([]oauth2.AuthCodeOption{oauth2.VerifierOption(f.verifier)}, more...)...)
}

// tokens signs the person in who uses the browser.
func (f flow) tokens(b *browser) *oauth2.Token {
	f.t.Helper()
	token, err := f.exchange(f.code(b))
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// claims verifies an ID token and returns what it says.
func (p *party) claims(token *oauth2.Token) (*oidc.IDToken, map[string]any) {
	p.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	verified, err := p.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(p.ctx, raw)
	if err != nil {
		p.t.Fatalf("the ID token: %v", err)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		p.t.Fatal(err)
	}
	return verified, claims
}

// post sends a form to an endpoint, as the application.
func (p *party) post(path string, form url.Values) (int, map[string]any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.site.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.config.ClientSecret != "" {
		r.SetBasicAuth(url.QueryEscape(p.config.ClientID), url.QueryEscape(p.config.ClientSecret))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	document := map[string]any{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &document); err != nil {
			p.t.Fatalf("%s: %v: %s", path, err, data)
		}
	}
	return response.StatusCode, document
}

// refresh exchanges a refresh token.
func (p *party) refresh(token string) (*oauth2.Token, error) {
	return p.config.TokenSource(p.ctx, &oauth2.Token{RefreshToken: token}).Token()
}

// grants of a person.
func (w *world) grants(local string) []grant.Grant {
	w.t.Helper()
	d, err := grant.Parse(w.credentials(w.address(local)).Data[grant.Entry])
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Grants
}

// provider makes a portal that is one, and somebody who is signed in and may sign in to its applications. Eve and Zoe have an account, too.
func (w *world) provider(mods ...func(*configure)) (*site, *browser) {
	w.t.Helper()
	s := w.site(append([]func(*configure){unlimited, w.provides}, mods...)...)
	for _, name := range []string{"ana", "eve", "zoe"} {
		w.registered(s, name)
	}
	w.joined("ana", nil, func(m *rosterv1alpha1.MemberStatus) { m.Teams = []string{"blue"} })
	s.today()
	return s, w.signedIn(s, "ana")
}

func TestSignInToAnApplication(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider()
	p := s.party(w.application("wiki").ClientID(), "email", "profile", "organization")
	s.writes.clear()
	f := p.begin()
	token := f.tokens(b)
	verified, claims := p.claims(token)
	if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	if verified.Nonce != f.nonce || len(verified.Audience) != 1 || verified.Audience[0] != w.ns+".wiki" {
		t.Errorf("nonce %q, audience %v", verified.Nonce, verified.Audience)
	}
	if claims["email"] != w.address("ana") || claims["email_verified"] != true || claims["name"] != "Ana Silva" || claims["locale"] != "en" ||
		claims["role"] != "Member" || claims["acr"] != "1fa" || claims["sid"] == "" {
		t.Errorf("the ID token says %v", claims)
	}
	if token.RefreshToken != "" {
		t.Error("a refresh token that nobody has asked for")
	}
	if left := time.Until(token.Expiry); left > grant.TokenLifetime || left < grant.TokenLifetime/2 {
		t.Errorf("it lasts %v", left)
	}
	if got := s.writes.String(); got != "update *v1.Secret\nupdate *v1.Secret" {
		t.Errorf("a sign-in writes:\n%s", got)
	}
	info, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Organization struct{ ID, Name string } }
	if err := info.Claims(&said); err != nil || info.Subject != verified.Subject || info.Email != w.address("ana") || said.Organization.ID != w.ns {
		t.Errorf("userinfo: %+v, %+v, %v", info, said, err)
	}
	if strings.Contains(s.log.String(), token.AccessToken) || strings.Contains(s.log.String(), w.address("ana")) {
		t.Error("the log has a token or an address")
	}
}

// changeMember changes the spec of a Member, and waits until the portal knows.
func (w *world) changeMember(name string, change func(*rosterv1alpha1.MemberSpec)) {
	w.t.Helper()
	m := &rosterv1alpha1.Member{}
	if err := w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: name}, m); err != nil {
		w.t.Fatal(err)
	}
	change(&m.Spec)
	if err := w.admin.Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
}
