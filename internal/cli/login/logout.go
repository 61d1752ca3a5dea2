// SPDX-License-Identifier: Apache-2.0

package login

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
)

// NewLogout is the command that ends a sign-in.
func NewLogout(f *kube.Factory) *cobra.Command {
	o := &options{listen: anyPort}
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End your sign-in to the cluster",
		Long: `End your sign-in to the cluster: the portal renews it no more, and the tokens are removed from this machine. Copies of the last
token count until it ends, at most ten minutes later.

The entry in the kubeconfig stays, so that kubectl asks you to sign in the next time. You stay signed in at the portal in your
browser.`,
		Example: `  kubectl roster logout

  # From a portal that is not that of the current context
  kubectl roster logout --issuer https://roster.acme.example`,
		Args: input.Arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.complete(f)
			if err != nil {
				return kube.Clear(err)
			}
			was, err := c.session.end(cmd.Context())
			if err != nil {
				return kube.Clear(err)
			}
			if !was {
				fmt.Fprintf(f.Out, "You were not signed in at %s.\n", o.issuer)
				return nil
			}
			fmt.Fprintf(f.Out, "You are signed out of %s.\n", o.issuer)
			return nil
		},
	}
	o.addIssuerFlags(cmd.Flags())
	return cmd
}
