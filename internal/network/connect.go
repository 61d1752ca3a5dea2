// SPDX-License-Identifier: Apache-2.0

package network

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
	// lasts in exchange for it, these are the ones that last. ValidityOf the error is Invalid where the network says plainly that the code
	// is no good.
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
	// AccountID is the network's own name of the account, as spec.accountID of the SocialProfile will have it.
	AccountID string
	// Handle is what spec.handle of the SocialProfile will be; Name what people call the account, where it is another.
	Handle, Name string
	Type         rosterv1alpha1.ProfileType
	Tokens       Tokens
}

// Connects is the Connector behind a Network that New made. No secret is in its errors.
func Connects(n Network) (Connector, bool) {
	d, ok := n.(discreet)
	if !ok {
		c, ok := n.(Connector)
		return c, ok
	}
	c, ok := d.Network.(Connector)
	return connector{discreet: d, to: c}, ok
}

// Redirects is the Redirector behind a Network that New made; not ok where people connect otherwise, as on Bluesky. No secret is in its
// errors.
func Redirects(n Network) (Redirector, bool) {
	d, ok := n.(discreet)
	if !ok {
		r, ok := n.(Redirector)
		return r, ok
	}
	r, ok := d.Network.(Redirector)
	return redirector{connector: connector{discreet: d, to: r}, to: r}, ok
}

// connector is a Connector without secrets in its errors.
type connector struct {
	discreet
	to Connector
}

func (c connector) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	offers, err := c.to.Offers(ctx, t)
	if err != nil {
		return nil, c.scrub(err, t)
	}
	return distinct(offers), nil
}

// distinct leaves out what no SocialProfile could name, and what is there twice.
func distinct(offers []Offer) []Offer {
	type account struct {
		of rosterv1alpha1.ProfileType
		id string
	}
	seen := map[account]bool{}
	return slices.DeleteFunc(offers, func(o Offer) bool {
		a := account{o.Type, o.AccountID}
		out := o.AccountID == "" || len(o.AccountID) > longestHandle || seen[a]
		seen[a] = true
		return out
	})
}

// redirector is a Redirector without secrets in its errors.
type redirector struct {
	connector
	to Redirector
}

func (r redirector) AuthorizeURL(a Authorization) string { return r.to.AuthorizeURL(a) }

func (r redirector) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	t, err := r.to.Exchange(ctx, code, a)
	if err != nil {
		return Tokens{}, r.scrub(err, t, code, a.Verifier, a.State) // tokens there are, where the code was good and what followed was not
	}
	return t, nil
}

// offers is a single one, of the account that the tokens are of.
func (c caller) offers(o Offer) ([]Offer, error) {
	if o.AccountID == "" {
		return nil, &Error{Message: hostOf(c.url) + " answers without an account"}
	}
	o.Type = cmp.Or(o.Type, rosterv1alpha1.TypeProfile)
	return []Offer{o.named(o.Handle, o.Name, o.AccountID)}, nil
}

// longestHandle is how many characters spec.handle and spec.accountID may have.
const longestHandle = 253

// named gives an Offer the first handle that there is, and its name, where that says more.
func (o Offer) named(handles ...string) Offer {
	name := oneLine(visible(o.Name))
	for _, h := range handles {
		if o.Handle = oneLine(visible(h)); o.Handle != "" && !strings.Contains(o.Handle, "://") { // which no spec.handle may have
			break
		}
	}
	if runes := []rune(o.Handle); len(runes) > longestHandle {
		o.Handle = string(runes[:longestHandle])
	}
	if o.Name = name; strings.EqualFold(strings.TrimPrefix(o.Handle, "@"), name) {
		o.Name = ""
	}
	return o
}

// mostPages of a list are read: nobody looks for an account among more than a thousand.
const mostPages = 10
