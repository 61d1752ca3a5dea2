// SPDX-License-Identifier: Apache-2.0

// Package remove is the command that removes people from an organisation.
package remove

import (
	"github.com/spf13/cobra"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/gitops"
)

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &people.Options{}
	cmd := &cobra.Command{
		Use:   "remove (NAME|ADDRESS)...",
		Short: "Remove people from the organisation",
		Long: `Remove people from the organisation: their Members are deleted. Their permissions, their seats and their open invitations go
with them; their Accounts, with which they sign in to other organisations, stay.

The owner cannot be removed: transfer the ownership first. Where the Organization has the guardrail deleteOnlySuspended,
suspend people before you remove them.`,
		Example: `  # Zoe has left
  kubectl roster remove zoe

  # Everybody who is suspended; first see whom that is about
  kubectl roster remove --state Suspended --dry-run=server
  kubectl roster remove --state Suspended --yes`,
		ValidArgsFunction: f.Completion(people.CompleteMembers),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(args); err != nil {
				return err
			}
			return people.Run(cmd.Context(), f, o, people.Members, decide)
		},
	}
	o.AddFlags(cmd, "members", people.MemberStates(), true)
	return cmd
}

func decide(m *rosterv1alpha1.Member) people.Step[*rosterv1alpha1.Member] {
	return people.Step[*rosterv1alpha1.Member]{
		Object: m, Address: people.MemberAddress(m), Delete: true, Done: "removed",
		Note: gitops.Of(m, "email").Removal(),
	}
}
