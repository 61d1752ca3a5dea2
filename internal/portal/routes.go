// SPDX-License-Identifier: Apache-2.0

package portal

import "net/http"

// route is one way to ask for a page.
type route struct {
	// method is empty for the answer to every other method.
	method, path string
	serve        func(*visit)
}

func (r route) pattern(root string) string {
	if r.method == "" {
		return root + r.path
	}
	return r.method + " " + root + r.path
}

// factorRoutes are the pages of second factors and of companies' sign-in.
func (p *Portal) factorRoutes() []route {
	routes := []route{
		{http.MethodGet, "/sign-in/second", p.halfway(p.getSecond)},
		{http.MethodPost, "/sign-in/second", p.halfway(p.postSecond)},
		{http.MethodPost, "/sign-in/passkey", p.postSignInPasskey},
		{http.MethodGet, "/sign-in/company", p.getCompany},
		{http.MethodPost, "/sign-in/company", p.postCompany},
		{http.MethodGet, "/sign-in/company/{issuer}", p.goToCompany},
		{http.MethodGet, "/sign-in/company/{issuer}/callback", p.backFromCompany},
		{http.MethodGet, "/account/factors", p.enrolling(p.getFactors)},
		{http.MethodPost, "/account/factors", p.enrolling(p.proven(p.postFactors))},
		{http.MethodGet, "/account/factors/app", p.enrolling(p.provenOrBare(p.getApp))},
		{http.MethodPost, "/account/factors/app", p.enrolling(p.provenOrBare(p.postApp))},
		{http.MethodGet, "/account/factors/passkey", p.enrolling(p.proven(p.getPasskey))},
		{http.MethodPost, "/account/factors/passkey", p.enrolling(p.proven(p.postPasskey))},
	}
	for path, allow := range map[string]string{
		"/sign-in/second": "GET, HEAD, POST", "/sign-in/passkey": "POST", "/sign-in/company": "GET, HEAD, POST",
		"/sign-in/company/{issuer}": "GET, HEAD", "/sign-in/company/{issuer}/callback": "GET, HEAD",
		"/account/factors": "GET, HEAD, POST", "/account/factors/app": "GET, HEAD, POST", "/account/factors/passkey": "GET, HEAD, POST",
	} {
		routes = append(routes, route{path: path, serve: func(v *visit) { p.methodNotAllowed(v, allow) }})
	}
	return routes
}

// connectRoutes are the pages on which people connect social profiles.
func (p *Portal) connectRoutes() []route {
	const profiles, connect = "/organizations/{namespace}/profiles", "/organizations/{namespace}/connect/{network}"
	routes := []route{
		{http.MethodGet, profiles, p.signedIn(p.getProfiles)},
		{http.MethodGet, profiles + "/outcome", p.signedIn(p.getOutcome)},
		{http.MethodGet, profiles + "/{profile}/remove", p.fresh(p.getRemove)},
		{http.MethodPost, profiles + "/{profile}/remove", p.fresh(p.postRemove)},
		{http.MethodGet, connect, p.signedIn(p.getConnect)},
		{http.MethodPost, connect, p.signedIn(p.postConnect)},
		{http.MethodGet, connect + "/go", p.signedIn(p.goToNetwork)},
		{http.MethodGet, "/connect/{network}/callback", p.signedIn(p.backFromNetwork)},
		{http.MethodGet, connect + "/choose", p.signedIn(p.getChoose)},
		{http.MethodPost, connect + "/choose", p.signedIn(p.postChoose)},
	}
	for path, allow := range map[string]string{
		profiles: "GET, HEAD", profiles + "/outcome": "GET, HEAD", profiles + "/{profile}/remove": "GET, HEAD, POST",
		connect: "GET, HEAD, POST", connect + "/go": "GET, HEAD", connect + "/choose": "GET, HEAD, POST",
		"/connect/{network}/callback": "GET, HEAD",
	} {
		routes = append(routes, route{path: path, serve: func(v *visit) { p.methodNotAllowed(v, allow) }})
	}
	return routes
}
