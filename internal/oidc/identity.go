// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/roster-dev/roster/internal/address"
)

// maxSubject is the longest subject identifier in characters (OpenID Connect Core 1.0, 2).
const maxSubject = 255

// claims are all that is read of an ID token or of the userinfo answer.
type claims struct {
	AuthorizedParty string       `json:"azp"`
	Email           string       `json:"email"`
	EmailVerified   verifiedFlag `json:"email_verified"`
	Name            string       `json:"name"`
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

// identify reads who the person is from the ID token, and from userinfo where the token says nothing about the address.
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
	if said.Email == "" && p.UserInfoEndpoint() != "" {
		if said, err = c.askUserInfo(ctx, p, idToken.Subject, token); err != nil {
			return Identity{}, err
		}
	}
	address, err := c.address(said)
	if err != nil {
		return Identity{}, err
	}
	return Identity{Issuer: c.URL, Subject: idToken.Subject, Address: address, Name: said.Name}, nil
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
	info, err := p.UserInfo(goidc.ClientContext(ctx, c.HTTP), oauth2.StaticTokenSource(token))
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

func (c *Client) address(said claims) (address.Address, error) {
	if said.Email == "" || !bool(said.EmailVerified) {
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
