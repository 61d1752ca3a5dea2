// SPDX-License-Identifier: Apache-2.0

package testpeer

import (
	"context"
	"encoding/json"
)

// RelyingPartyOptions are what a web application is told that people sign in to.
type RelyingPartyOptions struct {
	// Port that it listens on, on 127.0.0.1; its addresses /callback, /me and /backchannel-logout follow from it.
	Port     int    `json:"port"`
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientID"`
	// ClientSecret is empty for a public client.
	ClientSecret string `json:"clientSecret,omitempty"`
	Scope        string `json:"scope,omitempty"`
	// Logout is where people are sent after they have signed out.
	Logout string `json:"logout,omitempty"`
}

// RelyingParty is a running web application (npm: openid-client, which is certified). test/peers/relyingparty.mjs says what it answers. It
// trusts the certificate authorities in the file that NODE_EXTRA_CA_CERTS names.
type RelyingParty struct {
	*peer
	URL string
}

// StartRelyingParty runs a web application.
func StartRelyingParty(ctx context.Context, o RelyingPartyOptions) (*RelyingParty, error) {
	options, err := json.Marshal(o) //nolint:gosec // the program that is started needs the secret
	if err != nil {
		return nil, err
	}
	var ready struct{ URL string }
	p, err := start(ctx, "relyingparty.mjs", &ready, string(options))
	if err != nil {
		return nil, err
	}
	return &RelyingParty{peer: p, URL: ready.URL}, nil
}
