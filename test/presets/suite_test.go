// SPDX-License-Identifier: Apache-2.0

// Package presets applies each folder of config/samples that reproduces the rules of a product to a real API server, on which manager
// and portal run under their own permissions, and walks the rules one by one. docs/presets.md lists them.
package presets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/playground/mailbox"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/testenv"
)

// installation is Roster in a cluster, and the mailbox of all its people.
type installation struct {
	cluster *testenv.Cluster
	// clock of manager and portal; it stands still until a test moves it.
	clock *clocktesting.FakePassiveClock
	// mailbox is the address of its API, and portal that of the portal.
	mailbox, portal string
	facebook        facebook
	running         []chan error
}

// userPrefix stands before addresses in user names.
const userPrefix = "oidc:"

// roster is started by TestMain, and used by all tests one after the other.
var roster *installation

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctrllog.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	if roster, err = install(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		cancel()
		return 1
	}
	code := m.Run()
	cancel()
	for _, ended := range roster.running {
		err = errors.Join(err, <-ended)
	}
	if err = errors.Join(err, roster.cluster.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func install(ctx context.Context) (*installation, error) {
	cluster, err := testenv.Start(ctx)
	if err != nil {
		return nil, err
	}
	r := &installation{cluster: cluster, clock: clocktesting.NewFakePassiveClock(time.Now().Truncate(time.Second))}
	err = r.start(ctx)
	if err != nil {
		err = errors.Join(err, cluster.Stop())
	}
	return r, err
}

func (r *installation) start(ctx context.Context) error {
	smtp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pages, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	facebook, err := r.facebook.listen(ctx)
	if err != nil {
		return err
	}
	r.mailbox, r.portal = "http://"+web.Addr().String(), "http://"+pages.Addr().String()
	r.run(func() error { return mailbox.New(mailbox.Options{Log: logr.Discard()}).Serve(ctx, smtp, web) })
	cfg, err := config.Parse(fmt.Appendf(nil, `apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail: {from: Roster <roster@mail.example>, smtp: {address: %q, tls: None}}
portal:
  url: "http://%s"
  trustedProxies: [127.0.0.0/8]
  # The clock stands still, so that what is used up does not come back.
  limits: {requests: {burst: 10000}, posts: {burst: 1000}}
networks:
- {name: Facebook, url: %q}
rbac: {userPrefix: %q}
`, smtp.Addr(), pages.Addr(), facebook, userPrefix))
	if err != nil {
		return err
	}
	return errors.Join(r.startManager(ctx, cfg), r.startPortal(ctx, cfg, pages))
}

func (r *installation) run(serve func() error) {
	ended := make(chan error, 1)
	r.running = append(r.running, ended)
	go func() { ended <- serve() }()
}

// startManager runs the controllers as cmd/manager does, under the rights of their ServiceAccount.
func (r *installation) startManager(ctx context.Context, cfg config.Config) error {
	options := controller.ManagerOptions(4)
	options.Scheme, options.Metrics = r.cluster.Scheme, metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	mgr, err := ctrl.NewManager(controller.Unthrottled(r.cluster.As("roster-manager")), options)
	if err != nil {
		return err
	}
	composer, err := mail.NewComposer(cfg.Mail.From, cfg.Mail.ReplyTo)
	if err != nil {
		return err
	}
	relay, err := mail.NewRelay(cfg.Mail.SMTP, nil, clock.RealClock{})
	if err != nil {
		return err
	}
	gate := mail.NewGate(cfg.Mail.SMTP, relay, clock.RealClock{}, logr.Discard())
	err = controller.Setup(ctx, mgr, controller.Options{
		Config: cfg, Namespace: testenv.SystemNamespace, Clock: r.clock, Composer: composer, Mailer: gate, Registry: prometheus.NewRegistry(),
	})
	r.run(func() error { return errors.Join(mgr.Start(ctx), relay.Close()) })
	return err
}

// startPortal serves the pages as cmd/portal does, under the rights of its ServiceAccount.
func (r *installation) startPortal(ctx context.Context, cfg config.Config, pages net.Listener) error {
	mgr, err := ctrl.NewManager(portal.Unthrottled(r.cluster.As("roster-portal")), manager.Options{
		Scheme: r.cluster.Scheme, Cache: portal.CacheOptions(), Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	err = portal.Setup(ctx, mgr, portal.SetupOptions{
		Config: cfg, Namespace: testenv.SystemNamespace, Listener: pages, Clock: r.clock, Registry: prometheus.NewRegistry(),
	})
	r.run(func() error { return mgr.Start(ctx) })
	return err
}
