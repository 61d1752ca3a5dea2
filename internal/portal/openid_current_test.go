// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// older is a cache that is behind with Applications: it knows them as they were.
type older struct {
	client.Reader
	mu    sync.Mutex
	known map[client.ObjectKey]*rosterv1alpha1.Application
}

// Get implements client.Reader.
func (o *older) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	a, ok := into.(*rosterv1alpha1.Application)
	if !ok {
		return o.Reader.Get(ctx, key, into, opts...)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known, ok := o.known[key]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Group: rosterv1alpha1.GroupVersion.Group, Resource: "applications"}, key.Name)
	}
	known.DeepCopyInto(a)
	return nil
}

// behindWith has a portal know Applications only as they are now; none, if none are named.
func (w *world) behindWith(o *older, all ...*rosterv1alpha1.Application) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known = map[client.ObjectKey]*rosterv1alpha1.Application{}
	for _, a := range all {
		o.known[client.ObjectKeyFromObject(a)] = a.DeepCopy()
	}
}

// lagging is a provider whose cache is behind, and somebody who is signed in.
func (w *world) lagging() (*site, *browser, *older) {
	cache := &older{Reader: w.cache}
	s, b := w.provider(func(c *configure) { c.Cache = cache })
	return s, b, cache
}

// An Application that has just been applied is known at every endpoint, while the cache of the portal does not know it yet.
func TestAnApplicationIsKnownAtOnce(t *testing.T) {
	w := newWorld(t)
	s, b, _ := w.lagging()
	wiki := w.application("wiki", func(spec *rosterv1alpha1.ApplicationSpec) {
		spec.Members = &rosterv1alpha1.ApplicationMembers{Teams: []string{"blue"}}
	})
	p := s.party(wiki.ClientID(), "email", "organization", "offline_access")
	token := p.begin().tokens(b)
	if _, err := p.provider.UserInfo(p.ctx, p.config.TokenSource(p.ctx, token)); err != nil {
		t.Errorf("userinfo: %v", err)
	}
	if _, said := p.post("/openid/introspect", url.Values{"token": {token.AccessToken}}); said["active"] != true {
		t.Errorf("introspection: %v", said)
	}
	next, err := p.refresh(token.RefreshToken)
	if err != nil {
		t.Fatalf("a refresh: %v", err)
	}
	_, page := b.through("/openid/logout?" + url.Values{
		"client_id": {wiki.ClientID()}, "post_logout_redirect_uri": {"https://wiki.acme.example/bye"},
	}.Encode())
	page.expect(t, http.StatusOK, "Sign out of The wiki")
	if status, said := p.post("/openid/revoke", url.Values{"token": {next.RefreshToken}}); status != http.StatusOK {
		t.Errorf("revocation: %d %v", status, said)
	}
	if _, err := p.refresh(next.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("once it is revoked: %v", err)
	}

	program := s.party(w.application("program", native).ClientID())
	program.config.ClientSecret, program.config.Endpoint.DeviceAuthURL = "", "http://127.0.0.1/openid/device-authorization"
	asked, err := program.config.DeviceAuth(program.ctx)
	if err != nil {
		t.Fatalf("a device code: %v", err)
	}
	b.post("/device/"+asked.UserCode, url.Values{"action": {"approve"}}).expect(t, http.StatusOK, "You are signed in")
	if status, said := program.post("/openid/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {asked.DeviceCode}, "client_id": {program.config.ClientID},
	}); status != http.StatusOK {
		t.Errorf("the device's tokens: %d %v", status, said)
	}
}

// What has just been added to an Application counts, while the cache of the portal knows the Application without it.
func TestAChangeOfAnApplicationIsKnownAtOnce(t *testing.T) {
	const added = "https://wiki.acme.example/added"
	for name, c := range map[string]struct {
		before, after func(*rosterv1alpha1.ApplicationSpec)
		secret        string
	}{
		"an address to return to": {after: func(spec *rosterv1alpha1.ApplicationSpec) { spec.RedirectURIs = append(spec.RedirectURIs, added) }},
		"who it is for": {
			before: func(spec *rosterv1alpha1.ApplicationSpec) {
				spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}
			},
			after: func(spec *rosterv1alpha1.ApplicationSpec) { spec.Members.Teams = []string{"blue"} },
		},
		"the second factor that it asks for": {
			before: func(spec *rosterv1alpha1.ApplicationSpec) {
				spec.MultiFactor = rosterv1alpha1.ApplicationFactorPhishingResistant
			},
			after: func(spec *rosterv1alpha1.ApplicationSpec) {
				spec.MultiFactor = rosterv1alpha1.ApplicationFactorAsOrganization
			},
		},
		"a client secret": {secret: "the next secret of the wiki"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, b, cache := w.lagging()
			var mods []func(*rosterv1alpha1.ApplicationSpec)
			if c.before != nil {
				mods = append(mods, c.before)
			}
			wiki := w.application("wiki", mods...)
			w.behindWith(cache, wiki)
			p := s.party(wiki.ClientID())
			if c.after != nil {
				w.applicationSpec(wiki, c.after)
			}
			if c.secret != "" {
				sum := sha256.Sum256([]byte(c.secret))
				wiki.Status.SecretHashes = append(wiki.Status.SecretHashes, rosterv1alpha1.SecretHash{
					SHA256: base64.RawURLEncoding.EncodeToString(sum[:]),
				})
				if err := w.admin.Status().Update(t.Context(), wiki); err != nil {
					t.Fatal(err)
				}
				p.config.ClientSecret = c.secret
			}
			if name == "an address to return to" {
				p.config.RedirectURL = added
			}
			p.begin().tokens(b)
		})
	}
}

