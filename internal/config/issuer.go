// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/roster-dev/roster/internal/address"
)

// Issuer is an OpenID provider that people can sign in with.
type Issuer struct {
	// Name that Organizations call it by in spec.security.sso.issuer. Required.
	Name string `json:"name"`
	// DisplayName that people know the company by. Default Name.
	DisplayName string `json:"displayName,omitempty"`
	// URL is the issuer identifier, such as https://login.acme.example. Required.
	URL string `json:"url"`
	// ClientID that the provider knows the portal by. Required.
	ClientID string `json:"clientID"`
	// PublicClient: the portal has no client secret, and proves itself by PKCE alone.
	PublicClient bool `json:"publicClient,omitempty"`
	// Domains are those whose addresses it may vouch for, such as acme.example; subdomains are named on their own. Required. No two
	// issuers vouch for one domain.
	Domains []string `json:"domains"`
	// OwnsDomains means that the provider gives out every address of the domains itself, so that it is believed even if it does not say
	// email_verified, as Microsoft Entra does not. It is still not believed where it says that an address is not verified.
	OwnsDomains bool `json:"ownsDomains,omitempty"`
	// MultiFactor means that the provider asks for a second factor itself, so that Roster need not where organisations ask for one.
	MultiFactor bool `json:"multiFactor,omitempty"`
	// CAFile holds the certificate authorities (PEM) that the provider's certificate is checked against. Empty: the system's.
	CAFile string `json:"caFile,omitempty"`
}

func checkIssuers(issuers []Issuer) error {
	var errs []error
	names, domains := map[string]bool{}, map[string]string{}
	for i, issuer := range issuers {
		field := fmt.Sprintf("portal.issuers[%d]", i)
		errs = append(errs, issuer.check(field))
		if names[issuer.Name] {
			errs = append(errs, wrong(field+".name", issuer.Name, "is also the name of another issuer: choose another"))
		}
		names[issuer.Name] = true
		for _, domain := range issuer.Domains {
			if ascii, err := address.Domain(domain); err == nil {
				domain = ascii
			}
			if other, ok := domains[domain]; ok {
				errs = append(errs, wrong(field+".domains", domain, "issuer "+other+" already vouches for it: remove it from one of them"))
			}
			domains[domain] = issuer.Name
		}
	}
	return errors.Join(errs...)
}

func (i Issuer) check(field string) error {
	var errs []error
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(i.Name) {
		errs = append(errs, wrong(field+".name", i.Name, "must consist of lower-case letters and digits, with - between them, such as acme"))
	}
	u, err := url.Parse(i.URL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && !isLocal(u) {
		errs = append(errs, wrong(field+".url", i.URL, "must be the https address of the provider such as https://login.acme.example"))
	}
	if i.ClientID == "" {
		errs = append(errs, wrong(field+".clientID", "", "must be the ID that the provider has given the portal"))
	}
	if len(i.Domains) == 0 {
		errs = append(errs, wrong(field+".domains", "", "must name at least one domain such as acme.example"))
	}
	for _, d := range i.Domains {
		if _, err := address.Domain(d); err != nil || d != strings.ToLower(d) || !strings.Contains(d, ".") {
			errs = append(errs, wrong(field+".domains", d, "must be a plain domain in lower case such as acme.example"))
		}
	}
	return errors.Join(errs...)
}

// isLocal reports whether plain HTTP will do: nobody is in between.
func isLocal(u *url.URL) bool {
	return u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}
