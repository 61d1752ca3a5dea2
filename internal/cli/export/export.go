// SPDX-License-Identifier: Apache-2.0

// Package export is the command that writes the people of an organisation as a spreadsheet.
package export

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"

	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/offer"
	"github.com/roster-dev/roster/internal/cli/sheet"
	"github.com/roster-dev/roster/internal/rights"
)

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Write the people of an organisation as a spreadsheet",
		Long: `Write the people of an organisation as a spreadsheet (CSV), with the columns that kubectl roster import reads: Members, and
people who are invited.

Cells that a spreadsheet would take for a formula begin with an apostrophe, which import takes away again.`,
		Example: `  kubectl roster export > people.csv

  # Into another organisation
  kubectl roster export -n acme | kubectl roster import - -n acme-labs`,
		Args: input.OfNamespace,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f) },
	}
}

func run(ctx context.Context, f *kube.Factory) error {
	o, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	text, err := sheet.Format(rows(o))
	if err != nil {
		return err
	}
	_, err = io.WriteString(f.Out, text)
	return err
}

func rows(o *rights.Organization) []sheet.Row {
	var all []sheet.Row
	for _, p := range o.People() {
		row := sheet.Row{Address: p.Address, Written: string(p.Address)}
		if m := p.Member; m != nil {
			row.Name, row.Company = m.Spec.DisplayName, m.Spec.Company
			row.Offer = offer.Offer{Role: m.Spec.Role, Profiles: m.Spec.Profiles, Workspaces: m.Spec.Workspaces}
			row.Manages, row.Suspended = ptr.Deref(m.Spec.CanManageProfiles, false), ptr.Deref(m.Spec.Suspended, false)
			row.End = m.Spec.EndTime
		} else {
			inv := p.Invitation
			row.Offer = offer.Offer{Role: inv.Spec.Role, Profiles: inv.Spec.Profiles, Workspaces: inv.Spec.Workspaces}
			row.Manages, row.End = ptr.Deref(inv.Spec.CanManageProfiles, false), inv.Spec.EndTime
		}
		row.Offer.Teams = teams(o, p.Object().Name)
		all = append(all, row)
	}
	return all
}

func teams(o *rights.Organization, member string) []string {
	var names []string
	for _, t := range o.Teams {
		if slices.Contains(t.Spec.Members, member) {
			names = append(names, t.Name)
		}
	}
	return names
}
