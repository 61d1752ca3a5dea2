// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/offer"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/cli/progress"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/quota"
	"github.com/roster-dev/roster/internal/recipients"
)

// run invites one list.
type run struct {
	*options
	factory  *kube.Factory
	problems []string

	organization *rosterv1alpha1.Organization
	catalog      *offer.Catalog
	offered      offer.Offer
	end          *metav1.Time
	entries      []*entry
}

// entry is what becomes of one address.
type entry struct {
	address string
	// known is the object of somebody who is there already, and invited the Invitation that is made.
	known   client.Object
	invited *rosterv1alpha1.Invitation
	note    string
	refused string
	// made: the Invitation is there, or would be.
	made bool
}

func (r *run) invite(ctx context.Context, found []recipients.Recipient) error {
	if err := r.gather(ctx, found); err != nil {
		return err
	}
	r.checkDomains()
	if err := r.announce(); err != nil {
		return err
	}
	if !r.stopped() {
		if err := r.create(ctx, kube.DryRunServer); err != nil {
			return err
		}
	}
	if r.dryRun == kube.DryRunNone && !r.stopped() {
		if err := errors.Join(r.create(ctx, kube.DryRunNone), r.join(ctx, kube.DryRunNone)); err != nil {
			return errors.Join(err, r.report())
		}
	}
	return r.report()
}

// gather reads what there is, and finds out who is to be invited.
func (r *run) gather(ctx context.Context, found []recipients.Recipient) (err error) {
	if r.organization, err = r.factory.Organization(ctx); err != nil {
		return err
	}
	c, err := r.factory.Client()
	if err != nil {
		return err
	}
	if r.offered, err = r.offer.Offer(); err != nil {
		return err
	}
	if r.end, err = r.readEnd(); err != nil {
		return err
	}
	if r.catalog, err = offer.Load(ctx, c, r.organization.Namespace); err != nil {
		return err
	}
	if err := r.catalog.Check(r.offered); err != nil {
		return err
	}
	known, err := people.LoadKnown(ctx, c, r.organization.Namespace)
	if err != nil {
		return err
	}
	for _, recipient := range found {
		e := &entry{address: string(recipient.Address)}
		if e.known, e.note = known.Stands(recipient.Address); e.known == nil {
			e.invited = r.invitation(known.Name(recipient.Address), recipient)
		}
		r.entries = append(r.entries, e)
	}
	return nil
}

func (r *run) readEnd() (*metav1.Time, error) {
	end, err := membership.ParseEnd(r.until)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--until: %w", err)
	case end != nil && !r.factory.Now().Before(end.Time):
		return nil, fmt.Errorf("--until: %s has passed: nobody would be mailed. Write a later day, or leave it out", r.until)
	}
	return end, nil
}

func (r *run) invitation(name string, to recipients.Recipient) *rosterv1alpha1.Invitation {
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.organization.Namespace, Name: name},
		Spec: rosterv1alpha1.InvitationSpec{
			Email: to.Written, Role: r.offered.Role, Profiles: r.offered.Profiles, Workspaces: r.offered.Workspaces,
			Message: r.message, Locale: rosterv1alpha1.Locale(r.locale), InvitedBy: r.invitedBy, EndTime: r.end,
		},
	}
	if r.validity != 0 {
		inv.Spec.Validity = &metav1.Duration{Duration: time.Duration(r.validity)}
	}
	return inv
}

// checkDomains refuses addresses that the operator would not mail.
func (r *run) checkDomains() {
	allowed := r.organization.Spec.Invitations.AllowedDomains
	for _, e := range r.entries {
		_, domain, _ := strings.Cut(e.address, "@")
		if e.invited != nil && len(allowed) > 0 && !slices.Contains(allowed, domain) {
			e.refused = fmt.Sprintf("the organisation does not invite to %s, only to %s: add it to spec.invitations.allowedDomains of the "+
				"Organization %s", domain, strings.Join(allowed, ", "), r.organization.Name)
		}
	}
}

