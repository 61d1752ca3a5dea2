// SPDX-License-Identifier: Apache-2.0

// Package doctor is the command that finds out what is wrong with an installation.
package doctor

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/output"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning"
	Failed  Verdict = "failed"
	Unknown Verdict = "unknown"
)

// finding is the outcome of a check.
type finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Message string  `json:"message"`
	// Try is what to do about it.
	Try string `json:"try,omitempty"`
}

// patient is what is looked at.
type patient struct {
	client    client.Client
	dry       client.Client
	discovery discovery.DiscoveryInterface
	factory   *kube.Factory
	version   string
	system    string
	namespace string
	// organizations that the user may see.
	organizations []*rosterv1alpha1.Organization
	findings      []finding
}

// New is the command. The version is that of the plugin.
func New(f *kube.Factory, version string) *cobra.Command {
	var format output.Format
	system := ""
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong with an installation",
		Long: `Find out what is wrong with an installation: versions of the plugin, the operator and the API server; the kinds; whether the
operator and the portal run; whether the admission policies are installed, are those of this version, and work; whether the
operator has all its permissions; the clocks; what the cluster tells of the mail relay and the issuers; and whether the portal
answers as an OpenID provider, if it is one, and the API server trusts it.

It changes nothing. Whether the policies work is tried by a server-side dry run. What you may not look at is reported as
unknown. It ends with 1 if something failed.`,
		Example: `  kubectl roster doctor

  # Roster is installed elsewhere
  kubectl roster doctor --system-namespace tools`,
		Args: input.Arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Validate(); err != nil {
				return err
			}
			p, err := newPatient(f, version, system)
			if err != nil {
				return err
			}
			p.examine(cmd.Context())
			return p.report(f.Out, format)
		},
	}
	format.AddFlag(cmd.Flags(), output.JSON, output.YAML)
	cmd.Flags().StringVar(&system, "system-namespace", "roster-system", "The namespace that Roster is installed in.")
	return cmd
}

func newPatient(f *kube.Factory, version, system string) (*patient, error) {
	p := &patient{factory: f, version: version, system: system}
	var err error
	if p.discovery, err = f.Discovery(); err != nil {
		return nil, err
	}
	if p.namespace, err = f.Namespace(); err != nil {
		return nil, err
	}
	// The first answer shows whether there is an API server at all.
	if _, err := p.discovery.ServerVersion(); err != nil {
		return nil, err
	}
	if p.client, err = f.Client(); err != nil {
		return nil, err
	}
	p.dry, err = f.Writer(kube.DryRunServer)
	return p, err
}

func (p *patient) examine(ctx context.Context) {
	p.versions()
	p.clock()
	if !p.kinds() {
		return // Nothing else can be asked.
	}
	p.processes(ctx)
	p.permissions(ctx)
	p.policies(ctx)
	p.policiesWork(ctx)
	p.outside()
	p.openID(ctx)
}

func (p *patient) say(check string, verdict Verdict, try, format string, a ...any) {
	p.findings = append(p.findings, finding{check, verdict, fmt.Sprintf(format, a...), try})
}

func (p *patient) report(out io.Writer, format output.Format) error {
	failed := 0
	for _, f := range p.findings {
		if f.Verdict == Failed {
			failed++
		}
	}
	var err error
	if format.ForPeople() {
		out = output.Text(out)
		for _, f := range p.findings {
			fmt.Fprintf(out, "%-8s %s: %s\n", f.Verdict, f.Check, f.Message)
			if f.Try != "" {
				fmt.Fprintf(out, "         Try: %s\n", f.Try)
			}
		}
	} else {
		err = format.Document(out, struct {
			APIVersion string    `json:"apiVersion"`
			Kind       string    `json:"kind"`
			Findings   []finding `json:"findings"`
		}{output.APIVersion, "Diagnosis", p.findings})
	}
	if err == nil && failed > 0 {
		return exit.With(1)
	}
	return err
}
