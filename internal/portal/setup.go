// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"
	"unique"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/compact"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/tracing"
)

// fieldManager is the name that the portal's writes go by in managedFields.
const fieldManager = "roster-portal"

// cached are the kinds that the portal keeps in memory. Accounts and Secrets are not among them: of some it follows the metadata.
func cached() []client.Object {
	return []client.Object{
		&rosterv1alpha1.Invitation{}, &rosterv1alpha1.Member{}, &rosterv1alpha1.Organization{}, &rosterv1alpha1.SocialProfile{},
		&rosterv1alpha1.CustomRole{}, &rosterv1alpha1.Team{}, &rosterv1alpha1.Workspace{}, &rosterv1alpha1.Application{},
	}
}

// CacheOptions make a cache that holds what the portal looks up and refuses everything else.
func CacheOptions() cache.Options {
	return cache.Options{ReaderFailOnMissingInformer: true, DefaultTransform: keepWriters, ByObject: logout.CacheByObject()}
}

// keepWriters leaves of managedFields who has written an object itself, and when, for pages that tell so. Which fields they wrote is most
// of the bytes of an object, and read from the API server where a page needs it.
func keepWriters(o any) (any, error) {
	object, err := meta.Accessor(o)
	if err != nil {
		return o, nil //nolint:nilerr // what is not an object has none
	}
	var writers []metav1.ManagedFieldsEntry
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" {
			// Many objects have the same few writers: each name is kept once.
			writers = append(writers, metav1.ManagedFieldsEntry{Manager: unique.Make(entry.Manager).Value(), Time: entry.Time})
		}
	}
	object.SetManagedFields(writers)
	compact.Object(o)
	return o, nil
}

// Unthrottled returns a configuration without limits on the client's side: the API server's priority and fairness keeps order.
func Unthrottled(c *rest.Config) *rest.Config {
	c = rest.CopyConfig(c)
	c.QPS = -1
	return c
}

// SetupOptions are what Setup works with.
type SetupOptions struct {
	Config config.Config
	// Namespace of the operator, which holds the link keys.
	Namespace string
	// Listener takes the connections.
	Listener net.Listener
	// Pod that the portal runs in, which gets events; nil outside a cluster.
	Pod *corev1.Pod
	// Memory that the process may use, in bytes; 0 if there is no limit.
	Memory   int64
	Clock    clock.PassiveClock
	Registry prometheus.Registerer
	// Check takes what the portal waits for before it is ready; nil if nobody asks.
	Check func(name string, ready func(ctx context.Context) error)
}

func newHasher(m *web.Metrics, o SetupOptions) (*account.Hasher, error) {
	return account.NewHasher(account.HasherOptions{
		Concurrency: account.Concurrency(account.DefaultParams(), o.Memory, runtime.GOMAXPROCS(0)), Wait: m.HashWait, Clock: o.Clock,
	})
}

