// SPDX-License-Identifier: Apache-2.0

// Package process holds what manager and portal do alike before they start: reading flags and configuration, setting up the log, and saying
// which version runs.
package process

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/tracing"
)

// Settings are what every server runs with.
type Settings struct {
	Config    config.Config
	Namespace string
	// MetricsAddress and ProbesAddress are where they are served.
	MetricsAddress, ProbesAddress string
	// REST is how to reach the API server, and Scheme has the kinds of Kubernetes and Roster.
	REST   *rest.Config
	Scheme *runtime.Scheme
}

// Process is one of the servers, by the name that people read: manager or portal.
type Process struct {
	Settings

	name        string
	file        string
	showVersion bool
	logging     zap.Options
}

// New adds the flags that every server has; metrics is where it serves metrics by default.
func New(name, metrics string, flags *flag.FlagSet) *Process {
	// An error in the log is mostly a dependency that is away or an object that somebody has to change. A stack trace would bury what it
	// says; a panic brings its own.
	p := &Process{name: name, logging: zap.Options{StacktraceLevel: zapcore.DPanicLevel}}
	flags.StringVar(&p.file, "config", "/etc/roster/config.yaml", "The configuration file (config.roster.dev/v1alpha1, RosterConfig).")
	flags.StringVar(&p.Namespace, "namespace", os.Getenv("POD_NAMESPACE"),
		"The namespace of the operator, which holds its Secrets. Defaults to $POD_NAMESPACE.")
	flags.StringVar(&p.MetricsAddress, "metrics-bind-address", metrics, "Where metrics are served; 0 turns them off.")
	flags.StringVar(&p.ProbesAddress, "health-probe-bind-address", ":8081", "Where /healthz and /readyz are served; 0 turns them off.")
	flags.BoolVar(&p.showVersion, "version", false, "Print the version and exit.")
	p.logging.BindFlags(flags)
	// The library tells of its own defaults.
	flags.Lookup("zap-devel").Usage = "Log for people who develop Roster: lines to be read by people, with details."
	flags.Lookup("zap-stacktrace-level").Usage = "The level from which on lines have a stack trace: info, error or panic (the default)."
	flags.Lookup("zap-time-encoding").Usage =
		"How times are written: epoch, millis, nano, iso8601, rfc3339 (the default) or rfc3339nano."
	return p
}

// Main reads the flags of the command line and runs the server until it fails or is told to stop.
func (p *Process) Main(run func(ctx context.Context, s Settings) error) {
	flag.Parse()
	if p.Begin(os.Stdout, metrics.Registry) {
		return
	}
	err := p.load()
	if err == nil {
		err = p.run(ctrl.SetupSignalHandler(), run)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, p.name+":", err)
		os.Exit(1)
	}
}

// run runs the server, traced if the environment asks for it.
func (p *Process) run(ctx context.Context, run func(ctx context.Context, s Settings) error) error {
	ctx, stop, err := tracing.Start(ctx, "roster-"+p.name, release(), ctrl.Log.WithName("tracing"))
	if err != nil {
		return err
	}
	defer stop()
	p.REST.Wrap(tracing.APIServer)
	return run(ctx, p.Settings)
}

// load completes the settings.
func (p *Process) load() (err error) {
	if p.Config, err = config.Load(p.file); err != nil {
		return err
	}
	if p.Namespace == "" {
		return fmt.Errorf("neither --namespace nor POD_NAMESPACE is set: name the namespace that the %s runs in", p.name)
	}
	p.Scheme = runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(p.Scheme), rosterv1alpha1.AddToScheme(p.Scheme)); err != nil {
		return err
	}
	p.REST, err = ctrl.GetConfig()
	return err
}

// Version is one line, such as "manager v0.1.0, go1.26.8, linux/amd64, revision 277b6f9".
func (p *Process) Version() string {
	return fmt.Sprintf("%s %s, %s, %s/%s, revision %s",
		p.name, release(), version.GoVersion, version.GoOS, version.GoArch, version.GetRevision())
}

// release is what the build was told by its linker flags (see LDFLAGS in the Makefile).
func release() string {
	if version.Version == "" {
		return "devel"
	}
	return version.Version
}

// Begin answers --version, in which case it reports done. Otherwise it sets up the log, writes the version as its first line, and registers
// the metric roster_build_info.
func (p *Process) Begin(out io.Writer, registry prometheus.Registerer) (done bool) {
	if p.showVersion {
		_, _ = fmt.Fprintln(out, p.Version())
		return true
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&p.logging)))
	// These would write lines of their own format.
	klog.SetLogger(Calm(ctrl.Log.WithName("client-go")))
	slog.SetDefault(slog.New(logr.ToSlogHandler(ctrl.Log.WithName("libraries"))))
	ctrl.Log.WithName(p.name).Info("Starting", "version", release(), "revision", version.GetRevision(), "go", version.GoVersion)
	registry.MustRegister(versioncollector.NewCollector("roster"))
	return false
}
