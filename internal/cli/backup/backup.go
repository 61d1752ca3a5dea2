// SPDX-License-Identifier: Apache-2.0

// Package backup is the command that saves an organisation, or the whole installation, in a file.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/archive"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
)

type options struct {
	all    bool
	system string
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Save an organisation, or the whole installation, in a file",
		Long: `Save an organisation in a file that kubectl roster restore reads: its objects with their status, its namespace, the
Roles that people wrote, the tokens of its profiles, the client secrets of its Applications, and the Accounts of its people with
their passwords and second factors. With --all, save all organisations, all Accounts, the Plans, and the keys and the configuration
of the installation.

The file contains secrets. Only you can read it. It does not overwrite an existing file, and is not written to a terminal. FILE -
is standard output, for a program that encrypts.

It changes nothing, and nothing has to be stopped. You need permission to read everything that is saved, as a cluster
administrator has; this is checked first. The file is YAML with one document for each object, in the order in which they can be
applied.`,
		Example: `  # An organisation
  kubectl roster backup acme.yaml -n acme

  # The whole installation, encrypted with age
  kubectl roster backup - --all | age -r "$recipient" -o roster-backup.age`,
		Args: input.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), f, args[0]) },
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "Save the whole installation instead of one organisation.")
	cmd.Flags().StringVar(&o.system, "system-namespace", "roster-system", "The namespace that Roster is installed in.")
	return cmd
}

func (o *options) run(ctx context.Context, f *kube.Factory, file string) error {
	if err := acceptable(file, f.Out); err != nil {
		return err
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	saved := &archive.Archive{Header: archive.Header{Time: metav1.NewTime(f.Now().UTC()), SystemNamespace: o.system}}
	what := "the installation"
	if !o.all {
		organization, err := f.Organization(ctx)
		if err != nil {
			return err
		}
		saved.Namespace = organization.Namespace
		what = organization.Namespace
	}
	err = kube.Require(ctx, c, "back up "+what, "Ask a cluster administrator to run it, or for these permissions.", needs(saved.Header))
	if err != nil {
		return err
	}
	r := &reader{client: c, header: saved.Header, found: map[string][]*object{}}
	if saved.Objects, err = r.read(ctx); err != nil {
		return fmt.Errorf("%s. Nothing was saved", kube.Explain(err))
	}
	if err := write(saved, file, f.Out); err != nil {
		return err
	}
	fmt.Fprintf(f.ErrOut, "Saved %s: %s.\nThe file contains secrets. Encrypt it before it leaves the machine.\n", what, r.counts())
	return nil
}

// needs are the permissions to read what is saved.
func needs(h archive.Header) []authorizationv1.ResourceAttributes {
	var all []authorizationv1.ResourceAttributes
	for _, s := range archive.Steps() {
		need := authorizationv1.ResourceAttributes{Verb: "list", Group: s.Kind.Group, Resource: s.Resource}
		switch s.Place {
		case archive.Cluster:
			if h.Namespace != "" {
				if s.Name != "namespaces" {
					continue
				}
				need.Verb, need.Name = "get", h.Namespace
			}
		case archive.System:
			if need.Namespace = h.SystemNamespace; h.Namespace != "" {
				continue
			}
		case archive.Accounts:
			need.Namespace = rosterv1alpha1.AccountNamespace
		case archive.Organizations:
			if need.Namespace = h.Namespace; s.Name == "tokens" {
				need.Verb = "get"
			}
		}
		all = append(all, need)
	}
	return all
}

// acceptable refuses a file that others could read, before anything is read.
func acceptable(file string, out io.Writer) error {
	if file != "-" {
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%s exists already: name another file, or remove it first", file)
		}
		return nil
	}
	stdout, ok := out.(*os.File)
	if !ok {
		return nil
	}
	if term.IsTerminal(int(stdout.Fd())) {
		return errors.New("a backup contains secrets, which would stay on the terminal: name a file, or pipe it into a program that encrypts")
	}
	if info, err := stdout.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return errors.New("a backup contains secrets, and others can read the file that standard output goes to: " +
			"name the file as the argument, and only you can read it")
	}
	return nil
}

// write creates the file. One that could not be written to its end is removed.
func write(a *archive.Archive, file string, out io.Writer) (err error) {
	if file == "-" {
		return a.Write(out)
	}
	to, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(a.Write(to), to.Sync(), to.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s was removed, since it could not be written to its end: %w", file, err), os.Remove(file))
	}
	return nil
}

// counts says how many there are of each.
func (r *reader) counts() string {
	var all []string
	for _, s := range archive.Steps() {
		if n := len(r.found[s.Name]); n > 0 {
			all = append(all, fmt.Sprintf("%s %d", s.Name, n))
		}
	}
	return strings.Join(all, ", ")
}
