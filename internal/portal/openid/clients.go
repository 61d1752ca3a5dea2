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
)

// application is one that asks: of an organisation or of the platform. It implements op.Client.
type application struct {
	id, name string
	// namespace of the organisation that its tokens speak of; empty if they speak of the person alone.
	namespace string
	// undecided: its tokens speak of an organisation that the person has yet to choose.
	undecided bool
	// object is nil for one of the platform.
	object *rosterv1alpha1.Application
	// native: it runs on people's devices and has no secret.
	native               bool
	secrets              []rosterv1alpha1.SecretHash
	redirects, loggedOut []string
}

// application finds the one of a client ID; nil where there is none.
func (h *Handler) application(ctx context.Context, clientID string) (*application, error) {
	if grant.IsPlatformClient(clientID) {
		c := h.Standing.Platform(clientID)
		if c == nil {
			return nil, nil
		}
		a := &application{
			id: c.ID, name: c.DisplayName, native: c.Type != rosterv1alpha1.ApplicationWeb,
			redirects: c.RedirectURIs, loggedOut: c.PostLogoutRedirectURIs,
		}
		for _, hash := range c.SecretHashes {
			a.secrets = append(a.secrets, rosterv1alpha1.SecretHash{SHA256: hash})
		}
		return a, nil
	}
	object, err := h.Standing.Application(ctx, clientID)
	if object == nil {
		return nil, err
	}
	return &application{
		id: clientID, name: object.Title(), namespace: object.Namespace, object: object,
		native: object.Spec.Type == rosterv1alpha1.ApplicationNative, secrets: object.Status.SecretHashes,
		redirects: object.Spec.RedirectURIs, loggedOut: object.Spec.PostLogoutRedirectURIs,
	}, nil
}

// returnsTo reports whether people may be sent back to an address.
func (a *application) returnsTo(address string) bool {
	return rules.Registered(a.redirects, address, a.native)
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
