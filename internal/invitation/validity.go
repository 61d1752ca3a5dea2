// SPDX-License-Identifier: Apache-2.0

package invitation

import "time"

// DefaultValidity counts where neither the Invitation nor the Organization says how long a link can be used.
const DefaultValidity = 72 * time.Hour

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
	return DefaultValidity
}