// Setup makes the portal and adds its server and its readiness check to a manager whose cache has CacheOptions.
func Setup(ctx context.Context, mgr manager.Manager, o SetupOptions) error {
	direct, err := client.New(mgr.GetConfig(), client.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
	})
	if err != nil {
		return err
	}
	direct = client.WithFieldOwner(direct, fieldManager)
	if err := SetupCache(ctx, mgr.GetCache()); err != nil {
		return err
	}
	metrics, err := web.NewMetrics(o.Registry)
	if err != nil {
		return err
	}
	hasher, err := newHasher(metrics, o)
	if err != nil {
		return err
	}
	log := mgr.GetLogger().WithName("portal")
	log.Info("Hashing", "atOnce", hasher.Concurrency(), "memory", o.Memory)
	keys := web.NewKeySource(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Links.KeySecret}, o.Clock)
	sessionKeys := web.NewKeySource(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Portal.KeySecret}, o.Clock)
	factorKeys := web.NewKeySource(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Portal.FactorKeySecret}, o.Clock)
	companies, err := newCompanyDirectory(o.Config.Portal, direct, o.Namespace, o.Clock)
	if err != nil {
		return err
	}
	networks := directory.Directory{Configured: o.Config.Networks, Namespace: o.Namespace, Reader: direct, Clock: o.Clock}
	signingKeys := newSigningKeys(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Portal.OpenID.KeySecret}, o.Clock)
	secrets, err := endSignIns(ctx, mgr, o, direct, signingKeys)
	if err != nil {
		return err
	}
	accounts := account.NewStore(direct, secrets, hasher)
	p, err := New(Options{
		OpenID: o.Config.Portal.OpenID, SigningKeys: signingKeys,
		Cache: mgr.GetCache(), Client: direct, Keys: keys, SessionKeys: sessionKeys, FactorKeys: factorKeys, Companies: companies,
		Networks: networks, Accounts: accounts, As: actingAs(mgr.GetConfig(), direct),
		BaseURL: o.Config.Portal.URL, UserPrefix: o.Config.RBAC.UserPrefix, TrustedProxies: o.Config.Portal.TrustedProxies,
		Limits: web.LimitsOf(o.Config.Portal.Limits), Clock: o.Clock, Log: log, Metrics: metrics,
		Warn: warner(mgr, o.Pod),
	})
	if err != nil {
		return err
	}
	if o.Check != nil {
		p.addChecks(o.Check, mgr.GetCache(), keys, sessionKeys, factorKeys)
		if o.Config.Portal.OpenID.On() {
			o.Check("secret-"+signingKeys.Secret.Name, firstSigningKey(signingKeys))
		}
	}
	if err := errors.Join(mgr.Add(adoption(accounts, log)), mgr.Add(p.tidying(o))); err != nil {
		return err
	}
	// A plain Runnable starts after the caches: nobody is served before invitations can be found.
	return mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		log.Info("Serving", "address", o.Listener.Addr().String(), "url", o.Config.Portal.URL)
		p.warnOfProxy(o.Config.Portal)
		defer p.background.Wait()
		listener := web.Explaining{Listener: o.Listener, Answer: p.site.TooManyCookies()}
		server := newServer(p, log)
		// Requests are traced as the process is, and go on when it is told to stop.
		server.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
		return p.serve(ctx, server, listener, drainPeriod(o.Config.Portal))
	}))
}

// actingAs returns the API server as users meet it: each request names the person, and nothing else about them. Whether the portal may act
// for that person, the API server decides.
func actingAs(c *rest.Config, own client.Client) func(user string) (client.Client, error) {
	others := ctrllog.NewKubeAPIWarningLogger(ctrllog.KubeAPIWarningLoggerOptions{})
	return func(user string) (client.Client, error) {
		way := rest.CopyConfig(c)
		way.Impersonate = rest.ImpersonationConfig{UserName: user}
		way.WarningHandlerWithContext = console.Warnings{Others: others}
		as, err := client.New(way, client.Options{Scheme: own.Scheme(), Mapper: own.RESTMapper()})
		if err != nil {
			return nil, err
		}
		return client.WithFieldOwner(as, console.FieldManager(user)), nil
	}
}

// adoption has Accounts of an older portal adopted, without which nobody is kept from anything in this cluster.
func adoption(accounts *account.Store, log logr.Logger) manager.RunnableFunc {
	return func(ctx context.Context) error {
		every := wait.Backoff{Duration: time.Second, Factor: 2, Steps: 10, Jitter: 0.5} // some ten minutes in all
		_ = wait.ExponentialBackoffWithContext(ctx, every, func(ctx context.Context) (bool, error) {
			err := accounts.Adopt(ctx)
			if err != nil && ctx.Err() == nil {
				log.Error(err, "Accounts of an older portal would not survive a restore yet; the next start tries again")
			}
			return err == nil, nil
		})
		return nil
	}
}

// warner makes events about the portal's Pod.
func warner(mgr manager.Manager, pod *corev1.Pod) func(reason, note string) {
	if pod == nil {
		return nil
	}
	recorder := mgr.GetEventRecorder(fieldManager)
	return func(reason, note string) {
		recorder.Eventf(pod, nil, corev1.EventTypeWarning, reason, "Serve", "%s", note)
	}
}

// SetupCache tells a cache which kinds and indexes the portal needs. It must be called before the cache starts.
func SetupCache(ctx context.Context, c cache.Cache) error {
	for _, kind := range cached() {
		if _, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return err
		}
	}
	return errors.Join(link.SetupIndexes(ctx, c), people.AddIndex(ctx, c))
}

