// SPDX-License-Identifier: Apache-2.0

// Package oidc signs people in with the account of their company: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), state and nonce,
// endpoints by discovery. An issuer is asked for one thing only: who has which mail address, of the domains that it may speak for. Roles
// and groups that it claims are not read.
package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"k8s.io/utils/clock"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// What Begin and Finish report. What they wrap is for the log.
var (
	// ErrUnavailable: the issuer cannot be reached, or does not answer as the standard asks.
	ErrUnavailable = errors.New("the company's sign-in cannot be reached")
	// ErrFlow: the answer does not belong to a sign-in that this browser began.
	ErrFlow = errors.New("the answer belongs to no sign-in that is under way")
	// ErrDenied: the issuer says that the person is not signed in, because they did not want to or may not.
	ErrDenied = errors.New("the company's sign-in said no")
	// ErrToken: the ID token cannot be believed.
	ErrToken = errors.New("the company's sign-in gave an answer that cannot be believed")
	// ErrUnverified: the issuer does not say that the person's address is verified.
	ErrUnverified = errors.New("the company's sign-in does not vouch for the address")
	// ErrDomain: the issuer may not vouch for addresses of that domain.
	ErrDomain = errors.New("the company's sign-in speaks for other domains")
)

// Issuer is an OpenID provider that the platform trusts.
type Issuer struct {
	// Name that Organizations call it by.
	Name string
	// DisplayName that people know it by.
	DisplayName string
	// URL is the issuer identifier. Discovery starts there.
	URL      string
	ClientID string
	// ClientSecret returns what the portal proves itself with; nil for a public client, which has PKCE alone.
	ClientSecret func(context.Context) (string, error)
	// Domains are those whose addresses it may vouch for. For others it is not believed, whatever it says.
	Domains []string
	// OwnsDomains means that every address of the domains is the issuer's to give, so that it is believed even if it does not say
	// email_verified.
	OwnsDomains bool
	// MultiFactor means that the platform relies on the issuer to ask for a second factor.
	MultiFactor bool
	// HTTP reaches the issuer; see NewHTTPClient.
	HTTP *http.Client
}

// VouchesFor reports whether the issuer may speak for an address.
func (i Issuer) VouchesFor(a address.Address) bool {
	return slices.ContainsFunc(i.Domains, func(d string) bool {
		ascii, err := address.Domain(d)
		return err == nil && ascii == a.Domain()
	})
}

// Identity is who the issuer says somebody is.
type Identity struct {
	// Issuer is its URL; with the Subject it names a person for ever. Addresses can pass to somebody else.
	Issuer, Subject string
	// Address is verified, and of a domain that the issuer may speak for. It is empty where NoAddress says why there is none: then the issuer
	// knows the person, and no more.
	Address   address.Address
	NoAddress error
	// Name is empty if the issuer tells none.
	Name string
}

// Client asks one issuer.
type Client struct {
	Issuer
	redirect string
	clock    clock.PassiveClock
	metadata metadata
}

// New returns a Client. The redirect is where the issuer sends browsers back to: an address of this issuer alone, so that the answer of one
// cannot be taken for that of another (RFC 9700, 4.4.2.2).
func New(i Issuer, redirect string, c clock.PassiveClock) *Client {
	return &Client{Issuer: i, redirect: redirect, clock: c, metadata: metadata{turn: make(chan struct{}, 1)}}
}

