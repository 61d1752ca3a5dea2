// SPDX-License-Identifier: Apache-2.0

// Command manager runs the controllers of Roster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/apiserver"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/process"
)

type flags struct {
	config, namespace, metrics, probes string
	leaderElect                        bool
}

func main() {
	var f flags
	flag.StringVar(&f.config, "config", "/etc/roster/config.yaml", "The configuration file (config.roster.dev/v1alpha1, RosterConfig).")
	flag.StringVar(&f.namespace, "namespace", os.Getenv("POD_NAMESPACE"),
		"The namespace of the operator, which holds its Secrets. Defaults to $POD_NAMESPACE.")
	flag.StringVar(&f.metrics, "metrics-bind-address", ":8080", "Where metrics are served; 0 turns them off.")
	flag.StringVar(&f.probes, "health-probe-bind-address", ":8081", "Where /healthz and /readyz are served.")
	flag.BoolVar(&f.leaderElect, "leader-elect", false, "Let one of several managers work at a time.")
	self := process.New("manager", flag.CommandLine)
	flag.Parse()
	if self.Begin(os.Stdout, metrics.Registry) {
		return
	}
	if err := run(ctrl.SetupSignalHandler(), f); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags) error {
	cfg, err := config.Load(f.config)
	if err != nil {
		return err
	}
	if f.namespace == "" {
		return fmt.Errorf("--namespace is not set, and POD_NAMESPACE neither: name the namespace that the manager runs in")
	}
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	link := apiserver.NewLink(ctrl.Log.WithName("apiserver"), clock.RealClock{})
	probes, err := apiserver.ServeProbes(f.probes, link)
	if err != nil {
		return err
	}
	defer func() { _ = probes.Close() }()
	restConfig = link.Through(controller.Unthrottled(restConfig))
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	options, lease, err := managerOptions(ctx, lost, cfg, f, restConfig)
	if err != nil {
		return err
	}
	err = apiserver.AwaitKinds(ctx, restConfig, options.Scheme, rosterv1alpha1.GroupVersion, ctrl.Log.WithName("apiserver"), probes.Waiting)
	if err != nil {
		return ignoreStop(ctx, err)
	}
	mgr, err := ctrl.NewManager(restConfig, options)
	if err != nil {
		return ignoreStop(ctx, err)
	}
	relay, err := setup(ctx, mgr, cfg, f.namespace, lease, probes)
	if err != nil {
		return ignoreStop(ctx, err)
	}
	err = mgr.Start(ctx)
	_ = relay.Close() // Whatever was on its way is finished.
	if cause := context.Cause(ctx); errors.Is(cause, apiserver.ErrLost) {
		return cause
	}
	return err
}

// ignoreStop drops the error of a start that was broken off because the process is to stop.
func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = nil
	}
	return err
}

// The times of the election, as those of Kubernetes' own components: others take the Lease after leaseDuration, and this process does
// nothing more that cannot be taken back when it has not renewed it for renewDeadline.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	// writeAfterMail is how long it may take to write down what became of a mail.
	writeAfterMail = 10 * time.Second
)

func managerOptions(
	ctx context.Context, lost context.CancelCauseFunc, cfg config.Config, f flags, restConfig *rest.Config,
) (manager.Options, *apiserver.Lease, error) {
	options := controller.ManagerOptions(cfg.Controllers.Concurrency)
	options.Scheme = runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(options.Scheme), rosterv1alpha1.AddToScheme(options.Scheme)); err != nil {
		return options, nil, err
	}
	options.Metrics = metricsserver.Options{BindAddress: f.metrics}
	options.HealthProbeBindAddress = "0" // They are served from the start on, see apiserver.Probes.
	// A mail under way is finished, and what became of it is written down, before the Lease is given up.
	options.GracefulShutdownTimeout = ptr.To(cfg.Mail.SMTP.Timeout.Duration + writeAfterMail)
	// An API server that is away is waited for however long that takes.
	options.Controller.CacheSyncTimeout = 365 * 24 * time.Hour
	if !f.leaderElect {
		return options, nil, nil
	}
	lease, err := apiserver.NewLease(ctx, lost, restConfig, f.namespace, "roster-manager", renewDeadline)
	options.LeaderElection = true
	options.LeaderElectionResourceLockInterface = lease
	options.LeaseDuration, options.RenewDeadline = ptr.To(leaseDuration), ptr.To(renewDeadline)
	options.LeaderElectionReleaseOnCancel = true
	return options, lease, err
}

func setup(
	ctx context.Context, mgr manager.Manager, cfg config.Config, namespace string, lease *apiserver.Lease, probes *apiserver.Probes,
) (*mail.Relay, error) {
	composer, err := mail.NewComposer(cfg.Mail.From, cfg.Mail.ReplyTo)
	if err != nil {
		return nil, err
	}
	relay, err := mail.NewRelay(cfg.Mail.SMTP, credentials(mgr.GetClient(), namespace, cfg.Mail.SMTP), clock.RealClock{})
	if err != nil {
		return nil, err
	}
	if lease != nil {
		relay.Behind(lease.Held)
	}
	gate := mail.NewGate(cfg.Mail.SMTP, relay, clock.RealClock{}, mgr.GetLogger().WithName("mail"))
	err = controller.Setup(ctx, mgr, controller.Options{
		Config: cfg, Namespace: namespace, Clock: clock.RealClock{}, Composer: composer, Mailer: gate, Registry: metrics.Registry,
	})
	if err != nil {
		return nil, err
	}
	probes.Waiting("the objects that the API server has")
	return relay, mgr.Add(seen{probes})
}

// seen is started when all objects have been seen once, in the process that leads and in the others.
type seen struct{ probes *apiserver.Probes }

// Start is part of [manager.Runnable].
func (s seen) Start(context.Context) error {
	s.probes.Waiting("")
	return nil
}

// NeedLeaderElection is part of [manager.LeaderElectionRunnable].
func (seen) NeedLeaderElection() bool { return false }

// credentials reads the user name and password, or token, for the relay from a Secret, again for each connection: another tool may put a
// new one there at any time.
func credentials(c client.Reader, namespace string, cfg config.SMTP) mail.Credentials {
	if cfg.AuthSecret == "" {
		return nil
	}
	entry := corev1.BasicAuthPasswordKey
	if cfg.Auth == config.AuthXOAUTH2 {
		entry = corev1.ServiceAccountTokenKey // "token"
	}
	return func(ctx context.Context) (string, string, error) {
		var s corev1.Secret
		// Without the option the client would start a cache of Secrets, which the manager may not have.
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: cfg.AuthSecret}, &s, client.DisableReadYourWritesConsistency)
		if err != nil {
			return "", "", fmt.Errorf("mail.smtp.authSecret: %w", err)
		}
		user, password := s.Data[corev1.BasicAuthUsernameKey], s.Data[entry]
		if len(user) == 0 || len(password) == 0 {
			return "", "", fmt.Errorf("mail.smtp.authSecret: the Secret %s/%s needs the entries username and %s", namespace, cfg.AuthSecret, entry)
		}
		return string(user), string(password), nil
	}
}
