// SPDX-License-Identifier: Apache-2.0

// Package restore is the command that brings back what kubectl roster backup has saved.
package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/cli/archive"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
)

// user writes what is restored. As it is a program, the API server notes no person as the one who invited or who connected a profile.
const (
	user  = "system:roster-restore"
	group = "system:masters"
)

type options struct {
	dryRun             kube.DryRun
	overwrite, stopped bool
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore an organisation, or the whole installation, from a backup",
		Long: `Restore what kubectl roster backup saved: an organisation, or the whole installation. FILE - is standard input. Roster has to be
installed.

An object that exists and is the same stays as it is. If one exists and differs, nothing is changed, and all such objects are
listed; with --overwrite, they become what was saved. Objects that are not in the file stay. Namespaces that exist stay as they
are. When an organisation is restored, so do Accounts that exist, since they belong to their people.

Manager and portal are stopped in the meantime, and start again at the end. If the restore is interrupted, or the API server
refuses an object, they stay stopped: run it again with the same file, and it continues where it stopped. The restore causes no
mail.

You need the permissions of a cluster administrator: it writes as the user system:roster-restore of the group system:masters.`,
		Example: `  # What would it do?
  kubectl roster restore acme.yaml --dry-run=server

  # An organisation
  kubectl roster restore acme.yaml

  # The whole installation, from an encrypted file
  age -d -i key.txt roster-backup.age | kubectl roster restore -`,
		Args: input.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			saved, err := open(args[0], f.In)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			r := &run{options: o, factory: f, saved: saved, now: uids{}}
			return r.restore(cmd.Context())
		},
	}
	kube.AddDryRun(cmd.Flags(), &o.dryRun)
	cmd.Flags().BoolVar(&o.stopped, "stopped", false, "There are no Deployments of manager and portal, and you have stopped both.")
	cmd.Flags().BoolVar(&o.overwrite, "overwrite", false, "Overwrite objects that exist and differ from what was saved.")
	return cmd
}

func open(file string, stdin io.Reader) (*archive.Archive, error) {
	if file == "-" {
		return archive.Read(stdin)
	}
	from, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = from.Close() }()
	return archive.Read(from)
}

// run is one restore.
type run struct {
	*options
	factory *kube.Factory
	client  client.Client
	saved   *archive.Archive
	items   map[string][]*item // by step
	now     uids
	// inUse: somebody has an Account in this installation.
	inUse bool
	// continues: it was interrupted before, so that manager and portal must not start before its end.
	continues bool
	// absent are the namespaces that are still to be made.
	absent map[string]bool
}

func (r *run) restore(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if r.dryRun == kube.DryRunServer {
		return r.make(ctx)
	}
	if err := r.findDeployments(ctx); err != nil {
		return err
	}
	if err := r.pause(ctx); err != nil {
		return halted(err)
	}
	// What has happened until they stopped counts.
	if err := r.look(ctx); err != nil && r.continues {
		return halted(err)
	} else if err != nil {
		return errors.Join(err, r.resume(ctx))
	}
	if err := r.carryOut(ctx); err != nil {
		return halted(err)
	}
	fmt.Fprintln(r.factory.Out, "Done. Manager and portal start again.")
	return nil
}

// halted explains an error after which manager and portal stay stopped.
func halted(err error) error {
	return fmt.Errorf("%s\nNot everything is restored, and manager and portal stay stopped. Fix this, then run it again with the same "+
		"file: it continues where it stopped", kube.Explain(err))
}

// prepare finds out whether the restore can begin.
func (r *run) prepare(ctx context.Context) error {
	if asked := r.factory.AskedNamespace(); asked != "" && asked != r.saved.Namespace {
		return fmt.Errorf("--namespace %s: an organisation can be restored only to the namespace that it was in. Leave it out", asked)
	}
	own, err := r.factory.Client()
	if err != nil {
		return err
	}
	err = kube.Require(ctx, own, "restore", "Ask a cluster administrator to run it.", []authorizationv1.ResourceAttributes{
		{Verb: "impersonate", Resource: "users", Name: user}, {Verb: "impersonate", Resource: "groups", Name: group},
	})
	if err != nil {
		return err
	}
	if r.client, err = r.factory.As(user, group); err != nil {
		return err
	}
	m, err := r.begun(ctx)
	if err != nil {
		return err
	}
	r.continues = m != nil
	if r.dryRun == kube.DryRunServer {
		r.client = client.NewDryRunClient(r.client)
	}
	r.items = map[string][]*item{}
	for _, o := range r.saved.Objects {
		step, err := r.saved.StepOf(o)
		if err != nil {
			return err
		}
		r.items[step.Name] = append(r.items[step.Name], &item{step: step, saved: lasting(o)})
	}
	return nil
}

// carryOut writes everything, while manager and portal stand still, and starts them again.
func (r *run) carryOut(ctx context.Context) error {
	if err := r.endSessions(ctx); err != nil {
		return err
	}
	if err := r.make(ctx); err != nil {
		return err
	}
	if err := r.writeStatuses(ctx); err != nil {
		return err
	}
	return r.resume(ctx)
}
