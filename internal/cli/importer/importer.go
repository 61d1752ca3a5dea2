// SPDX-License-Identifier: Apache-2.0

// Package importer is the command that adds the people of a spreadsheet.
package importer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/offer"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/cli/progress"
	"github.com/roster-dev/roster/internal/cli/sheet"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/quota"
)

type options struct {
	output.Format
	yes, keepGoing bool
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add the people of a spreadsheet",
		Long: `Add the people of a spreadsheet (CSV) as Members, whom Roster invites by mail.

The first line names the columns: email, and any of name, company, role, profiles (acme-fb=Editor, parted by spaces),
workspaces, teams, canManageProfiles, suspended and endTime (the last day in UTC, such as 2027-01-31, or a time). kubectl roster
export writes the same columns.

It shows what it would do: who is new, who is there already, and which lines are refused and why. The API server's policies
are asked, too. With --yes it does it; if a line is refused, nobody is added, unless --keep-going is given. People who are
there already are left as they are. With -o yaml it prints the new Members for Git instead, and writes nothing.`,
		Example: `  # What would it do?
  kubectl roster import people.csv

  # Do it
  kubectl roster import people.csv --yes

  # Keep the people in Git
  kubectl roster import people.csv -o yaml > members.yaml`,
		Args: input.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			text, err := input.File(args[0], f.In)
			if err != nil {
				return err
			}
			r := &run{options: o, factory: f}
			return r.load(cmd.Context(), text)
		},
	}
	o.AddFlag(cmd.Flags(), output.YAML, output.JSON)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "Add the people.")
	cmd.Flags().BoolVar(&o.keepGoing, "keep-going", false, "Add those whose lines are sound, and report the others.")
	return cmd
}

// run is one import.
type run struct {
	*options
	factory      *kube.Factory
	organization *rosterv1alpha1.Organization
	catalog      *offer.Catalog
	entries      []*entry
	unread       []sheet.Problem
}

// entry is one line.
type entry struct {
	row     sheet.Row
	member  *rosterv1alpha1.Member // to be added; nil for somebody who is there
	note    string
	refused string
}

func (r *run) load(ctx context.Context, text string) error {
	rows, problems, err := sheet.Parse(text)
	if err != nil {
		return err
	}
	r.unread = problems
	if err := r.gather(ctx, rows); err != nil {
		return err
	}
	// The API server is asked before anything is shown: what it refuses is refused.
	if err := r.write(ctx, kube.DryRunServer, "Checking"); err != nil {
		return err
	}
	if !r.ForPeople() {
		return r.manifests()
	}
	refused := r.preview()
	switch {
	case refused > 0 && !r.keepGoing:
		return fmt.Errorf("%s refused, and nobody was added. Correct the file, or add --keep-going", membership.Counted(refused, "line"))
	case !r.yes:
		fmt.Fprintln(r.factory.ErrOut, "Nothing was changed. Add --yes to do it.")
		return nil
	}
	if err := r.write(ctx, kube.DryRunNone, "Adding"); err != nil {
		return err
	}
	if err := r.join(ctx); err != nil {
		return err
	}
	return r.summary(refused)
}

func (r *run) gather(ctx context.Context, rows []sheet.Row) (err error) {
	if r.organization, err = r.factory.Organization(ctx); err != nil {
		return err
	}
	c, err := r.factory.Client()
	if err != nil {
		return err
	}
	if r.catalog, err = offer.Load(ctx, c, r.organization.Namespace); err != nil {
		return err
	}
	known, err := people.LoadKnown(ctx, c, r.organization.Namespace)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e := &entry{row: row}
		r.entries = append(r.entries, e)
		if there := known.Members[row.Address]; there != nil {
			e.note = "is there as Member " + there.Name
			if diverges(there, row) {
				e.note += ", with other rights: change them there"
			}
			continue
		}
		if inv, note := known.Stands(row.Address); inv != nil {
			e.note = note
			continue
		}
		if err := r.catalog.Check(row.Offer); err != nil {
			e.refused = err.Error()
			continue
		}
		e.member = r.newMember(known.Name(row.Address), row)
	}
	return nil
}

func (r *run) newMember(name string, row sheet.Row) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.organization.Namespace, Name: name},
		Spec: rosterv1alpha1.MemberSpec{
			Email: row.Written, DisplayName: row.Name, Company: row.Company, Role: row.Offer.Role, Profiles: row.Offer.Profiles,
			Workspaces: row.Offer.Workspaces, EndTime: row.End,
		},
	}
	if row.Manages {
		m.Spec.CanManageProfiles = ptr.To(true)
	}
	if row.Suspended {
		m.Spec.Suspended = ptr.To(true)
	}
	return m
}

