// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// TestSeveralFaultsAreToldAtOnce: who mends one does not find the next one afterwards.
func TestSeveralFaultsAreToldAtOnce(t *testing.T) {
	full := &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{RequireTeam: ptr.To(true)}}
	full.Status.Plan = rosterv1alpha1.PlanInEffect{
		Name: "basic", Contact: "sales@roster.example", SocialProfiles: rosterv1alpha1.Usage{Limit: ptr.To(int32(0)), Wanted: ptr.To(int32(1))},
	}
	profile := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{
		ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "zoe"},
	}}
	refused := &access.Problem{Reason: rosterv1alpha1.ReasonWriteRefused, Message: "Kubernetes refuses the Role."}
	team := &rosterv1alpha1.Team{Spec: rosterv1alpha1.TeamSpec{Role: "editor"}}
	missing := GroupInput{Organization: &rosterv1alpha1.Organization{}, MissingMembers: []string{"ana"}, MissingProfiles: []string{"acme-x"}}
	const (
		place = "The plan basic has no place left for this profile: roles on it by name give nothing until one is free. " +
			"For more social profiles, ask sales@roster.example. "
		noTeam = "No Team works on the profile, and the Organization requires one (spec.requireTeam). " +
			"Until one does, people who have a role on it by name or from a Workspace can only look at it. "
		nobody = `spec.responsibleRef names the Member "zoe", which does not exist in this namespace. Create it or name another.`
		group  = "There is no Member ana in this namespace. Create it or remove it from spec.members; the others have their role. " +
			"There is no SocialProfile acme-x in this namespace. Create it or remove it from spec.profiles; the others count."
	)
	for name, c := range map[string]struct {
		conditions      []metav1.Condition
		reason, message string
	}{
		"of a profile": {
			DecideProfile(ProfileInput{Profile: profile, Organization: full}, now).Conditions, "ProfileLimit", place + noTeam + nobody,
		},
		"of a profile whose Role is refused": {
			DecideProfile(ProfileInput{Profile: profile, Organization: full, Refused: refused}, now).Conditions,
			"WriteRefused", "Kubernetes refuses the Role. " + place + noTeam + nobody,
		},
		"of a Team": {
			DecideTeam(team, missing, now).Conditions, "RoleNotFound", "There is no CustomRole editor with the scope Profile in this namespace. " +
				"Create it or choose another role. The built-in role is written Editor. " + group,
		},
		"of a Workspace": {DecideWorkspace(&rosterv1alpha1.Workspace{}, missing, now).Conditions, "MemberNotFound", group},
	} {
		got := meta.FindStatusCondition(c.conditions, rosterv1alpha1.ConditionStalled)
		if got == nil || got.Reason != c.reason || got.Message != c.message {
			t.Errorf("%s: got %+v, want %s: %s", name, got, c.reason, c.message)
		}
	}
}
