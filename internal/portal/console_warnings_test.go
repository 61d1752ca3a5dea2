// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestWhatAPolicyWarnsOfIsShown: once, on the page after the write. TestAWarningReachesItsVisit is about whom.
func TestWhatAPolicyWarnsOfIsShown(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.colleague("zoe", nil, func(st *rosterv1alpha1.MemberStatus) { st.SoleRenewerOf = []string{"acme-fb"} })
	w.colleague("tom", nil, nil)
	warning := "Without " + w.address("zoe") + ", nobody in particular can reconnect acme.social (Facebook)"
	path := w.personPath("members", "zoe", "end")
	manager.does(path, "endTime", "2026-12-31").expect(t, http.StatusOK, "The membership of Zoe ends on", warning)
	for name, page := range map[string]answer{
		"the next page": manager.get(path), "the page after another write": manager.does(w.personPath("members", "tom", "end"), "endTime", "2026-12-31"),
	} {
		if page.expect(t, http.StatusOK); strings.Contains(page.body, "nobody in particular") {
			t.Errorf("%s says it again", name)
		}
	}
}