// warnOfProxy tells the operator at the start that people cannot be told apart. The portal speaks plain HTTP, so where its address is https
// there is something in front of it.
func (p *Portal) warnOfProxy(c config.Portal) {
	if p.site.Secure && len(c.TrustedProxies) == 0 {
		p.site.Log.Error(errNoProxies,
			"All strangers share one limit. Set portal.trustedProxies to the networks of the proxy in front of the portal", "url", c.URL)
		p.warn(reasonUntrustedProxy,
			"portal.trustedProxies is empty: all strangers share one limit. Set it to the networks of the proxy in front of the portal.")
	}
}

var errNoProxies = errors.New("portal.url is https, which a proxy must speak for the portal, and portal.trustedProxies is empty")

// addChecks makes readiness name what it waits for.
func (p *Portal) addChecks(add func(name string, ready func(ctx context.Context) error), c cache.Cache, keys ...*web.KeySource) {
	add("not-stopping", p.notStopping)
	add("filled-cache", filled(c))
	for _, k := range keys {
		add("secret-"+k.Secret.Name, k.Ready)
	}
}

func (p *Portal) notStopping(context.Context) error {
	if p.stopping.Load() {
		return errors.New("the portal has been told to stop")
	}
	return nil
}

// filled reports whether invitations can be found.
func filled(c cache.Cache) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, web.CheckTimeout)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("waiting for the objects that the API server has")
		}
		return nil
	}
}

// StopTimeout is how long the portal may take to stop: until nobody sends it requests any more, for those that are under way, and then for
// what they have left to be done.
func StopTimeout(c config.Portal) time.Duration {
	return drainPeriod(c) + maxDuration + web.BackgroundFor + 5*time.Second
}

func drainPeriod(c config.Portal) time.Duration {
	if c.DrainPeriod == nil {
		return 0
	}
	return c.DrainPeriod.Duration
}

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	// answerTimeout is for reading the request, serving it, and a slow client's reading.
	answerTimeout = readTimeout + maxDuration + 10*time.Second
	idleTimeout   = time.Minute
	// maxHeader is as much as proxies commonly let through, in bytes: cookies of a whole domain come along.
	maxHeader = 64 << 10
)

// newServer returns a server that does not wait for slow clients.
func newServer(handler http.Handler, log logr.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(log), slog.LevelWarn),
	}
}

// serve serves until the context ends and for the drain period after that: the portal is not ready any more, and each answer ends its
// connection, but a client that has not noticed yet is served. Then it lets requests that are under way finish.
func (p *Portal) serve(ctx context.Context, server *http.Server, listener net.Listener, drain time.Duration) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	p.stopping.Store(true)
	p.site.Log.Info("Stopping", "drainPeriod", drain.String())
	select {
	case err := <-served:
		return err
	case <-time.After(drain):
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxDuration)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	return nil
}

// newCompanyDirectory makes a client of each issuer of the configuration.
func newCompanyDirectory(c config.Portal, reader client.Reader, namespace string, clk clock.PassiveClock) (oidc.Directory, error) {
	secret := client.ObjectKey{Namespace: namespace, Name: c.CompanySecret}
	var all oidc.Directory
	for _, i := range c.Issuers {
		authorities, err := readAuthorities(i.CAFile)
		if err != nil {
			return nil, fmt.Errorf("portal.issuers: %s: %w", i.Name, err)
		}
		reach := oidc.NewHTTPClient(authorities)
		reach.Transport = tracing.Peer(i.Name, reach.Transport)
		issuer := oidc.Issuer{
			Name: i.Name, DisplayName: i.DisplayName, URL: i.URL, ClientID: i.ClientID, Domains: i.Domains, OwnsDomains: i.OwnsDomains,
			MultiFactor: i.MultiFactor, HTTP: reach,
		}
		if !i.PublicClient {
			issuer.ClientSecret = func(ctx context.Context) (string, error) { return clientSecret(ctx, reader, secret, i.Name) }
		}
		redirect := strings.TrimRight(c.URL, "/") + "/sign-in/company/" + i.Name + "/callback"
		all = append(all, oidc.New(issuer, redirect, clk))
	}
	return all, nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// clientSecret is read when it is used, so that it can be replaced at any time.
func clientSecret(ctx context.Context, reader client.Reader, from client.ObjectKey, issuer string) (string, error) {
	secret := &corev1.Secret{}
	if err := reader.Get(ctx, from, secret); err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(secret.Data[issuer]))
	if value == "" {
		return "", fmt.Errorf("the Secret %s has no entry %q: add the client secret, or set publicClient for that issuer", from, issuer)
	}
	return value, nil
}