// diverges reports whether a line says otherwise than the Member about roles.
func diverges(m *rosterv1alpha1.Member, row sheet.Row) bool {
	role := row.Offer.Role
	if role == "" {
		role = rosterv1alpha1.RoleMember
	}
	return m.Spec.Role != role || len(m.Spec.Profiles) != len(row.Offer.Profiles) || slices.ContainsFunc(row.Offer.Profiles,
		func(g rosterv1alpha1.ProfileGrant) bool { return !slices.Contains(m.Spec.Profiles, g) })
}

// write creates the Members. What the API server refuses is noted.
func (r *run) write(ctx context.Context, dryRun kube.DryRun, what string) error {
	c, err := r.factory.Writer(dryRun)
	if err != nil {
		return err
	}
	var wanted []*entry
	for _, e := range r.entries {
		if e.member != nil && e.refused == "" {
			wanted = append(wanted, e)
		}
	}
	return progress.Each(ctx, r.factory.ErrOut, r.factory.Terminal, what, len(wanted), func(ctx context.Context, i int) {
		if err := c.Create(ctx, wanted[i].member.DeepCopy()); err != nil {
			wanted[i].refused = kube.Explain(err)
		}
	})
}

// refusals are why lines are refused, by line.
func (r *run) refusals() map[int]string {
	said := map[int]string{}
	for _, p := range r.unread {
		said[p.Line] = "refused: " + p.Message
	}
	for _, e := range r.entries {
		if e.refused != "" {
			said[e.row.Line] = fmt.Sprintf("refused: %s: %s", e.row.Address, e.refused)
		}
	}
	return said
}

// preview shows what becomes of each line, and how many there are of each.
func (r *run) preview() int {
	fresh, known := 0, 0
	said := r.refusals()
	refused := len(said)
	for _, e := range r.entries {
		switch {
		case e.refused != "":
		case e.member != nil:
			fresh++
			said[e.row.Line] = fmt.Sprintf("new: %s as Member %s", e.row.Address, e.member.Name)
		default:
			known++
			said[e.row.Line] = fmt.Sprintf("unchanged: %s %s", e.row.Address, e.note)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(said)) {
		fmt.Fprintf(r.factory.Out, "line %d %s\n", line, said[line])
	}
	fmt.Fprintf(r.factory.Out, "%d new, %d unchanged, %d refused.\n", fresh, known, refused)
	if left, limited := quota.Left(r.organization.Status.Plan.Seats); limited && int(left) < fresh {
		fmt.Fprintf(r.factory.ErrOut, "Seats: %d of %d are free in the plan %s. Those without a seat wait for one; ask %s for more.\n", left,
			*r.organization.Status.Plan.Seats.Limit, r.organization.Status.Plan.Name, r.organization.Status.Plan.Contact)
	}
	return refused
}

// join puts the new Members into their Teams.
func (r *run) join(ctx context.Context) error {
	c, err := r.factory.Writer(kube.DryRunNone)
	if err != nil {
		return err
	}
	for name, members := range r.teams() {
		team := r.catalog.Teams[name].DeepCopy()
		before := team.DeepCopy()
		team.Spec.Members = append(team.Spec.Members, members...)
		if err := c.Patch(ctx, team, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return fmt.Errorf("the people are added, but not to the Team %s: %s", name, kube.Explain(err))
		}
	}
	return nil
}

// teams are the new members of each Team.
func (r *run) teams() map[string][]string {
	all := map[string][]string{}
	for _, e := range r.entries {
		if e.member == nil || e.refused != "" {
			continue
		}
		for _, team := range e.row.Offer.Teams {
			if !slices.Contains(r.catalog.Teams[team].Spec.Members, e.member.Name) && !slices.Contains(all[team], e.member.Name) {
				all[team] = append(all[team], e.member.Name)
			}
		}
	}
	return all
}

func (r *run) summary(before int) error {
	added, refused := 0, len(r.unread)
	for _, e := range r.entries {
		switch {
		case e.refused != "":
			refused++
		case e.member != nil:
			added++
		}
	}
	fmt.Fprintf(r.factory.Out, "%d added.\n", added)
	if refused > before {
		return fmt.Errorf("the API server refused %s after all: import the file again to see what", membership.Counted(refused-before, "line"))
	}
	if refused > 0 {
		return exit.With(1)
	}
	return nil
}

// manifests prints the new Members, without what the API server would fill in.
func (r *run) manifests() error {
	var objects []runtime.Object
	said := r.refusals()
	for _, line := range slices.Sorted(maps.Keys(said)) {
		fmt.Fprintf(r.factory.ErrOut, "line %d %s\n", line, said[line])
	}
	refused := len(said)
	for _, e := range r.entries {
		if e.refused == "" && e.member != nil {
			objects = append(objects, e.member)
		}
	}
	if refused > 0 && !r.keepGoing {
		return fmt.Errorf("%s refused. Correct the file, or add --keep-going", membership.Counted(refused, "line"))
	}
	for team, members := range r.teams() {
		fmt.Fprintf(r.factory.ErrOut, "Add to spec.members of the Team %s: %v\n", team, members)
	}
	return r.Declared(r.factory.Out, r.factory.Scheme(), objects)
}
