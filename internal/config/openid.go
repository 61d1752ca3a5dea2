// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// OpenID is the portal as an OpenID provider: people sign in to the applications of their organisations, and to the cluster, with the
// account that they have at the portal.
type OpenID struct {
	// Issuer is what tokens name as their issuer, and where applications find the rest: an https address that leads to the portal, usually
	// the same as portal.url. Empty: the portal is no provider.
	Issuer string `json:"issuer,omitempty"`
	// KeySecret names the Secret with the keys that tokens are signed with; the manager creates and rotates them. Default roster-openid-keys.
	KeySecret string `json:"keySecret,omitempty"`
	// Clients are applications of the platform that belong to no single organisation, such as kubectl.
	Clients []OpenIDClient `json:"clients,omitempty"`
	// BackChannelNetworks are the private networks (CIDR) in which applications may be told that a sign-in has ended. The portal calls no
	// other address that is not public: organisations choose these addresses.
	BackChannelNetworks []string `json:"backChannelNetworks,omitempty"`
}

// OpenIDClient is an application of the platform, for the members of all organisations. Its tokens name the person alone or, if it asks for
// the scope organization, one organisation of the person.
type OpenIDClient struct {
	// ID is what the application calls itself, such as kubectl. It has no dot, as those of organisations have.
	ID string `json:"id"`
	// DisplayName is what people know it as. Defaults to ID.
	DisplayName string `json:"displayName,omitempty"`
	// Type is Native for one on people's devices, which can keep no secret, or Web for one on a server. Defaults to Native.
	Type rosterv1alpha1.ApplicationType `json:"type,omitempty"`
	// Roles in an organisation that it is for, of the built-in ones: Owner, CoOwner, Manager, AdvancedMember, Member and ProfileConnector.
	// Defaults to all, and to those that organisations have made themselves. If its tokens name the person alone, one of these in any
	// organisation will do.
	Roles []rosterv1alpha1.OrganizationRole `json:"roles,omitempty"`
	// SecretHashes are SHA-256 hashes, in base64url without padding, of the client secrets that a Web application may use: one, and a second
	// while the secret is replaced. The secrets are random, so that their hashes tell nothing.
	SecretHashes []string `json:"secretHashes,omitempty"`
	// RedirectURIs are the addresses that people are sent back to: https, or http on localhost, 127.0.0.1 or [::1], where any port will do for
	// a Native application. It may have none if it only asks for codes to be typed in.
	RedirectURIs []string `json:"redirectURIs,omitempty"`
	// PostLogoutRedirectURIs are those that people are sent to after they have signed out. The same rules apply.
	PostLogoutRedirectURIs []string `json:"postLogoutRedirectURIs,omitempty"`
	// BackChannelLogoutURI is an https address where the application is told that a sign-in has ended.
	BackChannelLogoutURI string `json:"backChannelLogoutURI,omitempty"`
}

// On reports whether the portal is a provider.
func (o OpenID) On() bool { return o.Issuer != "" }

func (o *OpenID) complete() {
	o.KeySecret = cmp.Or(o.KeySecret, "roster-openid-keys")
	for i := range o.Clients {
		o.Clients[i].DisplayName = cmp.Or(o.Clients[i].DisplayName, o.Clients[i].ID)
		o.Clients[i].Type = cmp.Or(o.Clients[i].Type, rosterv1alpha1.ApplicationNative)
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
	check := func(field string, addresses []string) {
		for _, to := range addresses {
			if !leadsBack(to) {
				errs = append(errs, wrong("portal.openID.clients."+field, to,
					"must be an https address, or http on localhost, 127.0.0.1 or [::1], such as http://127.0.0.1/callback"))
			}
		}
	}
	check("redirectURIs", c.RedirectURIs)
	check("postLogoutRedirectURIs", c.PostLogoutRedirectURIs)
	if to := c.BackChannelLogoutURI; to != "" && (!strings.HasPrefix(to, "https://") || !leadsBack(to)) {
		errs = append(errs, wrong("portal.openID.clients.backChannelLogoutURI", to, "must be an https address"))
	}
	for _, role := range c.Roles {
		if _, builtIn := access.Roles(nil).InOrganization(role); !builtIn {
			errs = append(errs, wrong("portal.openID.clients.roles", string(role), "must be Owner, CoOwner, Manager, AdvancedMember, Member or "+
				"ProfileConnector: roles that organisations have made themselves mean something else in each"))
		}
	}
	return errors.Join(append(errs, c.checkSecrets()...)...)
}

// leadsBack reports whether people may be sent to an address.
func leadsBack(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || strings.ContainsAny(address, "#*\\ ") {
		return false
	}
	return u.Scheme == "https" && u.Host != "" ||
		u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// checkSecrets is about the type, and what comes of it.
func (c OpenIDClient) checkSecrets() (errs []error) {
	switch c.Type {
	case rosterv1alpha1.ApplicationNative:
		if len(c.SecretHashes) > 0 {
			errs = append(errs, wrong("portal.openID.clients.secretHashes", c.ID,
				"is for applications of the type Web: a Native one has no secret, since everybody who has the program could read it"))
		}
	case rosterv1alpha1.ApplicationWeb:
		if len(c.SecretHashes) == 0 {
			errs = append(errs, wrong("portal.openID.clients.secretHashes", c.ID, "must name the hash of a client secret: "+secretHashAdvice))
		}
	default:
		errs = append(errs, wrong("portal.openID.clients.type", string(c.Type), "must be Native or Web"))
	}
	for _, hash := range c.SecretHashes {
		if sum, err := base64.RawURLEncoding.DecodeString(hash); err != nil || len(sum) != sha256.Size {
			errs = append(errs, wrong("portal.openID.clients.secretHashes", hash, "must be a SHA-256 hash: "+secretHashAdvice))
		}
	}
	return errs
}

const secretHashAdvice = `printf %s "$secret" | openssl dgst -sha256 -binary | basenc --base64url | tr -d =`
