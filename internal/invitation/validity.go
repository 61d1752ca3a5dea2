// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"fmt"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// countsFrom is when the time of a link begins: when its mail fell due. A mail that a process repeats after the one before it died then
// says the same. Where mail had to wait it begins that much later, in whole steps, so that the person loses little of their time.
func (c *decide) countsFrom() time.Time {
	due := c.due()
	if step := min(maxStep, c.validity()/shareLost); c.now.After(due) {
		return due.Add(c.now.Sub(due).Truncate(step))
	}
	return c.now
}

const (
	// maxStep is the longest time that somebody may lose of a link that had to wait, and shareLost which part of it.
	maxStep   = time.Hour
	shareLost = 8
)

// due is when the mail that is due fell due: with the newest thing that asks for it.
func (c *decide) due() time.Time {
	due := c.Invitation.CreationTimestamp.Time
	if c.resendDue() {
		due = c.Invitation.Spec.ResendRequestedAt.Time
	}
	if asked := c.status.RenewalRequestedTime; asked != nil && asked.After(due) {
		due = asked.Time
	}
	return due
}

func (c *decide) validity() time.Duration {
	if v := c.Invitation.Spec.Validity; v != nil && v.Duration > 0 {
		return v.Duration
	}
	if v := c.Organization.Spec.Invitations.Validity.Duration; v > 0 {
		return v
	}
	return rosterv1alpha1.DefaultValidity
}

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