// announce says what is wrong with the list, and how many seats are left before anybody takes one.
func (r *run) announce() error {
	for _, p := range r.problems {
		fmt.Fprintln(r.factory.ErrOut, "Error:", p)
	}
	count := int32(0)
	for _, e := range r.entries {
		if e.invited != nil && e.refused == "" {
			count++
		}
	}
	left, limited := quota.Left(r.organization.Status.Plan.Seats)
	if !limited || count == 0 || r.offered.Role == rosterv1alpha1.RoleProfileConnector {
		return nil
	}
	fmt.Fprintf(r.factory.ErrOut, "Seats: %d of %d are free in the plan %s, and this takes %d.\n", left,
		*r.organization.Status.Plan.Seats.Limit, r.organization.Status.Plan.Name, count)
	if count > left && !r.keepGoing {
		return fmt.Errorf("there are not enough seats: invite fewer, ask %s for more, or add --keep-going: those without a seat are mailed when "+
			"one is free", r.organization.Status.Plan.Contact)
	}
	return nil
}

// stopped reports whether nobody is to be invited because somebody cannot be.
func (r *run) stopped() bool {
	return !r.keepGoing && (len(r.problems) > 0 || slices.ContainsFunc(r.entries, func(e *entry) bool { return e.refused != "" }))
}

// create writes the Invitations. What the API server refuses is noted.
func (r *run) create(ctx context.Context, dryRun kube.DryRun) error {
	c, err := r.factory.Writer(dryRun)
	if err != nil {
		return err
	}
	var wanted []*entry
	for _, e := range r.entries {
		if e.invited != nil && e.refused == "" {
			e.made = false
			wanted = append(wanted, e)
		}
	}
	what := "Inviting"
	if dryRun != kube.DryRunNone {
		what = "Checking"
	}
	err = progress.Each(ctx, r.factory.ErrOut, r.factory.Terminal, what, len(wanted), func(ctx context.Context, i int) {
		made := wanted[i].invited.DeepCopy()
		if err := c.Create(ctx, made); err != nil {
			wanted[i].refused = kube.Explain(err)
			return
		}
		wanted[i].made = true
		if dryRun == r.dryRun {
			withoutMark(made)
			wanted[i].invited = made
		}
	})
	if dryRun == kube.DryRunServer && err == nil {
		err = r.join(ctx, dryRun)
	}
	return err
}

// withoutMark takes off what the API server says of the author: what is printed may be applied by somebody else.
func withoutMark(inv *rosterv1alpha1.Invitation) {
	if delete(inv.Labels, rosterv1alpha1.AuthorLabel); len(inv.Labels) == 0 {
		inv.Labels = nil
	}
}

// join puts those who were invited into the Teams: a Member has the name of the Invitation.
func (r *run) join(ctx context.Context, dryRun kube.DryRun) error {
	c, err := r.factory.Writer(dryRun)
	if err != nil {
		return err
	}
	for _, name := range r.offered.Teams {
		team := r.catalog.Teams[name].DeepCopy()
		before := team.DeepCopy()
		for _, e := range r.entries {
			if e.made && !slices.Contains(team.Spec.Members, e.invited.Name) {
				team.Spec.Members = append(team.Spec.Members, e.invited.Name)
			}
		}
		if err := c.Patch(ctx, team, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return fmt.Errorf("the Team %s: %s", name, kube.Explain(err))
		}
	}
	return nil
}

// report prints what became of everyone.
func (r *run) report() error {
	stopped := r.stopped()
	refused := len(r.problems)
	var results []output.Result
	for _, e := range r.entries {
		result, object, note := r.dryRun.Would("invited"), client.Object(e.invited), e.note
		name := ""
		switch {
		case e.refused != "":
			result, object, note = "refused", nil, e.refused
			refused++
		case e.known != nil:
			result, object, name = "unchanged", e.known, e.known.GetName()
		case stopped, !e.made:
			result, object = "not done", nil
		default:
			name = e.invited.Name
		}
		if object == nil && !r.ForPeople() {
			fmt.Fprintf(r.factory.ErrOut, "%s: %s %s\n", e.address, result, note)
		}
		results = append(results, output.Result{Object: object, Cells: []any{e.address, result, name, note}})
	}
	columns := []output.Column{{Name: "Address"}, {Name: "Result"}, {Name: "Name"}, {Name: "Note"}}
	if err := r.Results(r.factory.Out, r.factory.Scheme(), columns, results); err != nil {
		return err
	}
	switch {
	case stopped:
		return fmt.Errorf("%d refused, and nobody was invited. Correct the list, or add --keep-going to invite the others", refused)
	case refused > 0:
		return fmt.Errorf("%d refused", refused)
	}
	return nil
}
