// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/web"
)

// empty is a cache in which nothing is found.
type empty struct{ client.Reader }

func (empty) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func (empty) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// nothing is an API server on which there is nothing. Writing to it panics, which a page survives with the status 500.
type nothing struct{ client.Client }

func (nothing) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func (nothing) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// creating is nothing to which something can be added, which is not there after that.
type creating struct{ nothing }

func (creating) Create(context.Context, client.Object, ...client.CreateOption) error { return nil }

// alone is a portal that knows no invitation and no Account.
func alone(t testing.TB, base string) *Portal {
	t.Helper()
	return aloneWith(t, base, func(*Options) {})
}

// aloneProvider is alone as a provider that knows kubectl.
func aloneProvider(t testing.TB) *Portal {
	t.Helper()
	key, err := theKey()
	if err != nil {
		t.Fatal(err)
	}
	entry, err := key.Entry()
	if err != nil {
		t.Fatal(err)
	}
	return aloneWith(t, "https://roster.example.com", func(o *Options) {
		o.Client = creating{}
		o.OpenID = config.OpenID{Issuer: "https://roster.example.com", Clients: []config.OpenIDClient{
			{ID: "kubectl", DisplayName: "kubectl", RedirectURIs: []string{"http://127.0.0.1/callback"}},
		}}
		o.SigningKeys = web.NewSource(&secretReader{data: map[string][]byte{key.ID: entry}}, client.ObjectKey{}, signing.FromSecret, o.Clock)
	})
}

func aloneWith(t testing.TB, base string, change func(*Options)) *Portal {
	t.Helper()
	metrics, err := web.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := account.NewHasher(account.HasherOptions{Params: cheap()})
	if err != nil {
		t.Fatal(err)
	}
	c := clocktesting.NewFakePassiveClock(now())
	r := &secretReader{data: map[string][]byte{keyring.Current: []byte(strings.Repeat("k", 32))}}
	limits := configure{}
	unlimited(&limits)
	o := Options{
		Cache: empty{}, Keys: web.NewKeySource(r, client.ObjectKey{}, c), SessionKeys: web.NewKeySource(r, client.ObjectKey{}, c),
		BaseURL: base, Clock: c, Log: logr.Discard(), Metrics: metrics, Limits: limits.Limits,
		Accounts: account.NewStore(nothing{}, account.ClusterSecrets{Client: nothing{}}, hasher),
	}
	change(&o)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// visiting is a visit of a page.
func visiting(t testing.TB, p *Portal, page string) *web.Visit {
	return p.site.Visit(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, page, nil))
}

// FuzzToken sends any path, query and form to a portal that knows no invitation and no Account. Whatever it is, the answer is an orderly
// page, nothing is written, and no redirect leads elsewhere.
func FuzzToken(f *testing.F) {
	keys := keyring.Keys{[]byte(strings.Repeat("k", 32))}
	token, err := invitation.Token(keys, "0b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d", 1, "ana@acme.example")
	if err != nil {
		f.Fatal(err)
	}
	for _, page := range []string{
		"/", "/invitations/" + token, "/invitations/" + token[:70], "/invitations/" + token + "/welcome", "/invitations/%2e%2e/x",
		"//evil.example/%2f", "/invitations/" + strings.Repeat("A", 5000), "/assets/..%2fportal.go", "/invitations/\x00",
		"/invitations/" + strings.Repeat("0", 20) + strings.Repeat("\n", 50), "/reset/" + strings.Repeat("A", 20) + strings.Repeat("\n", 55),
	} {
		f.Add(page, "lang=fr", "action=accept&displayName=Ana&password=x", true)
		f.Add(page, "lang=%zz&lang", "action=%zz", false)
	}
	for _, page := range []string{
		"/sign-in", "/sign-in/confirm", "/sign-out", "/forgotten", "/reset/" + strings.Repeat("A", 75), "/account", "/account/profile",
		"/account/username", "/account/password", "/account/sessions", "/organizations/acme", "/organizations/acme/welcome", "/organizations/acme/leave",
		"/organizations/acme/profiles", "/organizations/acme/profiles/outcome", "/organizations/acme/profiles/x/remove", "/organizations/acme/connect/x",
		"/organizations/acme/connect/x/go", "/organizations/acme/connect/x/choose", "/connect/x/callback",
	} {
		f.Add(page, "next=%2F%2Fevil.example&done=x", "login=ana%40acme.example&password=x&device=%00&confirm=x", true)
		f.Add(page, "next=/account/../x", "login=%0d%0aBcc:", false)
	}
	p := alone(f, "https://roster.example.com")
	f.Fuzz(func(t *testing.T, path, query, body string, post bool) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
			http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusSeeOther, http.StatusGone, http.StatusUnprocessableEntity:
		default:
			t.Errorf("%s %q: status %d", method, path, w.Code)
		}
		if to := w.Header().Get("Location"); w.Code == http.StatusSeeOther && (!strings.HasPrefix(to, "/sign-in") || strings.Contains(to, "evil")) {
			t.Errorf("%s %q: sent on to %q", method, path, to)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s %q: no Content-Security-Policy", method, path)
		}
	})
}

// FuzzDestination: people who sign in are sent on within the portal.
func FuzzDestination(f *testing.F) {
	for _, next := range []string{"/account", "//evil.example", "/\\evil.example", "/account\n", "/invitations/x", "https://evil.example", "/account/../..", "/organizations/a/profiles/../remove"} {
		f.Add(next)
	}
	p := alone(f, "https://roster.example.com")
	f.Fuzz(func(t *testing.T, next string) {
		to := visiting(t, p, "/sign-in").Destination(next)
		u, err := url.Parse(to)
		if err != nil || u.Host != "" || u.Scheme != "" || u.RawQuery != "" || u.Path != path.Clean(u.Path) || strings.ContainsAny(to, "\r\n\\") {
			t.Errorf("%q leads to %q", next, to)
		}
	})
}

// FuzzBrowserLabel: nothing that a client wrote gets onto the page of devices.
func FuzzBrowserLabel(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	f.Add("<script>Chrome/ Windows")
	f.Fuzz(func(t *testing.T, agent string) {
		if label := web.BrowserLabel(agent); !regexp.MustCompile(`^[A-Za-z ]*(, )?[A-Za-z ]*$`).MatchString(label) {
			t.Errorf("%q is called %q", agent, label)
		}
	})
}
