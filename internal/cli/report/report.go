// SPDX-License-Identifier: Apache-2.0

// Package report is the command that lists who has access to what, for an audit.
package report

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/markdown"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/sheet"
	"github.com/roster-dev/roster/internal/cli/verify"
	"github.com/roster-dev/roster/internal/rights"
)

// The formats that only a report has.
const (
	formatCSV      = "csv"
	formatMarkdown = "markdown"
)

type options struct {
	output.Format
	by     string
	verify bool
}

// document is the report as JSON and YAML.
type document struct {
	APIVersion   string `json:"apiVersion"`
	Kind         string `json:"kind"`
	Organization string `json:"organization"`
	Namespace    string `json:"namespace"`
	Time         string `json:"time"`
	Rows         []row  `json:"rows"`
}

// row is what one person holds on one profile, or in the organisation alone.
type row struct {
	Address     string       `json:"address"`
	Name        string       `json:"name,omitempty"`
	State       rights.State `json:"state"`
	Unmailed    string       `json:"unmailed,omitempty"` // what keeps the invitation from being mailed
	Role        string       `json:"role"`
	Profile     string       `json:"profile,omitempty"`
	ProfileRole string       `json:"profileRole,omitempty"`
	Permissions []string     `json:"permissions,omitempty"`
	By          []string     `json:"by,omitempty"`
	Joined      string       `json:"joined,omitempty"`
	LastSignIn  string       `json:"lastSignIn,omitempty"`

	standing string
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "List who has access to what, for an audit",
		Long: `List who has access to what, by person or by profile: each role, the permissions that it stands for, and where it comes from.

CSV opens in a spreadsheet: cells that a spreadsheet would take for a formula begin with an apostrophe. Markdown is for a
ticket or a wiki. With --verify, some of it is compared with what the API server answers (SubjectAccessReview).`,
		Example: `  # Everybody and what they hold
  kubectl roster report

  # For the auditors, by profile
  kubectl roster report --by profile -o csv --verify > access.csv`,
		Args: input.OfNamespace,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.by != "person" && o.by != "profile" {
				return fmt.Errorf("--by %s: must be person or profile", o.by)
			}
			if err := o.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), f)
		},
	}
	o.AddFlag(cmd.Flags(), output.Wide, formatCSV, formatMarkdown, output.JSON, output.YAML)
	cmd.Flags().StringVar(&o.by, "by", "person", "What the rows are sorted by: person or profile.")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "Compare a sample with the API server.")
	return cmd
}

func (o *options) run(ctx context.Context, f *kube.Factory) error {
	organization, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	everybody := organization.People()
	rows := rowsOf(everybody)
	if o.by == "profile" {
		rows = byProfile(rows, organization)
	}
	if err := o.print(f, organization, rows); err != nil || !o.verify {
		return err
	}
	return verify.Claims(ctx, f, organization.Namespace, verify.OnProfiles(organization, everybody...))
}

func rowsOf(everybody []*rights.Person) []row {
	rows := []row{}
	for _, p := range everybody {
		base := row{
			Address: string(p.Address), Name: p.Name, State: p.State, Unmailed: p.Unmailed, Role: string(p.Holds.Role), standing: p.Standing(),
		}
		if m := p.Member; m != nil {
			base.Joined, base.LastSignIn = day(m.Status.JoinedTime), day(m.Status.LastSignInTime)
		}
		if len(p.Holds.Grants) == 0 {
			base.By = []string{p.RoleWords()}
			rows = append(rows, base)
			continue
		}
		for _, g := range p.Holds.Grants {
			r := base
			r.Profile, r.ProfileRole = g.Profile, g.Role
			for _, permission := range p.Holds.On(g.Profile).Permissions() {
				r.Permissions = append(r.Permissions, string(permission))
			}
			for _, source := range p.Grants {
				if source.Profile == g.Profile {
					r.By = append(r.By, source.Words())
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func day(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// byProfile repeats those who hold every profile for each one, and sorts.
func byProfile(rows []row, o *rights.Organization) []row {
	var all []row
	for _, r := range rows {
		if r.Profile != access.AllProfiles {
			all = append(all, r)
			continue
		}
		for _, p := range o.Profiles {
			single := r
			single.Profile = p.Name
			all = append(all, single)
		}
	}
	all = slices.DeleteFunc(all, func(r row) bool { return r.Profile == "" })
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(a.Profile, b.Profile) })
	return all
}

func header() []string {
	return []string{"Address", "Name", "State", "Role", "Profile", "Profile role", "Permissions", "By", "Joined", "Last sign-in"}
}

func (r row) cells() []string {
	return []string{
		r.Address, r.Name, r.standing, r.Role, r.Profile, r.ProfileRole, strings.Join(r.Permissions, " "), strings.Join(r.By, "; "),
		r.Joined, r.LastSignIn,
	}
}

func (o *options) print(f *kube.Factory, organization *rights.Organization, rows []row) error {
	switch o.Value {
	case output.JSON, output.YAML:
		return o.Document(f.Out, document{
			APIVersion: output.APIVersion, Kind: "AccessReport", Organization: organization.Organization.Name, Namespace: organization.Namespace,
			Time: f.Now().UTC().Format(time.RFC3339), Rows: rows,
		})
	case formatCSV:
		return writeCSV(f.Out, rows)
	case formatMarkdown:
		return writeMarkdown(f.Out, organization, rows)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(f.Out, "Nobody in the organisation has access to anything.")
		return err
	}
	grid := output.Grid{Columns: []output.Column{
		{Name: "Address"}, {Name: "Name", Wide: true}, {Name: "State"}, {Name: "Role"}, {Name: "Profile"}, {Name: "Profile role"},
		{Name: "Permissions", Wide: true}, {Name: "By"}, {Name: "Joined", Wide: true}, {Name: "Last sign-in", Wide: true},
	}}
	for _, r := range rows {
		var cells []any
		for _, cell := range r.cells() {
			cells = append(cells, cell)
		}
		grid.Rows = append(grid.Rows, cells)
	}
	return grid.Print(f.Out, o.Value == output.Wide)
}

func writeCSV(out io.Writer, rows []row) error {
	w := csv.NewWriter(out)
	if err := w.Write(header()); err != nil {
		return err
	}
	for _, r := range rows {
		cells := r.cells()
		for i := range cells {
			cells[i] = sheet.Harmless(cells[i])
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func writeMarkdown(out io.Writer, o *rights.Organization, rows []row) error {
	fmt.Fprintf(out, "# Access to %s\n\n", markdown.Escape(o.Organization.Spec.DisplayName))
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(header(), " | "), strings.Repeat("---|", len(header())))
	for _, r := range rows {
		cells := r.cells()
		for i := range cells {
			cells[i] = markdown.Escape(cells[i])
		}
		if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}
