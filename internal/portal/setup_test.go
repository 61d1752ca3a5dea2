// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/portal/web"
)

// process is the portal as its process runs it.
type process struct {
	url     string
	stop    context.CancelFunc
	stopped chan error
}

// process starts the portal with that way to the API server.
func (w *world) process(way *rest.Config, configure ...func(*config.Portal)) process {
	w.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	timeout := StopTimeout(config.Portal{})
	mgr, err := manager.New(way, manager.Options{
		Scheme: w.portal.Scheme(), Cache: CacheOptions(), HealthProbeBindAddress: "0", GracefulShutdownTimeout: &timeout,
		Metrics: metricsserver.Options{BindAddress: "0"}, Logger: logr.Discard(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	cfg := config.Config{Portal: config.Portal{URL: base, KeySecret: sessionKeysName}, Links: config.Links{KeySecret: keySecretName}}
	for _, change := range configure {
		change(&cfg.Portal)
	}
	setup := SetupOptions{Config: cfg, Namespace: systemNamespace, Listener: listener, Clock: w.site().clock, Registry: prometheus.NewRegistry()}
	if err := Setup(w.t.Context(), mgr, setup); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	p := process{url: base, stop: cancel, stopped: make(chan error, 1)}
	go func() { p.stopped <- mgr.Start(ctx) }()
	await(w.t, func(ctx context.Context) bool { return fetch(ctx, base) == http.StatusOK })
	return p
}

// TestSetup runs the portal as its process does, under its own permissions.
func TestSetup(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	p := w.process(w.userConfig)
	b := (&site{t: t, url: p.url}).browser()
	b.follow(b.post(w.link(inv), accepting())).expect(t, http.StatusOK, "Welcome to Acme Social")
	b.get("/metrics").expect(t, http.StatusNotFound)
	p.stop()
	if err := <-p.stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if fetch(t.Context(), p.url) != 0 {
		t.Error("the portal still serves")
	}
}

// TestSetupHandsOnWhatKeepsStrangersApart: the limits of the configuration, and whose word about addresses is believed.
func TestSetupHandsOnWhatKeepsStrangersApart(t *testing.T) {
	w := newWorld(t)
	p := w.process(w.userConfig, func(c *config.Portal) {
		c.TrustedProxies = []string{"127.0.0.0/8"}
		c.Limits.Requests = config.Rate{Burst: 2, Every: metav1.Duration{Duration: time.Hour}}
	})
	one, other := (&site{t: t, url: p.url}).browser(), (&site{t: t, url: p.url}).browser()
	for _, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		from(one, "192.0.2.1").get("/").expect(t, want)
	}
	from(other, "192.0.2.2").get("/").expect(t, http.StatusOK)
	p.stop()
	if err := <-p.stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// TestSetupOfAProvider: the endpoints for applications have the limits of the configuration, and codes that no device waits for any more
// are removed from the cluster.
func TestSetupOfAProvider(t *testing.T) {
	w := newWorld(t)
	w.keyOfTokens()
	left := func(name string, expires time.Time) *corev1.Secret {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: rosterv1alpha1.AccountNamespace, Name: "device-" + name + w.ns, Labels: map[string]string{"roster.dev/openid-device": "true"},
			},
			Type: "roster.dev/device-authorization",
			Data: map[string][]byte{"authorization": fmt.Appendf(nil, `{"client":"kubectl","expires":%q}`, expires.Format(time.RFC3339))},
		}
		w.create(secret)
		return secret
	}
	over, waits := left("over-", now()), left("waits-", now().Add(time.Second))
	p := w.process(w.userConfig, func(c *config.Portal) {
		c.OpenID = config.OpenID{Issuer: c.URL, KeySecret: signingKeys}
		c.Limits.Applications = config.Rate{Burst: 2, Every: metav1.Duration{Duration: time.Hour}}
	})
	b := (&site{t: t, url: p.url}).browser()
	b.get("/.well-known/openid-configuration").expect(t, http.StatusOK, `"issuer":"`+p.url+`"`)
	b.get("/openid/keys").expect(t, http.StatusOK, `"kid":`)
	b.get("/openid/keys").expect(t, http.StatusTooManyRequests)
	await(t, func(ctx context.Context) bool {
		return apierrors.IsNotFound(w.admin.Get(ctx, client.ObjectKeyFromObject(over), &corev1.Secret{}))
	})
	if err := w.admin.Get(t.Context(), client.ObjectKeyFromObject(waits), &corev1.Secret{}); err != nil {
		t.Errorf("a code that a device waits for: %v", err)
	}
	p.stop()
	if err := <-p.stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// TestStoppingLosesNoForgottenPassword: the page has been answered, so the person waits for a mail.
func TestStoppingLosesNoForgottenPassword(t *testing.T) {
	w := newWorld(t)
	name := w.registered(w.site(), "ana").Name
	asked, release := make(chan struct{}), make(chan struct{})
	hold := sync.OnceFunc(func() { close(asked); <-release })
	way := rest.CopyConfig(w.userConfig)
	way.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/accounts/"+name) {
				hold()
			}
			return next.RoundTrip(r)
		})
	})
	p := w.process(way)
	(&site{t: t, url: p.url}).browser().post("/forgotten", signIn(w.address("ana"), "")).expect(t, http.StatusOK, "Check your email")
	<-asked
	p.stop()
	await(t, func(ctx context.Context) bool { return fetch(ctx, p.url) == 0 })
	close(release)
	if err := <-p.stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if w.requested("ana", rosterv1alpha1.MailPasswordReset).IsZero() {
		t.Error("the request was lost")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestLimitsAreThoseOfTheConfiguration: each is passed on, and what is left out has its default.
func TestLimitsAreThoseOfTheConfiguration(t *testing.T) {
	r := config.Rate{Burst: 7, Every: metav1.Duration{Duration: time.Second}}
	want := web.Rate{Burst: 7, Every: time.Second}
	all := config.Limits{Requests: r, Posts: r, DeviceTries: r, NetworkTries: r, AllTries: r, AllCodes: r, Mails: r, AllMails: r, Applications: r}
	if got := web.LimitsOf(all).WithDefaults(); got != (web.Limits{
		Requests: want, Posts: want, DeviceTries: want, NetworkTries: want, AllTries: want, AllCodes: want, Mails: want, AllMails: want,
		Applications: want,
	}) {
		t.Errorf("%+v", got)
	}
	if got := web.LimitsOf(config.Limits{Posts: config.Rate{Burst: 7}}).WithDefaults(); got.Posts != (web.Rate{Burst: 7, Every: 2 * time.Second}) {
		t.Errorf("posts: %+v", got.Posts)
	}
}

// TestBusyIsAPage: too many wait for their turn to hash.
func TestBusyIsAPage(t *testing.T) {
	w := newWorld(t)
	p, rec := w.site().handler, httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-in", nil)
	p.site.Visit(rec, r).Fault(fmt.Errorf("account x: %w", account.ErrBusy))
	if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" || !strings.Contains(rec.Body.String(), "Many people are signing in at the moment") {
		t.Errorf("%d %v\n%s", rec.Code, rec.Header(), rec.Body)
	}
}
