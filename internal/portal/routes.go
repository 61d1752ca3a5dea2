// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"regexp"
	"strings"
)

// route is a page. What the mux knows of it, which methods it allows and whether people can be sent on to it follow from its entry here.
type route struct {
	// path of the page under the path of the portal's address. Each of its parameters has an entry in parameters.
	path string
	// get also serves HEAD. Where one of the two is nil, that method is answered with 405.
	get, post func(*visit)
	// guard says who is served; nil serves everybody.
	guard guard
	// postGuard takes the place of guard where a form needs more than the page that shows it.
	postGuard guard
	// returnable: people who have to sign in first, or to prove again who they are, can be sent on to it.
	returnable bool
	// atHost: the path starts at the host, wherever the portal is on it.
	atHost bool
}

// routes are all the pages.
func (p *Portal) routes() []route {
	var all []route
	for _, concern := range [][]route{
		p.publicRoutes(), p.invitationRoutes(), p.signInRoutes(), p.accountRoutes(), p.factorRoutes(), p.organizationRoutes(), p.connectRoutes(),
	} {
		all = append(all, concern...)
	}
	return all
}

func (p *Portal) publicRoutes() []route {
	return []route{
		{path: "/{$}", get: p.home},
		{path: "/robots.txt", get: p.robots},
		{path: "/assets/{name}", get: p.asset},
		// Password managers look for it there (A Well-Known URL for Changing Passwords, W3C).
		{path: "/.well-known/change-password", get: func(v *visit) { p.seeOther(v, "/account/password", "") }, atHost: true},
	}
}

func (p *Portal) invitationRoutes() []route {
	const invitation = "/invitations/{token}"
	return []route{
		{path: invitation, get: p.getInvitation, post: p.postInvitation, returnable: true},
		{path: invitation + "/decline", get: p.getDecline},
		{path: invitation + "/address", get: p.getOtherAddress, post: p.postOtherAddress, guard: p.requireSession, returnable: true},
		{path: invitation + "/welcome", get: p.getWelcome},
	}
}

func (p *Portal) signInRoutes() []route {
	return []route{
		{path: "/sign-in", get: p.getSignIn, post: p.postSignIn},
		{path: "/sign-in/passkey", post: p.postSignInPasskey},
		{path: "/sign-in/second", get: p.getSecondFactor, post: p.postSecondFactor, guard: p.requirePendingSession},
		{path: "/sign-in/confirm", get: p.getConfirm, post: p.postConfirm, guard: p.requireSessionOnly},
		{path: "/sign-in/company", get: p.getCompany, post: p.postCompany},
		{path: "/sign-in/company/{issuer}", get: p.goToCompany},
		{path: "/sign-in/company/{issuer}/callback", get: p.backFromCompany},
		{path: "/sign-out", post: p.postSignOut},
		{path: "/forgotten", get: p.getForgotten, post: p.postForgotten},
		{path: "/reset/{token}", get: p.getReset, post: p.postReset},
	}
}

func (p *Portal) accountRoutes() []route {
	return []route{
		{path: "/account", get: p.getAccount, guard: p.requireSession, returnable: true},
		{path: "/account/profile", get: p.getPersonalDetails, post: p.postPersonalDetails, guard: p.requireSession, returnable: true},
		{path: "/account/sessions", get: p.getDevices, post: p.postDevices, guard: p.requireRecentAuth, returnable: true},
		{path: "/account/username", get: p.getUsername, post: p.postUsername, guard: p.requireRecentAuth, returnable: true},
		{path: "/account/password", get: p.getPassword, post: p.postPassword, guard: p.requireRecentAuth, returnable: true},
	}
}

