// SPDX-License-Identifier: Apache-2.0

package login

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/login/cache"
	"github.com/roster-dev/roster/internal/cli/login/provider"
	"github.com/roster-dev/roster/internal/oidc"
)

const (
	defaultClient = "kubectl"
	// anyPort lets the system choose: no two sign-ins are in each other's way.
	anyPort = "127.0.0.1:0"
)

// options say which portal, and how to sign in there.
type options struct {
	issuer   string
	clientID string
	// authorityFile and authorityData (base64) are two ways to name the authority of the portal's certificate.
	authorityFile string
	authorityData string
	device        bool
	skipOpen      bool
	listen        string
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	o.addIssuerFlags(flags)
	flags.BoolVar(&o.device, "device", false, "Sign in with a code that you type in on any other machine.")
	flags.BoolVar(&o.skipOpen, "skip-open-browser", false, "Print the address to open, instead of opening a browser.")
	flags.StringVar(&o.listen, "listen-address", anyPort, "Where the browser comes back to, on this machine; port 0 is any free one.")
}

func (o *options) addIssuerFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.issuer, "issuer", "",
		"Address of the portal, as portal.openID.issuer has it. If left out, that of the current context.")
	flags.StringVar(&o.clientID, "client-id", defaultClient, "What the portal knows kubectl as: an ID in portal.openID.clients.")
	// Elsewhere, this flag is about the certificate of the API server, which these commands do not speak to.
	flags.StringVar(&o.authorityFile, "certificate-authority", "",
		"File with the authority (PEM) of the portal's certificate, if this machine does not know it.")
	flags.StringVar(&o.authorityData, "certificate-authority-data", "", "The same as base64, for a kubeconfig.")
}

// args are those of the command credential that say the same.
func (o *options) args() []string {
	args := []string{credentialName, "--issuer=" + o.issuer, "--client-id=" + o.clientID}
	if o.authorityData != "" {
		args = append(args, "--certificate-authority-data="+o.authorityData)
	}
	if o.device {
		args = append(args, "--device")
	}
	if o.skipOpen {
		args = append(args, "--skip-open-browser")
	}
	if o.listen != anyPort {
		args = append(args, "--listen-address="+o.listen)
	}
	return args
}

// parse is the other way round; false if the user of a kubeconfig is no sign-in of ours.
func parse(user *clientcmdapi.AuthInfo) (options, bool) {
	if user == nil || user.Exec == nil || len(user.Exec.Args) == 0 || user.Exec.Args[0] != credentialName ||
		filepath.Base(user.Exec.Command) != execCommand {
		return options{}, false
	}
	var o options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	o.addFlags(flags)
	return o, flags.Parse(user.Exec.Args[1:]) == nil && o.issuer != ""
}

// complete adds what the kubeconfig and the files say.
func (o *options) complete(f *kube.Factory) (*command, error) {
	c := &command{options: o, factory: f}
	current, ours := currentSignIn(f)
	switch {
	case o.issuer == "" && !ours:
		return nil, errors.New("the current context has no sign-in of Roster: name the portal with --issuer, such as " +
			"--issuer https://roster.acme.example, or choose another context with --context")
	case o.issuer == "":
		current.device, current.skipOpen = current.device || o.device, current.skipOpen || o.skipOpen
		*o, c.written = current, true
	}
	if err := oidc.CheckURL(o.issuer); err != nil {
		return nil, fmt.Errorf("--issuer: %w", err)
	}
	if o.authorityFile != "" {
		content, err := os.ReadFile(o.authorityFile)
		if err != nil {
			return nil, fmt.Errorf("--certificate-authority: %w", err)
		}
		o.authorityData = base64.StdEncoding.EncodeToString(content)
	}
	authorities, err := o.authorities()
	if err != nil {
		return nil, err
	}
	c.session = &session{
		file:     cache.For(filepath.Join(f.CacheDir(), "roster"), o.issuer, o.clientID),
		clock:    f.Clock,
		provider: provider.Options{Issuer: o.issuer, ClientID: o.clientID, Authorities: authorities, Clock: f.Clock},
		errOut:   f.ErrOut,
	}
	return c, nil
}

func (o *options) authorities() (*x509.CertPool, error) {
	if o.authorityData == "" {
		return nil, nil // those of the system
	}
	content, err := base64.StdEncoding.DecodeString(o.authorityData)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("--certificate-authority: has no certificate in it: it must be PEM, beginning with -----BEGIN CERTIFICATE-----")
	}
	return pool, nil
}
