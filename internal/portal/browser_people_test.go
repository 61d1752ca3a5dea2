// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestBrowserPeople: AG-03, AG-04. Somebody is found, changed and suspended, by the keyboard alone.
func TestBrowserPeople(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){w.connects(), w.console} })
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.owned("olivia")
	w.seats(80, 62)
	press := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Role: rosterv1alpha1.ProfileEditor, Members: []string{"zoe", "mia"}, Profiles: []string{"acme-fb"},
	}}
	w.create(press)
	w.awaitCache(press)
	w.colleague("zoe", func(m *rosterv1alpha1.MemberSpec) {
		m.DisplayName, m.Company, m.EndTime = "Zoé Lefèvre", "Agence Neuf", &metav1.Time{Time: now().Add(1000 * time.Hour)}
		m.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-masto", Role: rosterv1alpha1.ProfileAdministrator}}
	}, func(st *rosterv1alpha1.MemberStatus) {
		st.LastSignInTime, st.SecondFactor = &metav1.Time{Time: now().Add(-24 * time.Hour)}, ptr.To(true)
	})
	for i := range 55 {
		w.colleague(fmt.Sprintf("colleague-%02d", i), nil, func(st *rosterv1alpha1.MemberStatus) { st.SecondFactor = ptr.To(i%3 == 0) })
	}
	w.status(w.invite("a-rather-long-local-part-of-an-address-that-somebody-has"), func(st *rosterv1alpha1.InvitationStatus) {
		st.State = rosterv1alpha1.InvitationUndeliverable
		st.Conditions = []metav1.Condition{
			{Type: rosterv1alpha1.ConditionDelivered, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonRejected,
				Message: "The relay refused the address: 550 5.1.1 no such user here.", LastTransitionTime: metav1.NewTime(now())},
			{Type: rosterv1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonRejected,
				Message: "The relay refused the address: 550 5.1.1 no such user here.", LastTransitionTime: metav1.NewTime(now())},
		}
	})

	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + "/organizations/" + w.ns)
	b.choose("Look after the team")
	b.says("People", "62 of 80 seats are taken", "Page 1 of 2", "Email refused")
	b.choose("Next")
	b.says("Page 2 of 2", "Zoé Lefèvre")
	b.sound("people")
	b.run(chromedp.NavigateBack())
	b.says("Page 1 of 2")
	b.value(`document.getElementById("q").focus(); 0`)
	b.press("lefevre")
	b.submit(kb.Enter)
	b.says("1 person", "Zoé Lefèvre")
	b.choose("Zoé Lefèvre")
	b.says("Editor (team Press)", "Administrator (given to this person)", "Agence Neuf", "Set up")
	b.sound("person")

	b.choose("Change role and profiles")
	b.sound("person-change")
	b.run(chromedp.Focus(`[id="profile.acme-masto"]`))
	b.press("Gu")
	b.run(chromedp.Focus("#displayName"))
	b.press(kb.End, " (Paris)")
	b.choose("Save")
	b.says("Change Zoé Lefèvre?", "Zoé Lefèvre can no longer")
	b.sound("person-change-sure")
	b.choose("Save")
	b.says("Your changes to Zoé Lefèvre have been saved.", "Zoé Lefèvre (Paris)", "Guest (given to this person)")

	b.choose("Change last day")
	b.run(chromedp.Focus("#endTime"))
	b.value(`document.getElementById('endTime').type = 'text'; document.getElementById('endTime').value = '2020-01-01'; 0`)
	b.choose("Save")
	b.focused("errors")
	b.says("this is in the past")
	b.sound("person-end-corrected")
	b.open(s.url + w.personPath("members", "zoe", "teams"))
	b.sound("person-teams")

	b.open(s.url + w.personPath("members", "zoe"))
	b.choose("Suspend")
	b.says("Suspend Zoé Lefèvre (Paris)?", "The seat stays taken")
	b.sound("person-suspend")
	b.choose("Suspend")
	b.says("has been suspended", "Lift suspension")
	b.sound("person-suspended")
	b.open(s.url + w.personPath("members", "olivia", "remove"))
	b.says("Hand over the organisation first")
	b.sound("person-owner")
	b.open(s.url + w.peoplePath() + "?state=undeliverable")
	b.value(`window.isOld = true; document.querySelector('tbody a').focus(); 0`)
	b.submit(kb.Enter)
	b.says("no such user here", "refused")
	b.sound("person-undeliverable")
	b.open(s.url + w.peoplePath() + "?lang=fr&q=zoe")
	b.says("Accès suspendu", "62 places occupées sur 80")
	b.sound("people-fr")
	b.choose("Zoé Lefèvre (Paris)")
	b.says("Ce que cette personne peut faire", "Lever la suspension")
	b.sound("person-fr")
	if got := b.value(`document.documentElement.lang`); !strings.HasPrefix(got, "fr") {
		t.Errorf("the page is in %s", got)
	}
}

// TestBrowserBigOrganisation: among 10,000 people somebody is found as among ten.
func TestBrowserBigOrganisation(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	big := w.bigOrganization()
	s := w.localSite("127.0.0.1", func(string) []func(*configure) {
		return []func(*configure){w.connects(), w.console, func(c *configure) { c.Cache = big }}
	})
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + w.peoplePath())
	b.says("11002 people", "Page 1 of 221")
	b.choose("Next")
	b.says("Page 2 of 221")
	b.value(`document.getElementById("q").focus(); 0`)
	b.press("muller 0123")
	b.submit(kb.Enter)
	b.says("11 people", "Zoé Müller 01230")
	b.run(chromedp.NavigateBack())
	b.says("Page 2 of 221")
}
