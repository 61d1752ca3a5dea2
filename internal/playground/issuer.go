// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"text/template"
	"time"

	"github.com/roster-dev/roster/internal/config"
)

// kubectlClient is what kubectl calls itself at the portal.
const kubectlClient = "kubectl"

// issuerGrace is how long the last answers of the issuer may take.
const issuerGrace = 5 * time.Second

// The file names in the folder pki.
const (
	authorityFile      = "ca.crt"
	authenticationFile = "authentication.yaml"
)

// authenticationText is how the API server is told to believe the portal. docs/kubectl-login.md explains it.
//
//go:embed authentication.yaml
var authenticationText string

// authentication is the AuthenticationConfiguration for an issuer.
func authentication(issuer string, authority []byte) ([]byte, error) {
	parsed, err := template.New("").Parse(authenticationText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, map[string]string{"Issuer": issuer, "Client": kubectlClient, "Authority": indented(authority)})
	return out.Bytes(), err
}

// indented is a block of YAML, eight columns in.
func indented(text []byte) string {
	return string(bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\n"), []byte("\n        ")))
}

// openID makes the portal a provider for kubectl.
func openID(issuer string) config.OpenID {
	return config.OpenID{
		Issuer: issuer, Clients: []config.OpenIDClient{{ID: kubectlClient, RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		// Applications that somebody tries out run on this machine.
		BackChannelNetworks: []string{"127.0.0.0/8", "::1/128"},
	}
}

// issuer serves the portal over https, since the API server takes no other issuer. The portal itself stays on http, where browsers know no
// certificate authority of one start.
type issuer struct {
	listener net.Listener
	portal   *url.URL
	// open is closed when the portal is ready. Until then, requests wait: the API server looks at once, and then not for ten seconds.
	open chan struct{}
}

// openIssuer takes the port, without serving yet.
func openIssuer(address, portalURL string, ca *authority) (*issuer, error) {
	listener, err := claimPort(FlagIssuerAddr, address)
	if err != nil {
		return nil, err
	}
	serving, err := ca.server("roster-portal")
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	pair, err := tls.X509KeyPair(serving.cert, serving.key)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	portal, err := url.Parse(portalURL)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	wrapped := tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
	return &issuer{listener: wrapped, portal: portal, open: make(chan struct{})}, nil
}

// URL of the issuer.
func (i *issuer) URL() string { return "https://" + i.listener.Addr().String() }

// ServeHTTP passes requests on to the portal, which sees the name that was asked for.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-i.open:
	case <-r.Context().Done():
		return
	}
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(i.portal)
			p.Out.Host = p.In.Host
		},
		ErrorLog: quiet(),
	}
	proxy.ServeHTTP(w, r)
}

// serve returns when the context ends.
func (i *issuer) serve(ctx context.Context) error {
	server := &http.Server{
		Handler: i, ReadHeaderTimeout: issuerGrace, ErrorLog: quiet(),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), issuerGrace)
		defer cancel()
		_ = server.Shutdown(last)
	})
	defer stop()
	if err := server.Serve(i.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("issuer: %w", err)
	}
	<-stopped
	return nil
}

// quiet: what a browser says that does not know the authority is of no interest to anybody.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// startIssuer opens the issuer and has it served for as long as the playground runs.
func (r *run) startIssuer(ctx context.Context, ca *authority) error {
	i, err := openIssuer(r.options.IssuerAddr, r.places.portalURL, ca)
	if err != nil {
		return err
	}
	r.issuer, r.places.issuerURL = i, i.URL()
	r.places.authority = filepath.Join(r.state.path(pkiDir), authorityFile)
	r.background.Go(func() {
		if err := i.serve(ctx); err != nil {
			r.cancel(err)
		}
	})
	return nil
}
