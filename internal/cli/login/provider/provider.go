// SPDX-License-Identifier: Apache-2.0

// Package provider signs people in at an OpenID provider from a terminal: in the browser of this machine, or with a code that is typed in
// on another.
package provider

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/oidc"
)

// What a provider reports. The text of an error that wraps one of these says what to do.
var (
	// ErrAway: the provider cannot be reached, or has trouble of its own. It may be there again in a moment.
	ErrAway = errors.New("the provider cannot be reached")
	// ErrEnded: the sign-in counts no longer, and nothing but another one helps.
	ErrEnded = errors.New("the sign-in has ended")
	// ErrRefused: the provider, or the person on its page, has said no.
	ErrRefused = errors.New("the sign-in was refused")
	// ErrUnbelievable: the answer is not what a provider says to this sign-in.
	ErrUnbelievable = errors.New("the answer of the provider cannot be believed")
)

// Tokens are what a sign-in gives.
type Tokens struct {
	// ID is the ID token, which the API server takes.
	ID string
	// Refresh gives the next tokens, once. Empty if the provider gives none.
	Refresh string
	// Subject and Email are who signed in.
	Subject, Email string
	// Expiry is when the ID token ends, by the clock of this machine.
	Expiry time.Time
}

// Options say which provider, and who asks.
type Options struct {
	Issuer, ClientID string
	// Authorities check the provider's certificate; nil stands for the system's.
	Authorities *x509.CertPool
	Clock       clock.PassiveClock
}

// Provider has been discovered.
type Provider struct {
	Options
	http     *http.Client
	endpoint oauth2.Endpoint
	verifier *goidc.IDTokenVerifier
	metadata metadata
	// skew is how far the provider's clock is ahead of this machine's, by its last answer. A clock that is wrong here must keep nobody out.
	skew atomic.Int64
}

// metadata is what discovery tells (OpenID Connect Discovery 1.0, RFC 8414, RFC 9207).
type metadata struct {
	goidc.ProviderConfig
	RevocationURL string `json:"revocation_endpoint"`
	NamesItself   bool   `json:"authorization_response_iss_parameter_supported"`
}

// Discover asks the provider where its endpoints are.
func Discover(ctx context.Context, o Options) (*Provider, error) {
	if err := oidc.CheckURL(o.Issuer); err != nil {
		return nil, fmt.Errorf("--issuer: %w", err)
	}
	p := &Provider{Options: o, http: oidc.NewHTTPClient(o.Authorities)}
	p.http.Transport = timed{p.http.Transport, p}
	if err := p.discover(ctx); err != nil {
		return nil, err
	}
	config := p.metadata.NewProvider(goidc.ClientContext(ctx, p.http))
	p.endpoint = config.Endpoint()
	p.endpoint.AuthStyle = oauth2.AuthStyleInParams // There is no secret to send in any other way.
	p.verifier = config.VerifierContext(goidc.ClientContext(ctx, p.http), &goidc.Config{
		ClientID: o.ClientID, Now: p.now,
		// Those that are signed with a key of the provider's own.
		SupportedSigningAlgs: []string{goidc.RS256, goidc.RS384, goidc.RS512, goidc.PS256, goidc.ES256, goidc.ES384, goidc.EdDSA},
	})
	return p, nil
}

func (p *Provider) discover(ctx context.Context) error {
	address := strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := p.http.Do(r)
	if err != nil {
		return p.unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode >= http.StatusInternalServerError, response.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %s answers %s: try again in a moment", ErrAway, address, response.Status)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s, and is no OpenID provider: check --issuer, and portal.openID.issuer in the configuration of Roster",
			address, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&p.metadata); err != nil {
		return fmt.Errorf("%s does not describe an OpenID provider: %w", address, err)
	}
	return p.metadata.check(p.Issuer)
}

// check refuses a description of somebody else, and endpoints that would be sent secrets in the clear.
func (m metadata) check(issuer string) error {
	if m.IssuerURL != issuer {
		return fmt.Errorf("the provider calls itself %q: write it like that in --issuer, instead of %q", m.IssuerURL, issuer)
	}
	for _, endpoint := range []struct {
		name, address string
		needed        bool
	}{
		{"authorization_endpoint", m.AuthURL, true}, {"token_endpoint", m.TokenURL, true}, {"jwks_uri", m.JWKSURL, true},
		{"device_authorization_endpoint", m.DeviceAuthURL, false}, {"revocation_endpoint", m.RevocationURL, false},
	} {
		if endpoint.address == "" && !endpoint.needed {
			continue
		}
		if err := oidc.CheckURL(endpoint.address); err != nil {
			return fmt.Errorf("%s of the provider %s: %w", endpoint.name, issuer, err)
		}
	}
	return nil
}

