// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"context"
	"errors"
	"net/http"

	jose "github.com/go-jose/go-jose/v4"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/texts"
)

// userinfo answers GET and POST /openid/userinfo (OpenID Connect Core 1.0, 5.3): what is true now, not when the token was made.
func userinfo(t *tool, w http.ResponseWriter, r *http.Request) {
	p, e, err := t.ask(r.Context(), bearer(r))
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Roster", error="invalid_token"`) // RFC 6750, 3
		reply(w, http.StatusUnauthorized, oauthError{"invalid_token", "the access token is not good, or not any more"})
		return
	}
	info := &zitadel.UserInfo{}
	e.describe(info, p.Scopes)
	reply(w, http.StatusOK, info)
}

// ask finds what an access token lets somebody ask about. It returns an error if it lets them ask nothing.
func (t *tool) ask(ctx context.Context, token string) (pass, *exchange, error) {
	p, err := t.openPass(token)
	if err != nil {
		return p, nil, err
	}
	e, err := t.look(ctx, p.Account, p.Grant)
	if err != nil {
		return p, nil, err
	}
	if why := grant.Counts(&e.grant, e.facts, t.v.Now()); why != "" {
		return p, nil, notCountingError{why}
	}
	return p, e, nil
}

// introspect answers POST /openid/introspect (RFC 7662). An application learns about its own tokens, and of others nothing.
func introspect(t *tool, w http.ResponseWriter, r *http.Request) {
	token, clientID, err := op.ParseTokenIntrospectionRequest(r, t)
	if err != nil {
		reply(w, http.StatusUnauthorized, oauthError{"invalid_client", "the client ID and the client secret belong in the header"})
		return
	}
	p, e, err := t.ask(r.Context(), token)
	if err != nil || e.grant.Client != clientID {
		reply(w, http.StatusOK, &zitadel.IntrospectionResponse{})
		return
	}
	answer := &zitadel.IntrospectionResponse{
		Active: true, Scope: p.Scopes, ClientID: clientID, TokenType: zitadel.BearerToken, Expiration: zitadel.Time(p.Expires),
		IssuedAt: zitadel.Time(p.Issued), AuthTime: zitadel.FromTime(e.GetAuthTime()), Audience: e.GetAudience(),
		AuthenticationMethodsReferences: e.GetAMR(), Issuer: t.Config.Issuer,
	}
	info := &zitadel.UserInfo{}
	e.describe(info, p.Scopes)
	answer.SetUserInfo(info)
	answer.Username = info.Email
	reply(w, http.StatusOK, answer)
}

// revoke answers POST /openid/revoke (RFC 7009).
func revoke(t *tool, w http.ResponseWriter, r *http.Request) { op.Revoke(w, r, t) }

// end puts those grants of a person at their end that are chosen, in one write. The application is told of it after that.
func (h *Handler) end(
	ctx context.Context, v *web.Visit, of *rosterv1alpha1.Account, why grant.Reason, chosen func(*grant.Grant) bool,
) error {
	var ended []*grant.Grant
	_, err := h.Accounts.UpdateCredentials(ctx, of, func(c *account.Credentials) error {
		ended = nil
		return grant.Change(c, func(d *grant.Document) error {
			for i := range d.Grants {
				if g := &d.Grants[i]; chosen(g) && g.End(why, v.Now()) {
					ended = append(ended, g)
				}
			}
			if len(ended) == 0 {
				return account.ErrUnchanged
			}
			return nil
		})
	})
	if err != nil && !errors.Is(err, account.ErrNoCredentials) {
		return err
	}
	for _, g := range ended {
		v.Audit(web.EventApplicationSignOut, web.ResultSuccess, of.Name, "application", g.Client, "grant", g.ID, "why", why)
	}
	return nil
}

// keys answers GET /openid/keys (RFC 7517).
func keys(t *tool, w http.ResponseWriter, r *http.Request) {
	public, err := t.publicKeys(r.Context(), t.v)
	if err != nil {
		_ = t.failed(err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: public})
}

// publicKeys are those that tokens are checked with.
func (h *Handler) publicKeys(ctx context.Context, v *web.Visit) ([]jose.JSONWebKey, error) {
	set, err := h.Signing.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	public := []jose.JSONWebKey{}
	for _, k := range set.Published(v.Now()) {
		public = append(public, k.Public())
	}
	return public, nil
}

// metadata is the discovery document (OpenID Connect Discovery 1.0, 3), with what the library does not know yet.
type metadata struct {
	zitadel.DiscoveryConfiguration
	// Every answer to an authorization request says who gives it (RFC 9207), so that an application with several providers does not take
	// one's for another's.
	IssParameter bool     `json:"authorization_response_iss_parameter_supported"`
	Prompts      []string `json:"prompt_values_supported"`
}

// discover answers GET /.well-known/openid-configuration.
func discover(t *tool, w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return t.BaseURL + path }
	methods := []zitadel.AuthMethod{zitadel.AuthMethodBasic, zitadel.AuthMethodPost, zitadel.AuthMethodNone}
	document := metadata{IssParameter: true, Prompts: []string{"none", "login", "consent", "select_account"}}
	document.DiscoveryConfiguration = zitadel.DiscoveryConfiguration{
		Issuer: t.Config.Issuer, AuthorizationEndpoint: at(pathAuthorize), TokenEndpoint: at(pathToken), UserinfoEndpoint: at(pathUserinfo),
		IntrospectionEndpoint: at(pathIntrospect), RevocationEndpoint: at(pathRevoke), EndSessionEndpoint: at(pathLogout),
		DeviceAuthorizationEndpoint: at(pathDeviceCode), JwksURI: t.Config.Issuer + pathKeys,
		ScopesSupported: rules.Scopes(), ResponseTypesSupported: []string{"code"}, ResponseModesSupported: []string{"query"},
		GrantTypesSupported: []zitadel.GrantType{
			zitadel.GrantTypeCode, zitadel.GrantTypeRefreshToken, zitadel.GrantTypeDeviceCode,
		},
		ACRValuesSupported:    []string{rules.ClassPhishingResistant, rules.ClassTwoFactors, rules.ClassOneFactor},
		SubjectTypesSupported: []string{"public", "pairwise"}, IDTokenSigningAlgValuesSupported: []string{string(signing.Algorithm)},
		TokenEndpointAuthMethodsSupported: methods, RevocationEndpointAuthMethodsSupported: methods,
		IntrospectionEndpointAuthMethodsSupported: []zitadel.AuthMethod{zitadel.AuthMethodBasic},
		CodeChallengeMethodsSupported:             []zitadel.CodeChallengeMethod{zitadel.CodeChallengeMethodS256},
		ClaimsSupported:                           rules.Claims(),
		BackChannelLogoutSupported:                true, BackChannelLogoutSessionSupported: true,
	}
	for _, l := range texts.Languages() {
		document.UILocalesSupported = append(document.UILocalesSupported, language.Make(string(l)))
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	reply(w, http.StatusOK, document)
}

func locale(l rosterv1alpha1.Locale) *zitadel.Locale {
	if l == "" {
		return nil
	}
	return zitadel.NewLocale(language.Make(string(l)))
}
