// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/controlplane"
	"github.com/roster-dev/roster/internal/freeport"
)

// Options say where the playground finds things and where it listens.
type Options struct {
	// BinDir holds the programs manager and portal.
	BinDir string
	// ConfigDir holds the manifests: crd, rbac, samples.
	ConfigDir string
	// SamplesDir holds the sample organisation. Empty: samples/acme in ConfigDir.
	SamplesDir string
	// DataDir is where everything is kept that one start writes. Empty: demo in BinDir.
	DataDir string
	// AssetsDir holds etcd, kube-apiserver and kube-controller-manager. Empty: the newest folder k8s/*-<os>-<arch> in BinDir.
	AssetsDir string
	// Namespace of the sample organisation.
	Namespace string
	// MailboxAddr and SMTPAddr are where the mailbox is looked at and takes mail; host:port on loopback. Port 0 is any free one.
	MailboxAddr string
	SMTPAddr    string
	// PortalAddr is where the portal listens; host:port on loopback.
	PortalAddr string
	// IssuerAddr is where the portal is an OpenID provider, over https; host:port on loopback.
	IssuerAddr string
	// APIPort is where the API server listens on 127.0.0.1.
	APIPort int
	// RelayAddr is another relay to mail to, host:port, without encryption. If set, there is no mailbox.
	RelayAddr string
	// NetworksFile holds the part networks of the configuration. Empty: networks are as they are without one.
	NetworksFile string
	// Out is where progress and the overview go.
	Out io.Writer
	// Clock tells the time.
	Clock clock.PassiveClock
}

// The names of the flags, which messages tell.
const (
	FlagMailboxAddr = "mailbox-addr"
	FlagSMTPAddr    = "smtp-addr"
	FlagPortalAddr  = "portal-addr"
	FlagIssuerAddr  = "issuer-addr"
	FlagAPIPort     = "api-port"
	FlagRelay       = "smtp"
	FlagNetworks    = "networks"
)

// complete fills in what follows from the rest, and makes paths absolute, since programs run in folders of their own.
func (o *Options) complete() error {
	if o.SamplesDir == "" {
		o.SamplesDir = filepath.Join(o.ConfigDir, "samples", "acme")
	}
	if o.DataDir == "" {
		o.DataDir = filepath.Join(o.BinDir, "demo")
	}
	if o.AssetsDir == "" {
		found, err := filepath.Glob(filepath.Join(o.BinDir, "k8s", "*-"+runtime.GOOS+"-"+runtime.GOARCH))
		if err != nil || len(found) == 0 {
			return fmt.Errorf("there is no control plane in %s, and KUBEBUILDER_ASSETS is not set: start the playground with make demo, "+
				"which supplies one", filepath.Join(o.BinDir, "k8s"))
		}
		slices.Sort(found)
		o.AssetsDir = found[len(found)-1]
	}
	var errs []error
	for _, path := range []*string{&o.BinDir, &o.ConfigDir, &o.SamplesDir, &o.DataDir, &o.AssetsDir} {
		absolute, err := filepath.Abs(*path)
		*path, errs = absolute, append(errs, err)
	}
	return errors.Join(errs...)
}

// check checks what is missing before anything is started.
func (o *Options) check() error {
	for _, p := range []struct{ folder, name string }{
		{o.AssetsDir, "etcd"}, {o.AssetsDir, "kube-apiserver"}, {o.AssetsDir, controlplane.ControllerManager},
		{o.BinDir, managerName}, {o.BinDir, portalName},
	} {
		if _, err := programIn(p.folder, p.name); err != nil {
			return fmt.Errorf("%w: start the playground with make demo, which builds what it needs", err)
		}
	}
	for what, folder := range map[string]string{"manifests": o.ConfigDir, "sample organisation": o.SamplesDir} {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return fmt.Errorf("the folder of the %s, %s, does not exist", what, folder)
		}
	}
	if o.RelayAddr != "" {
		if host, _, err := net.SplitHostPort(o.RelayAddr); err != nil || host == "" {
			return fmt.Errorf("--%s %s: must be host:port such as 127.0.0.1:1025", FlagRelay, o.RelayAddr)
		}
	}
	_, err := readNetworks(o.NetworksFile)
	return err
}

// claimPort opens a listener on a loopback address, or says which flag chooses another.
func claimPort(flag, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--%s %s: must be host:port such as 127.0.0.1:8025", flag, address)
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flag, address, err)
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("--%s %s: the playground listens on loopback only; write 127.0.0.1:%s", flag, address, port)
	}
	listener, err := net.Listen("tcp", resolved.String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s on %s is taken by another program: end that, or choose another port with --%s "+
			"(make demo DEMO_ARGS=\"--%s …\")", port, host, flag, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flag, address, err)
	}
	return listener, nil
}

// freeAddress makes sure that a program can listen at an address, and returns it with its port. Port 0 is one that nobody has, and that
// stays free for the program until this run ends.
func (r *run) freeAddress(flag, address string) (string, error) {
	listener, err := claimPort(flag, address)
	if err != nil {
		return "", err
	}
	defer listener.Close()
	if _, port, _ := net.SplitHostPort(address); port == "0" {
		return r.anyAddress()
	}
	return listener.Addr().String(), nil
}

// anyAddress is one that nobody listens on, and that stays free until this run ends.
func (r *run) anyAddress() (string, error) {
	p, err := freeport.Claim()
	if err != nil {
		return "", err
	}
	r.ports = append(r.ports, p)
	return p.Addr(), nil
}

// apiAddress is where the API server is to listen.
func (r *run) apiAddress() (string, error) {
	port := r.options.APIPort
	if port < 0 || port > 65535 {
		return "", fmt.Errorf("--%s %d: must be a port between 1 and 65535", FlagAPIPort, port)
	}
	return r.freeAddress(FlagAPIPort, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
