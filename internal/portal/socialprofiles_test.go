// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
)

func TestRemovingAProfile(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects())
	own := w.profile("own", rosterv1alpha1.SocialProfileSpec{Network: "Bluesky", Handle: "own.example", ConnectedBy: w.address("kofi")})
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector, own.Name)
	page := "/organizations/" + w.ns + "/profiles/own/remove"
	b.post(page, url.Values{}).expect(t, http.StatusUnprocessableEntity, "Tick the box")
	b.post(page, url.Values{"confirm": {"yes"}}).expect(t, http.StatusSeeOther)
	orders, _, _ := w.handedOver()
	if len(orders) != 1 || *orders[0].Remove != (connection.Profile{Name: "own", UID: string(own.UID)}) || orders[0].Accounts != nil {
		t.Fatalf("orders %+v", orders)
	}
	w.answered(connection.Outcome{Profile: "own", Handle: "own.example", Result: connection.Removed})
	b.get("/organizations/"+w.ns+"/profiles/outcome").expect(t, http.StatusOK, "own.example has been removed")
	s.clock.SetTime(now().Add(time.Hour))
	b.get(page).expect(t, http.StatusSeeOther) // the password is asked for again
}
