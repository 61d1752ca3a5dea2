// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"

	"github.com/roster-dev/roster/internal/portal/web"
)

// ownRoutes are the pages that belong to no room.
func ownRoutes() []web.Route {
	return []web.Route{
		{Path: "/{$}", Get: home},
		{Path: "/robots.txt", Get: robots},
		{Path: "/assets/{name}", Get: (*web.Visit).Asset},
		// Password managers look for it there (A Well-Known URL for Changing Passwords, W3C).
		{Path: "/.well-known/change-password", Get: func(v *web.Visit) { v.SeeOther("/account/password", "") }, AtHost: true},
	}
}

func home(v *web.Visit) {
	w := v.Words
	v.Notice(http.StatusOK, web.Notice{Heading: w.T("home.title"), Paragraphs: []string{w.T("home.text"), w.T("home.next")}})
}

func robots(v *web.Visit) {
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = v.W.Write([]byte("User-agent: *\nDisallow: /\n"))
}
