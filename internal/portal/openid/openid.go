// SPDX-License-Identifier: Apache-2.0

// Package openid is the portal as an OpenID provider: members sign in to the applications of their organisations with the account that they
// have here. What is asked of it and what it answers is the business of a certified library as far as it has it (zitadel/oidc); who gets
// what is decided by the rules about grants.
package openid

import (
	"embed"
	"net/url"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/limit"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the pages and texts of this room.
//
//go:embed templates texts
var Files embed.FS

// Handler of the endpoints for applications, and of the pages that people see on their way there.
type Handler struct {
	Config   config.OpenID
	Sessions *session.Manager
	Accounts *account.Store
	// Standing is what grants rest on.
	Standing *standing.Reader
	// Client reads and writes without a cache.
	Client client.Client
	// Companies are the issuers that people can sign in with.
	Companies oidc.Directory
	// Sealing keys are for what applications and browsers carry, Signing keys for tokens.
	Sealing *web.KeySource
	Signing *web.Source[signing.Set]
	Limits  *web.Limiters
	// Polls are how often devices may ask whether their person has answered.
	Polls *limit.Limiter[string]
	// Codes are how many device codes are given out.
	Codes *limit.Limiter[string]
	// Looks and AllLooks are how often one client, and all, have the API server asked about an Application.
	Looks, AllLooks *limit.Limiter[string]
	Cache           web.Cache
	// BaseURL is the public address of the portal, without a slash at its end.
	BaseURL string
}

// The endpoints, and the pages on the way.
const (
	pathAuthorize  = "/openid/authorize"
	pathToken      = "/openid/token"
	pathUserinfo   = "/openid/userinfo"
	pathIntrospect = "/openid/introspect"
	pathRevoke     = "/openid/revoke"
	pathLogout     = "/openid/logout"
	pathKeys       = "/openid/keys"
	pathDeviceCode = "/openid/device-authorization"
	pathContinue   = "/openid/continue/"
	pathDevice     = "/device"
	pathDiscovery  = "/.well-known/openid-configuration"
)

// Routes are the endpoints and pages; none where the portal is no provider.
func (h *Handler) Routes() []web.Route {
	if !h.Config.On() {
		return nil
	}
	routes := []web.Route{
		{Path: pathAuthorize, Get: h.authorize, Post: h.authorize},
		{Path: pathContinue + "{request}", Get: h.getContinue, Post: h.postContinue, Returnable: true},
		{Path: pathToken, Post: h.tool(tokens), Tool: true},
		{Path: pathUserinfo, Get: h.tool(userinfo), Post: h.tool(userinfo), Tool: true},
		{Path: pathIntrospect, Post: h.tool(introspect), Tool: true},
		{Path: pathRevoke, Post: h.tool(revoke), Tool: true},
		{Path: pathDeviceCode, Post: h.tool(deviceAuthorization), Tool: true},
		{Path: pathDevice, Get: h.Sessions.Require(h.getDevice), Post: h.Sessions.Require(h.postDevice), Returnable: true},
		{Path: pathDevice + "/{code}", Get: h.Sessions.Require(h.getDeviceCode), Post: h.Sessions.Require(h.postDeviceCode), Returnable: true},
		{
			Path: PathSignIns, Get: h.Sessions.RequireRecent(h.getSignIns), Post: h.Sessions.RequireRecent(h.postSignIns),
			Returnable: true,
		},
		{Path: pathLogout, Get: h.logout, Post: h.logout},
		{Path: pathSignOut + "{request}", Get: h.getSignOut, Post: h.postSignOut},
	}
	return append(routes, h.published()...)
}

// CrossSite are the pages to which other sites may send forms, as patterns of http.ServeMux: an application may ask for a sign-in (OpenID
// Connect Core 1.0, 3.1.2.1) and for a sign-out (RP-Initiated Logout 1.0, 2) by a form, and nothing is changed by that.
func (h *Handler) CrossSite() []string {
	if !h.Config.On() {
		return nil
	}
	return []string{"POST " + h.root() + pathAuthorize, "POST " + h.root() + pathLogout}
}

// root is the path of the portal's address.
func (h *Handler) root() string { return pathOf(h.BaseURL) }

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// published are discovery and keys: at the address of the issuer, where everybody looks for them.
func (h *Handler) published() []web.Route {
	issuer := pathOf(h.Config.Issuer)
	routes := []web.Route{
		{Path: issuer + pathDiscovery, Get: h.tool(discover), Tool: true, AtHost: true},
		{Path: issuer + pathKeys, Get: h.tool(keys), Tool: true, AtHost: true},
	}
	if root := h.root(); root != issuer {
		routes = append(routes, web.Route{Path: pathKeys, Get: h.tool(keys), Tool: true})
	}
	return routes
}
