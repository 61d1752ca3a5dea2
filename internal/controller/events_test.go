// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reporting"
)

// TestAMailThatIsRefusedOnceMore: each mail that the relay refuses is told of, as one that somebody asked for again, and a status that is
// written for another reason is not.
func TestAMailThatIsRefusedOnceMore(t *testing.T) {
	status := func(attempt, reminders int32, reason string) *rosterv1alpha1.Invitation {
		c := metav1.Condition{Type: rosterv1alpha1.ConditionDelivered, Status: metav1.ConditionFalse, Reason: reason, Message: "No such user."}
		if reason == rosterv1alpha1.ReasonSent {
			c.Status = metav1.ConditionTrue
		}
		return &rosterv1alpha1.Invitation{Status: rosterv1alpha1.InvitationStatus{
			Attempt: attempt, RemindersSent: reminders, Conditions: []metav1.Condition{c},
		}}
	}
	const sent, rejected, failing, held = rosterv1alpha1.ReasonSent, rosterv1alpha1.ReasonRejected, rosterv1alpha1.ReasonDeliveryFailing,
		rosterv1alpha1.ReasonMailHeld
	for name, c := range map[string]struct {
		before, after *rosterv1alpha1.Invitation
		told          int
	}{
		"the first":                  {&rosterv1alpha1.Invitation{}, status(1, 0, rejected), 1},
		"the next, refused as well":  {status(1, 0, rejected), status(2, 0, rejected), 1},
		"a reminder":                 {status(1, 0, sent), status(1, 1, rejected), 1},
		"another reminder":           {status(1, 1, rejected), status(1, 2, rejected), 1},
		"nothing new":                {status(1, 0, rejected), status(1, 0, rejected), 0},
		"one that is still failing":  {status(1, 0, failing), status(1, 0, failing), 0},
		"one that is taken":          {status(1, 0, rejected), status(2, 0, sent), 0},
		"one that waits with others": {status(1, 0, sent), status(1, 0, held), 0},
	} {
		told := events.NewFakeRecorder(9)
		Events{reporting.NewRecorder(told, nil)}.invitation(c.before, c.after)
		if len(told.Events) != c.told {
			t.Errorf("%s: told %d times, want %d", name, len(told.Events), c.told)
		}
	}
}
