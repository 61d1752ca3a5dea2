// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// ready is the message of the condition Ready.
func ready(t *testing.T, conditions []metav1.Condition) string {
	t.Helper()
	c := meta.FindStatusCondition(conditions, rosterv1alpha1.ConditionReady)
	if c == nil {
		t.Fatalf("no condition Ready in %v", conditions)
	}
	return c.Message
}

func TestGroupsCountInEnglish(t *testing.T) {
	org := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}
	team := &rosterv1alpha1.Team{Spec: rosterv1alpha1.TeamSpec{Role: rosterv1alpha1.ProfileEditor}}
	for _, c := range []struct {
		members, profiles int32
		team, workspace   string
	}{
		{0, 2, "Gives Editor on 2 profiles to 0 active members.", "2 profiles, given to 0 active members."},
		{1, 1, "Gives Editor on 1 profile to 1 active member.", "1 profile, given to 1 active member."},
	} {
		in := GroupInput{Organization: org, ActiveMembers: c.members, Profiles: c.profiles}
		if got := ready(t, DecideTeam(team, in, now).Conditions); got != c.team {
			t.Errorf("the Team says %q", got)
		}
		if got := ready(t, DecideWorkspace(&rosterv1alpha1.Workspace{}, in, now).Conditions); got != c.workspace {
			t.Errorf("the Workspace says %q", got)
		}
	}
}

// TestContactWhoIsNobody: newcomers would be sent to the owner without a word to the person who wrote the name.
func TestContactWhoIsNobody(t *testing.T) {
	org := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1"}}
	org.Spec.Onboarding.ContactRef = &rosterv1alpha1.LocalReference{Name: "mia"}
	mia := metav1.ObjectMeta{Name: "mia"}
	open := &rosterv1alpha1.Invitation{ObjectMeta: mia}
	ended := &rosterv1alpha1.Invitation{ObjectMeta: mia, Status: rosterv1alpha1.InvitationStatus{State: rosterv1alpha1.InvitationDeclined}}
	for name, c := range map[string]struct {
		people  []*rosterv1alpha1.Member
		invited []*rosterv1alpha1.Invitation
		missing bool
	}{
		"nobody":           {missing: true},
		"a member":         {people: []*rosterv1alpha1.Member{{ObjectMeta: mia}}},
		"somebody invited": {invited: []*rosterv1alpha1.Invitation{open}},
		"who declined":     {invited: []*rosterv1alpha1.Invitation{ended}, missing: true},
	} {
		in := OrganizationInput{Organization: org, Counting: org}
		in.Count(c.people, c.invited, nil)
		s := DecideOrganization(in, now)
		said := strings.Contains(ready(t, s.Conditions), `spec.onboarding.contactRef names the Member "mia", which does not exist`)
		if said != c.missing || !meta.IsStatusConditionTrue(s.Conditions, rosterv1alpha1.ConditionReady) {
			t.Errorf("%s: %+v", name, s.Conditions)
		}
	}
}
