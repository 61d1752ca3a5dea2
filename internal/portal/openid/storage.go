// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"context"
	"errors"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/web"
)

// errNotServed is for what the library would ask for in flows that are not served.
var errNotServed = errors.New("this flow is not served")

// AuthRequestByCode implements op.Storage.
func (t *tool) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	e, err := t.exchangeOfCode(ctx, code)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// TokenRequestByRefreshToken implements op.Storage.
func (t *tool) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	e, err := t.exchangeOfRefresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// CreateAccessToken implements op.Storage: the code is used up by it.
func (t *tool) CreateAccessToken(ctx context.Context, request op.TokenRequest) (string, time.Time, error) {
	id, _, expires, err := t.give(ctx, request, false)
	return id, expires, err
}

// CreateAccessAndRefreshTokens implements op.Storage: the code or the refresh token is used up by it.
func (t *tool) CreateAccessAndRefreshTokens(
	ctx context.Context, request op.TokenRequest, _ string,
) (string, string, time.Time, error) {
	return t.give(ctx, request, true)
}

// give uses up what an application has brought, and gives it tokens for that.
func (t *tool) give(ctx context.Context, request op.TokenRequest, lasting bool) (id, refresh string, expires time.Time, err error) {
	e, ok := request.(*exchange)
	if !ok {
		return "", "", time.Time{}, zitadel.ErrServerError().WithParent(errNotServed)
	}
	e.nonce = e.GetNonce()
	now := t.v.Now()
	next, hash := grant.NewToken(handle(prefixRefresh, e.facts.Account.Name, e.grant.ID))
	err = t.spend(ctx, e, func(g *grant.Grant) {
		switch {
		case g.Refresh != nil:
			_ = g.Rotate(e.token, hash, now) // it has just been found renewable
		case lasting:
			g.Issue(hash, now)
		}
	})
	if err != nil {
		return "", "", time.Time{}, refusal(err)
	}
	if lasting {
		refresh = next
	}
	expires = now.Add(grant.TokenLifetime)
	id, err = pass{
		Account: e.facts.Account.Name, Grant: e.grant.ID, Scopes: e.scopes, Issued: now.Unix(), Expires: expires.Unix(),
	}.id()
	if err != nil {
		return "", "", time.Time{}, t.failed(err)
	}
	t.v.Audit(web.EventApplicationTokens, web.ResultSuccess, e.facts.Account.Name, "application", e.grant.Client, "grant", e.grant.ID)
	return id, refresh, expires, nil
}

// refusal is what an application is told of a code or a token that is not exchanged: no more than that.
func refusal(err error) error {
	if fault := (*zitadel.Error)(nil); errors.As(err, &fault) {
		return fault
	}
	return zitadel.ErrInvalidGrant().WithParent(err)
}

// GetClientByClientID implements op.Storage.
func (t *tool) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	a, err := t.usable(t.v, id, known)
	if err != nil {
		return nil, t.failed(err)
	}
	if a == nil {
		return nil, zitadel.ErrInvalidClient()
	}
	return a, nil
}

// AuthorizeClientIDSecret implements op.Storage.
func (t *tool) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	a, err := t.usable(t.v, id, func(a *application) bool { return a.takesSecret(secret, t.v.Now()) })
	if err != nil {
		return t.failed(err)
	}
	if a == nil || !a.takesSecret(secret, t.v.Now()) {
		return zitadel.ErrInvalidClient().WithDescription("the client ID or the client secret is wrong")
	}
	return nil
}

