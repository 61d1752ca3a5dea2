// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// A membership that ends has ended at that time. No operator runs in these tests: the portal looks at the clock.
func TestAMembershipEndsWhileTheOperatorIsAway(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	w.joined("ana", func(spec *rosterv1alpha1.MemberSpec) {
		spec.Role, spec.EndTime = rosterv1alpha1.RoleManager, &metav1.Time{Time: now().Add(5 * time.Minute)}
	}, nil)
	page, everything := "/organizations/"+w.ns, "All profiles, as an administrator"
	b.get(page).expect(t, http.StatusOK, everything, "Access until", "Monday, 23 November 2026, 09:35 UTC", page+"/profiles")

	s.clock.SetTime(now().Add(5 * time.Minute))
	after := b.get(page)
	after.expect(t, http.StatusOK, "Ended", "You have no social profiles at the moment.")
	for _, gone := range []string{everything, page + "/profiles"} {
		if strings.Contains(after.body, gone) {
			t.Errorf("the page still has %q", gone)
		}
	}
}

// The page of an invitation tells until when the membership lasts that it offers.
func TestAnInvitationSaysUntilWhen(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana", func(inv *rosterv1alpha1.Invitation) {
		inv.Spec.EndTime = &metav1.Time{Time: now().Add(30 * 24 * time.Hour)}
	})
	b := w.site().browser()
	b.get(w.link(inv)).expect(t, http.StatusOK, "Membership ends", "Wednesday, 23 December 2026")
	b.get(w.link(inv)+"?lang=fr").expect(t, http.StatusOK, "Fin de l’accès", "mercredi 23 décembre 2026")
}
