// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	authorizationv1 "k8s.io/api/authorization/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// site is a running portal.
type site struct {
	t       testing.TB
	url     string
	handler *Portal
	clock   *clocktesting.FakePassiveClock
	log     *lines
	metrics *prometheus.Registry
	writes  *lines
	store   *account.Store
	keys    []*web.KeySource
}

// lines are safe to append to from several goroutines.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

func (l *lines) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// configure is what a test changes about a portal.
type configure struct {
	Options
	funcs interceptor.Funcs
}

// unlimited is for tests that ask more often than people do, at one moment of a clock that stands still.
func unlimited(c *configure) {
	r := web.Rate{Every: time.Millisecond, Burst: 1 << 20}
	c.Limits = web.Limits{Requests: r, Posts: r, DeviceTries: r, NetworkTries: r, AllTries: r, Applications: r}
}

// cheap keeps the tests fast; it is no cost for real passwords.
func cheap() account.Params { return account.Params{Memory: 64, Time: 1, Threads: 1} }

func (w *world) site(mods ...func(*configure)) *site {
	w.t.Helper()
	s := &site{t: w.t, clock: clocktesting.NewFakePassiveClock(now()), log: &lines{}, writes: &lines{}, metrics: prometheus.NewRegistry()}
	var c configure
	c.Cache, c.Clock, c.BaseURL = w.cache, s.clock, "http://127.0.0.1"
	c.Log = funcr.NewJSON(s.log.add, funcr.Options{})
	var err error
	if c.Metrics, err = web.NewMetrics(s.metrics); err != nil {
		w.t.Fatal(err)
	}
	for _, mod := range mods {
		mod(&c)
	}
	direct := interceptor.NewClient(recording(w.portal, s.writes), c.funcs)
	hasher, err := account.NewHasher(account.HasherOptions{Params: cheap(), Wait: c.Metrics.HashWait})
	if err != nil {
		w.t.Fatal(err)
	}
	c.Client = direct
	c.Accounts = account.NewStore(direct, account.ClusterSecrets{Client: direct}, hasher)
	if c.Keys == nil {
		c.Keys = web.NewKeySource(direct, client.ObjectKey{Namespace: systemNamespace, Name: keySecretName}, c.Clock)
	}
	if c.SessionKeys == nil {
		c.SessionKeys = web.NewKeySource(direct, client.ObjectKey{Namespace: systemNamespace, Name: sessionKeysName}, c.Clock)
	}
	if c.FactorKeys == nil {
		c.FactorKeys = web.NewKeySource(direct, client.ObjectKey{Namespace: systemNamespace, Name: factorKeysName}, c.Clock)
	}
	handler, err := New(c.Options)
	if err != nil {
		w.t.Fatal(err)
	}
	handler.links.Patience = time.Millisecond // Tests that are about it set another one.
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	s.store, s.keys = c.Accounts, []*web.KeySource{c.Keys, c.SessionKeys}
	s.url, s.handler = server.URL, handler
	return s
}

// recording notes every write that reaches the API server.
func recording(c client.WithWatch, writes *lines) client.WithWatch {
	note := func(verb string, o client.Object) {
		if _, question := o.(*authorizationv1.SubjectAccessReview); !question {
			writes.add(fmt.Sprintf("%s %T", verb, o))
		}
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			note("create", o)
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			note("update", o)
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			note("patch", o)
			return c.Patch(ctx, o, p, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			note("delete", o)
			return c.Delete(ctx, o, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			note("update "+sub, o)
			return c.SubResource(sub).Update(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			note("patch "+sub, o)
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

// browser keeps cookies and shows redirects.
type browser struct {
	t      testing.TB
	site   *site
	client *http.Client
	header http.Header
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, site: s, header: http.Header{}, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) answer {
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (b *browser) do(method, path string, body io.Reader) answer {
	b.t.Helper()
	a, err := b.try(method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// try is do for goroutines other than the test's.
func (b *browser) try(method, path string, body io.Reader) (answer, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, b.site.url+path, body)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(r.Header, b.header)
	if host := b.header.Get("Host"); host != "" {
		r.Host = host
	}
	response, err := b.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text)}, err
}

// follow opens the page that an answer sends the browser to.
func (b *browser) follow(a answer) answer {
	b.t.Helper()
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("status %d, want a redirect:\n%s", a.StatusCode, a.body)
	}
	return b.get(a.Header.Get("Location"))
}

// expect checks the status of an answer and what its page says.
func (a answer) expect(t testing.TB, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d", a.StatusCode, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if t.Failed() {
		page := a.body
		if _, main, ok := strings.Cut(page, "<main"); ok {
			page, _, _ = strings.Cut(main, "</main>")
		}
		t.Logf("the page: %s", page)
	}
}

const goodPassword = "Correct horse, battery"

// accepting is the form of somebody without an account.
func accepting(mods ...string) url.Values {
	v := url.Values{
		"action": {"accept"}, "displayName": {"Ana Silva"}, "company": {"Silva & Filhos"}, "locale": {"en"},
		"password": {goodPassword}, "confirm": {goodPassword},
	}
	for i := 0; i+1 < len(mods); i += 2 {
		v.Set(mods[i], mods[i+1])
	}
	return v
}

// signingIn is the form of somebody with an account.
func signingIn(password string) url.Values {
	return url.Values{"action": {"accept"}, "password": {password}}
}

// count is the value of a counter, named as in Prometheus with its labels in alphabetical order.
func (s *site) count(series string) float64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if f.GetName()+"{"+strings.Join(labels, ",")+"}" == series {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() // It is one of the two.
			}
		}
	}
	return 0
}
