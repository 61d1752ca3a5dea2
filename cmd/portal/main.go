// SPDX-License-Identifier: Apache-2.0

// Command portal serves the pages on which invited people accept or decline.
package main

import (
	"context"
	"flag"
	"math"
	"net"
	"os"
	"sync/atomic"

	"github.com/KimMachineGun/automemlimit/memlimit"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/apiserver"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/process"
	"github.com/roster-dev/roster/internal/tracing"
)

func main() {
	bind := flag.String("bind-address", ":8080", "Where the pages are served.")
	process.New("portal", ":9090", flag.CommandLine).Main(func(ctx context.Context, s process.Settings) error { return run(ctx, s, *bind) })
}

func run(ctx context.Context, s process.Settings, bind string) error {
	s.REST = portal.Unthrottled(s.REST)
	link := apiserver.NewLink(ctrl.Log.WithName("apiserver"), clock.RealClock{})
	probes, err := apiserver.ServeProbes(s.ProbesAddress, ctrl.Log.WithName("readiness"))
	if err != nil {
		return err
	}
	defer func() { _ = probes.Close() }()
	if err := await(ctx, link, probes, s); err != nil || ctx.Err() != nil {
		return err
	}
	cacheOptions, err := patientCache(link, s.REST)
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(s.REST, ctrl.Options{
		Scheme:                 s.Scheme,
		Cache:                  cacheOptions,
		BaseContext:            tracing.Base(ctx),
		Metrics:                metricsserver.Options{BindAddress: s.MetricsAddress},
		HealthProbeBindAddress: "0", // They are served from the start on, see apiserver.Probes.
		// What has been answered is done, too: mails that were asked for.
		GracefulShutdownTimeout: new(portal.StopTimeout(s.Config.Portal)),
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", bind)
	if err != nil {
		return err
	}
	err = portal.Setup(ctx, mgr, portal.SetupOptions{
		Config: s.Config, Namespace: s.Namespace, Listener: listener, Pod: pod(s.Namespace),
		Memory: memoryLimit(), Clock: clock.RealClock{}, Registry: metrics.Registry, Check: probes.Check,
	})
	if err != nil {
		return err
	}
	probes.Waiting("")
	return mgr.Start(ctx)
}

// memoryLimit is how much memory the process may use, in bytes; 0 if there is no limit. Unless GOMEMLIMIT is set, it becomes nine tenths of
// what the control group allows.
func memoryLimit() int64 {
	limit, _ := memlimit.Set() // Without a control group there is no limit.
	if group, err := memlimit.FromCgroup(); err == nil {
		limit = int64(min(uint64(limit), group))
	}
	if limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// await returns when the API server is there and serves the kinds of Roster, or the process is to stop. From then on, a portal stays ready
// while the API server is away: its pages say so.
func await(ctx context.Context, link *apiserver.Link, probes *apiserver.Probes, s process.Settings) error {
	var found atomic.Bool
	probes.Check("api-server", func(ctx context.Context) error {
		if found.Load() {
			return nil
		}
		return link.Ready(ctx)
	})
	log := ctrl.Log.WithName("apiserver")
	err := apiserver.AwaitKinds(ctx, link.Through(s.REST), s.Scheme, rosterv1alpha1.GroupVersion, log, probes.Waiting)
	if err != nil && ctx.Err() == nil {
		return err
	}
	found.Store(true)
	return nil
}

// patientCache is a cache that goes on as soon as an API server that was away is back: by itself it would pause for up to a
// minute, and not know the links of new mails until then. Requests of people do not wait: they are told.
func patientCache(link *apiserver.Link, config *rest.Config) (options cache.Options, err error) {
	options = portal.CacheOptions()
	options.HTTPClient, err = rest.HTTPClientFor(link.Through(config))
	return options, err
}

// pod is the one that the process runs in, as the downward API tells; nil if it does not.
func pod(namespace string) *corev1.Pod {
	name := os.Getenv("POD_NAME")
	if name == "" {
		return nil
	}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(os.Getenv("POD_UID"))}}
}
