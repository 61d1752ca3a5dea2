// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"

	"github.com/roster-dev/roster/internal/mail/outcome"
)

// Report is what became of one mail.
type Report struct {
	Mail
	Outcome outcome.Outcome
	// At is when the relay answered.
	At time.Time
	// MessageID of the mail, without angle brackets.
	MessageID string
	// Message explains an outcome other than Delivered: what failed, and what to do.
	Message string
	// HandledResend is the spec.resendRequestedAt that the mail answers.
	HandledResend *metav1.Time
	// MemberUID is the identity of the Member that the mail was for.
	MemberUID string
	// Inviter is the name of the Member who invited when the mail was written; empty where the inviter was none.
	Inviter string
}

// NewReport begins the report on the mail that a decision asked for.
func NewReport(in Input, d Decision, messageID string, at time.Time) Report {
	r := Report{Mail: d.Mail, MessageID: messageID, At: at, Inviter: in.Inviter}
	if asked := in.Invitation.Spec.ResendRequestedAt; asked != nil && !asked.After(at) {
		r.HandledResend = asked
	}
	if in.Member != nil {
		r.MemberUID = string(in.Member.UID)
	}
	return r
}

// Shown reports whether a status tells what the report tells, so that the report can be forgotten. An acceptance tells everything.
func (r Report) Shown(status rosterv1alpha1.InvitationStatus) bool {
	if status.State == rosterv1alpha1.InvitationAccepted {
		return true
	}
	if status.Attempt != r.Attempt {
		return status.Attempt > r.Attempt
	}
	return status.RemindersSent >= r.Reminder
}

// fold writes what has happened since the status was written into it, before any rule is asked.
func (c *decide) fold() {
	c.remember()
	if r := c.Report; r != nil && !r.Shown(*c.status) {
		c.unwritten = r.Outcome != outcome.Failing && r.Outcome != outcome.Held
		if r.Reminder > 0 {
			c.foldReminder(*r)
		} else {
			c.foldAttempt(*r)
		}
	}
	if c.JoinedAs != "" && c.status.MemberRef == nil {
		c.status.MemberRef = &rosterv1alpha1.LocalReference{Name: c.JoinedAs}
	}
}

// remember keeps what the columns of kubectl get show.
func (c *decide) remember() {
	if c.status.State == rosterv1alpha1.InvitationAccepted || c.Email() == "" {
		return
	}
	c.status.Email = cmp.Or(string(c.Address()), c.Email())
	c.status.Role = string(c.Role())
	c.recordInviter(c.Inviter) // At once: a mail may have to wait, and the inviter may be removed meanwhile.
}

func (c *decide) foldAttempt(r Report) {
	s := c.status
	switch r.Outcome {
	case outcome.Failing, outcome.Held:
		reason := putOff(r.Outcome)
		c.conds().Set(rosterv1alpha1.ConditionDelivered, metav1.ConditionFalse, reason, r.Message)
		c.conds().Ready(metav1.ConditionFalse, reason, r.Message)
		if s.State != rosterv1alpha1.InvitationSent || !c.now.Before(c.expiry()) {
			s.State = rosterv1alpha1.InvitationPending
		}
		return
	case outcome.Rejected:
		s.State = rosterv1alpha1.InvitationUndeliverable
		s.SentTime, s.ExpiryTime = nil, nil
		c.conds().Set(rosterv1alpha1.ConditionDelivered, metav1.ConditionFalse, rosterv1alpha1.ReasonRejected, r.Message)
		c.conds().Set(rosterv1alpha1.ConditionAccepted, metav1.ConditionFalse, rosterv1alpha1.ReasonRejected, r.Message)
		c.conds().Stall(rosterv1alpha1.ReasonRejected, r.Message)
	case outcome.Delivered:
		if ended(s.State) {
			s.OpenTime = &metav1.Time{Time: r.At.Truncate(time.Second)}
		}
		s.State = rosterv1alpha1.InvitationSent
		s.SentTime, s.ExpiryTime = &metav1.Time{Time: r.At}, &metav1.Time{Time: r.Expiry}
		c.delivered()
		c.waiting()
	}
	s.Attempt, s.RemindersSent, s.MessageID, s.MemberUID = r.Attempt, 0, r.MessageID, r.MemberUID
	s.LinkID = LinkID(c.Invitation)
	c.recordInviter(r.Inviter)
	s.DeclinedTime, s.RenewalRequestedTime = nil, nil
	if r.HandledResend != nil {
		s.HandledResendTime = r.HandledResend
	}
}

func (c *decide) foldReminder(r Report) {
	switch r.Outcome {
	case outcome.Delivered:
		c.delivered()
	case outcome.Rejected:
		c.conds().Set(rosterv1alpha1.ConditionDelivered, metav1.ConditionFalse, rosterv1alpha1.ReasonRejected, reminderMessage(r))
	case outcome.Failing, outcome.Held:
		c.conds().Set(rosterv1alpha1.ConditionDelivered, metav1.ConditionFalse, putOff(r.Outcome), reminderMessage(r))
		return
	}
	c.status.RemindersSent = r.Reminder
	c.status.MessageID = r.MessageID
}

