// SPDX-License-Identifier: Apache-2.0

// Package status is the command that tells what needs somebody.
package status

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

type options struct{ output.Format }

// answer is what the command says, as JSON and YAML.
type answer struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Namespace  string  `json:"namespace"`
	Members    int     `json:"members"`
	Active     int     `json:"active"`
	Invited    int     `json:"invited"`
	Unmailed   int     `json:"unmailed,omitempty"` // of those who are invited
	Seats      *seats  `json:"seats,omitempty"`
	Needs      []needs `json:"needs"`

	stalledMembers []stalledMember
}

type seats struct {
	Wanted int32 `json:"wanted"`
	Limit  int32 `json:"limit"`
}

// needs is something that needs somebody.
type needs struct {
	Object  rights.Link `json:"object"`
	Reason  string      `json:"reason"`
	Message string      `json:"message"`
	// Try is a command that mends it, where there is one.
	Try string `json:"try,omitempty"`
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell what needs somebody",
		Long: `Tell what needs somebody: mail that cannot be delivered, links that ran out, tokens of profiles that end, seats that are
taken, and every object that the operator can do nothing more about until somebody changes something.`,
		Example: `  kubectl roster status

  # For a program
  kubectl roster status -o json`,
		Args: input.OfNamespace,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), f)
		},
	}
	o.AddFlag(cmd.Flags(), output.JSON, output.YAML)
	return cmd
}

func (o *options) run(ctx context.Context, f *kube.Factory) error {
	organization, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	a := collect(organization)
	if err := a.applications(ctx, f, organization.Namespace); err != nil {
		return err
	}
	if !o.ForPeople() {
		return o.Document(f.Out, a)
	}
	a.print(output.Text(f.Out), organization.Organization.Spec.DisplayName)
	return nil
}

func (a answer) print(out io.Writer, name string) {
	fmt.Fprintf(out, "%s: %s, %d of them active, %d invited", name, membership.Counted(a.Members, "member"), a.Active, a.Invited)
	if a.Unmailed > 0 {
		fmt.Fprintf(out, " (%d not mailed yet)", a.Unmailed)
	}
	if a.Seats != nil {
		fmt.Fprintf(out, "; %d of %d seats are taken", min(a.Seats.Wanted, a.Seats.Limit), a.Seats.Limit)
		if more := a.Seats.Wanted - a.Seats.Limit; more > 0 {
			fmt.Fprintf(out, ", and %d more are wanted", more)
		}
	}
	fmt.Fprintln(out, ".")
	if len(a.Needs) == 0 {
		fmt.Fprintln(out, "Nothing needs you.")
	}
	for _, n := range a.Needs {
		fmt.Fprintf(out, "\n%s: %s\n  %s\n", n.Object, n.Reason, n.Message)
		if n.Try != "" {
			fmt.Fprintf(out, "  Try: %s\n", n.Try)
		}
	}
}

func collect(o *rights.Organization) answer {
	a := answer{APIVersion: output.APIVersion, Kind: "Status", Namespace: o.Namespace, Members: len(o.Members), Needs: []needs{}}
	for _, p := range o.People() {
		switch p.State {
		case rights.Active:
			a.Active++
		case rights.Invited:
			a.Invited++
			if p.Unmailed != "" {
				a.Unmailed++
			}
		case rights.Suspended, rights.Ended, rights.Waiting:
		}
		a.ends(p, o.Now)
	}
	if wanted, limit, limited := o.Seats(); limited {
		a.Seats = &seats{wanted, limit}
		if wanted >= limit {
			a.add(rights.Link{Kind: "Plan", Name: o.Organization.Status.Plan.Name}, "SeatsTaken",
				fmt.Sprintf("%d seats are wanted, and there are %d. Ask %s for more.", wanted, limit, o.Organization.Status.Plan.Contact), "")
		}
	}
	a.organization(o.Organization)
	a.stalledMembers = stalledMembers(o.Members)
	for _, inv := range o.Invitations {
		a.invitation(inv)
	}
	for _, m := range o.Members {
		a.stalled("Member", m.Name, m.Status.Conditions)
	}
	for _, p := range o.Profiles {
		a.profile(p)
	}
	for _, t := range o.Teams {
		a.stalled("Team", t.Name, t.Status.Conditions)
	}
	for _, w := range o.Workspaces {
		a.stalled("Workspace", w.Name, w.Status.Conditions)
	}
	for _, r := range o.Roles {
		a.stalled("CustomRole", r.Name, r.Status.Conditions)
	}
	return a
}

func (a *answer) add(object rights.Link, reason, message, try string) {
	a.Needs = append(a.Needs, needs{object, reason, message, try})
}

// soon is how long before the end of a membership somebody has to think about it: as long as they are mailed before.
const soon = 14 * 24 * time.Hour

