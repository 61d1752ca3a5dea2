// SPDX-License-Identifier: Apache-2.0

package oidc

import "time"

// FlowFor is how long somebody may take to sign in at their company.
const FlowFor = 15 * time.Minute

// Flow is what is remembered between sending a browser to an issuer and its coming back. The browser itself carries it, in a cookie
// that the caller seals: so only the browser that began can end it, and at any replica of the portal.
type Flow struct {
	// Issuer by its Name.
	Issuer string `json:"i"`
	State  string `json:"s"`
	Nonce  string `json:"n"`
	// Verifier of PKCE.
	Verifier string `json:"v"`
	// Then is what the person wanted.
	Then  string    `json:"r,omitempty"`
	Begun time.Time `json:"t"`
}
