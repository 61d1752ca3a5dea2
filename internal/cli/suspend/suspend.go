// SPDX-License-Identifier: Apache-2.0

// Package suspend is the pair of commands that take people's access away and give it back.
package suspend

import (
	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/gitops"
)

// New is the command that suspends.
func New(f *kube.Factory) *cobra.Command {
	return command(f, true, &cobra.Command{
		Use:   "suspend (NAME|ADDRESS)...",
		Short: "Take every permission away from people, until they are resumed",
		Long: `Take every permission away from people. They keep their place, their seat and their roles, and hold nothing until they are
resumed.

The owner cannot be suspended. A suspension of somebody who is kept in Git may be undone by the next sync: the command reports
it if Flux or Argo CD has written the Member.`,
		Example: `  # Zoe is on leave
  kubectl roster suspend zoe

  # Everybody of an agency, by label; first see whom that is about
  kubectl roster suspend -l company=agency-nine --dry-run=server
  kubectl roster suspend -l company=agency-nine --yes`,
	})
}

// NewResume is the command that gives access back.
func NewResume(f *kube.Factory) *cobra.Command {
	return command(f, false, &cobra.Command{
		Use:   "resume (NAME|ADDRESS)...",
		Short: "Give suspended people their permissions back",
		Long:  `Give suspended people their permissions back: those that their roles give now. A person who had not accepted yet is invited.`,
		Example: `  # Zoe is back
  kubectl roster resume zoe

  # Everybody who is suspended
  kubectl roster resume --state Suspended --yes`,
	})
}

func command(f *kube.Factory, suspended bool, cmd *cobra.Command) *cobra.Command {
	o := &people.Options{}
	cmd.ValidArgsFunction = f.Completion(people.CompleteMembers)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.Validate(args); err != nil {
			return err
		}
		return people.Run(cmd.Context(), f, o, people.Members, func(m *rosterv1alpha1.Member) people.Step[*rosterv1alpha1.Member] {
			return decide(m, suspended)
		})
	}
	o.AddFlags(cmd, "members", people.MemberStates(), true)
	return cmd
}

func decide(m *rosterv1alpha1.Member, suspended bool) people.Step[*rosterv1alpha1.Member] {
	step := people.Step[*rosterv1alpha1.Member]{Object: m, Address: people.MemberAddress(m), Done: "unchanged"}
	if ptr.Deref(m.Spec.Suspended, false) == suspended {
		step.Note = "is not suspended"
		if suspended {
			step.Note = "was suspended before"
		}
		return step
	}
	step.Done = "resumed"
	if suspended {
		step.Done = "suspended"
	}
	step.Change = func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(suspended) }
	step.Note = gitops.Of(m, "suspended").Warning("suspended")
	return step
}
