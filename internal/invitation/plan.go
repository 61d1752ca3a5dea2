// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/quota"
)

// The rules that the plan of the organisation brings.

// roleUnusable waits for the role that is offered: there would be nothing to accept.
func roleUnusable(c *decide) bool {
	if c.RoleProblem == nil {
		return false
	}
	c.stall(c.RoleProblem.Reason, c.RoleProblem.Message+" Nothing was mailed.")
	return true
}

// seatless waits for a seat.
func seatless(c *decide) bool {
	switch c.Seat {
	case quota.Full:
		plan := c.Organization.Status.Plan
		c.stall(rosterv1alpha1.ReasonNoSeat, fmt.Sprintf(
			"The plan %s has no seat left, so nothing was mailed. The mail is sent when a seat is free. For more seats, ask %s.", plan.Name, plan.Contact))
		return true
	case quota.Uncounted:
		c.hold(metav1.ConditionFalse, rosterv1alpha1.ReasonWaiting, "The seat is being counted.")
		return true
	case quota.Placed:
	}
	return false
}

// wantsBack reports whether a new mail is asked for on behalf of an invitation that has given up its seat.
func (c *decide) wantsBack() bool {
	return ended(c.status.State) && (c.resendDue() || c.renewalDue() && c.status.State == rosterv1alpha1.InvitationExpired)
}

// reopen takes a new place for an invitation that had given up its seat: those who came meanwhile are before it.
func (c *decide) reopen() bool {
	c.status.State = rosterv1alpha1.InvitationPending
	c.status.OpenTime = &metav1.Time{Time: c.now.Truncate(time.Second)}
	c.hold(metav1.ConditionFalse, rosterv1alpha1.ReasonWaiting, "The seat is being counted.")
	return true
}

// ended reports whether an invitation in that state holds no seat any more.
func ended(state rosterv1alpha1.InvitationState) bool {
	switch state {
	case rosterv1alpha1.InvitationExpired, rosterv1alpha1.InvitationDeclined, rosterv1alpha1.InvitationRevoked,
		rosterv1alpha1.InvitationUndeliverable:
		return true
	case rosterv1alpha1.InvitationPending, rosterv1alpha1.InvitationSent, rosterv1alpha1.InvitationAccepted:
	}
	return false
}
