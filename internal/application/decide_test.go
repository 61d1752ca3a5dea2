// SPDX-License-Identifier: Apache-2.0

package application

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestARoleThatIsWrittenOtherwise: who misspells a built-in role is told how it is written; Owner is one here.
func TestARoleThatIsWrittenOtherwise(t *testing.T) {
	a := &rosterv1alpha1.Application{Spec: rosterv1alpha1.ApplicationSpec{
		Type: rosterv1alpha1.ApplicationNative, Members: &rosterv1alpha1.ApplicationMembers{Roles: []string{"owner", "Manager", "advanced-member", "cook"}},
	}}
	status, _ := Decide(a, Input{Organization: &rosterv1alpha1.Organization{}, Issuer: "https://portal.example"}, time.Now())
	want := "There is no CustomRole owner, advanced-member, cook with the scope Organization in this namespace. Create it or remove it from " +
		"spec.members.roles; the others can sign in. The built-in role is written Owner, AdvancedMember."
	c := meta.FindStatusCondition(status.Conditions, rosterv1alpha1.ConditionStalled)
	if c == nil || c.Reason != rosterv1alpha1.ReasonRoleNotFound || c.Message != want {
		t.Errorf("got %+v, want %q", c, want)
	}
}
