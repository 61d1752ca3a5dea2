// SPDX-License-Identifier: Apache-2.0

// Package revoke is the command that withdraws invitations.
package revoke

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/gitops"
)

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &people.Options{}
	cmd := &cobra.Command{
		Use:   "revoke (NAME|ADDRESS)...",
		Short: "Withdraw invitations",
		Long: `Withdraw invitations: their links stop working at once. The objects stay, as a record.

A person who has accepted is a Member: suspend or remove them instead.`,
		Example: `  # Withdraw the invitation of Zoe
  kubectl roster revoke zoe

  # Withdraw what nobody has answered; first see whom that is about
  kubectl roster revoke --state Sent,Expired --dry-run=server
  kubectl roster revoke --state Sent,Expired --yes`,
		ValidArgsFunction: f.Completion(people.CompleteInvitations),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(args); err != nil {
				return err
			}
			return people.Run(cmd.Context(), f, o, people.Invitations, decide)
		},
	}
	o.AddFlags(cmd, "invitations", people.InvitationStates(), true)
	return cmd
}

func decide(inv *rosterv1alpha1.Invitation) people.Step[*rosterv1alpha1.Invitation] {
	step := people.Step[*rosterv1alpha1.Invitation]{Object: inv, Address: people.InvitationAddress(inv), Done: "unchanged"}
	switch {
	case inv.Status.State == rosterv1alpha1.InvitationAccepted:
		member := inv.Name
		if ref := inv.Status.MemberRef; ref != nil {
			member = ref.Name
		}
		step.Refused = fmt.Sprintf("has accepted already: kubectl roster suspend %s -n %s takes their access away", member, inv.Namespace)
	case ptr.Deref(inv.Spec.Revoked, false):
		step.Note = "was withdrawn before"
	default:
		step.Done = "revoked"
		step.Change = func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) }
		step.Note = gitops.Of(inv, "revoked").Warning("revoked")
	}
	return step
}
