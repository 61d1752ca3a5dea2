// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/rights"
)

// TestWhatIsWrongIsToldOnce: a declared Member and its Invitation are stalled by the same, and it is the Member that can be mended.
func TestWhatIsWrongIsToldOnce(t *testing.T) {
	stalledBy := func(reason string) []metav1.Condition {
		return []metav1.Condition{{Type: rosterv1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason, Message: reason}}
	}
	for reason, want := range map[string]string{
		rosterv1alpha1.ReasonRoleNotFound: "Member/ana RoleNotFound",
		rosterv1alpha1.ReasonRejected:     "Invitation/ana Rejected, Member/ana RoleNotFound",
	} {
		m := &rosterv1alpha1.Member{Spec: rosterv1alpha1.MemberSpec{Email: "ana@acme.example"}}
		m.Name, m.Status.Conditions = "ana", stalledBy(rosterv1alpha1.ReasonRoleNotFound)
		inv := &rosterv1alpha1.Invitation{Spec: rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "ana"}}}
		inv.Name, inv.Status.Conditions = "ana", stalledBy(reason)
		a := collect(&rights.Organization{
			Namespace: "acme", Organization: &rosterv1alpha1.Organization{},
			Members: []*rosterv1alpha1.Member{m}, Invitations: []*rosterv1alpha1.Invitation{inv},
		})
		var told []string
		for _, n := range a.Needs {
			told = append(told, n.Object.Kind+"/"+n.Object.Name+" "+n.Reason)
		}
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("%s: %s", reason, got)
		}
	}
}

// TestMembershipsThatAreAboutToEnd: of an end in two weeks somebody has to think; of one later, or one that has come, nobody.
func TestMembershipsThatAreAboutToEnd(t *testing.T) {
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	for end, soon := range map[string]bool{
		"2027-01-29T11:00:00Z": true, "2027-01-15T12:00:01Z": true, "2027-01-29T13:00:00Z": false, "2027-01-15T12:00:00Z": false,
	} {
		at, err := time.Parse(time.RFC3339, end)
		if err != nil {
			t.Fatal(err)
		}
		m := &rosterv1alpha1.Member{Spec: rosterv1alpha1.MemberSpec{
			Email: "ana@acme.example", EndTime: &metav1.Time{Time: at},
			AccountRef: &rosterv1alpha1.LocalReference{Name: address.Address("ana@acme.example").AccountName()},
		}}
		m.Name, m.Namespace, m.Status.State = "ana", "acme", rosterv1alpha1.MemberActive
		a := collect(&rights.Organization{
			Namespace: "acme", Now: now, Members: []*rosterv1alpha1.Member{m}, Organization: &rosterv1alpha1.Organization{},
		})
		told := len(a.Needs) == 1 && a.Needs[0].Reason == "Ends" && strings.Contains(a.Needs[0].Try, `{"spec":{"endTime":"2027-02-`)
		if told != soon || len(a.Needs) > 1 {
			t.Errorf("%s: %+v", end, a.Needs)
		}
	}
}

// TestWhatIsInTheWayOfAResend: somebody who is told that a link ran out, and to resend it, has done that already.
func TestWhatIsInTheWayOfAResend(t *testing.T) {
	for reason, want := range map[string]string{
		"": "Expired kubectl roster resend zoe", rosterv1alpha1.ReasonDomainNotAllowed: "DomainNotAllowed ",
	} {
		inv := &rosterv1alpha1.Invitation{Spec: rosterv1alpha1.InvitationSpec{Email: "zoe@acme.example"}}
		inv.Name, inv.Status.State = "zoe", rosterv1alpha1.InvitationExpired
		if reason != "" {
			inv.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason}}
		}
		a := collect(&rights.Organization{
			Namespace: "acme", Organization: &rosterv1alpha1.Organization{}, Invitations: []*rosterv1alpha1.Invitation{inv},
		})
		if len(a.Needs) != 1 || a.Needs[0].Reason+" "+a.Needs[0].Try != want {
			t.Errorf("%s: %+v", reason, a.Needs)
		}
	}
}

// TestAnOwnerWhoIsGoneIsToldOnce: the Organization is stalled by that, and OwnerResolved says the same.
func TestAnOwnerWhoIsGoneIsToldOnce(t *testing.T) {
	o := &rosterv1alpha1.Organization{}
	for kind, status := range map[string]metav1.ConditionStatus{
		rosterv1alpha1.ConditionStalled: metav1.ConditionTrue, rosterv1alpha1.ConditionOwnerResolved: metav1.ConditionFalse,
	} {
		meta.SetStatusCondition(&o.Status.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: rosterv1alpha1.ReasonMemberNotFound, Message: "There is no Member olivia.",
		})
	}
	if a := collect(&rights.Organization{Namespace: "acme", Organization: o}); len(a.Needs) != 1 {
		t.Errorf("told: %+v", a.Needs)
	}
}

// TestTokensThatEndAreToldWhateverElseIsWrong: that a profile waits for a Team, or names somebody who is gone, hides nothing about its tokens.
func TestTokensThatEndAreToldWhateverElseIsWrong(t *testing.T) {
	p := &rosterv1alpha1.SocialProfile{}
	p.Name = "acme-fb"
	for kind, reason := range map[string]string{
		rosterv1alpha1.ConditionStalled: rosterv1alpha1.ReasonNoTeam, rosterv1alpha1.ConditionTokenExpiring: rosterv1alpha1.ReasonExpiring,
	} {
		meta.SetStatusCondition(&p.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason})
	}
	for kind, reason := range map[string]string{
		rosterv1alpha1.ConditionConnected: rosterv1alpha1.ReasonTokenInvalid, rosterv1alpha1.ConditionRenewerAvailable: rosterv1alpha1.ReasonNobodyCanRenew,
	} {
		meta.SetStatusCondition(&p.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason})
	}
	a := collect(&rights.Organization{
		Namespace: "acme", Organization: &rosterv1alpha1.Organization{}, Profiles: []*rosterv1alpha1.SocialProfile{p},
	})
	var told []string
	for _, n := range a.Needs {
		told = append(told, n.Reason)
	}
	if got := strings.Join(told, " "); got != "NoTeam TokenInvalid Expiring NobodyCanRenew" {
		t.Errorf("told: %s", got)
	}
}