// HasDeviceFlow reports whether people can sign in on another machine.
func (p *Provider) HasDeviceFlow() bool { return p.metadata.DeviceAuthURL != "" }

func (p *Provider) config(redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, Endpoint: p.endpoint, RedirectURL: redirect,
		Scopes: []string{goidc.ScopeOpenID, "email", goidc.ScopeOfflineAccess},
	}
}

func (p *Provider) client(ctx context.Context) context.Context {
	return goidc.ClientContext(ctx, p.http)
}

// Refresh returns the next tokens. The old ones are of no use afterwards.
func (p *Provider) Refresh(ctx context.Context, old Tokens) (Tokens, error) {
	token, err := p.config("").TokenSource(p.client(ctx), &oauth2.Token{RefreshToken: old.Refresh}).Token()
	if err != nil {
		return Tokens{}, p.refused(err, ErrEnded)
	}
	next, err := p.tokens(ctx, token, "")
	if err != nil {
		return Tokens{}, err
	}
	if next.Subject != old.Subject { // OpenID Connect Core 1.0, 12.2
		return Tokens{}, fmt.Errorf("%w: it names somebody else than before. Sign in again: kubectl roster logout, then kubectl roster login",
			ErrUnbelievable)
	}
	return next, nil
}

// Revoke ends what a refresh token stands for (RFC 7009).
func (p *Provider) Revoke(ctx context.Context, refresh string) error {
	if p.metadata.RevocationURL == "" {
		return fmt.Errorf("the provider %s has no address to end a sign-in at", p.Issuer)
	}
	form := url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}, "client_id": {p.ClientID}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.metadata.RevocationURL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.http.Do(r)
	if err != nil {
		return p.unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", p.metadata.RevocationURL, response.Status)
	}
	return nil
}

// tokens checks what the provider gave. The nonce is that of the request; empty where a flow has none.
func (p *Provider) tokens(ctx context.Context, token *oauth2.Token, nonce string) (Tokens, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Tokens{}, fmt.Errorf("%w: there is no ID token in it. Ask the administrator whether the client %q may have the scope openid",
			ErrUnbelievable, p.ClientID)
	}
	id, err := p.verifier.Verify(p.client(ctx), raw)
	if err != nil {
		return Tokens{}, p.unbelievable(err)
	}
	if nonce != "" && id.Nonce != nonce {
		return Tokens{}, fmt.Errorf("%w: the ID token belongs to another sign-in", ErrUnbelievable)
	}
	var claims struct {
		Email string `json:"email"`
	}
	if err := id.Claims(&claims); err != nil {
		return Tokens{}, p.unbelievable(err)
	}
	return Tokens{
		ID: raw, Refresh: token.RefreshToken, Subject: id.Subject, Email: claims.Email,
		Expiry: id.Expiry.Add(-p.Skew()),
	}, nil
}

func (p *Provider) unbelievable(err error) error {
	if ended, ok := errors.AsType[*goidc.TokenExpiredError](err); ok {
		return fmt.Errorf("%w: the ID token ended at %s, before it was given: the clocks of the provider disagree", ErrUnbelievable,
			ended.Expiry.UTC().Format(time.RFC3339))
	}
	return fmt.Errorf("%w: %w", ErrUnbelievable, err)
}

// Skew is how far the provider's clock is ahead of this machine's, to the second.
func (p *Provider) Skew() time.Duration { return time.Duration(p.skew.Load()) }

func (p *Provider) now() time.Time { return p.Clock.Now().Add(p.Skew()) }

// timed notes by each answer what the provider takes for the time.
type timed struct {
	http.RoundTripper
	provider *Provider
}

// RoundTrip implements http.RoundTripper.
func (t timed) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if there, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		t.provider.skew.Store(int64(there.Sub(t.provider.Clock.Now().Truncate(time.Second))))
	}
	return response, nil
}