// SetUserinfoFromScopes implements op.Storage. SetUserinfoFromRequest does it.
func (t *tool) SetUserinfoFromScopes(context.Context, *zitadel.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest: what an ID token says.
func (t *tool) SetUserinfoFromRequest(_ context.Context, info *zitadel.UserInfo, request op.IDTokenRequest, scopes []string) error {
	e, ok := request.(*exchange)
	if !ok {
		return zitadel.ErrServerError().WithParent(errNotServed)
	}
	e.describe(info, scopes)
	info.AppendClaims("sid", e.grant.SID)
	return nil
}

// GetRefreshTokenInfo implements op.Storage.
func (t *tool) GetRefreshTokenInfo(_ context.Context, _, token string) (user, id string, err error) {
	name, _, ok := found(prefixRefresh, token)
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return name, token, nil
}

// RevokeToken implements op.Storage: with one token the grant goes, so that none of its other tokens lasts longer. An application can give
// back its own alone, and is told of others as little as of those that there are not (RFC 7009, 2.2).
func (t *tool) RevokeToken(ctx context.Context, token, _, clientID string) *zitadel.Error {
	name, id, ok := found(prefixRefresh, token)
	if !ok {
		p, err := parsePass(token, t.v.Now())
		if err != nil {
			return nil //nolint:nilerr // there is no such token, or not any more
		}
		name, id = p.Account, p.Grant
	}
	e, err := t.look(ctx, name, id)
	switch {
	case errors.Is(err, errNotFound):
		return nil
	case err != nil:
		return zitadel.ErrServerError()
	case e.grant.Client != clientID:
		return nil
	}
	if err := t.end(ctx, t.v, e.facts.Account, grant.ReasonRevoked, func(g *grant.Grant) bool { return g.ID == id }); err != nil {
		return t.failed(err)
	}
	return nil
}

// SigningKey implements op.Storage.
func (t *tool) SigningKey(ctx context.Context) (op.SigningKey, error) {
	set, err := t.Signing.Refresh(ctx)
	if err != nil {
		return nil, t.failed(err)
	}
	key, ok := set.Signing(t.v.Now())
	if !ok {
		return nil, t.failed(errors.New("there is no key to sign tokens with: the manager makes one"))
	}
	return signer{key}, nil
}

// signer is a key that signs. It implements op.SigningKey.
type signer struct{ key signing.Key }

// ID implements op.SigningKey.
func (s signer) ID() string { return s.key.ID }

// Key implements op.SigningKey.
func (s signer) Key() any { return s.key.Private }

// SignatureAlgorithm implements op.SigningKey.
func (s signer) SignatureAlgorithm() jose.SignatureAlgorithm { return signing.Algorithm }

// SignatureAlgorithms implements op.Storage.
func (t *tool) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{signing.Algorithm}, nil
}

// KeySet implements op.Storage. Nothing is checked by the library against our own keys.
func (t *tool) KeySet(context.Context) ([]op.Key, error) { return nil, errNotServed }

// DeleteAuthRequest implements op.Storage: the code has been used up already.
func (t *tool) DeleteAuthRequest(context.Context, string) error { return nil }

// SetUserinfoFromToken implements op.Storage.
func (t *tool) SetUserinfoFromToken(context.Context, *zitadel.UserInfo, string, string, string) error {
	return errNotServed
}

// SetIntrospectionFromToken implements op.Storage.
func (t *tool) SetIntrospectionFromToken(context.Context, *zitadel.IntrospectionResponse, string, string, string) error {
	return errNotServed
}

// GetPrivateClaimsFromScopes implements op.Storage.
func (t *tool) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, errNotServed
}

// GetKeyByIDAndClientID implements op.Storage.
func (t *tool) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotServed
}

// ValidateJWTProfileScopes implements op.Storage.
func (t *tool) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotServed
}

// CreateAuthRequest implements op.Storage.
func (t *tool) CreateAuthRequest(context.Context, *zitadel.AuthRequest, string) (op.AuthRequest, error) {
	return nil, errNotServed
}

// AuthRequestByID implements op.Storage.
func (t *tool) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, errNotServed
}

// SaveAuthCode implements op.Storage.
func (t *tool) SaveAuthCode(context.Context, string, string) error { return errNotServed }

// TerminateSession implements op.Storage.
func (t *tool) TerminateSession(context.Context, string, string) error { return errNotServed }

// Health implements op.Storage.
func (t *tool) Health(context.Context) error { return nil }

// describe writes what the scopes ask for: who somebody is, and what they are in the organisation of the application.
func (e *exchange) describe(info *zitadel.UserInfo, scopes []string) {
	of := e.facts.Account
	info.Subject = e.grant.Subject
	if slices.Contains(scopes, rules.ScopeEmail) {
		info.Email, info.EmailVerified = of.Spec.Email, true
	}
	if slices.Contains(scopes, rules.ScopeProfile) {
		info.Name, info.Locale = of.Spec.DisplayName, locale(of.Spec.Locale)
	}
	m := e.facts.In(e.grant.Namespace)
	if m == nil || m.Organization == nil || !slices.Contains(scopes, rules.ScopeOrganization) {
		return
	}
	for name, value := range rules.InOrganization(m.Organization, m.Member) {
		info.AppendClaims(name, value)
	}
}
