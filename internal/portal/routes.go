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
