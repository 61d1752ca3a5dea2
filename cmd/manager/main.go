// SPDX-License-Identifier: Apache-2.0

// Command manager runs the controllers of Roster.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
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
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := rosterv1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	options := controller.ManagerOptions(cfg.Controllers.Concurrency)
	options.Scheme = scheme
	options.Metrics = metricsserver.Options{BindAddress: f.metrics}
	options.HealthProbeBindAddress = f.probes
	options.LeaderElection = f.leaderElect
	options.LeaderElectionID = "roster-manager"
	options.LeaderElectionNamespace = f.namespace
	options.LeaderElectionReleaseOnCancel = true
	mgr, err := ctrl.NewManager(controller.Unthrottled(restConfig), options)
	if err != nil {
		return err
	}
	relay, err := setup(ctx, mgr, cfg, f.namespace)
	if err != nil {
		return err
	}
	err = mgr.Start(ctx)
	_ = relay.Close() // Whatever was on its way is repeated with the same Message-ID.
	return err
}

func setup(ctx context.Context, mgr manager.Manager, cfg config.Config, namespace string) (*mail.Relay, error) {
	composer, err := mail.NewComposer(cfg.Mail.From, cfg.Mail.ReplyTo)
	if err != nil {
		return nil, err
	}
	relay, err := mail.NewRelay(cfg.Mail.SMTP, credentials(mgr.GetClient(), namespace, cfg.Mail.SMTP.AuthSecret), clock.RealClock{})
	if err != nil {
		return nil, err
	}
	err = controller.Setup(ctx, mgr, controller.Options{
		Config: cfg, Namespace: namespace, Clock: clock.RealClock{},
		Composer: composer, Mailer: relay, Registry: metrics.Registry,
	})
	if err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("healthz", healthz.Ping); err != nil {
		return nil, err
	}
	return relay, mgr.AddReadyzCheck("readyz", healthz.Ping)
}

// credentials reads the user name and password for the relay from a Secret, anew for each connection.
func credentials(c client.Reader, namespace, secret string) mail.Credentials {
	if secret == "" {
		return nil
	}
	return func(ctx context.Context) (string, string, error) {
		var s corev1.Secret
		// Without the option the client would start a cache of Secrets, which the manager may not have.
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: secret}, &s, client.DisableReadYourWritesConsistency)
		if err != nil {
			return "", "", fmt.Errorf("mail.smtp.authSecret: %w", err)
		}
		user, password := s.Data[corev1.BasicAuthUsernameKey], s.Data[corev1.BasicAuthPasswordKey]
		if len(user) == 0 || len(password) == 0 {
			return "", "", fmt.Errorf("mail.smtp.authSecret: the Secret %s/%s needs the entries username and password", namespace, secret)
		}
		return string(user), string(password), nil
	}
}
