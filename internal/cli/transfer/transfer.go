// SPDX-License-Identifier: Apache-2.0

// Package transfer is the command that hands an organisation over to another owner.
package transfer

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/gitops"
	"github.com/roster-dev/roster/internal/membership"
)

type options struct {
	output.Format
	dryRun kube.DryRun
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "transfer (NAME|ADDRESS)",
		Short: "Name another owner of the organisation",
		Long: `Name another owner of the organisation.

The ownership passes when that Member is active and the person has agreed, at the portal. Until then the former owner keeps
it.`,
		Example: `  # Ben is to own the organisation
  kubectl roster transfer ben

  # Whether you may do that
  kubectl roster transfer ben --dry-run=server`,
		Args:              input.Arguments(1, 1),
		ValidArgsFunction: f.Completion(people.CompleteMembers),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), f, args[0])
		},
	}
	o.AddFlag(cmd.Flags(), output.Name, output.JSON, output.YAML)
	kube.AddDryRun(cmd.Flags(), &o.dryRun)
	return cmd
}

func (o *options) run(ctx context.Context, f *kube.Factory, name string) error {
	organization, err := f.Organization(ctx)
	if err != nil {
		return err
	}
	c, err := f.Writer(o.dryRun)
	if err != nil {
		return err
	}
	found, err := people.Members(ctx, c, organization.Namespace, people.Selection{Names: []string{name}})
	if err != nil {
		return err
	}
	m := found[0]
	done := "unchanged"
	note := gitops.Of(organization, "ownerRef").Warning("ownerRef")
	if ref := organization.Spec.OwnerRef; ref == nil || ref.Name != m.Name {
		before := organization.DeepCopy()
		organization.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: m.Name}
		if err := c.Patch(ctx, organization, client.MergeFrom(before)); err != nil {
			return err
		}
		done = o.dryRun.Would("named as the owner")
	}
	if note != "" {
		fmt.Fprintln(f.ErrOut, "Warning:", note)
	}
	return o.Results(f.Out, f.Scheme(), []output.Column{{Name: "Organization"}, {Name: "Address"}, {Name: "Result"}, {Name: "Note"}},
		[]output.Result{{Object: organization, Cells: []any{organization.Name, people.MemberAddress(m), done, pending(organization, m)}}})
}

// pending says what the ownership still waits for.
func pending(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) string {
	former := "nobody owns the organisation"
	if o.Status.OwnerRef != nil && o.Status.OwnerRef.Name != m.Name {
		former = o.Status.Owner + " stays the owner"
	}
	offered, declined := membership.Offered(o, m)
	switch {
	case declined:
		return "has declined: ask them before you name them again; " + former
	case m.Spec.EndTime != nil:
		return "has a membership that is to end: until you remove spec.endTime of the Member, " + former
	case m.Status.State == rosterv1alpha1.MemberSuspended:
		return "is suspended: until they are resumed, " + former
	case m.Status.State != rosterv1alpha1.MemberActive:
		return "has not joined: until they accept their invitation, " + former
	case offered:
		return "has to agree at the portal: until then, " + former
	}
	return ""
}
