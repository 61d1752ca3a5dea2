// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/testpeer"
)

// The app that the operator is registered as.
const (
	clientID     = "roster-app"
	clientSecret = "roster-app-secret"
)

// X is X as the operator sees it. Its tokens are those of a real provider, whose refresh tokens are good for one use, and who is asked
// whether an access token lives; what is shaped after the documentation of X is the rest.
//
// It is a server of Mastodon, too, what ad accounts need of Facebook, and what organisations need of LinkedIn.
type X struct {
	*httptest.Server
	provider *testpeer.OIDC
	forward  *httputil.ReverseProxy

	mu      sync.Mutex
	checks  map[string]int
	unread  map[string]int
	limited map[string]bool
	held    map[string]chan struct{}
	down    bool
	asked   hook
	renewed hook
}

// hook runs when the operator renews with that refresh token; with any where it is empty.
type hook struct {
	refresh string
	then    func()
}

// refreshKey is where the refresh token of a request stands in its context.
type refreshKey struct{}

// of is what runs at that request; nil for nothing.
func (h hook) of(r *http.Request) func() {
	if token, _ := r.Context().Value(refreshKey{}).(string); h.refresh != "" && h.refresh != token {
		return nil
	}
	return h.then
}

func startX(ctx context.Context) *X {
	GinkgoHelper()
	provider, err := testpeer.StartOIDC(ctx, testpeer.OIDCOptions{
		Clients:   []testpeer.OIDCClient{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/back"}}},
		TokenPath: "/2/oauth2/token",
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(provider.Stop)
	issuer, err := url.Parse(provider.URL)
	Expect(err).NotTo(HaveOccurred())
	x := &X{provider: provider, checks: map[string]int{}, unread: map[string]int{}, limited: map[string]bool{}, held: map[string]chan struct{}{}}
	x.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(issuer) },
		ModifyResponse: func(response *http.Response) error {
			x.mu.Lock()
			renewed := x.renewed
			x.mu.Unlock()
			if then := renewed.of(response.Request); then != nil {
				then()
			}
			return nil
		},
	}
	x.Server = httptest.NewServer(http.HandlerFunc(x.serve))
	DeferCleanup(x.Close)
	return x
}

func (x *X) serve(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	down := x.down
	x.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case down:
		w.WriteHeader(http.StatusBadGateway)
	case r.URL.Path == "/2/oauth2/token":
		x.renew(w, r)
	case r.URL.Path == "/2/users/me":
		x.me(w, token)
	case r.URL.Path == "/api/v1/accounts/verify_credentials":
		x.onMastodon(w, token)
	case strings.HasPrefix(r.URL.Path, "/rest/"):
		onLinkedIn(w, r.URL.Path, token)
	case strings.HasPrefix(r.URL.Path, "/v25.0/act_"):
		adAccount(w, strings.TrimPrefix(r.URL.Path, "/v25.0/act_"), token)
	case r.URL.Path == "/api/v1/notifications/unread_count":
		x.mu.Lock()
		defer x.mu.Unlock()
		_, _ = fmt.Fprintf(w, `{"count":%d}`, x.unread[token])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (x *X) renew(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	form, _ := url.ParseQuery(string(body))
	r = r.WithContext(context.WithValue(r.Context(), refreshKey{}, form.Get("refresh_token")))
	r.Body = io.NopCloser(bytes.NewReader(body))
	x.mu.Lock()
	asked := x.asked
	x.mu.Unlock()
	if first := asked.of(r); first != nil {
		first()
		panic(http.ErrAbortHandler)
	}
	x.forward.ServeHTTP(w, r)
}

func (x *X) me(w http.ResponseWriter, token string) {
	info := x.introspect(token)
	x.mu.Lock()
	x.checks[info.Sub]++
	limited := x.limited[info.Sub]
	x.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if limited {
		w.Header().Set("Retry-After", "72000")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429}`)
		return
	}
	if !info.Active {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"data":{"id":"id-of-%s","name":"Acme","username":%q}}`, info.Sub, info.Sub)
}

func (x *X) introspect(token string) (info struct {
	Active bool   `json:"active"`
	Sub    string `json:"sub"`
}) {
	r, err := http.NewRequest(http.MethodPost, x.provider.URL+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return info
	}
	r.SetBasicAuth(clientID, clientSecret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return info
	}
	defer func() { _ = response.Body.Close() }()
	_ = json.NewDecoder(response.Body).Decode(&info)
	return info
}

// Revoke is what a person does in the settings of X.
func (x *X) Revoke(token string) {
	GinkgoHelper()
	r, err := http.NewRequest(http.MethodPost, x.provider.URL+"/token/revocation", strings.NewReader(url.Values{"token": {token}}.Encode()))
	Expect(err).NotTo(HaveOccurred())
	r.SetBasicAuth(clientID, clientSecret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.StatusCode).To(Equal(http.StatusOK))
}

// ChecksOf counts the checks of an account.
func (x *X) ChecksOf(account string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.checks[account]
}

// SetDown takes the network away, or brings it back.
func (x *X) SetDown(down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = down
}

// Limit has X answer nothing about an account for 20 hours.
func (x *X) Limit(account string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.limited[account] = true
}

// Hold keeps Mastodon from answering about a token until it is let go.
func (x *X) Hold(token string) (letGo func()) {
	held := make(chan struct{})
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held[token] = held
	return sync.OnceFunc(func() { close(held) })
}

// Arrives is how many items nobody has looked at wait for an account on Mastodon, where everybody is called after their token.
func (x *X) Arrives(account string, unread int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unread[account] = unread
}

// AfterRenewal runs when the provider has given new tokens and the operator does not have them yet.
func (x *X) AfterRenewal(then func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.renewed = hook{then: then}
}

// AfterRenewalWith is afterRenewal for one refresh token: other profiles may be renewed at the same time.
func (x *X) AfterRenewalWith(refresh string, then func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.renewed = hook{refresh, then}
}

// InsteadOfRenewalWith runs when the operator asks for new tokens with that refresh token, and the provider never hears of it.
func (x *X) InsteadOfRenewalWith(refresh string, then func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = hook{refresh, then}
}

// Client is the OAuth client that the network knows.
func (x *X) Client() oauth2.Config {
	return oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURL: "http://127.0.0.1/back", Scopes: []string{"openid", "offline_access"},
		Endpoint: oauth2.Endpoint{AuthURL: x.provider.URL + "/auth", TokenURL: x.provider.URL + "/2/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
}

// Connect gets tokens as a person does: by the code flow.
func (x *X) Connect(ctx context.Context, account string) *oauth2.Token {
	GinkgoHelper()
	app, verifier := x.Client(), oauth2.GenerateVerifier()
	back, err := x.provider.SignIn(ctx, app.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent")), account)
	Expect(err).NotTo(HaveOccurred())
	token, err := app.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	Expect(err).NotTo(HaveOccurred())
	return token
}

// socialNetworks is what the operator's configuration says about networks.
func socialNetworks(x *X) []config.Network {
	return []config.Network{
		{Name: rosterv1alpha1.NetworkX, URL: x.URL, Secret: "roster-x", Scopes: []string{"openid"}, ChecksPerMinute: 60_000},
		{Name: rosterv1alpha1.NetworkFacebook, URL: x.URL, ChecksPerMinute: 60_000},
		{Name: rosterv1alpha1.NetworkMastodon, URL: x.URL, ChecksPerMinute: 60_000},
		{Name: rosterv1alpha1.NetworkLinkedIn, URL: x.URL, ChecksPerMinute: 60_000},
		{Name: rosterv1alpha1.NetworkYouTube, Secret: "roster-youtube", ChecksPerMinute: 60_000},
	}
}
