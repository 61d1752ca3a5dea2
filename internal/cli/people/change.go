// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/progress"
)

// Options of a command that changes people.
type Options struct {
	Selection
	output.Format
	DryRun    kube.DryRun
	KeepGoing bool
}

// AddFlags adds the flags of a command that changes people.
func (o *Options) AddFlags(cmd *cobra.Command, plural string, states []string, confirm bool) {
	o.Selection.AddFlags(cmd.Flags(), plural, states, confirm)
	o.AddFlag(cmd.Flags(), output.Name, output.JSON, output.YAML, output.Wide)
	kube.AddDryRun(cmd.Flags(), &o.DryRun)
	cmd.Flags().BoolVar(&o.KeepGoing, "keep-going", false, "Go on with the others where one is refused, and report both. Without it, "+
		"nothing is changed if one is refused.")
}

// Validate checks the flags, with the arguments as names.
func (o *Options) Validate(names []string) error {
	o.Names = names
	return errors.Join(o.Selection.Validate(), o.Format.Validate())
}

// Step is what to do to one object.
type Step[P client.Object] struct {
	Object P
	// Address of the person.
	Address string
	// Change alters the object, or asks for it to be deleted; nil where there is nothing to do.
	Change func(P)
	Delete bool
	// Done is the word for it: "resent", or "unchanged".
	Done string
	// Note is what one should know about it.
	Note string
	// Refused says why it cannot be done, and what to do instead; empty where it can.
	Refused string

	err error
	// carried out, or checked in a dry run.
	carried bool
}

// Finder finds the objects that a selection is about.
type Finder[P client.Object] func(ctx context.Context, c client.Reader, namespace string, s Selection) ([]P, error)

// Run finds what the command is about, decides what to do to each object, and does it.
func Run[T any, P kube.Object[T]](ctx context.Context, f *kube.Factory, o *Options, find Finder[P], decide func(P) Step[P]) error {
	c, namespace, err := f.InNamespace()
	if err != nil {
		return err
	}
	found, err := find(ctx, c, namespace, o.Selection)
	if err != nil {
		return err
	}
	var steps []Step[P]
	for _, object := range found {
		steps = append(steps, decide(object))
	}
	return apply(ctx, f, o, steps)
}

// apply carries steps out: all of them or, if one is refused, none, unless the command is to keep going. What is chosen by state or label
// and refused is passed over.
func apply[T any, P kube.Object[T]](ctx context.Context, f *kube.Factory, o *Options, steps []Step[P]) error {
	if len(steps) == 0 {
		fmt.Fprintln(f.ErrOut, "Nothing was found.")
		return o.Results(f.Out, f.Scheme(), nil, nil)
	}
	if err := confirmed(o, steps); err != nil {
		return err
	}
	refused := refuse(o, steps)
	if refused == 0 && len(steps) > 1 && o.DryRun == kube.DryRunNone {
		// The API server's policies speak first, so that a refusal comes before the first change.
		if err := write(ctx, f, kube.DryRunServer, steps); err != nil {
			return err
		}
		refused = refuse(o, steps)
		for i := range steps {
			steps[i].carried = false
		}
	}
	if refused > 0 && !o.KeepGoing {
		return report(f, o, steps, fmt.Sprintf("%d of %d refused, and nothing was changed. "+
			"Take them out, or add --keep-going to change the others", refused, len(steps)))
	}
	if err := write(ctx, f, o.DryRun, steps); err != nil {
		return report(f, o, steps, fmt.Sprintf("interrupted: %v. The same command goes on where it stopped", err))
	}
	if refused = refuse(o, steps); refused > 0 {
		return report(f, o, steps, fmt.Sprintf("%d of %d refused", refused, len(steps)))
	}
	return report(f, o, steps, "")
}

func confirmed[P client.Object](o *Options, steps []Step[P]) error {
	if !o.confirm || !o.Bulk() || o.Yes || o.DryRun != kube.DryRunNone {
		return nil
	}
	const most = 10
	var names []string
	for _, s := range steps {
		names = append(names, s.Object.GetName())
	}
	shown := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		shown += fmt.Sprintf(" and %d more", len(names)-most)
	}
	people := "people"
	if len(names) == 1 {
		people = "person"
	}
	return fmt.Errorf("this is about %d %s: %s. Add --yes to do it, or --dry-run=server to see what would happen", len(names), people, shown)
}

// refuse counts the steps that cannot be done. Those that were not asked for by name are passed over.
func refuse[P client.Object](o *Options, steps []Step[P]) int {
	count := 0
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Refused == "" && s.err == nil:
		case s.err == nil && o.Bulk():
			s.Done, s.Note, s.Change = "skipped", s.Refused, nil
			s.Refused = ""
		default:
			count++
		}
	}
	return count
}

func write[T any, P kube.Object[T]](ctx context.Context, f *kube.Factory, dryRun kube.DryRun, steps []Step[P]) error {
	c, err := f.Writer(dryRun)
	if err != nil {
		return err
	}
	var wanted []*Step[P]
	for i := range steps {
		s := &steps[i]
		if (s.Change != nil || s.Delete) && s.Refused == "" && s.err == nil {
			s.carried = false
			wanted = append(wanted, s)
		}
	}
	what := "Changing"
	if dryRun != kube.DryRunNone {
		what = "Checking"
	}
	return progress.Each(ctx, f.ErrOut, f.Terminal, what, len(wanted), func(ctx context.Context, i int) {
		wanted[i].write(ctx, c, dryRun)
	})
}

func (s *Step[P]) write(ctx context.Context, c client.Client, dryRun kube.DryRun) {
	next, _ := s.Object.DeepCopyObject().(P)
	if s.Delete {
		s.err = c.Delete(ctx, next, client.Preconditions{UID: ptr.To(next.GetUID())})
	} else {
		s.Change(next)
		s.err = c.Patch(ctx, next, client.MergeFrom(s.Object))
	}
	s.carried = s.err == nil
	if s.carried && dryRun == kube.DryRunNone {
		s.Object = next
	}
}

// report prints what became of everyone.
func report[P client.Object](f *kube.Factory, o *Options, steps []Step[P], failure string) error {
	var results []output.Result
	for _, s := range steps {
		done, note := s.Done, s.Note
		if s.Change != nil || s.Delete {
			done = o.DryRun.Would(done)
		}
		var object client.Object = s.Object
		switch {
		case s.Refused != "":
			done, note, object = "refused", s.Refused, nil
		case s.err != nil:
			done, note, object = "refused", kube.Explain(s.err), nil
		case failure != "" && (s.Change != nil || s.Delete) && !s.carried:
			done, note, object = "not done", "", nil
		}
		if object == nil && !o.ForPeople() {
			fmt.Fprintf(f.ErrOut, "%s: %s: %s\n", s.Object.GetName(), done, note)
		}
		results = append(results, output.Result{Object: object, Cells: []any{
			s.Object.GetNamespace(), s.Object.GetName(), s.Address, done, note,
		}})
	}
	columns := []output.Column{{Name: "Namespace", Wide: !o.AllNamespaces}, {Name: "Name"}, {Name: "Address"}, {Name: "Result"},
		{Name: "Note"}}
	if err := o.Results(f.Out, f.Scheme(), columns, results); err != nil {
		return err
	}
	if failure != "" {
		return errors.New(failure)
	}
	return nil
}
