// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func TestVersionIsPrinted(t *testing.T) {
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	p := New("manager", ":8080", flags)
	if err := flags.Parse([]string{"--version"}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if !p.Begin(&out, prometheus.NewRegistry()) {
		t.Fatal("--version did not end the process")
	}
	if want := "manager devel, " + version.GoVersion; !strings.HasPrefix(out.String(), want) {
		t.Errorf("printed %q, want it to begin with %q", out.String(), want)
	}
}

func TestBuildInfoIsAMetric(t *testing.T) {
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	p := New("manager", ":8080", flags)
	registry := prometheus.NewRegistry()
	if p.Begin(&bytes.Buffer{}, registry) {
		t.Fatal("it ended without --version")
	}
	t.Cleanup(func() { ctrl.SetLogger(zap.New(zap.WriteTo(t.Output()))) })
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 1 || families[0].GetName() != "roster_build_info" {
		t.Errorf("the metrics are %v, want roster_build_info", families)
	}
}

// TestLog: the log is JSON, and an error has no stack trace unless somebody asks for one.
func TestLog(t *testing.T) {
	for name, c := range map[string]struct {
		flags       []string
		json, trace bool
	}{
		"as installed":     {nil, true, false},
		"easier to read":   {[]string{"--zap-encoder=console"}, false, false},
		"for developers":   {[]string{"--zap-devel", "--zap-log-level=info"}, false, false},
		"a trace is asked": {[]string{"--zap-stacktrace-level=error"}, true, true},
	} {
		flags := flag.NewFlagSet("manager", flag.ContinueOnError)
		p := New("manager", ":8080", flags)
		if err := flags.Parse(c.flags); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		log := zap.New(zap.UseFlagOptions(&p.logging), zap.WriteTo(&out))
		log.Error(nil, "the relay is away")
		line := out.String()
		if json.Valid(out.Bytes()) != c.json || strings.Contains(line, "process_test.go") != c.trace || !strings.Contains(line, "the relay is away") {
			t.Errorf("%s: the log says %q", name, line)
		}
		var entry struct {
			Time time.Time `json:"ts"`
		}
		if err := json.Unmarshal(out.Bytes(), &entry); c.json && (err != nil || entry.Time.IsZero()) {
			t.Errorf("%s: the help says that times are as in RFC 3339: %v, %q", name, err, line)
		}
		log.V(1).Info("details")
		if out.String() != line {
			t.Errorf("%s: details are logged that nobody asked for", name)
		}
	}
}
