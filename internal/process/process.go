// SPDX-License-Identifier: Apache-2.0

// Package process holds what manager and portal do alike before they start: the flags of the log, and saying which version runs.
package process

import (
	"flag"
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Process is one of the servers, by the name that people read: manager or portal.
type Process struct {
	name        string
	showVersion bool
	logging     zap.Options
}

// New adds the flags that every server has.
func New(name string, flags *flag.FlagSet) *Process {
	// An error in the log is mostly a dependency that is away or an object that somebody has to change. A stack trace would bury what it
	// says; a panic brings its own.
	p := &Process{name: name, logging: zap.Options{StacktraceLevel: zapcore.DPanicLevel}}
	flags.BoolVar(&p.showVersion, "version", false, "Print the version and exit.")
	p.logging.BindFlags(flags)
	return p
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
	ctrl.Log.WithName(p.name).Info("Starting", "version", release(), "revision", version.GetRevision(), "go", version.GoVersion)
	registry.MustRegister(versioncollector.NewCollector("roster"))
	return false
}
