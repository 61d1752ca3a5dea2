// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/network/directory"
)

// fieldManager is the name that the portal's writes go by in managedFields.
const fieldManager = "roster-portal"

// cached are the kinds that the portal keeps in memory. Accounts and Secrets are not among them.
func cached() []client.Object {
	return []client.Object{
		&rosterv1alpha1.Invitation{}, &rosterv1alpha1.Member{}, &rosterv1alpha1.Organization{}, &rosterv1alpha1.SocialProfile{},
		&rosterv1alpha1.CustomRole{}, &rosterv1alpha1.Workspace{},
	}
}

// CacheOptions make a cache that holds what the portal looks up and refuses everything else.
func CacheOptions() cache.Options {
	return cache.Options{ReaderFailOnMissingInformer: true, DefaultTransform: cache.TransformStripManagedFields()}
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
	Clock    clock.PassiveClock
	Registry prometheus.Registerer
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
	metrics, err := NewMetrics(o.Registry)
	if err != nil {
		return err
	}
	hasher, err := account.NewHasher(account.HasherOptions{Wait: metrics.HashWait, Clock: o.Clock})
	if err != nil {
		return err
	}
	log := mgr.GetLogger().WithName("portal")
	keys := NewKeySource(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Links.KeySecret}, o.Clock)
	sessionKeys := NewKeySource(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Portal.KeySecret}, o.Clock)
	factorKeys := NewKeySource(direct, client.ObjectKey{Namespace: o.Namespace, Name: o.Config.Portal.FactorKeySecret}, o.Clock)
	companies, err := newCompanies(o.Config.Portal, direct, o.Namespace, o.Clock)
	if err != nil {
		return err
	}
	networks := directory.Directory{Configured: o.Config.Networks, Namespace: o.Namespace, Reader: direct, Clock: o.Clock}
	accounts := account.NewStore(direct, account.ClusterSecrets{Client: direct}, hasher)
	p, err := New(Options{
		Cache: mgr.GetCache(), Client: direct, Keys: keys, SessionKeys: sessionKeys, FactorKeys: factorKeys, Companies: companies,
		Networks: networks, Accounts: accounts,
		BaseURL: o.Config.Portal.URL, UserPrefix: o.Config.RBAC.UserPrefix, TrustedProxies: o.Config.Portal.TrustedProxies,
		Clock: o.Clock, Log: log, Metrics: metrics,
	})
	if err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("portal", ready(mgr.GetCache(), keys, sessionKeys, factorKeys)); err != nil {
		return err
	}
	if err := mgr.Add(adoption(accounts, log)); err != nil {
		return err
	}
	// A plain Runnable starts after the caches: nobody is served before invitations can be found.
	return mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		log.Info("Serving", "address", o.Listener.Addr().String(), "url", o.Config.Portal.URL)
		defer p.background.wait()
		return Serve(ctx, newServer(p, log), o.Listener)
	}))
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

// SetupCache tells a cache which kinds and indexes the portal needs. It must be called before the cache starts.
func SetupCache(ctx context.Context, c cache.Cache) error {
	for _, kind := range cached() {
		if _, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return err
		}
	}
	return setupIndexes(ctx, c)
}

// ready says whether invitations can be found, links verified, and sessions opened.
func ready(c cache.Cache, keys ...*KeySource) func(*http.Request) error {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("the cache is not filled yet")
		}
		for _, k := range keys {
			if _, err := k.Keys(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// StopTimeout is how long the portal may take to stop: for requests that are under way, and then for what they have left to be done.
const StopTimeout = maxDuration + backgroundFor + 5*time.Second

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	// answerTimeout is for reading the request, serving it, and a slow client's reading.
	answerTimeout = readTimeout + maxDuration + 10*time.Second
	idleTimeout   = time.Minute
	maxHeader     = 16 << 10 // bytes
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

// Serve serves until the context ends, then lets requests that are under way finish.
func Serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxDuration)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	return nil
}
