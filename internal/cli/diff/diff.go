// SPDX-License-Identifier: Apache-2.0

// Package diff is the command that tells what a change in Git would do to people.
package diff

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/roster-dev/roster/internal/cli/compare"
	"github.com/roster-dev/roster/internal/cli/declared"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/membership"
)

// The formats that only a difference has.
const (
	formatMarkdown = "markdown"
	formatSARIF    = "sarif"
)

// The codes that the command ends with.
const (
	codeDifferent = 1
	codeError     = 2
)

type options struct {
	output.Format
	snapshot string
	failOn   []string
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "diff (BASE..HEAD [FOLDER] | FOLDER FOLDER)",
		Short: "Tell what a change in Git would do to people",
		Long: `Tell what a change in Git would do to people: who is invited, suspended or removed, whose membership ends or
goes on, whose role changes, whether the owner changes, and who gains or loses which right on what, with the objects that it comes
from and their lines.

It needs no cluster and no network. Folders with a kustomization are built in this process; bases and files from outside the
repository are refused. The rules are those of the operator. What cannot be known from files is said; --snapshot adds what a
cluster knows.

Somebody who has the same address under another name is the same person.

It ends with 0 if nothing changes for people, with 1 if something does, and with 2 on an error. With --fail-on, it ends with 1
only if one of the conditions holds:

  owner              the owner changes
  gain:PERMISSION    somebody gains it, on a profile or in the organisation; gain alone: any
  lose:PERMISSION    somebody loses it; lose alone: any
  role:ROLE          somebody gets that role in the organisation
  invited, removed, suspended, ended, resumed, changed
                     anybody is; or more than some are: removed>3, removed>25%
  findings           something in the new files gives nothing as it is`,
		Example: `  # What does this branch do to people?
  kubectl roster diff main..HEAD clusters/production

  # For a comment on a pull request
  kubectl roster diff origin/main..HEAD clusters/production -o markdown > comment.md

  # Stop a change of the owner, new publishers, and a removal of many
  kubectl roster diff origin/main..HEAD --fail-on 'owner,gain:publish,removed>25%'

  # Two folders
  kubectl roster diff before/ after/`,
		Args: func(cmd *cobra.Command, args []string) error { return failed(input.Arguments(1, 2)(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return failed(err)
			}
			return failed(o.run(cmd.Context(), f, args))
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	o.AddFlag(cmd.Flags(), formatMarkdown, output.JSON, output.YAML, formatSARIF)
	cmd.Flags().StringVar(&o.snapshot, "snapshot", "", "A file of kubectl roster snapshot: who has accepted, plans, seats, and objects that "+
		"are not in Git.")
	cmd.Flags().StringSliceVar(&o.failOn, "fail-on", nil, "Conditions to end with 1 on, instead of any difference.")
	return cmd
}

// failed gives an error a code that says nothing about differences.
func failed(err error) error { return exit.As(codeError, err) }

func (o *options) run(ctx context.Context, f *kube.Factory, args []string) error {
	conditions, err := parseConditions(o.failOn)
	if err != nil {
		return err
	}
	base, head, err := trees(ctx, args)
	if err != nil {
		return err
	}
	d, err := between(base, head, o.snapshot, f.Now())
	if err != nil {
		return err
	}
	if err := o.print(f.Out, d); err != nil {
		return err
	}
	if len(conditions) == 0 {
		if d.Changes() {
			return exit.With(codeDifferent)
		}
		return nil
	}
	for _, c := range conditions {
		if why := c.holds(d); why != "" {
			fmt.Fprintf(f.ErrOut, "--fail-on %s: %s\n", c.text, why)
			err = exit.With(codeDifferent)
		}
	}
	return err
}

// trees are what is compared.
func trees(ctx context.Context, args []string) (base, head *manifests.Tree, err error) {
	before, after, isRange := strings.Cut(args[0], "..")
	if !isRange || len(args) == 2 && strings.HasPrefix(args[0], ".") {
		if len(args) == 1 {
			return nil, nil, fmt.Errorf("%s is no range of revisions: write BASE..HEAD, or two folders", args[0])
		}
		if base, err = manifests.Folder(args[0]); err != nil {
			return nil, nil, err
		}
		head, err = manifests.Folder(args[1])
		return base, head, err
	}
	folder := "."
	if len(args) == 2 {
		folder = args[1]
	}
	if before == "" {
		return nil, nil, fmt.Errorf("%s: name the revision to compare with, such as main..HEAD", args[0])
	}
	if base, err = manifests.Revision(ctx, before, folder); err != nil {
		return nil, nil, err
	}
	if after == "" {
		head, err = manifests.Folder(folder) // the working directory
	} else {
		head, err = manifests.Revision(ctx, strings.TrimPrefix(after, "."), folder)
	}
	return base, head, err
}

// between reads and compares two trees.
func between(base, head *manifests.Tree, snapshotFile string, now time.Time) (compare.Difference, error) {
	var before, after []*manifests.Object
	var problems []manifests.Problem
	var both errgroup.Group
	both.Go(func() (err error) {
		before, _, err = base.Read()
		return err
	})
	both.Go(func() (err error) {
		after, problems, err = head.Read()
		return err
	})
	if err := both.Wait(); err != nil {
		return compare.Difference{}, err
	}
	var snapshot *declared.Snapshot
	if snapshotFile != "" {
		objects, err := manifests.File(snapshotFile)
		if err != nil {
			return compare.Difference{}, err
		}
		snapshot = declared.NewSnapshot(objects, before)
	}
	d := compare.All(declared.Organizations(before, snapshot, now), declared.Organizations(after, snapshot, now))
	for _, p := range problems {
		if p.Fatal {
			return d, fmt.Errorf("%s: %s. What it does to people cannot be told", p.Place, p.Message)
		}
		d.Findings = append(d.Findings, declared.Finding{Rule: "invalid-object", Place: p.Place, Message: p.Message})
	}
	if len(before)+len(after) == 0 {
		return d, fmt.Errorf("neither side has an object of Roster: name the folder that they are in")
	}
	for i := range d.Organizations {
		d.Organizations[i].Sort()
	}
	d.Assumptions = declared.Assumptions(snapshot != nil)
	return d, nil
}

// document is the difference as JSON and YAML.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	compare.Difference
}

func (o *options) print(out io.Writer, d compare.Difference) error {
	switch o.Value {
	case output.JSON, output.YAML:
		return o.Document(out, document{output.APIVersion, "AccessDiff", d})
	case formatMarkdown:
		_, err := io.WriteString(out, asMarkdown(d))
		return err
	case formatSARIF:
		return writeSARIF(out, d)
	}
	return asText(out, d)
}

// counts tells in words how many people change, such as "2 people are invited, 1 is removed".
func counts(o compare.Organization) string {
	var parts []string
	for _, k := range []struct {
		kind      compare.Kind
		one, more string
	}{
		{compare.Invited, "is invited", "are invited"}, {compare.Removed, "is removed", "are removed"},
		{compare.Suspended, "is suspended", "are suspended"}, {compare.Ended, "has ended", "have ended"},
		{compare.Resumed, "is resumed", "are resumed"},
		{compare.Changed, "changes", "change"},
	} {
		switch n := o.Count(k.kind); n {
		case 0:
		case 1:
			parts = append(parts, "1 person "+k.one)
		default:
			parts = append(parts, fmt.Sprintf("%d people %s", n, k.more))
		}
	}
	if o.Owner != nil {
		parts = append([]string{"the owner changes"}, parts...)
	}
	return strings.Join(parts, ", ")
}

// title says who it is and what becomes of them.
func title(p compare.Person) string {
	who := p.Address
	if p.Name != "" {
		who = p.Name + " <" + p.Address + ">"
	}
	var what []string
	if kind := becomes(p); kind != "" {
		what = append(what, kind)
	}
	if p.RoleBefore != p.RoleAfter && p.RoleBefore != "" && p.RoleAfter != "" {
		what = append(what, fmt.Sprintf("role %s → %s", p.RoleBefore, p.RoleAfter))
	}
	if end := ends(p); end != "" {
		what = append(what, end)
	}
	if p.RenamedFrom != "" {
		what = append(what, fmt.Sprintf("%s is now %s", p.RenamedFrom, p.Object))
	}
	if len(what) == 0 {
		what = append(what, "other rights")
	}
	if p.Pending {
		what = append(what, "has not accepted yet")
	}
	return who + " " + strings.Join(what, ", ")
}

// becomes says what becomes of somebody; empty where they stay what they are.
func becomes(p compare.Person) string {
	switch p.Kind {
	case compare.Invited:
		switch {
		case p.Suspended:
			return "is added as " + p.RoleAfter + ", suspended: they are not mailed"
		case p.Ended:
			return "is added as " + p.RoleAfter + ", ended: they are not mailed"
		}
		return "is invited as " + p.RoleAfter
	case compare.Removed:
		return "is removed; was " + p.RoleBefore
	case compare.Suspended:
		return "is suspended"
	case compare.Ended:
		return "has ended"
	case compare.Resumed:
		return "is resumed"
	case compare.Changed:
	}
	return ""
}

// ends says what changes about the end of a membership; empty for nothing.
func ends(p compare.Person) string {
	before, after := membership.FormatEnd(p.EndBefore), membership.FormatEnd(p.EndAfter)
	switch {
	case before == after || p.Kind == compare.Removed:
		return ""
	case after == "":
		return "no longer ends, was until " + before
	case before == "":
		return "until " + after
	case p.EndBefore.Before(p.EndAfter):
		return "extended: until " + after + ", was " + before
	}
	return "shortened: until " + after + ", was " + before
}

// on says what a right is on.
func on(r compare.Right) string {
	switch {
	case len(r.Profiles) == 0:
		return "in the organisation"
	case r.Every:
		return "on every profile"
	}
	const most = 6
	named := slices.DeleteFunc(slices.Clone(r.Profiles), func(p string) bool { return p == "*" })
	words := strings.Join(named[:min(len(named), most)], ", ")
	if len(named) > most {
		words += fmt.Sprintf(" and %d more", len(named)-most)
	}
	switch {
	case len(named) == len(r.Profiles):
		return "on " + words
	case len(named) == 0:
		return "on profiles to come"
	}
	return "on " + words + " and profiles to come"
}
