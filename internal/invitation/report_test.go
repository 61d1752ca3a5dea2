// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestHeldBack: what is told of a mail that does not go out, and of one that was asked for again and does not; not of one that the relay
// has refused, since another may go out.
func TestHeldBack(t *testing.T) {
	const why = "The organisation does not invite to elsewhere.example."
	for name, c := range map[string]struct {
		state   rosterv1alpha1.InvitationState
		ready   metav1.ConditionStatus
		stalled string
		held    bool
	}{
		"not looked at":                 {rosterv1alpha1.InvitationPending, "", "", false},
		"being mailed":                  {rosterv1alpha1.InvitationPending, metav1.ConditionUnknown, "", false},
		"the relay is away":             {rosterv1alpha1.InvitationPending, metav1.ConditionFalse, "", true},
		"the domain is not allowed":     {rosterv1alpha1.InvitationPending, metav1.ConditionFalse, rosterv1alpha1.ReasonDomainNotAllowed, true},
		"mailed":                        {rosterv1alpha1.InvitationSent, metav1.ConditionTrue, "", false},
		"expired":                       {rosterv1alpha1.InvitationExpired, metav1.ConditionFalse, "", false},
		"expired, and cannot be mailed": {rosterv1alpha1.InvitationExpired, metav1.ConditionFalse, rosterv1alpha1.ReasonNoSeat, true},
		"refused by the relay":          {rosterv1alpha1.InvitationUndeliverable, metav1.ConditionFalse, rosterv1alpha1.ReasonRejected, false},
	} {
		inv := &rosterv1alpha1.Invitation{}
		inv.Status.State = c.state
		if c.ready != "" {
			inv.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionReady, Status: c.ready, Message: why}}
		}
		if c.stalled != "" {
			inv.Status.Conditions = append(inv.Status.Conditions, metav1.Condition{
				Type: rosterv1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: c.stalled,
			})
		}
		if got := HeldBack(inv); got != map[bool]string{true: why}[c.held] {
			t.Errorf("%s: held back by %q", name, got)
		}
	}
}
