// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/roster-dev/roster/internal/seal"
)

// FlowFor is how long somebody may take to sign in at their company.
const FlowFor = 15 * time.Minute

// Flow is what is remembered between sending a browser to an issuer and its coming back. The browser itself carries it, sealed, in a cookie:
// so only the browser that began can end it, and at any replica of the portal.
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

// flowUse keeps what is sealed here apart from everything else that is sealed with the same keys.
const flowUse = "company sign-in flow"

// Seal returns the flow as text for a cookie.
func (f Flow) Seal(keys seal.Keys) (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	return keys.Seal(flowUse, text, nil)
}

// OpenFlow reads what Seal wrote. The error wraps ErrFlow.
func OpenFlow(keys seal.Keys, sealed string) (Flow, error) {
	text, _, err := keys.Open(flowUse, sealed, nil)
	if err != nil {
		return Flow{}, fmt.Errorf("%w: %w", ErrFlow, err)
	}
	var f Flow
	if err := json.Unmarshal(text, &f); err != nil {
		return Flow{}, fmt.Errorf("%w: %w", ErrFlow, err)
	}
	return f, nil
}
