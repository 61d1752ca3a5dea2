// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/portal/web"
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

func TestHowAConnectionStands(t *testing.T) {
	d, err := web.NewDictionary()
	if err != nil {
		t.Fatal(err)
	}
	w := d.Words[rosterv1alpha1.LocaleEnglish]
	condition := func(kind string, status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status}
	}
	until := metav1.NewTime(now())
	for name, c := range map[string]struct {
		conditions []metav1.Condition
		credential *rosterv1alpha1.CredentialStatus
		text       string
		bad        bool
	}{
		"nobody has looked": {text: "has not answered yet"},
		"unknown":           {conditions: []metav1.Condition{condition("Connected", "Unknown")}, text: "has not answered yet"},
		"good":              {conditions: []metav1.Condition{condition("Connected", "True")}, text: "Connected"},
		"lost":              {conditions: []metav1.Condition{condition("Connected", "False")}, text: "Access lost", bad: true},
		"expiring":          {conditions: []metav1.Condition{condition("Connected", "True"), condition("TokenExpiring", "True")}, text: "ends soon", bad: true},
		"with a date": {
			conditions: []metav1.Condition{condition("Connected", "True"), condition("TokenExpiring", "True")},
			credential: &rosterv1alpha1.CredentialStatus{ReconnectByTime: &until}, text: "before Monday, 23 November 2026", bad: true,
		},
	} {
		sp := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{CredentialsSecretRef: ptr.To(rosterv1alpha1.LocalReference{Name: "s"})}}
		sp.Status.Conditions, sp.Status.Credential = c.conditions, c.credential
		if text, bad := connectionState(w, sp); !strings.Contains(text, c.text) || bad != c.bad {
			t.Errorf("%s: %q, %v", name, text, bad)
		}
	}
}
