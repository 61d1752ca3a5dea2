// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestWhatOnlyAnEditMendsIsStalled: a sync that waits for Ready ends at once where waiting cannot help, and goes on where a person is
// waited for.
func TestWhatOnlyAnEditMendsIsStalled(t *testing.T) {
	org := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1"}}
	team := &rosterv1alpha1.Team{Spec: rosterv1alpha1.TeamSpec{Role: rosterv1alpha1.ProfileEditor}}
	profile := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{
		ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "zoe"},
	}}
	wrongName := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "ana"}, Spec: rosterv1alpha1.AccountSpec{Email: "ana@acme.example"}}
	unknownPlan, noOwner := org.DeepCopy(), org.DeepCopy()
	unknownPlan.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: "gold"}
	noOwner.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "nobody"}

	wrong, _ := DecideAccount(AccountInput{Account: wrongName}, now)

	cases := map[string]struct {
		conditions []metav1.Condition
		stalled    bool
	}{
		"a Team names nobody":             {DecideTeam(team, GroupInput{Organization: org, MissingMembers: []string{"x"}}, now).Conditions, true},
		"a Team names a missing profile":  {DecideTeam(team, GroupInput{Organization: org, MissingProfiles: []string{"x"}}, now).Conditions, true},
		"a Team names an invited person":  {DecideTeam(team, GroupInput{Organization: org, InvitedMembers: []string{"x"}}, now).Conditions, false},
		"nobody is responsible":           {DecideProfile(ProfileInput{Profile: profile, Organization: org}, now).Conditions, true},
		"somebody invited is responsible": {DecideProfile(ProfileInput{Profile: profile, Organization: org, ResponsibleInvited: true}, now).Conditions, false},
		"a plan that does not exist":      {DecideOrganization(OrganizationInput{Organization: unknownPlan, Counting: unknownPlan}, now).Conditions, true},
		"an owner who does not exist":     {DecideOrganization(OrganizationInput{Organization: noOwner, Counting: noOwner}, now).Conditions, true},
		"an Account of a wrong name":      {wrong.Conditions, true},
	}
	for name, c := range cases {
		stalled := meta.IsStatusConditionTrue(c.conditions, rosterv1alpha1.ConditionStalled)
		ready := meta.IsStatusConditionTrue(c.conditions, rosterv1alpha1.ConditionReady)
		if stalled != c.stalled || ready == c.stalled {
			t.Errorf("%s: stalled %v, ready %v", name, stalled, ready)
		}
	}
}

// TestPeopleWhoDeclinedGetNoMoreMail: an Invitation that somebody applied for a declared Member stays theirs when it has ended, so that the
// operator does not make and mail another.
func TestPeopleWhoDeclinedGetNoMoreMail(t *testing.T) {
	m := member().Member
	m.Status.Invitation = "for-ana"
	for state, want := range map[rosterv1alpha1.InvitationState]bool{
		rosterv1alpha1.InvitationSent: true, rosterv1alpha1.InvitationDeclined: true, rosterv1alpha1.InvitationExpired: true,
	} {
		inv := &rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{Name: "for-ana"},
			Spec:       rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: m.Name}},
			Status:     rosterv1alpha1.InvitationStatus{State: state},
		}
		if got := BringsIn(inv, m); got != want {
			t.Errorf("%s: brings in %v, want %v", state, got, want)
		}
		inv.Name = "another"
		if got := BringsIn(inv, m); got != (state == rosterv1alpha1.InvitationSent) {
			t.Errorf("another that is %s: brings in %v", state, got)
		}
	}
}

// TestWhoIsJoiningIsNotInvitedAgain, even if their Member was replaced between their acceptance and the operator's start.
func TestWhoIsJoiningIsNotInvitedAgain(t *testing.T) {
	m := member().Member
	accepted := func(change func(inv *rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
		inv := &rosterv1alpha1.Invitation{
			Spec:   rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: m.Name}},
			Status: rosterv1alpha1.InvitationStatus{State: rosterv1alpha1.InvitationAccepted, Email: "ana@acme.example"},
		}
		change(inv)
		return inv
	}
	for name, c := range map[string]struct {
		change func(inv *rosterv1alpha1.Invitation)
		want   bool
	}{
		"accepted":          {func(*rosterv1alpha1.Invitation) {}, true},
		"by an invitation":  {func(inv *rosterv1alpha1.Invitation) { inv.Spec.MemberRef = nil }, true},
		"of another Member": {func(inv *rosterv1alpha1.Invitation) { inv.Spec.MemberRef.Name = "ben" }, false},
		"to another":        {func(inv *rosterv1alpha1.Invitation) { inv.Status.Email = "ben@acme.example" }, false},
		"still open":        {func(inv *rosterv1alpha1.Invitation) { inv.Status.State = rosterv1alpha1.InvitationSent }, false},
		"and is a member": {func(inv *rosterv1alpha1.Invitation) {
			inv.Status.MemberRef = &rosterv1alpha1.LocalReference{Name: m.Name}
		}, false},
	} {
		if got := IsJoining(accepted(c.change), m); got != c.want {
			t.Errorf("%s: joining is %v", name, got)
		}
	}
}

// TestSelectorThatCannotBeRead: it finds nothing, and the Team and the Workspace say so.
func TestSelectorThatCannotBeRead(t *testing.T) {
	group, err := NewGroup([]string{"acme-fb"}, &metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "region", Operator: "Near", Values: []string{"dach"}}},
	})
	if err == nil || group.Selector != nil {
		t.Fatalf("found %v", group.Selector)
	}
	in := GroupInput{
		Organization: &rosterv1alpha1.Organization{
			Status: rosterv1alpha1.OrganizationStatus{Plan: rosterv1alpha1.PlanInEffect{Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureWorkspaces}}},
		},
		SelectorError: err,
	}
	team := DecideTeam(&rosterv1alpha1.Team{Spec: rosterv1alpha1.TeamSpec{Role: rosterv1alpha1.ProfileEditor}}, in, now)
	workspace := DecideWorkspace(&rosterv1alpha1.Workspace{}, in, now)
	for _, conditions := range [][]metav1.Condition{team.Conditions, workspace.Conditions} {
		stalled := meta.FindStatusCondition(conditions, rosterv1alpha1.ConditionStalled)
		if stalled == nil || stalled.Reason != rosterv1alpha1.ReasonInvalidSelector || !strings.Contains(stalled.Message, "spec.profileSelector") {
			t.Errorf("stalled: %+v", stalled)
		}
	}
}
