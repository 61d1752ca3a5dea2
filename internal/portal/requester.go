// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/web"
)

// takeRequest counts a request, and says whose it is.
func (p *Portal) takeRequest(v *visit) (requester string, wait time.Duration) {
	if strings.HasPrefix(v.r.URL.Path, p.root+"/assets/") {
		return "", 0
	}
	key := p.requester(v)
	buckets := []web.Bucket{web.Count(p.limits.Requests, key)}
	if v.r.Method == http.MethodPost {
		buckets = append(buckets, web.Count(p.limits.Posts, key))
	}
	_, wait = p.limits.Take(buckets...)
	return key, wait
}

// requester is what requests are counted by: the person who is signed in, the invitation whose link was opened, or whom the browser has
// signed in before. So people behind one address do not use up each other's. Only strangers are counted by address.
func (p *Portal) requester(v *visit) string {
	var s account.Session
	if ok, err := p.openCookie(v, sessionCookie, sessionUse, &s); ok && err == nil {
		return "account " + s.Account
	}
	if rest, ok := strings.CutPrefix(v.r.URL.Path, p.root+"/invitations/"); ok {
		token, _, _ := strings.Cut(rest, "/")
		if f, err := p.identify(v.r.Context(), token); err == nil {
			return "invitation " + string(f.offer.Invitation.UID) + " " + web.ClientKey(v.client)
		}
	}
	if d, err := p.browser(v); err == nil && len(d.Logins) > 0 {
		return "login " + d.Logins[len(d.Logins)-1]
	}
	return "client " + web.ClientKey(v.client)
}

// canonicalLogin is a login in the form in which tries at it are counted. The address and the user name of an account are counted apart:
// who tries must not learn that they belong together.
func canonicalLogin(typed string) string {
	if a, err := address.Parse(typed); err == nil {
		return string(a)
	}
	if a := address.Former(typed); a != "" {
		return string(a)
	}
	return strings.ToLower(typed)
}
