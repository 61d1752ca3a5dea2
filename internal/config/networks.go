// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// ChecksPerMinute is how many profiles are checked in a minute on a network where the configuration does not say.
const ChecksPerMinute = 300

// Network is a social network, or one server of Mastodon.
type Network struct {
	// Name of the network as in spec.network of a SocialProfile. Required. Mastodon may be there several times, once a server.
	Name rosterv1alpha1.Network `json:"name"`
	// URL of the network's API, where it is not the usual one. Required for Mastodon: requests with tokens go to no other servers.
	URL string `json:"url,omitempty"`
	// AuthURL is where the network hands out tokens, where it is not the usual place.
	AuthURL string `json:"authURL,omitempty"`
	// ConnectURL is where people agree to be connected, where it is neither the usual place nor url.
	ConnectURL string `json:"connectURL,omitempty"`
	// Secret names the Secret with client_id and client_secret of the app that you registered with the network. Empty: there is none, and
	// tokens that take one cannot be renewed.
	Secret string `json:"secret,omitempty"`
	// Scopes that tokens of a profile should have. Default: those that publishing and answering need.
	Scopes []string `json:"scopes,omitempty"`
	// AdScopes that tokens of an ad account should have. Default: none.
	AdScopes []string `json:"adScopes,omitempty"`
	// ChecksPerMinute is how many profiles are checked in a minute at most. Default 300.
	ChecksPerMinute int `json:"checksPerMinute,omitempty"`
}

func (n *Network) complete() {
	if n.ChecksPerMinute == 0 {
		n.ChecksPerMinute = ChecksPerMinute
	}
}

// Host is the name of the server; empty where it is the usual one.
func (n Network) Host() string {
	u, err := url.Parse(n.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

func checkNetworks(networks []Network) error {
	var errs []error
	seen := map[string]bool{}
	for i, n := range networks {
		field := fmt.Sprintf("networks[%d]", i)
		errs = append(errs, n.check(field))
		key := string(n.Name)
		if n.Name == rosterv1alpha1.NetworkMastodon {
			key += " " + n.Host()
		}
		if seen[key] {
			errs = append(errs, wrong(field+".name", key, "is there twice"))
		}
		seen[key] = true
	}
	return errors.Join(errs...)
}

func (n Network) check(field string) error {
	var errs []error
	if !slices.Contains(rosterv1alpha1.Networks(), n.Name) {
		errs = append(errs, wrong(field+".name", string(n.Name), fmt.Sprintf("must be one of %v", rosterv1alpha1.Networks())))
	}
	if n.Name == rosterv1alpha1.NetworkMastodon && n.URL == "" {
		errs = append(errs, wrong(field+".url", "", "must name the server, such as https://mastodon.example"))
	}
	for name, address := range map[string]string{"url": n.URL, "authURL": n.AuthURL, "connectURL": n.ConnectURL} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "") {
			errs = append(errs, wrong(field+"."+name, address, "must be an address such as https://mastodon.example"))
		}
	}
	if n.ChecksPerMinute < 1 || n.ChecksPerMinute > 60_000 {
		errs = append(errs, wrong(field+".checksPerMinute", strconv.Itoa(n.ChecksPerMinute), "must be between 1 and 60000"))
	}
	return errors.Join(errs...)
}
