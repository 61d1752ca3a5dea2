// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Requester is what requests are counted by: the person who is signed in, the invitation whose link was opened, or whom the browser has
// signed in before. So people behind one address do not use up each other's. Only strangers are counted by address.
func (sm *Manager) Requester(v *web.Visit) string {
	var s account.Session
	if ok, err := v.OpenCookie(sessionCookie, sessionUse, &s); ok && err == nil {
		return "account " + s.Account
	}
	if rest, ok := strings.CutPrefix(v.Page(), "/invitations/"); ok {
		token, _, _ := strings.Cut(rest, "/")
		if f, err := sm.Links.Identify(v.R.Context(), token); err == nil {
			return "invitation " + string(f.Offer.Invitation.UID) + " " + web.ClientKey(v.Client)
		}
	}
	if d, err := sm.Browser(v); err == nil && len(d.Logins) > 0 {
		return "login " + d.Logins[len(d.Logins)-1]
	}
	return "client " + web.ClientKey(v.Client)
}
