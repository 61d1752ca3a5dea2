// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"fmt"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// The rules that the end of the membership brings which is offered.

// membershipEnded withdraws the link, or the mail that is due, of a membership that would have ended already.
func membershipEnded(c *decide) bool {
	if !c.Ended(c.now) {
		return false
	}
	where := "spec.endTime"
	if c.Member != nil {
		where += fmt.Sprintf(" of the Member %q", c.Member.Name)
	}
	message := fmt.Sprintf("The membership was to end at %s (%s). To invite again, set a later one or remove it",
		c.EndTime().UTC().Format(time.RFC3339), where)
	if c.status.State == rosterv1alpha1.InvitationSent {
		c.end(rosterv1alpha1.InvitationExpired, rosterv1alpha1.ReasonMembershipEnded, message+", and set spec.resendRequestedAt to now.")
		return true
	}
	c.stall(rosterv1alpha1.ReasonMembershipEnded, message+".")
	return true
}

// wakeAtEnd looks again when the membership ends, while somebody could still accept it.
func (c *decide) wakeAtEnd() {
	if end := c.EndTime(); end != nil && c.now.Before(end.Time) && !ended(c.status.State) {
		c.wakeAt(end.Time)
	}
}
