// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Connector is a Network whose accounts people connect. Every Network of this package is one.
type Connector interface {
	Network
	// Offers are the accounts that tokens open: pages, channels, ad accounts. Each comes with the tokens to store for it.
	Offers(ctx context.Context, t Tokens) ([]Offer, error)
}

// Redirector is a Connector that people connect by going there: the authorization code flow of OAuth 2.0 (RFC 6749, section 4.1), with PKCE
// (RFC 7636) where the network takes it.
type Redirector interface {
	Connector
	// AuthorizeURL is where to send the browser.
	AuthorizeURL(a Authorization) string
	// Exchange gets tokens for the code that the browser came back with. Where the network gives a token that ends soon first, and one that
	// lasts in exchange for it, these are the ones that last.
	Exchange(ctx context.Context, code string, a Authorization) (Tokens, error)
}

// Authorization is one person's way to a network and back.
type Authorization struct {
	// State comes back with the code, Verifier is the code_verifier of PKCE. Both are random.
	State, Verifier string
	// RedirectURL is the address at the portal that the network sends the browser back to, as it is registered with the app.
	RedirectURL string
	// Scopes to ask for. What Offers needs beyond them, the network adds.
	Scopes []string
}

// Offer is an account that can be connected.
type Offer struct {
	// AccountID is the network's own name of the account.
	AccountID string
	// Handle is what spec.handle of the SocialProfile will be; Name what people call the account, where it is another.
	Handle, Name string
	Type         rosterv1alpha1.ProfileType
	Tokens       Tokens
}
