// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/web"
)

// application is one that asks: of an organisation or of the platform. It implements op.Client.
type application struct {
	id, name string
	// namespace of the organisation that its tokens speak of; empty if they speak of the person alone.
	namespace string
	// undecided: its tokens speak of an organisation that the person has yet to choose.
	undecided bool
	// object is nil for one of the platform, platform for one of an organisation.
	object   *rosterv1alpha1.Application
	platform *grant.Platform
	// native: it runs on people's devices and has no secret.
	native               bool
	secrets              []rosterv1alpha1.SecretHash
	redirects, loggedOut []string
}

// application finds the one of a client ID, as the cache knows it; nil where there is none.
func (h *Handler) application(ctx context.Context, clientID string) (*application, error) {
	if grant.IsPlatformClient(clientID) {
		return h.ofPlatform(clientID), nil
	}
	object, err := h.Standing.Application(ctx, clientID)
	if object == nil {
		return nil, err
	}
	return ofOrganization(object), nil
}

// usable finds the application of a client ID and asks whether it will do. Before somebody is refused because it will not, or is not there,
// the API server is asked: it knows what was applied a moment ago. Strangers can have it asked, too, and learn no more by that than from
// the cache. So that is done only so often; beyond that, the cache's answer stands.
func (h *Handler) usable(v *web.Visit, clientID string, will func(*application) bool) (*application, error) {
	ctx := v.R.Context()
	a, err := h.application(ctx, clientID)
	if err != nil || grant.IsPlatformClient(clientID) || a != nil && will(a) {
		return a, err
	}
	if _, wait := h.Limits.Take(web.Count(h.Looks, web.ClientKey(v.Client)), web.Count(h.AllLooks, "")); wait > 0 {
		return a, nil
	}
	object, err := h.Standing.Current(ctx, clientID)
	if object == nil {
		return nil, err
	}
	return ofOrganization(object), nil
}

// known is for usable where any application will do.
func known(*application) bool { return true }

// LooksAtMost is how often one client has the API server asked about an Application that the cache does not know, or knows otherwise.
func LooksAtMost() web.Rate { return web.Rate{Every: time.Second, Burst: 20} }

// AllLooksAtMost is how often all clients have it asked.
func AllLooksAtMost() web.Rate { return web.Rate{Every: 100 * time.Millisecond, Burst: 100} }

func (h *Handler) ofPlatform(clientID string) *application {
	c := h.Standing.Configured(clientID)
	if c == nil {
		return nil
	}
	a := &application{
		id: c.ID, name: c.DisplayName, platform: h.Standing.Platform(clientID), native: c.Type != rosterv1alpha1.ApplicationWeb,
		redirects: c.RedirectURIs, loggedOut: c.PostLogoutRedirectURIs,
	}
	for _, hash := range c.SecretHashes {
		a.secrets = append(a.secrets, rosterv1alpha1.SecretHash{SHA256: hash})
	}
	return a
}

func ofOrganization(object *rosterv1alpha1.Application) *application {
	return &application{
		id: object.ClientID(), name: object.Title(), namespace: object.Namespace, object: object,
		native: object.Spec.Type == rosterv1alpha1.ApplicationNative, secrets: object.Status.SecretHashes,
		redirects: object.Spec.RedirectURIs, loggedOut: object.Spec.PostLogoutRedirectURIs,
	}
}

// returnsTo reports whether people may be sent back to an address.
func (a *application) returnsTo(address string) bool {
	return rules.Registered(a.redirects, address, a.native)
}

// leavesTo reports whether people may be sent to an address after they have signed out.
func (a *application) leavesTo(address string) bool {
	return rules.Registered(a.loggedOut, address, a.native)
}

// takesSecret reports whether that is the secret of an application that has one.
func (a *application) takesSecret(secret string, now time.Time) bool {
	if a.native {
		return false
	}
	sum := sha256.Sum256([]byte(secret))
	hash := []byte(base64.RawURLEncoding.EncodeToString(sum[:]))
	ok := false
	for _, known := range a.secrets {
		if known.ExpiryTime == nil || now.Before(known.ExpiryTime.Time) {
			ok = subtle.ConstantTimeCompare([]byte(known.SHA256), hash) == 1 || ok
		}
	}
	return ok
}

// GetID implements op.Client.
func (a *application) GetID() string { return a.id }

// RedirectURIs implements op.Client.
func (a *application) RedirectURIs() []string { return a.redirects }

// PostLogoutRedirectURIs implements op.Client.
func (a *application) PostLogoutRedirectURIs() []string { return a.loggedOut }

// ApplicationType implements op.Client.
func (a *application) ApplicationType() op.ApplicationType {
	if a.native {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

// AuthMethod implements op.Client. An application with a secret may send it in the header, too.
func (a *application) AuthMethod() zitadel.AuthMethod {
	if a.native {
		return zitadel.AuthMethodNone
	}
	return zitadel.AuthMethodPost
}

// ResponseTypes implements op.Client.
func (a *application) ResponseTypes() []zitadel.ResponseType {
	return []zitadel.ResponseType{zitadel.ResponseTypeCode}
}

// GrantTypes implements op.Client.
func (a *application) GrantTypes() []zitadel.GrantType {
	types := []zitadel.GrantType{zitadel.GrantTypeCode, zitadel.GrantTypeRefreshToken}
	if a.native {
		types = append(types, zitadel.GrantTypeDeviceCode)
	}
	return types
}

// LoginURL implements op.Client.
func (a *application) LoginURL(request string) string { return pathContinue + request }

// AccessTokenType implements op.Client: an opaque one, so that asking about it tells the truth at once.
func (a *application) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }

// IDTokenLifetime implements op.Client.
func (a *application) IDTokenLifetime() time.Duration { return grant.TokenLifetime }

// DevMode implements op.Client.
func (a *application) DevMode() bool { return false }

// RestrictAdditionalIdTokenScopes implements op.Client.
func (a *application) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:revive,staticcheck // the library's name
	return func(scopes []string) []string { return scopes }
}

// RestrictAdditionalAccessTokenScopes implements op.Client.
func (a *application) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// IsScopeAllowed implements op.Client.
func (a *application) IsScopeAllowed(string) bool { return true }

// IDTokenUserinfoClaimsAssertion implements op.Client: what scopes ask for stands in the ID token, too. The API server of a cluster asks
// for nothing more.
func (a *application) IDTokenUserinfoClaimsAssertion() bool { return true }

// ClockSkew implements op.Client.
func (a *application) ClockSkew() time.Duration { return 0 }