// HeldMessage explains a mail that is held. It is the same for all, and does not change while they wait: what is wrong stands in one place.
const HeldMessage = "The mail waits for the relay and goes out by itself: " +
	"the condition MailDelivered of the Organization says what it waits for."

// putOff is the reason of the conditions of a mail that has not gone out yet.
func putOff(o outcome.Outcome) string {
	if o == outcome.Held {
		return rosterv1alpha1.ReasonMailHeld
	}
	return rosterv1alpha1.ReasonDeliveryFailing
}

// IsHeld reports whether a mail of an Invitation waits for the relay to take mail.
func IsHeld(inv *rosterv1alpha1.Invitation) bool {
	c := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionDelivered)
	return IsOpen(inv) && c != nil && c.Status == metav1.ConditionFalse && c.Reason == rosterv1alpha1.ReasonMailHeld
}

func (c *decide) delivered() {
	c.conds().Set(rosterv1alpha1.ConditionDelivered, metav1.ConditionTrue, rosterv1alpha1.ReasonSent, "The relay accepted the mail.")
}

func reminderMessage(r Report) string {
	return fmt.Sprintf("Reminder %d: %s", r.Reminder, r.Message)
}

// FindRival names the open Invitation to the same address that counts before this one: one that is mailed already, else
// the older, else the one with the lower UID. It is empty when this one counts. The others are open ones of the same namespace and address.
func FindRival(inv *rosterv1alpha1.Invitation, others []*rosterv1alpha1.Invitation) string {
	first := inv
	for _, other := range others {
		if other.UID != inv.UID && IsOpen(other) && !yields(other, inv) && countsBefore(other, first) {
			first = other
		}
	}
	if first == inv {
		return ""
	}
	return first.Name
}

// IsOpen reports whether an invitation is to be mailed or waits for an answer.
func IsOpen(inv *rosterv1alpha1.Invitation) bool {
	if inv.DeletionTimestamp != nil || ptr.Deref(inv.Spec.Revoked, false) {
		return false
	}
	switch inv.Status.State {
	case "", rosterv1alpha1.InvitationPending, rosterv1alpha1.InvitationSent:
		return true
	}
	return false
}

// HasEnded reports whether an invitation was answered with no, withdrawn, not used in time, or refused by the relay.
func HasEnded(inv *rosterv1alpha1.Invitation) bool { return ended(inv.Status.State) }

// NeedsPlan reports whether what becomes of an Invitation depends on the plan of the organisation: it is to be mailed, or to be mailed
// again.
func NeedsPlan(inv *rosterv1alpha1.Invitation) bool {
	return IsOpen(inv) || HasEnded(inv) && inv.Spec.ResendRequestedAt != nil && !ptr.Deref(inv.Spec.Revoked, false)
}

// MayBeMailed reports whether a mail of an Invitation may be due, now or later. If not, that stays so until the Invitation changes: it has
// been accepted, or has ended, and nobody has asked for another mail.
func MayBeMailed(inv *rosterv1alpha1.Invitation) bool {
	return NeedsPlan(inv) || HasEnded(inv) && renewalAsked(inv.Status)
}

// yields reports whether an Invitation that somebody applied gives way to that of a declared Member of the same address: while it is not
// mailed, it says AlreadyMember.
func yields(applied, declared *rosterv1alpha1.Invitation) bool {
	return applied.Spec.MemberRef == nil && declared.Spec.MemberRef != nil && applied.Status.State != rosterv1alpha1.InvitationSent
}

func countsBefore(a, b *rosterv1alpha1.Invitation) bool {
	sentA, sentB := a.Status.State == rosterv1alpha1.InvitationSent, b.Status.State == rosterv1alpha1.InvitationSent
	if sentA != sentB {
		return sentA
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}

// HeldBack is what keeps the mail of an Invitation from going out, be it the first or one that was asked for again; empty where nothing is
// known to.
func HeldBack(inv *rosterv1alpha1.Invitation) string {
	c := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionReady)
	if c == nil || c.Status == metav1.ConditionUnknown || inv.Status.State != rosterv1alpha1.InvitationPending && !IsBlocked(inv) {
		return ""
	}
	return c.Message
}

// IsBlocked reports whether somebody has to change something before a mail can go out, other than the address that the relay has refused.
func IsBlocked(inv *rosterv1alpha1.Invitation) bool {
	c := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionStalled)
	return c != nil && c.Status == metav1.ConditionTrue && c.Reason != rosterv1alpha1.ReasonRejected
}

// ResendAt is what to write as spec.resendRequestedAt: now, and later than the last mail and the last request, since what is not newer has
// no effect.
func ResendAt(inv *rosterv1alpha1.Invitation, now time.Time) metav1.Time {
	at := metav1.NewTime(now.Truncate(time.Second))
	for _, last := range []*metav1.Time{inv.Status.SentTime, inv.Status.HandledResendTime} {
		if last != nil && !last.Before(&at) {
			at = metav1.NewTime(last.Truncate(time.Second).Add(time.Second))
		}
	}
	return at
}
