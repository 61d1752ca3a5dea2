// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/config"
)

// The programs of Roster that the playground runs.
const (
	managerName = "manager"
	portalName  = "portal"
)

// serverGrace is how long manager and portal may take to finish what they do.
const serverGrace = 5 * time.Second

// server is manager or portal: a program under a ServiceAccount of its own.
type server struct {
	name    string
	probes  string
	metrics string
	// listen is where the portal's pages are; empty for the manager.
	listen string
}

func (s server) serviceAccount() string { return "roster-" + s.name }

// kubeconfigOf is the name of a server's own kubeconfig in the data folder.
func kubeconfigOf(name string) string { return name + ".kubeconfig" }

// program returns the server, ready to start.
func (s server) program(o *Options, st *state) program {
	args := []string{
		"--config=" + st.path(configFile),
		"--kubeconfig=" + st.path(kubeconfigOf(s.name)),
		"--namespace=" + systemNamespace,
		"--health-probe-bind-address=" + s.probes,
		"--metrics-bind-address=" + s.metrics,
	}
	if s.listen != "" {
		args = append(args, "--bind-address="+s.listen)
	}
	return program{name: s.name, path: filepath.Join(o.BinDir, s.name), args: args, grace: serverGrace}
}

// waitReady returns when the server says that it is alive and ready.
func (s server) waitReady(ctx context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	for _, path := range []string{"/healthz", "/readyz"} {
		var last error
		ready := func(ctx context.Context) (bool, error) {
			last = probe(ctx, client, "http://"+s.probes+path)
			return last == nil, nil
		}
		if err := wait.PollUntilContextTimeout(ctx, pollEvery, startPatience, true, ready); err != nil {
			return fmt.Errorf("%s is not ready: %w", s.name, errors.Join(last, ctx.Err()))
		}
	}
	return nil
}

func probe(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return nil
}

// serverConfig is the configuration file of manager and portal.
func serverConfig(p places, networks []config.Network) ([]byte, error) {
	content, err := yaml.Marshal(config.Config{
		TypeMeta: metav1.TypeMeta{APIVersion: config.APIVersion, Kind: config.Kind},
		Mail: config.Mail{
			From: "Roster <roster@playground.example>",
			SMTP: config.SMTP{Address: p.smtpAddr, TLS: config.TLSNone},
		},
		// Nobody sends requests on to another portal.
		Portal:   config.Portal{URL: p.portalURL, DrainPeriod: &metav1.Duration{}, OpenID: openID(p.issuerURL)},
		Networks: networks,
	})
	if err != nil {
		return nil, err
	}
	_, err = config.Parse(content)
	return content, err
}

// readNetworks reads the part networks of a configuration; none where no file is named.
func readNetworks(file string) ([]config.Network, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", FlagNetworks, err)
	}
	var part struct {
		Networks []config.Network `json:"networks"`
	}
	if err := yaml.UnmarshalStrict(content, &part); err != nil {
		return nil, fmt.Errorf("--%s %s: must hold networks as the configuration has them: %w", FlagNetworks, file, err)
	}
	return part.Networks, nil
}
