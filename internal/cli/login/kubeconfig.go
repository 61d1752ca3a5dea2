// SPDX-License-Identifier: Apache-2.0

package login

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/roster-dev/roster/internal/cli/kube"
)

// installHint is what kubectl says where the plugin is missing.
const installHint = `This cluster is signed in to with kubectl-roster, the plugin of Roster for kubectl: build it with "make build" in a
clone of Roster, and put bin/kubectl-roster on the PATH.`

// user is the entry of the kubeconfig that runs the command credential.
func (o *options) user() *clientcmdapi.AuthInfo {
	return &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: execCommand, Args: o.args(), InstallHint: installHint,
		InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode,
	}}
}

// userName is what the entry is called.
func (o *options) userName() string {
	u, err := url.Parse(o.issuer)
	if err != nil {
		return "roster"
	}
	return "roster-" + strings.ReplaceAll(u.Host, ":", "-")
}

// currentSignIn is the sign-in of Roster that the context of the flags has.
func currentSignIn(f *kube.Factory) (options, bool) {
	access, name := f.Kubeconfig()
	config, err := access.GetStartingConfig()
	if err != nil {
		return options{}, false
	}
	context := config.Contexts[chosen(config, name)]
	if context == nil {
		return options{}, false
	}
	return parse(config.AuthInfos[context.AuthInfo])
}

func chosen(config *clientcmdapi.Config, name string) string {
	if name == "" {
		return config.CurrentContext
	}
	return name
}

// plan is a change of the kubeconfig.
type plan struct {
	access clientcmd.ConfigAccess
	config *clientcmdapi.Config
	// note says what has changed.
	note string
}

func (p *plan) write() error {
	if err := clientcmd.ModifyConfig(p.access, *p.config, true); err != nil {
		return fmt.Errorf("you are signed in, and the kubeconfig cannot be written: %w", err)
	}
	return nil
}

// plan reads the kubeconfig and decides what to add.
func (c *command) plan() (*plan, error) {
	access, name := c.factory.Kubeconfig()
	config, err := access.GetStartingConfig()
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig cannot be read: %w", err)
	}
	note, err := c.add(config, chosen(config, name))
	return &plan{access, config, note}, err
}

// add puts the user into a kubeconfig. A context that has another user stays as it is, since that may be the administrator's own: there is
// another one beside it then.
func (o *options) add(config *clientcmdapi.Config, current string) (string, error) {
	context := config.Contexts[current]
	if context == nil || config.Clusters[context.Cluster] == nil {
		return "", errors.New("the current context has no cluster to sign in to: choose one with --context, set KUBECONFIG, or leave the " +
			"kubeconfig alone with --write-kubeconfig=false")
	}
	user := o.userName()
	old := config.AuthInfos[context.AuthInfo]
	_, ours := parse(old)
	config.AuthInfos[user] = o.user()
	if old == nil || ours {
		context.AuthInfo = user
		config.CurrentContext = current
		return fmt.Sprintf("The context %s signs in like that from now on.", current), nil
	}
	name := user + "@" + context.Cluster
	config.Contexts[name] = &clientcmdapi.Context{Cluster: context.Cluster, AuthInfo: user, Namespace: context.Namespace}
	config.CurrentContext = name
	return fmt.Sprintf("kubectl now uses the context %s. Back to the one before: kubectl config use-context %s", name, current), nil
}

// handOut is a kubeconfig with one cluster and this user, without any secret.
func (o *options) handOut(config *clientcmdapi.Config, current string) (*clientcmdapi.Config, error) {
	context := config.Contexts[current]
	if context == nil || config.Clusters[context.Cluster] == nil {
		return nil, errors.New("the current context has no cluster to sign in to: choose one with --context, or set KUBECONFIG")
	}
	out := clientcmdapi.NewConfig()
	cluster := config.Clusters[context.Cluster].DeepCopy()
	out.Clusters[context.Cluster] = cluster
	out.AuthInfos[o.userName()] = o.user()
	out.Contexts[context.Cluster] = &clientcmdapi.Context{Cluster: context.Cluster, AuthInfo: o.userName(), Namespace: context.Namespace}
	out.CurrentContext = context.Cluster
	// Files of this machine are of no use on another.
	return out, clientcmdapi.FlattenConfig(out)
}

func (c *command) printKubeconfig() error {
	access, name := c.factory.Kubeconfig()
	config, err := access.GetStartingConfig()
	if err != nil {
		return fmt.Errorf("the kubeconfig cannot be read: %w", err)
	}
	out, err := c.handOut(config, chosen(config, name))
	if err != nil {
		return err
	}
	content, err := clientcmd.Write(*out)
	if err != nil {
		return err
	}
	_, err = c.factory.Out.Write(content)
	return err
}
