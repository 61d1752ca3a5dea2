// SPDX-License-Identifier: Apache-2.0

// Command manager runs the controllers of Roster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/process"
	"github.com/roster-dev/roster/internal/tracing"
)

func main() {
	elect := flag.Bool("leader-elect", false, "Let one of several managers work at a time.")
	process.New("manager", ":8080", flag.CommandLine).Main(func(ctx context.Context, s process.Settings) error { return run(ctx, s, *elect) })
}

func run(ctx context.Context, s process.Settings, elect bool) error {
	link := apiserver.NewLink(ctrl.Log.WithName("apiserver"), clock.RealClock{})
	probes, err := apiserver.ServeProbes(s.ProbesAddress, ctrl.Log.WithName("readiness"))
	if err != nil {
		return err
	}
	probes.Check("api-server", link.Ready)
	defer func() { _ = probes.Close() }()
	s.REST = link.Through(controller.Unthrottled(s.REST))
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	options, lease, err := managerOptions(ctx, lost, s, elect)
	if err != nil {
		return err
	}
	err = apiserver.AwaitKinds(ctx, s.REST, s.Scheme, rosterv1alpha1.GroupVersion, ctrl.Log.WithName("apiserver"), probes.Waiting)
	if err != nil {
		return ignoreStop(ctx, err)
	}
	apiserver.LogVersion(s.REST, ctrl.Log.WithName("apiserver"))
	mgr, err := ctrl.NewManager(s.REST, options)
	if err != nil {
		return ignoreStop(ctx, err)
	}
	relay, err := setup(ctx, mgr, s.Config, s.Namespace, lease, probes)
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
	leaseName     = "roster-manager"
	// writeAfterMail is how long it may take to write down what became of a mail.
	writeAfterMail = 10 * time.Second
)

func managerOptions(
	ctx context.Context, lost context.CancelCauseFunc, s process.Settings, elect bool,
) (manager.Options, *apiserver.Lease, error) {
	options := controller.ManagerOptions(s.Config.Controllers.Concurrency)
	options.Scheme = s.Scheme
	options.Logger = process.Calm(ctrl.Log)
	options.Metrics = metricsserver.Options{BindAddress: s.MetricsAddress}
	options.BaseContext = tracing.Base(ctx)
	options.HealthProbeBindAddress = "0" // They are served from the start on, see apiserver.Probes.
	// A mail under way is finished, and what became of it is written down, before the Lease is given up.
	options.GracefulShutdownTimeout = ptr.To(s.Config.Mail.SMTP.Timeout.Duration + writeAfterMail)
	// An API server that is away is waited for however long that takes.
	options.Controller.CacheSyncTimeout = 365 * 24 * time.Hour
	if !elect {
		return options, nil, nil
	}
	lease, err := apiserver.NewLease(ctx, lost, s.REST, s.Namespace, leaseName, renewDeadline)
	options.LeaderElection = true
	options.LeaderElectionResourceLockInterface = lease
	options.LeaderElectionID = leaseName // names the metric; the lock is the one above
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
		Config: cfg, Namespace: namespace, Clock: clock.RealClock{}, Grace: reporting.Grace, Composer: composer, Mailer: gate,
		Registry: metrics.Registry,
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
