// SPDX-License-Identifier: Apache-2.0

// Package resend is the command that mails invitations again.
package resend

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/gitops"
	"github.com/roster-dev/roster/internal/invitation"
)

type options struct {
	people.Options
	reopen bool
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "resend (NAME|ADDRESS)...",
		Short: "Mail invitations again, with a new link",
		Long: `Mail invitations again, with a new link. The older link stops working when the relay has taken the new mail.

This works in every state but Accepted. An invitation that was withdrawn needs --reopen. A person gets at most five invitation
mails from an organisation in a row, then one an hour.`,
		Example: `  # Another link for Zoe
  kubectl roster resend zoe
  kubectl roster resend zoe@acme.example

  # After the mail relay was repaired
  kubectl roster resend --all --state Undeliverable

  # Everybody in every organisation whose link ran out
  kubectl roster resend --state Expired --all-namespaces`,
		ValidArgsFunction: f.Completion(people.CompleteInvitations),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(args); err != nil {
				return err
			}
			return people.Run(cmd.Context(), f, &o.Options, people.Invitations,
				func(inv *rosterv1alpha1.Invitation) people.Step[*rosterv1alpha1.Invitation] {
					return o.decide(inv, f.Now())
				})
		},
	}
	o.AddFlags(cmd, "invitations", people.InvitationStates(), false)
	cmd.Flags().BoolVar(&o.reopen, "reopen", false, "Also invite again those whose invitation was withdrawn.")
	return cmd
}

func (o *options) decide(inv *rosterv1alpha1.Invitation, now time.Time) people.Step[*rosterv1alpha1.Invitation] {
	step := people.Step[*rosterv1alpha1.Invitation]{Object: inv, Address: people.InvitationAddress(inv), Done: "resent"}
	withdrawn := ptr.Deref(inv.Spec.Revoked, false)
	switch {
	case inv.Status.State == rosterv1alpha1.InvitationAccepted:
		step.Refused = "has accepted already: there is nothing to mail"
		return step
	case withdrawn && !o.reopen:
		step.Refused = "was withdrawn: add --reopen to invite again"
		return step
	}
	at := invitation.ResendAt(inv, now)
	step.Note = gitops.Of(inv, "resendRequestedAt").Warning("resendRequestedAt")
	step.Change = func(inv *rosterv1alpha1.Invitation) {
		inv.Spec.ResendRequestedAt = &at
		if withdrawn {
			inv.Spec.Revoked = ptr.To(false)
		}
	}
	if why := invitation.HeldBack(inv); why != "" {
		step.Done = "requested"
		step.Note = strings.TrimSpace(step.Note + " not mailed yet: " + why)
	}
	if sent := inv.Status.SentTime; step.Note == "" && inv.Status.State == rosterv1alpha1.InvitationSent && sent != nil {
		step.Note = fmt.Sprintf("the link of %s ends", sent.UTC().Format(time.RFC3339))
	}
	return step
}