// factorRoutes are the pages on which people set second factors up. Those who owe one get there without.
func (p *Portal) factorRoutes() []route {
	return []route{
		{
			path: "/account/factors", get: p.getFactors, post: p.postFactors,
			guard: p.requireSessionOnly, postGuard: p.requireRecentAuthOnly, returnable: true,
		},
		{path: "/account/factors/app", get: p.getApp, post: p.postApp, guard: p.requireRecentAuthIfAny, returnable: true},
		{path: "/account/factors/passkey", get: p.getPasskey, post: p.postPasskey, guard: p.requireRecentAuthOnly, returnable: true},
	}
}

func (p *Portal) organizationRoutes() []route {
	const organization = "/organizations/{namespace}"
	return []route{
		{path: organization, get: p.getOrganization, guard: p.requireSession, returnable: true},
		{path: organization + "/welcome", get: p.getOnboarding, guard: p.requireSession, returnable: true},
		{path: organization + "/leave", get: p.getLeave, post: p.postLeave, guard: p.requireRecentAuth, returnable: true},
		{path: organization + "/ownership", get: p.getOwnership, post: p.postOwnership, guard: p.requireRecentAuth, returnable: true},
	}
}

// connectRoutes are the pages on which people connect social profiles.
func (p *Portal) connectRoutes() []route {
	const profiles, connect = "/organizations/{namespace}/profiles", "/organizations/{namespace}/connect/{network}"
	return []route{
		{path: profiles, get: p.getSocialProfiles, guard: p.requireSession, returnable: true},
		{path: profiles + "/outcome", get: p.getOutcome, guard: p.requireSession},
		{path: profiles + "/{profile}/remove", get: p.getRemove, post: p.postRemove, guard: p.requireRecentAuth, returnable: true},
		{path: connect, get: p.getConnect, post: p.postConnect, guard: p.requireSession, returnable: true},
		{path: connect + "/go", get: p.goToNetwork, guard: p.requireSession},
		{path: connect + "/choose", get: p.getChoose, post: p.postChoose, guard: p.requireSession, returnable: true},
		{path: "/connect/{network}/callback", get: p.backFromNetwork, guard: p.requireSession},
	}
}

// parameters are what may stand in the paths that people are sent on to, by the name of the parameter. None matches a path's "." or "..".
func parameters() map[string]string {
	return map[string]string{
		"token":     `[A-Za-z0-9_-]{1,100}`,
		"namespace": `[a-z0-9-]{1,63}`,
		"network":   `[a-z]{1,20}`,
		"profile":   `[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?`,
	}
}

const (
	allowGet     = "GET, HEAD"
	allowPost    = "POST"
	allowGetPost = "GET, HEAD, POST"
)

// allow is the Allow header of a page.
func (r route) allow() string {
	switch {
	case r.post == nil:
		return allowGet
	case r.get == nil:
		return allowPost
	}
	return allowGetPost
}

// newMux serves the pages, answers 405 to methods that a page does not have, and 404 to all other paths.
func (p *Portal) newMux(routes []route) *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, page func(*visit)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { page(p.visit(w, r)) })
	}
	for _, r := range routes {
		path := p.root + r.path
		if r.atHost {
			path = r.path
		}
		if r.get != nil {
			handle("GET "+path, r.guard.of(r.get))
		}
		if r.post != nil {
			g := r.postGuard
			if g == nil {
				g = r.guard
			}
			handle("POST "+path, g.of(r.post))
		}
		handle(path, func(v *visit) { p.methodNotAllowed(v, r.allow()) })
	}
	handle("/", p.notFound)
	return mux
}

// destinations matches the paths that people can be sent on to: no other address gets into a redirect.
func destinations(routes []route) *regexp.Regexp {
	known, parameter := parameters(), regexp.MustCompile(`\\\{([a-z]+)\\\}`)
	var paths []string
	for _, r := range routes {
		if r.returnable {
			paths = append(paths, parameter.ReplaceAllStringFunc(regexp.QuoteMeta(r.path), func(s string) string {
				return known[strings.Trim(s, `\{}`)]
			}))
		}
	}
	return regexp.MustCompile(`^(` + strings.Join(paths, "|") + `)$`)
}
