// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"

	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
)

const (
	// execCommand is what kubectl runs. It is on the PATH, or kubectl would not know the plugin.
	execCommand    = "kubectl-roster"
	credentialName = "credential"
	// execInfo is where kubectl says what it wants (KEP-541).
	execInfo = "KUBERNETES_EXEC_INFO"
	beta     = "client.authentication.k8s.io/v1beta1"
)

// NewCredential is the command that kubectl runs for a token.
func NewCredential(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   credentialName,
		Short: "Print the token of your sign-in, for kubectl",
		Long: `Print the token of your sign-in, as the credential plugin of kubectl and of everything else that reads a kubeconfig. kubectl roster
login writes the entry that runs it.

A token that is about to end is renewed first, once for all programs that run at the same time. If the sign-in has ended, you are
asked to sign in again, unless the program that runs it has nobody to ask: then it fails, and says what to do.`,
		Example: `  kubectl roster credential --issuer https://roster.acme.example

  # In a kubeconfig
  users:
  - name: roster
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1
        command: kubectl-roster
        args: [credential, --issuer=https://roster.acme.example]
        interactiveMode: IfAvailable`,
		Args: input.Arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return kube.Clear(o.credential(cmd.Context(), f))
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *options) credential(ctx context.Context, f *kube.Factory) error {
	request, err := readRequest(os.Getenv(execInfo), interactive(f.In))
	if err != nil {
		return err
	}
	if o.issuer == "" {
		return fmt.Errorf("--issuer is missing: kubectl roster login writes the entry of the kubeconfig that has it")
	}
	c, err := o.complete(f)
	if err != nil {
		return err
	}
	var a ask
	if request.Spec.Interactive {
		a = c.ask
	}
	e, err := c.session.token(ctx, a)
	if err != nil {
		return err
	}
	end := metav1.NewTime(e.Expiry.Add(-margin))
	return json.NewEncoder(f.Out).Encode(clientauthentication.ExecCredential{
		TypeMeta: request.TypeMeta,
		Status:   &clientauthentication.ExecCredentialStatus{Token: e.IDToken, ExpirationTimestamp: &end},
	})
}

// readRequest reads what kubectl wants. Somebody who runs the command themselves is asked if they are there.
func readRequest(info string, terminal bool) (clientauthentication.ExecCredential, error) {
	v1 := metav1.TypeMeta{APIVersion: clientauthentication.SchemeGroupVersion.String(), Kind: "ExecCredential"}
	if info == "" {
		return clientauthentication.ExecCredential{
			TypeMeta: v1, Spec: clientauthentication.ExecCredentialSpec{Interactive: terminal},
		}, nil
	}
	var request clientauthentication.ExecCredential
	if err := json.Unmarshal([]byte(info), &request); err != nil {
		return request, fmt.Errorf("%s is no ExecCredential: %w", execInfo, err)
	}
	// The two say the same in the same words.
	if request.APIVersion != v1.APIVersion && request.APIVersion != beta {
		return request, fmt.Errorf("%s asks for %q: write apiVersion: %s in the kubeconfig", execInfo, request.APIVersion, v1.APIVersion)
	}
	request.Kind = v1.Kind
	return request, nil
}
