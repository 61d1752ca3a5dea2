// SPDX-License-Identifier: Apache-2.0

// Package snapshot is the command that saves what a cluster knows of an organisation for kubectl roster diff.
package snapshot

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/membership"
)

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	format := output.Format{Value: output.YAML}
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Save what a cluster knows of an organisation, for diff",
		Long: `Save what a cluster knows of an organisation, for kubectl roster diff --snapshot: who has accepted, the plan and its seats,
and the people and profiles that are not in Git.

It holds no Secret and no Account. It does hold names and addresses of people: keep it where the objects themselves may be
seen.`,
		Example: `  kubectl roster snapshot -n acme > acme.yaml
  kubectl roster diff main..HEAD clusters/production --snapshot acme.yaml`,
		Args: input.OfNamespace,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, format) },
	}
	return cmd
}

func run(ctx context.Context, f *kube.Factory, format output.Format) error {
	o, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	objects := []runtime.Object{o.Organization}
	objects = appendAll(objects, o.Members)
	objects = appendAll(objects, o.Invitations)
	objects = appendAll(objects, o.Profiles)
	objects = appendAll(objects, o.Teams)
	objects = appendAll(objects, o.Workspaces)
	objects = appendAll(objects, o.Roles)
	fmt.Fprintf(f.ErrOut, "%s of %s\n", membership.Counted(len(objects), "object"), o.Namespace)
	return format.Objects(f.Out, f.Scheme(), objects)
}

func appendAll[P client.Object](all []runtime.Object, objects []P) []runtime.Object {
	for _, o := range objects {
		o.SetManagedFields(nil)
		all = append(all, o)
	}
	return all
}
