// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestPagesOfPeopleOfferToSignOut: every page that one has to be signed in for, the ones that are not there, too.
func TestPagesOfPeopleOfferToSignOut(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects())
	own := w.profile("own", rosterv1alpha1.SocialProfileSpec{Network: "Bluesky", Handle: "own.example", ConnectedBy: w.address("kofi")})
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector, own.Name)
	link := w.link(w.invite("kofi-at-home"))
	place := strings.NewReplacer("{namespace}", w.ns, "{profile}", own.Name, "{network}", "bluesky", "{token}", strings.TrimPrefix(link, "/invitations/"))
	pages := 0
	for _, r := range s.handler.routes {
		if r.Get == nil || !guarded(r) {
			continue
		}
		a := b.get(place.Replace(r.Path))
		if a.StatusCode == http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		pages++
		if !strings.Contains(a.body, `action="/sign-out"`) {
			t.Errorf("%s (status %d) does not offer to sign out", r.Path, a.StatusCode)
		}
	}
	if pages < 10 {
		t.Errorf("only %d pages were seen", pages)
	}
}
