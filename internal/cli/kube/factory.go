// SPDX-License-Identifier: Apache-2.0

// Package kube makes the clients that commands of the plugin reach the API server with.
package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// FieldManager is who the API server notes as the author of what the plugin writes.
const FieldManager = "kubectl-roster"

// Factory makes clients from the flags that every command has.
type Factory struct {
	genericiooptions.IOStreams
	// Clock tells the time of this machine.
	Clock clock.PassiveClock
	// Terminal: progress can be shown on ErrOut.
	Terminal bool

	flags  *genericclioptions.ConfigFlags
	scheme *runtime.Scheme
	client client.WithWatch
	// skew is how far the API server's clock is ahead of this machine's, once it has answered.
	skew atomic.Int64
}

// New is a factory whose clients follow the flags of AddFlags.
func New(streams genericiooptions.IOStreams, clock clock.PassiveClock, terminal bool) (*Factory, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(clientgoscheme.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme))
	return &Factory{IOStreams: streams, Clock: clock, Terminal: terminal, flags: genericclioptions.NewConfigFlags(true), scheme: scheme}, err
}

// AddFlags adds the flags by which kubectl finds the API server: --namespace, --context, --as and so on.
func (f *Factory) AddFlags(flags *pflag.FlagSet) { f.flags.AddFlags(flags) }

// Scheme knows the kinds of Kubernetes and of Roster.
func (f *Factory) Scheme() *runtime.Scheme { return f.scheme }

// Namespace is the one that was asked for, or the one of the context.
func (f *Factory) Namespace() (string, error) {
	namespace, _, err := f.flags.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// AskedNamespace is the one that was asked for; empty where the one of the context counts.
func (f *Factory) AskedNamespace() string { return *f.flags.Namespace }

// CacheDir is the folder in which kubectl keeps what it can find out again.
func (f *Factory) CacheDir() string { return *f.flags.CacheDir }

// Kubeconfig reads and writes the files of the kubeconfig. The context is the one that was asked for; empty where the current one counts.
func (f *Factory) Kubeconfig() (access clientcmd.ConfigAccess, context string) {
	return f.flags.ToRawKubeConfigLoader().ConfigAccess(), *f.flags.Context
}

// Config reaches the API server. Requests are not held back on this side: the API server shares itself out between those who ask.
func (f *Factory) Config() (*rest.Config, error) {
	config, err := f.flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = FieldManager
	config.WarningHandler = rest.NewWarningWriter(f.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			f.observe(response)
			return response, err
		})
	})
	return config, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (f *Factory) observe(response *http.Response) {
	if response == nil {
		return
	}
	if there, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		f.skew.Store(int64(there.Sub(f.Clock.Now().Truncate(time.Second))))
	}
}

// Skew is how far the API server's clock is ahead of this machine's, to the second; zero before the first answer.
func (f *Factory) Skew() time.Duration { return time.Duration(f.skew.Load()) }

// Now is the time by the clock of the API server, which counts for what is scheduled there.
func (f *Factory) Now() time.Time { return f.Clock.Now().Add(f.Skew()) }

// Client reads and writes as the user of the flags, under the name of FieldManager.
func (f *Factory) Client() (client.WithWatch, error) {
	if f.client != nil {
		return f.client, nil
	}
	config, err := f.Config()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: f.scheme})
	f.client = c
	return c, err
}

// InNamespace is the client, and the namespace of the flags.
func (f *Factory) InNamespace() (client.WithWatch, string, error) {
	namespace, err := f.Namespace()
	if err != nil {
		return nil, "", err
	}
	c, err := f.Client()
	return c, namespace, err
}

// Writer is Client for writes, which the API server only checks and does not carry out if dryRun is DryRunServer.
func (f *Factory) Writer(dryRun DryRun) (client.Client, error) {
	c, err := f.Client()
	if err != nil {
		return nil, err
	}
	writer := client.WithFieldOwner(c, FieldManager)
	if dryRun != DryRunNone {
		writer = client.NewDryRunClient(writer)
	}
	return writer, nil
}

// As reads and writes as somebody else, whom the user may act for.
func (f *Factory) As(user string, groups ...string) (client.Client, error) {
	config, err := f.Config()
	if err != nil {
		return nil, err
	}
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	c, err := client.New(config, client.Options{Scheme: f.scheme})
	if err != nil {
		return nil, err
	}
	return client.WithFieldOwner(c, FieldManager), nil
}

// Discovery tells what the API server is and serves.
func (f *Factory) Discovery() (discovery.DiscoveryInterface, error) {
	config, err := f.Config()
	if err != nil {
		return nil, err
	}
	return discovery.NewDiscoveryClientForConfig(config)
}

// DryRun reports whether writes are carried out.
type DryRun string

// The kinds of dry run.
const (
	// DryRunNone: they are.
	DryRunNone DryRun = "none"
	// DryRunServer: the API server does everything but store them.
	DryRunServer DryRun = "server"
)

// AddDryRun adds --dry-run.
func AddDryRun(flags *pflag.FlagSet, to *DryRun) {
	*to = DryRunNone
	flags.Var(dryRunValue{to}, "dry-run", `"none", or "server": the API server checks everything, and nothing is changed.`)
	flags.Lookup("dry-run").NoOptDefVal = string(DryRunServer)
}

type dryRunValue struct{ to *DryRun }

func (v dryRunValue) String() string {
	if v.to == nil {
		return ""
	}
	return string(*v.to)
}

func (dryRunValue) Type() string { return "string" }

func (v dryRunValue) Set(s string) error {
	switch DryRun(s) {
	case DryRunNone, DryRunServer:
		*v.to = DryRun(s)
		return nil
	}
	return fmt.Errorf("must be none or server: only the API server can tell whether its policies allow a write")
}

// Would puts before a word that it was not carried out, if so.
func (d DryRun) Would(done string) string {
	if d == DryRunServer {
		return done + " (dry run)"
	}
	return done
}

// Organization is the one that counts in the namespace of the flags.
func (f *Factory) Organization(ctx context.Context) (*rosterv1alpha1.Organization, error) {
	c, namespace, err := f.InNamespace()
	if err != nil {
		return nil, err
	}
	return OrganizationIn(ctx, c, namespace)
}

// Completer completes arguments from the API server. What cannot be asked completes nothing.
type Completer func(ctx context.Context, c client.Client, namespace string) []string

// Completion makes the completion of a command from a function that lists what it takes.
func (f *Factory) Completion(list Completer) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, namespace, err := f.InNamespace()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(cmd.Context(), c, namespace), cobra.ShellCompDirectiveNoFileComp
	}
}
