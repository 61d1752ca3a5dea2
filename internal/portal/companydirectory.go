// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/oidc"
)

// newCompanyDirectory makes a client of each issuer of the configuration.
func newCompanyDirectory(c config.Portal, reader client.Reader, namespace string, clk clock.PassiveClock) (oidc.Directory, error) {
	secret := client.ObjectKey{Namespace: namespace, Name: c.CompanySecret}
	var all oidc.Directory
	for _, i := range c.Issuers {
		authorities, err := readAuthorities(i.CAFile)
		if err != nil {
			return nil, fmt.Errorf("portal.issuers: %s: %w", i.Name, err)
		}
		issuer := oidc.Issuer{
			Name: i.Name, DisplayName: i.DisplayName, URL: i.URL, ClientID: i.ClientID, Domains: i.Domains, OwnsDomains: i.OwnsDomains,
			MultiFactor: i.MultiFactor, HTTP: oidc.NewHTTPClient(authorities),
		}
		if !i.PublicClient {
			issuer.ClientSecret = func(ctx context.Context) (string, error) { return clientSecret(ctx, reader, secret, i.Name) }
		}
		redirect := strings.TrimRight(c.URL, "/") + "/sign-in/company/" + i.Name + "/callback"
		all = append(all, oidc.New(issuer, redirect, clk))
	}
	return all, nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// clientSecret is read when it is used, so that it can be replaced at any time.
func clientSecret(ctx context.Context, reader client.Reader, from client.ObjectKey, issuer string) (string, error) {
	secret := &corev1.Secret{}
	if err := reader.Get(ctx, from, secret); err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(secret.Data[issuer]))
	if value == "" {
		return "", fmt.Errorf("the Secret %s has no entry %q: add the client secret, or set publicClient for that issuer", from, issuer)
	}
	return value, nil
}
