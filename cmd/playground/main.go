// SPDX-License-Identifier: Apache-2.0

// Command playground runs the whole of Roster on one machine, to try it: make demo builds what it needs and starts it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/roster-dev/roster/internal/playground"
)

func main() {
	// Manager and portal have logs of their own; what client libraries say here would only be in the way.
	ctrllog.SetLogger(klog.Background().V(1))
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		// The flag package has said what is wrong.
		os.Exit(2)
	}
	// A terminal that is closed ends the playground, as Ctrl-C does. A second Ctrl-C ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	if err := playground.Run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

// parse reads the flags. Paths follow from where this program lies, so that it can be started from anywhere.
func parse(args []string) (playground.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return playground.Options{}, err
	}
	bin := filepath.Dir(self)
	o := playground.Options{
		BinDir: bin, ConfigDir: filepath.Join(filepath.Dir(bin), "config"), AssetsDir: os.Getenv("KUBEBUILDER_ASSETS"),
		Out: os.Stdout, Clock: clock.RealClock{},
	}
	flags := flag.NewFlagSet("playground", flag.ContinueOnError)
	flags.StringVar(&o.MailboxAddr, playground.FlagMailboxAddr, "127.0.0.1:8025", "Where the mailbox is looked at.")
	flags.StringVar(&o.SMTPAddr, playground.FlagSMTPAddr, "127.0.0.1:1025", "Where the mailbox takes mail.")
	flags.StringVar(&o.PortalAddr, playground.FlagPortalAddr, "127.0.0.1:8088", "Where the portal listens.")
	flags.StringVar(&o.IssuerAddr, playground.FlagIssuerAddr, "127.0.0.1:8443",
		"Where the portal is an OpenID provider over https, which the API server trusts.")
	flags.IntVar(&o.APIPort, playground.FlagAPIPort, 6553, "The port of the API server on 127.0.0.1.")
	flags.StringVar(&o.RelayAddr, playground.FlagRelay, "",
		"Send mail to this relay, host:port, without encryption or password, and start no mailbox.")
	flags.StringVar(&o.Namespace, "namespace", "acme", "The namespace of the sample organisation.")
	flags.StringVar(&o.DataDir, "data-dir", "", "Where everything is kept (default "+filepath.Join(bin, "demo")+").")
	flags.StringVar(&o.ConfigDir, "config-dir", o.ConfigDir, "The folder config of the repository.")
	flags.StringVar(&o.SamplesDir, "samples", "",
		"The sample organisation, a folder of YAML files (default samples/acme in the folder config).")
	flags.StringVar(&o.NetworksFile, playground.FlagNetworks, "",
		"A YAML file with networks as the configuration has them, to connect social profiles of.")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, nil
}
