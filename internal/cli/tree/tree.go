// SPDX-License-Identifier: Apache-2.0

// Package tree is the command that shows an organisation at a glance.
package tree

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "tree",
		Short: "Show an organisation at a glance",
		Long: `Show an organisation at a glance: its people with their roles, its profiles with the people who work on them, its Teams and
Workspaces.`,
		Example: `  kubectl roster tree
  kubectl roster tree -n acme`,
		Args: input.OfNamespace,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f) },
	}
}

func run(ctx context.Context, f *kube.Factory) error {
	o, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	everybody := o.People()
	root := &node{text: title(o)}
	root.add(peopleNode(o.Organization, everybody))
	root.add(profilesNode(o, everybody))
	root.add(teamsNode(o))
	root.add(workspacesNode(o))
	return root.print(output.Text(f.Out))
}

// node is a line and what stands under it.
type node struct {
	text string
	in   []*node
}

func (n *node) add(in ...*node) {
	for _, child := range in {
		if child != nil {
			n.in = append(n.in, child)
		}
	}
}

func (n *node) print(out io.Writer) error {
	_, err := fmt.Fprintln(out, n.text)
	for i, child := range n.in {
		if err == nil {
			err = child.branch(out, "", i == len(n.in)-1)
		}
	}
	return err
}

func (n *node) branch(out io.Writer, before string, last bool) error {
	corner, line := "├── ", "│   "
	if last {
		corner, line = "└── ", "    "
	}
	_, err := fmt.Fprintln(out, before+corner+n.text)
	for i, child := range n.in {
		if err == nil {
			err = child.branch(out, before+line, i == len(n.in)-1)
		}
	}
	return err
}

func title(o *rights.Organization) string {
	words := fmt.Sprintf("%s (Organization %s in %s)", o.Organization.Spec.DisplayName, o.Organization.Name, o.Namespace)
	if plan := o.Organization.Status.Plan.Name; plan != "" {
		words += ", plan " + plan
	}
	if wanted, limit, limited := o.Seats(); limited {
		words += fmt.Sprintf(", %d of %d seats", wanted, limit)
	}
	return words
}

func peopleNode(o *rosterv1alpha1.Organization, everybody []*rights.Person) *node {
	n := &node{text: fmt.Sprintf("People (%d)", len(everybody))}
	for _, p := range everybody {
		words := cmp.Or(p.Name, string(p.Address))
		if p.Name != "" {
			words += " <" + string(p.Address) + ">"
		}
		words += ": " + string(p.Holds.Role)
		if p.State != rights.Active {
			words += ", " + p.Standing()
		}
		if p.Member != nil {
			if offered, declined := membership.Offered(o, p.Member); offered && !declined {
				words += ", named as the owner" // which kubectl shows as their role while they are invited
			}
		}
		if p.Ends != nil && p.State != rights.Ended {
			words += ", until " + membership.FormatEnd(p.Ends)
		}
		n.add(&node{text: words})
	}
	return n
}

func profilesNode(o *rights.Organization, everybody []*rights.Person) *node {
	n := &node{text: fmt.Sprintf("Profiles (%d)", len(o.Profiles))}
	for _, s := range o.Profiles {
		profile := &node{text: fmt.Sprintf("%s: %s %s", s.Name, s.Spec.Network, s.Spec.Handle)}
		for _, role := range []rosterv1alpha1.ProfileRole{"Administrator", "Editor", "Moderator", "Guest"} {
			if names := holding(everybody, s.Name, role); len(names) > 0 {
				profile.add(&node{text: fmt.Sprintf("%s: %s", role, strings.Join(names, ", "))})
			}
		}
		n.add(profile)
	}
	return n
}

// holding are the active people whose strongest built-in role on a profile is this one.
func holding(everybody []*rights.Person, profile string, role rosterv1alpha1.ProfileRole) []string {
	var names []string
	for _, p := range everybody {
		held := p.Holds.On(profile)
		if p.State == rights.Active && held != 0 && strongest(held) == role {
			names = append(names, p.Object().Name)
		}
	}
	slices.Sort(names)
	return names
}

func strongest(held access.Set) rosterv1alpha1.ProfileRole {
	for _, role := range []rosterv1alpha1.ProfileRole{"Administrator", "Editor", "Moderator"} {
		if held.Contains(access.ProfilePermissions(role)) {
			return role
		}
	}
	return rosterv1alpha1.ProfileGuest
}

func teamsNode(o *rights.Organization) *node {
	if len(o.Teams) == 0 {
		return nil
	}
	n := &node{text: fmt.Sprintf("Teams (%d)", len(o.Teams))}
	for _, t := range o.Teams {
		team := &node{text: fmt.Sprintf("%s: %s", t.Name, t.Spec.Role)}
		team.add(&node{text: "on " + listed(o.ProfilesOf(t.Spec.Profiles, t.Spec.ProfileSelector))},
			&node{text: "members " + listed(t.Spec.Members)})
		n.add(team)
	}
	return n
}

func workspacesNode(o *rights.Organization) *node {
	if len(o.Workspaces) == 0 {
		return nil
	}
	n := &node{text: fmt.Sprintf("Workspaces (%d)", len(o.Workspaces))}
	for _, w := range o.Workspaces {
		n.add(&node{text: w.Name + ": " + listed(o.ProfilesOf(w.Spec.Profiles, w.Spec.ProfileSelector))})
	}
	return n
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
