// SPDX-License-Identifier: Apache-2.0

// Package cli_test runs the plugin as people do: its scripts in testdata/script type commands against a real API server, on which the
// operator runs with its own rights and mails to a real SMTP server.
package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/roster-dev/roster/internal/cli"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

// TestMain lets the test program be the plugin, when a script calls it by that name.
func TestMain(m *testing.M) {
	plugin := func() { os.Exit(cli.Main(os.Args)) }
	testscript.Main(m, map[string]func(){"kubectl-roster": plugin, "kubectl_complete-roster": plugin})
}

// site is an API server with Roster at work.
type site struct {
	cluster *testenv.Cluster
	post    *smtptest.Server
}

func startSite(t *testing.T) *site {
	t.Helper()
	ctrllog.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	cluster, err := testenv.Start(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := &site{cluster: cluster}
	ended := make(chan error, 1)
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, cluster.Stop()); err != nil {
			t.Error(err)
		}
	})
	s.post, err = smtptest.Start(smtptest.Options{})
	if err != nil {
		ended <- nil
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.post.Close() })
	if err := s.operate(ctx, ended); err != nil {
		ended <- nil
		t.Fatal(err)
	}
	return s
}

// operate runs the operator as cmd/manager does, under the rights of its ServiceAccount.
func (s *site) operate(ctx context.Context, ended chan<- error) error {
	options := controller.ManagerOptions(4)
	options.Scheme, options.Metrics = s.cluster.Scheme, metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	mgr, err := ctrl.NewManager(controller.Unthrottled(s.cluster.As("roster-manager")), options)
	if err != nil {
		return err
	}
	composer, err := mail.NewComposer("Roster <roster@mail.example>", "")
	if err != nil {
		return err
	}
	cfg := config.Config{
		Portal:      config.Portal{URL: "https://portal.example", KeySecret: "roster-portal-keys", FactorKeySecret: "roster-factor-keys"},
		Links:       config.Links{KeySecret: "roster-link-keys"},
		Mail:        config.Mail{SMTP: config.SMTP{Address: s.post.Addr(), TLS: config.TLSNone, Connections: 4}},
		Controllers: config.Controllers{Concurrency: 4, Deliveries: 4},
	}
	relay, err := mail.NewRelay(cfg.Mail.SMTP, nil, clock.RealClock{})
	if err != nil {
		return err
	}
	err = controller.Setup(ctx, mgr, controller.Options{
		Config: cfg, Namespace: testenv.SystemNamespace, Clock: clock.RealClock{}, Composer: composer,
		Mailer: mail.NewGate(cfg.Mail.SMTP, relay, clock.RealClock{}, logr.Discard()), Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	go func() { ended <- errors.Join(mgr.Start(ctx), relay.Close()) }()
	return nil
}

// kubeconfig writes a file by which the plugin is an administrator, with a namespace of its own as the current one.
func (s *site) kubeconfig(path, namespace string) error {
	return testenv.WriteKubeconfig(path, s.cluster.Config, namespace)
}

func TestScripts(t *testing.T) {
	s := startSite(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			namespace := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
			e.Setenv("NS", namespace)
			e.Setenv("KUBECONFIG", filepath.Join(e.WorkDir, "kubeconfig"))
			if err := s.cluster.Namespace(context.Background(), namespace); err != nil {
				return err
			}
			return s.kubeconfig(e.Getenv("KUBECONFIG"), namespace)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"apply": s.apply, "join": s.join, "answer": s.answer, "mask": mask, "reject": s.reject, "mend": s.mend, "can": s.can, "mails": s.mails,
			"exits": exits, "until": until,
		},
	})
}

func usage(ts *testscript.TestScript, ok bool, text string) {
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func (s *site) namespace(ts *testscript.TestScript) string { return ts.Getenv("NS") }

// eventually waits until something holds.
func eventually(ts *testscript.TestScript, what string, holds func() error) {
	var err error
	for deadline := time.Now().Add(testenv.Patience); ; <-time.After(20 * time.Millisecond) {
		if err = holds(); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: %v", what, err)
		}
	}
}

var errNotYet = errors.New("not yet")

func notYet(format string, a ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errNotYet}, a...)...)
}

func writeFile(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }
