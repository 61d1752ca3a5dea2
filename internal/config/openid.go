// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// OpenID is the portal as an OpenID provider: people sign in to the applications of their organisations, and to the cluster, with the
// account that they have at the portal.
type OpenID struct {
	// Issuer is what tokens name as their issuer, and where applications find the rest: an https address that leads to the portal, usually
	// the same as portal.url. Empty: the portal is no provider.
	Issuer string `json:"issuer,omitempty"`
	// KeySecret names the Secret with the keys that tokens are signed with; the manager creates and rotates them. Default roster-openid-keys.
	KeySecret string `json:"keySecret,omitempty"`
	// Clients are applications of the platform that belong to no organisation, such as kubectl.
	Clients []OpenIDClient `json:"clients,omitempty"`
	// BackChannelNetworks are the private networks (CIDR) in which applications may be told that a sign-in has ended. The portal calls no
	// other address that is not public: organisations choose these addresses.
	BackChannelNetworks []string `json:"backChannelNetworks,omitempty"`
}

// OpenIDClient is an application of the platform on people's devices, without a secret: its tokens name the person and no organisation.
type OpenIDClient struct {
	// ID is what the application calls itself, such as kubectl. It has no dot, as those of organisations have.
	ID string `json:"id"`
	// DisplayName is what people know it as. Defaults to ID.
	DisplayName string `json:"displayName,omitempty"`
	// RedirectURIs are the addresses that people are sent back to: https, or http on localhost, 127.0.0.1 or [::1], where any port will do. It
	// may have none if it only asks for codes to be typed in.
	RedirectURIs []string `json:"redirectURIs,omitempty"`
}

// On reports whether the portal is a provider.
func (o OpenID) On() bool { return o.Issuer != "" }

func (o *OpenID) complete() {
	o.KeySecret = cmp.Or(o.KeySecret, "roster-openid-keys")
	for i := range o.Clients {
		o.Clients[i].DisplayName = cmp.Or(o.Clients[i].DisplayName, o.Clients[i].ID)
	}
}

func (o OpenID) check() error {
	var errs []error
	if u, err := url.Parse(o.Issuer); o.On() && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(o.Issuer, "/")) {
		errs = append(errs, wrong("portal.openID.issuer", o.Issuer,
			"must be an https address such as https://roster.example.com, without a slash at its end: the API server and most tools take no other"))
	}
	for _, network := range o.BackChannelNetworks {
		if _, _, err := net.ParseCIDR(network); err != nil {
			errs = append(errs, wrong("portal.openID.backChannelNetworks", network, "must be a network such as 10.0.0.0/8"))
		}
	}
	seen := map[string]bool{}
	for _, c := range o.Clients {
		if seen[c.ID] {
			errs = append(errs, wrong("portal.openID.clients", c.ID, "is there twice: each application needs an ID of its own"))
		}
		seen[c.ID] = true
		errs = append(errs, c.check())
	}
	return errors.Join(errs...)
}

func (c OpenIDClient) check() error {
	var errs []error
	if len(validation.IsDNS1123Label(c.ID)) > 0 {
		errs = append(errs, wrong("portal.openID.clients.id", c.ID, "must be lower-case letters, digits and hyphens, such as kubectl"))
	}
	for _, redirect := range c.RedirectURIs {
		u, err := url.Parse(redirect)
		switch {
		case err != nil || u.User != nil || strings.ContainsAny(redirect, "#*\\ "):
		case u.Scheme == "https" && u.Host != "":
			continue
		case u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()):
			continue
		}
		errs = append(errs, wrong("portal.openID.clients.redirectURIs", redirect,
			"must be an https address, or http on localhost, 127.0.0.1 or [::1], such as http://127.0.0.1/callback"))
	}
	return errors.Join(errs...)
}
