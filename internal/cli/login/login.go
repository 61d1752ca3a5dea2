// SPDX-License-Identifier: Apache-2.0

// Package login is the commands by which people sign in to a cluster with the account that they have at Roster's portal.
package login

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/login/provider"
	"github.com/roster-dev/roster/internal/cli/output"
)

// New is the command that signs in.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	write, printed := true, false
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to the cluster with your account at Roster's portal",
		Long: `Sign in to the cluster with your account at Roster's portal. A browser opens; where there is none, you are given a code to type
in on any other machine. The API server must trust the portal: see docs/kubectl-login.md.

The first time, name the portal with --issuer. The command adds a user to your kubeconfig, and a context with it if the current
one has another user, so that kubectl itself renews your sign-in from then on, and asks you to sign in again when it has ended.
After that, it needs no flags.

The tokens are in kubectl's cache folder (--cache-dir), in a file that only you can read. kubectl roster logout ends the sign-in.`,
		Example: `  kubectl roster login --issuer https://roster.acme.example
  kubectl auth whoami

  # On a machine without a browser
  kubectl roster login --issuer https://roster.acme.example --device

  # A kubeconfig to hand out: it has no secret in it, and kubectl asks people to sign in
  kubectl roster login --issuer https://roster.acme.example --print-kubeconfig > acme.kubeconfig`,
		Args: input.Arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.complete(f)
			if err != nil {
				return kube.Clear(err)
			}
			if printed {
				return kube.Clear(c.printKubeconfig())
			}
			return kube.Clear(c.login(cmd.Context(), write))
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&write, "write-kubeconfig", write, "Add the user and the context to the kubeconfig.")
	cmd.Flags().BoolVar(&printed, "print-kubeconfig", printed,
		"Print a kubeconfig for the current cluster to hand out, instead of signing in.")
	return cmd
}

// command is one call of a command that has everything it needs.
type command struct {
	*options
	factory *kube.Factory
	session *session
	// written: the current context uses this sign-in already.
	written bool
}

// login signs in, whatever there is already: somebody who asks for it may want to be somebody else.
func (c *command) login(ctx context.Context, write bool) error {
	var plan *plan
	if write && !c.written {
		var err error
		if plan, err = c.plan(); err != nil {
			return err
		}
	}
	tokens, err := c.session.signIn(ctx, c.ask)
	if err != nil {
		return err
	}
	out := output.Text(c.factory.Out)
	fmt.Fprintf(out, "You are signed in as %s.\n", name(tokens))
	if plan == nil {
		return nil
	}
	if err := plan.write(); err != nil {
		return err
	}
	fmt.Fprintln(out, plan.note)
	return nil
}

func name(t provider.Tokens) string {
	if t.Email != "" {
		return t.Email
	}
	return t.Subject
}

// ask lets the person sign in.
func (c *command) ask(ctx context.Context, p *provider.Provider) (provider.Tokens, error) {
	out := output.Text(c.factory.ErrOut)
	if c.byDevice(p) {
		return p.Device(ctx, func(prompt provider.Prompt) {
			fmt.Fprintf(out, "Open %s in a browser on any machine, and type in the code %s\n", prompt.Address, prompt.Code)
			if prompt.Direct != "" {
				fmt.Fprintf(out, "or open %s\n", prompt.Direct)
			}
			if prompt.For > 0 {
				fmt.Fprintf(out, "The code is good for %d minutes.\n", int(prompt.For.Minutes()))
			}
		})
	}
	return p.Browser(ctx, c.listen, func(address string) {
		if !c.skipOpen && openBrowser(address) == nil {
			fmt.Fprintf(out, "Go on in your browser. If none has opened, open %s on this machine.\n", address)
			return
		}
		fmt.Fprintf(out, "Open %s in a browser on this machine.\n", address)
	})
}

// byDevice decides how the person signs in: with a code where that was asked for, or where there is no browser.
func (c *command) byDevice(p *provider.Provider) bool {
	return c.device || !c.skipOpen && p.HasDeviceFlow() && !hasBrowser(runtime.GOOS, os.Getenv)
}

// interactive reports whether there is somebody to ask.
func interactive(in any) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
