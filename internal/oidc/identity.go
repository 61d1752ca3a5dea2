// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/roster-dev/roster/internal/address"
)

// maxSubject is the longest subject identifier in characters (OpenID Connect Core 1.0, 2).
const maxSubject = 255

// claims are all that is read of an ID token or of the userinfo answer.
type claims struct {
	AuthorizedParty string        `json:"azp"`
	Email           string        `json:"email"`
	EmailVerified   *verifiedFlag `json:"email_verified"`
	// OwnerVerified is what Microsoft Entra says instead: that the owner of the domain was verified, so that the address is theirs to give.
	OwnerVerified *ownerFlag `json:"xms_edov"`
	Name          string     `json:"name"`
}

// verifiedFlag is true for true and for "true", which some providers send, and for nothing else.
type verifiedFlag bool

// UnmarshalJSON implements json.Unmarshaler. What is neither counts as false: the address is not verified then.
func (f *verifiedFlag) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*f = v == true || v == "true"
	return nil
}

// ownerFlag is a verifiedFlag that is a number, too: Entra sends true, "1" or 1, by the kind of the application.
type ownerFlag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *ownerFlag) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*f = v == true || v == "true" || v == "1" || v == 1.0
	return nil
}

// silent reports whether the claims leave out whether the address is verified.
func (s claims) silent() bool {
	return s.Email == "" || s.EmailVerified == nil && s.OwnerVerified == nil
}

// verified reports whether the address is. Where the claims are silent, what is so otherwise counts.
func (s claims) verified(otherwise bool) bool {
	switch {
	case s.Email == "":
		return false
	case s.EmailVerified != nil:
		return bool(*s.EmailVerified)
	case s.OwnerVerified != nil:
		return bool(*s.OwnerVerified)
	}
	return otherwise
}

// and adds what userinfo says to an ID token that is silent. That an address is verified is said of the one beside it, or, where userinfo
// has none, of the one in the ID token.
func (s claims) and(more claims) claims {
	if more.silent() {
		more.Email = cmp.Or(s.Email, more.Email)
	}
	more.Name = cmp.Or(s.Name, more.Name)
	return more
}

// identify reads who the person is from the ID token, and from userinfo where the token does not say that the address is verified.
func (c *Client) identify(ctx context.Context, p *provider, f Flow, token *oauth2.Token) (Identity, error) {
	raw, _ := token.Extra("id_token").(string)
	idToken, err := p.Verifier(&goidc.Config{ClientID: c.ClientID, Now: c.clock.Now}).Verify(goidc.ClientContext(ctx, c.HTTP), raw)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	var said claims
	if err := idToken.Claims(&said); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if err := c.checkToken(f, idToken, said, token.AccessToken); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if said.silent() && p.UserInfoEndpoint() != "" && (said.Email == "" || !c.OwnsDomains) {
		more, err := c.askUserInfo(ctx, p, idToken.Subject, token)
		if err != nil {
			return Identity{}, err
		}
		said = said.and(more)
	}
	id := Identity{Issuer: c.URL, Subject: idToken.Subject, Name: said.Name}
	id.Address, id.NoAddress = c.address(said)
	return id, nil
}

// checkToken checks what the library leaves to its caller (OpenID Connect Core 1.0, 3.1.3.7).
func (c *Client) checkToken(f Flow, t *goidc.IDToken, said claims, accessToken string) error {
	switch {
	case f.Nonce == "", subtle.ConstantTimeCompare([]byte(f.Nonce), []byte(t.Nonce)) != 1:
		return errors.New("the nonce is of another sign-in")
	case len(t.Audience) > 1 && said.AuthorizedParty != c.ClientID, said.AuthorizedParty != "" && said.AuthorizedParty != c.ClientID:
		return fmt.Errorf("it was made for client %q", printable(said.AuthorizedParty))
	case t.Subject == "" || len(t.Subject) > maxSubject:
		return fmt.Errorf("the subject has %d characters", len(t.Subject))
	case t.AccessTokenHash != "":
		return t.VerifyAccessToken(accessToken)
	}
	return nil
}

// askUserInfo asks for the claims that the ID token lacks. The answer must be about the same person (OpenID Connect Core 1.0, 5.3.4).
func (c *Client) askUserInfo(ctx context.Context, p *provider, subject string, token *oauth2.Token) (claims, error) {
	quiet := *c.HTTP
	quiet.Transport = terse{c.HTTP.Transport}
	info, err := p.UserInfo(goidc.ClientContext(ctx, &quiet), oauth2.StaticTokenSource(token))
	if err != nil {
		return claims{}, fmt.Errorf("%w: userinfo: %w", ErrUnavailable, err)
	}
	var said claims
	if err := info.Claims(&said); err != nil {
		return claims{}, fmt.Errorf("%w: userinfo: %w", ErrToken, err)
	}
	if info.Subject != subject {
		return claims{}, fmt.Errorf("%w: userinfo speaks of another person", ErrToken)
	}
	return said, nil
}

// terse leaves out the body of an answer that is none: it may hold what the issuer was sent, and would be in the error, which is for the
// log.
type terse struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t terse) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil && response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		response.Body = http.NoBody
	}
	return response, err
}

func (c *Client) address(said claims) (address.Address, error) {
	if !said.verified(c.OwnsDomains) {
		return "", ErrUnverified
	}
	address, err := address.Parse(said.Email)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	if !c.VouchesFor(address) {
		return "", fmt.Errorf("%w: %s", ErrDomain, address.Domain())
	}
	return address, nil
}