// TestStrangersLoadNoAPIServer: what is not known is looked up, only so often, and strangers learn nothing more by that.
func TestStrangersLoadNoAPIServer(t *testing.T) {
	w := newWorld(t)
	var looks atomic.Int32
	s := w.site(unlimited, w.provides, behindProxy, func(c *configure) {
		c.funcs.Get = func(
			ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption,
		) error {
			if _, ok := o.(*rosterv1alpha1.Application); ok {
				looks.Add(1)
			}
			return c.Get(ctx, key, o, opts...)
		}
	})
	ask := func(address, clientID string) {
		t.Helper()
		from(s.browser(), address).get("/openid/authorize?client_id="+url.QueryEscape(clientID)).
			expect(t, http.StatusBadRequest, "This tool is not known here")
	}
	for range 25 {
		ask("198.51.100.1", w.ns+".guess")
	}
	if got := looks.Load(); got != 20 {
		t.Errorf("one stranger has the API server asked %d times at once, want 20", got)
	}
	for i := range 120 {
		ask(fmt.Sprintf("198.51.101.%d", i), w.ns+".guess")
	}
	if got := looks.Load(); got != 100 {
		t.Errorf("all have it asked %d times at once, want 100", got)
	}
	known := s.party(w.application("wiki").ClientID()).begin().url
	if back, page := from(s.browser(), "198.51.100.1").through(known); back != nil || page.StatusCode != http.StatusSeeOther &&
		page.StatusCode != http.StatusOK {
		t.Errorf("what the cache knows is served all the same: %d", page.StatusCode)
	}
	s = w.site(unlimited, w.provides, func(c *configure) {
		c.funcs.Get = func(
			ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption,
		) error {
			if _, ok := o.(*rosterv1alpha1.Application); ok {
				t.Errorf("the API server is asked for %s", key)
			}
			return c.Get(ctx, key, o, opts...)
		}
	})
	for _, none := range []string{"", "kubectx", "acme.", ".wiki", "acme./", "acme.wiki/status", "Acme.wiki", "acme.Wiki", "../a.b"} {
		ask("198.51.100.2", none)
	}
}

// TestToolsHaveLimitsOfTheirOwn: by application and address, whatever client IDs somebody makes up, and apart from those of people.
func TestToolsHaveLimitsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	s := w.site(w.provides, behindProxy, func(c *configure) {
		c.Limits.Applications = web.Rate{Every: time.Hour, Burst: 3}
	})
	w.application("wiki")
	w.application("chat")
	asks := func(address, clientID, path string) answer {
		return from(s.browser(), address).post(path, url.Values{"grant_type": {"authorization_code"}, "client_id": {clientID}})
	}
	wiki, chat := w.ns+".wiki", w.ns+".chat"
	for name, c := range map[string]struct {
		address string
		clients []string
		path    string
	}{
		"one application":     {"198.51.100.1", []string{wiki}, "/openid/token"},
		"another one":         {"198.51.100.1", []string{chat}, "/openid/introspect"},
		"from another place":  {"198.51.100.2", []string{wiki}, "/openid/revoke"},
		"of the platform":     {"198.51.100.1", []string{"kubectl"}, "/openid/device-authorization"},
		"ones that are not":   {"198.51.100.1", []string{"", "kubectx", w.ns + ".guess", w.ns + ".guess2"}, "/openid/token"},
		"none, from anywhere": {"198.51.100.3", []string{""}, "/openid/userinfo"},
	} {
		for i := range 4 {
			a := asks(c.address, c.clients[i%len(c.clients)], c.path)
			if limited := a.StatusCode == http.StatusTooManyRequests; limited != (i == 3) {
				t.Errorf("%s, request %d: status %d", name, i, a.StatusCode)
			}
			if i == 3 && (a.Header.Get("Retry-After") != "3600" || !strings.Contains(a.body, "temporarily_unavailable")) {
				t.Errorf("%s: Retry-After %s, %s", name, a.Header.Get("Retry-After"), a.body)
			}
		}
	}
	from(s.browser(), "198.51.100.1").get("/").expect(t, http.StatusOK)
}