// ends reports a membership that is about to end.
func (a *answer) ends(p *rights.Person, now time.Time) {
	if p.Member == nil || p.Ends == nil || p.State != rights.Active || p.Ends.Sub(now) > soon {
		return
	}
	a.add(p.Object(), "Ends", fmt.Sprintf("The membership of %s lasts until %s.", p.Address, membership.FormatEnd(p.Ends)),
		fmt.Sprintf(`kubectl patch member %s -n %s --type merge -p '{"spec":{"endTime":"%s"}}'`, p.Member.Name, a.Namespace,
			p.Ends.AddDate(0, 0, 30).UTC().Format(time.RFC3339)))
}

// stalled reports an object that waits for somebody to change something.
func (a *answer) stalled(kind, name string, conditions []metav1.Condition) {
	c := meta.FindStatusCondition(conditions, rosterv1alpha1.ConditionStalled)
	if c != nil && c.Status == metav1.ConditionTrue {
		a.add(rights.Link{Kind: kind, Name: name}, c.Reason, c.Message, "")
	}
}

// applications reports those that nobody, or not everybody, can sign in to. Those who may not look at them are told nothing about them.
func (a *answer) applications(ctx context.Context, f *kube.Factory, namespace string) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	var all rosterv1alpha1.ApplicationList
	if err := c.List(ctx, &all, client.InNamespace(namespace)); apierrors.IsForbidden(err) || meta.IsNoMatchError(err) {
		return nil
	} else if err != nil {
		return err
	}
	for _, app := range all.Items {
		a.stalled("Application", app.Name, app.Status.Conditions)
	}
	return nil
}

func (a *answer) organization(o *rosterv1alpha1.Organization) {
	a.stalled("Organization", o.Name, o.Status.Conditions)
	stalled := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionStalled)
	for _, kind := range []string{rosterv1alpha1.ConditionMailDelivered, rosterv1alpha1.ConditionOwnerResolved} {
		if c := meta.FindStatusCondition(o.Status.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse &&
			(stalled == nil || stalled.Message != c.Message) { // told above
			a.add(rights.Link{Kind: "Organization", Name: o.Name}, c.Reason, c.Message, "")
		}
	}
}

func (a *answer) invitation(inv *rosterv1alpha1.Invitation) {
	object := rights.Link{Kind: "Invitation", Name: inv.Name}
	to := people.InvitationAddress(inv)
	state := inv.Status.State
	if invitation.IsBlocked(inv) {
		state = rosterv1alpha1.InvitationPending // Another mail has been asked for, and something is in its way.
	}
	switch state {
	case rosterv1alpha1.InvitationUndeliverable:
		message := "The mail to " + to + " cannot be delivered."
		if c := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionDelivered); c != nil {
			message = c.Message
		}
		a.add(object, "Undeliverable", message, "kubectl roster resend "+inv.Name)
	case rosterv1alpha1.InvitationExpired:
		a.add(object, "Expired", "The link of "+to+" ran out.", "kubectl roster resend "+inv.Name)
	default:
		if !a.memberSays(inv) {
			a.stalled("Invitation", inv.Name, inv.Status.Conditions)
		}
	}
}

// memberSays reports whether the declared Member that an Invitation is for is stalled by the same: what is wrong is told once, where it can
// be mended.
func (a *answer) memberSays(inv *rosterv1alpha1.Invitation) bool {
	stalled := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionStalled)
	return inv.Spec.MemberRef != nil && stalled != nil &&
		slices.Contains(a.stalledMembers, stalledMember{inv.Spec.MemberRef.Name, stalled.Reason})
}

// stalledMember is a Member and what it is stalled by.
type stalledMember struct{ name, reason string }

func stalledMembers(members []*rosterv1alpha1.Member) (all []stalledMember) {
	for _, m := range members {
		if c := meta.FindStatusCondition(m.Status.Conditions, rosterv1alpha1.ConditionStalled); c != nil && c.Status == metav1.ConditionTrue {
			all = append(all, stalledMember{m.Name, c.Reason})
		}
	}
	return all
}

func (a *answer) profile(p *rosterv1alpha1.SocialProfile) {
	object := rights.Link{Kind: "SocialProfile", Name: p.Name}
	a.stalled("SocialProfile", p.Name, p.Status.Conditions) // which says nothing about the tokens
	if c := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionConnected); c != nil && c.Status == metav1.ConditionFalse {
		a.add(object, c.Reason, c.Message, "")
	}
	expiring := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionTokenExpiring)
	if expiring != nil && expiring.Status == metav1.ConditionTrue {
		a.add(object, expiring.Reason, expiring.Message, "")
	}
	for _, kind := range []string{rosterv1alpha1.ConditionScopesSufficient, rosterv1alpha1.ConditionRenewerAvailable,
		rosterv1alpha1.ConditionAdministered} {
		if c := meta.FindStatusCondition(p.Status.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			a.add(object, c.Reason, c.Message, "")
		}
	}
}
