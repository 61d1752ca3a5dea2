// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"os"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// pictured is a colleague as pictures show them.
func (w *world) pictured(local, called string, spec func(*rosterv1alpha1.MemberSpec), status func(*rosterv1alpha1.MemberStatus)) {
	w.t.Helper()
	w.colleague(local, func(m *rosterv1alpha1.MemberSpec) {
		m.DisplayName, m.InvitedBy = called, w.address("ana")
		if spec != nil {
			spec(m)
		}
	}, func(st *rosterv1alpha1.MemberStatus) {
		st.LastSignInTime = &metav1.Time{Time: now().Add(-26 * time.Hour)}
		st.JoinedTime = &metav1.Time{Time: now().AddDate(0, -2, -len(called))}
		st.SecondFactor = new(false)
		if status != nil {
			status(st)
		}
	})
}

// picturedTeam is who works at Acme Social.
func (w *world) picturedTeam() {
	w.t.Helper()
	w.seats(25, 9)
	w.awaitCache(w.team("press", rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Members: []string{"emma"}, Profiles: []string{"acme-fb"}, Role: "Editor",
	}))
	w.pictured("ben", "Ben Okafor", func(m *rosterv1alpha1.MemberSpec) { m.Role = "Manager" },
		func(st *rosterv1alpha1.MemberStatus) { st.Role, st.SecondFactor = "Manager", new(true) })
	w.pictured("chloe", "Chloé Durand", nil, nil)
	w.pictured("lea", "Léa Martin", func(m *rosterv1alpha1.MemberSpec) {
		m.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Moderator"}}
	}, func(st *rosterv1alpha1.MemberStatus) { st.SecondFactor = new(true) })
	w.pictured("emma", "Emma Stein", func(m *rosterv1alpha1.MemberSpec) {
		m.Role, m.Profiles = "AdvancedMember", []rosterv1alpha1.ProfileGrant{{Name: "acme-masto", Role: "Administrator"}}
	}, func(st *rosterv1alpha1.MemberStatus) { st.Role = "AdvancedMember" })
	w.pictured("kofi", "Kofi Mensah", func(m *rosterv1alpha1.MemberSpec) {
		m.Role, m.Suspended, m.EndTime = "ProfileConnector", new(true), &metav1.Time{Time: now().AddDate(1, 0, 0)}
	}, func(st *rosterv1alpha1.MemberStatus) {
		st.Role, st.State = "ProfileConnector", rosterv1alpha1.MemberSuspended
	})
	w.invite("fabien", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = "fabien@agency.example" })
	w.status(w.invite("hugo", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = "hugo@partner.example" }),
		func(st *rosterv1alpha1.InvitationStatus) {
			st.State = rosterv1alpha1.InvitationPending
			const why = "The organisation does not invite to partner.example."
			st.Conditions = nil
			for condition, status := range map[string]metav1.ConditionStatus{
				rosterv1alpha1.ConditionReady: metav1.ConditionFalse, rosterv1alpha1.ConditionStalled: metav1.ConditionTrue,
			} {
				st.Conditions = append(st.Conditions, metav1.Condition{
					Type: condition, Status: status, Reason: rosterv1alpha1.ReasonDomainNotAllowed, Message: why,
					LastTransitionTime: metav1.NewTime(now()),
				})
			}
		})
}

// TestBrowserConsolePictures takes the pictures of the guide for owners and managers, where SCREENSHOTS names a folder for them.
func TestBrowserConsolePictures(t *testing.T) {
	if os.Getenv("SCREENSHOTS") == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	b, w := openBrowser(t), newWorld(t)
	w.domain = "acme.example"
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){unlimited, w.connects(), w.console} })
	w.looksAfter(s, "ana", rosterv1alpha1.RoleManager)
	w.changeMember("ana", func(m *rosterv1alpha1.MemberSpec) { m.DisplayName = "Ana Silva" })
	w.guarded()
	w.owned("olivia")
	w.picturedTeam()
	b.size(1120, 620)
	b.signIn(s, w.address("ana"), goodPassword)
	b.open(s.url + w.peoplePath())
	b.shoot("console-people")
	b.open(s.url + w.personPath("members", "emma"))
	b.shoot("console-person")
	b.choose("Suspend")
	b.shoot("console-suspend")

	b.open(s.url + w.changePath(""))
	b.tick("Léa Martin")
	b.tick("Chloé Durand")
	b.choose("Continue with selected")
	b.into("profile.acme-fb", "E") // Editor
	b.value(`document.getElementById('endTime').value = '2027-01-31'; 0`)
	b.choose("See what this means")
	b.shoot("console-change")

	b.open(s.url + w.invitePath() + "?seat=full")
	b.write("addresses", "zoe@agency.example, ben@acme.example, max")
	b.choose("Review invitations")
	b.shoot("console-invite")
	b.value(`document.getElementById('addresses').value = ''; 0`)
	b.write("addresses", "zoe@agency.example, max@agency.example, dan@acme.example, tom@acme.example")
	b.choose("Review invitations")
	b.shoot("console-review")

	b.size(390, 800)
	b.open(s.url + w.personPath("members", "emma"))
	b.shoot("console-person-phone")
}