// Begin returns the address of the issuer to send the browser to, and the flow to keep until it comes back. Then is what the person wanted,
// for the caller of Finish.
func (c *Client) Begin(ctx context.Context, then string) (string, Flow, error) {
	p, err := c.provider(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	f := Flow{
		Issuer: c.Name, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Then: then, Begun: c.clock.Now().UTC(),
	}
	config := c.config(p, "")
	return config.AuthCodeURL(f.State, oauth2.S256ChallengeOption(f.Verifier), goidc.Nonce(f.Nonce)), f, nil
}

// Finish checks the parameters that the browser came back with, and redeems the code in them.
func (c *Client) Finish(ctx context.Context, f Flow, answer url.Values) (Identity, error) {
	switch {
	case f.Issuer != c.Name, f.State == "", subtle.ConstantTimeCompare([]byte(f.State), []byte(answer.Get("state"))) != 1:
		return Identity{}, ErrFlow
	case c.clock.Since(f.Begun) > FlowFor:
		return Identity{}, fmt.Errorf("%w: it took too long", ErrFlow)
	}
	p, err := c.provider(ctx)
	if err != nil {
		return Identity{}, err
	}
	if err := p.checkIssuer(c.URL, answer); err != nil {
		return Identity{}, err
	}
	if answer.Has("error") {
		return Identity{}, fmt.Errorf("%w: %s", ErrDenied, printable(answer.Get("error")))
	}
	token, err := c.redeem(ctx, p, f, answer.Get("code"))
	if err != nil {
		return Identity{}, err
	}
	return c.identify(ctx, p, f, token)
}

func (c *Client) redeem(ctx context.Context, p *provider, f Flow, code string) (*oauth2.Token, error) {
	secret := ""
	if c.ClientSecret != nil {
		var err error
		if secret, err = c.ClientSecret(ctx); err != nil {
			return nil, fmt.Errorf("%w: client secret of issuer %s: %w", ErrUnavailable, c.Name, err)
		}
	}
	config := c.config(p, secret)
	token, err := config.Exchange(goidc.ClientContext(ctx, c.HTTP), code, oauth2.VerifierOption(f.Verifier))
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
		return nil, fmt.Errorf("%w: the code is not good, or was used before", ErrFlow)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, scrubbed(err))
	}
	return token, nil
}

// scrubbed leaves out the body of an answer: it may hold what the issuer was sent.
func scrubbed(err error) error {
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) {
		return fmt.Errorf("token endpoint: %s, error %q", refused.Response.Status, printable(refused.ErrorCode))
	}
	return err
}

func (c *Client) config(p *provider, secret string) oauth2.Config {
	return oauth2.Config{
		ClientID: c.ClientID, ClientSecret: secret, Endpoint: p.Endpoint(), RedirectURL: c.redirect,
		Scopes: []string{goidc.ScopeOpenID, goidc.ScopeEmail, goidc.ScopeProfile},
	}
}

// Directory is all issuers.
type Directory []*Client

// Named returns the issuer that Organizations call by that name, or nil.
func (d Directory) Named(name string) *Client {
	return d.find(func(c *Client) bool { return c.Name == name })
}

// For returns the issuer that vouches for an address, or nil. It looks at the domain alone: whether there is such a person is not told.
func (d Directory) For(a address.Address) *Client {
	return d.find(func(c *Client) bool { return c.VouchesFor(a) })
}

// OfferedBy returns the issuer that people with that address sign in with where that policy counts; nil if it offers them none.
func (d Directory) OfferedBy(policy rosterv1alpha1.SecurityPolicy, a address.Address) *Client {
	if policy.SSO.Issuer == "" || !slices.Contains(policy.SignIn, rosterv1alpha1.SignInSSO) {
		return nil
	}
	if c := d.Named(policy.SSO.Issuer); c != nil && c.VouchesFor(a) {
		return c
	}
	return nil
}

func (d Directory) find(is func(*Client) bool) *Client {
	if i := slices.IndexFunc(d, is); i >= 0 {
		return d[i]
	}
	return nil
}

// maxPrintable is how much of what a stranger chose gets into a log.
const maxPrintable = 60

// printable is what may stand in a log of what a stranger chose: error codes are of these characters (RFC 6749, 4.1.2.1).
func printable(s string) string {
	cut := []byte(s[:min(len(s), maxPrintable)])
	for i, b := range cut {
		if b < 0x20 || b > 0x7e || b == '"' || b == '\\' {
			cut[i] = '?'
		}
	}
	return string(cut)
}

// httpTimeout bounds a request to an issuer, so that a person is told rather than left waiting.
const httpTimeout = 8 * time.Second

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
