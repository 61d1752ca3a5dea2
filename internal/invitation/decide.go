// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/conditions"
	"github.com/roster-dev/roster/internal/quota"
)

// Input is everything that decides what becomes of an Invitation.
type Input struct {
	Offer
	// MemberOfAddress is the name of a Member who has the invited address already, other than the one in spec.memberRef: one who has joined,
	// or who has an Invitation of their own; and for an accepted Invitation, any. AddressJoined: they have joined.
	MemberOfAddress string
	AddressJoined   bool
	// Rival is the name of another open Invitation to the same address that counts before this one; see FindRival.
	Rival string
	// RoleProblem is why the role in the organisation that is offered would give nothing; nil where it can be used.
	RoleProblem *access.Problem
	// Problems with what is offered besides: it is mailed nevertheless, and given when they are solved.
	Problems []access.Problem
	// Seat reports whether the person has a seat. SeatsLimited reports whether seats are counted at all.
	Seat         quota.Answer
	SeatsLimited bool
	// Inviter is the name of the Member who invites and has joined; empty where the inviter is none.
	Inviter string
	// ThrottledUntil is when the next mail may go to the address; zero if it may go now.
	ThrottledUntil time.Time
	// Report is the outcome of a mail that the status does not show yet.
	Report *Report
	// Refused is what Kubernetes refuses to have written for the person who accepted; nil where it refuses nothing.
	Refused *access.Problem
	// JoinedAs is the Member that the acceptance has just led to, where the status does not show it yet.
	JoinedAs string
}

// Action is what is left to do besides writing the status.
type Action string

// The actions.
const (
	// Nothing but the status, if it changed.
	Nothing Action = ""
	// Deliver the mail of Decision.Mail, then decide again with the Report. The status is not written before.
	Deliver Action = "Deliver"
	// Remind: as Deliver, for a reminder of the current link.
	Remind Action = "Remind"
	// Join the person: create or bind the Member, then decide again with JoinedAs.
	Join Action = "Join"
)

// Mail is the mail that is due.
type Mail struct {
	Attempt  int32
	Reminder int32
	// Expiry is when the link in the mail stops working.
	Expiry time.Time
}

// Decision is what becomes of an Invitation.
type Decision struct {
	// Status as it should be now.
	Status rosterv1alpha1.InvitationStatus
	Action Action
	// Mail that is due; for Deliver and Remind.
	Mail Mail
	// Wake is when to decide again although nothing else happens; zero for never.
	Wake time.Time
	// NextMail is when a mail may fall due although nothing else happens; zero for never. It is not before Wake.
	NextMail time.Time
}

// A rule looks at the case and, if it applies, settles it. The status in the case may be changed only by a rule that applies.
type rule func(c *decide) bool

// chain is the order in which rules are asked; the first that applies settles the case. Up to lapse they speak of
// invitations that need no mail; from there on a mail is due and the question is what stands in its way.
func chain() []rule {
	return []rule{
		accepted, revoked, memberGone, joinedOtherwise, settled, membershipEnded, lapse,
		invalidAddress, alreadyMember, duplicate, organizationMissing, domainNotAllowed, roleUnusable, memberSuspended, seatless, throttled,
		deliver,
	}
}

// Decide decides what becomes of an Invitation at the given time. It changes nothing of its input.
func Decide(in Input, now time.Time) Decision {
	inv := in.Invitation.DeepCopy()
	in.Invitation = inv
	c := &decide{Input: in, now: now, status: &inv.Status}
	if inv.DeletionTimestamp != nil {
		return Decision{Status: inv.Status}
	}
	c.fold()
	for _, r := range chain() {
		if r(c) {
			break
		}
	}
	c.wakeAtEnd()
	c.holdBack()
	c.status.ObservedGeneration = inv.Generation
	for i := range c.status.Conditions { // What is not decided again, such as that the mail is delivered, is so of this spec too.
		c.status.Conditions[i].ObservedGeneration = inv.Generation
	}
	if c.status.State == "" {
		c.status.State = rosterv1alpha1.InvitationPending
	}
	return Decision{Status: *c.status, Action: c.action, Mail: c.mail, Wake: c.wake, NextMail: c.nextMail}
}

// decide is one case while it is being settled.
type decide struct {
	Input
	now    time.Time
	status *rosterv1alpha1.InvitationStatus
	action Action
	mail   Mail
	wake   time.Time
	// nextMail is the earliest of the times to wake at which a mail may be due.
	nextMail time.Time
	// unwritten: a mail has gone out that the status does not show.
	unwritten bool
}

// holdBack lets no further mail go out before the status shows the last one: only one mail is remembered.
func (c *decide) holdBack() {
	if c.unwritten && (c.action == Deliver || c.action == Remind) {
		c.action, c.mail = Nothing, Mail{}
		c.mailAt(c.now)
	}
}

func accepted(c *decide) bool {
	if c.status.State != rosterv1alpha1.InvitationAccepted {
		return false
	}
	switch {
	case c.status.MemberRef != nil:
		c.conds().Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonAccepted, "The person has accepted.")
	case c.Invitation.Spec.MemberRef != nil && c.MemberMissing() && (c.MemberOfAddress == "" || c.removed()):
		c.conds().Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonMemberRemoved,
			"The person accepted; their Member has since been deleted.")
	case c.Refused != nil:
		c.action = Join
		c.conds().Stall(c.Refused.Reason, "The person has accepted and is not a member yet. "+c.Refused.Message)
	default:
		c.action = Join
	}
	return true
}

func revoked(c *decide) bool {
	if !ptr.Deref(c.Invitation.Spec.Revoked, false) {
		return false
	}
	c.end(rosterv1alpha1.InvitationRevoked, rosterv1alpha1.ReasonRevoked,
		"Withdrawn. To invite again, set spec.revoked to false and spec.resendRequestedAt to now.")
	return true
}

func memberGone(c *decide) bool {
	ref := c.Invitation.Spec.MemberRef
	if ref == nil || !c.MemberMissing() {
		return false
	}
	if c.status.Attempt == 0 && c.memberUID() == "" {
		c.stall(rosterv1alpha1.ReasonMemberNotFound, fmt.Sprintf(
			"There is no Member %q in this namespace; create it or delete the Invitation.", ref.Name))
		return true
	}
	c.end(rosterv1alpha1.InvitationRevoked, rosterv1alpha1.ReasonMemberRemoved,
		fmt.Sprintf("The Member %q has been deleted, and the invitation with it.", ref.Name))
	return true
}

// removed reports whether the status tells that the Member was deleted after the person accepted.
func (c *decide) removed() bool {
	ready := meta.FindStatusCondition(c.status.Conditions, rosterv1alpha1.ConditionReady)
	return ready != nil && ready.Reason == rosterv1alpha1.ReasonMemberRemoved
}

// joinedOtherwise ends an invitation whose person has become a Member in another way, or was one when it was created. A resend that is
// asked for is answered by that: if the Member is removed later, somebody has to ask again.
func joinedOtherwise(c *decide) bool {
	var message string
	switch {
	case c.Invitation.Spec.MemberRef != nil && c.Member.Spec.AccountRef != nil:
		message = fmt.Sprintf("The Member %q has already joined.", c.Member.Name)
	case c.Invitation.Spec.MemberRef == nil && c.AddressJoined && (!ended(c.status.State) || c.resendDue() || c.renewalDue()):
		message = fmt.Sprintf("%s already belongs to the Member %q; nothing is mailed. Change the roles there, and delete this Invitation.",
			c.Email(), c.MemberOfAddress)
	default:
		return false
	}
	if c.resendDue() {
		c.status.HandledResendTime = c.Invitation.Spec.ResendRequestedAt
	}
	c.end(rosterv1alpha1.InvitationRevoked, rosterv1alpha1.ReasonAlreadyMember, message)
	return true
}

// settled leaves an invitation that has ended as it is, unless a new mail is asked for.
func settled(c *decide) bool {
	if c.SeatsLimited && c.wantsBack() {
		return c.reopen()
	}
	switch c.status.State {
	case rosterv1alpha1.InvitationExpired:
		if c.resendDue() || c.renewalDue() {
			return false
		}
		c.endAgain(rosterv1alpha1.ReasonExpired)
	case rosterv1alpha1.InvitationDeclined:
		if c.resendDue() {
			return false
		}
		c.endAgain(rosterv1alpha1.ReasonDeclined)
	case rosterv1alpha1.InvitationRevoked:
		if c.resendDue() {
			return false
		}
		c.endAgain(rosterv1alpha1.ReasonRevoked)
	case rosterv1alpha1.InvitationUndeliverable:
		if c.resendDue() {
			return false
		}
	default:
		return false
	}
	c.mailAt(c.resendLater())
	return true
}

// lapse looks after a mailed invitation: it expires in time, and reminders go out before.
func lapse(c *decide) bool {
	if c.status.State != rosterv1alpha1.InvitationSent || c.resendDue() {
		return false
	}
	if expiry := c.expiry(); !c.now.Before(expiry) {
		if c.renewalDue() {
			return false
		}
		c.expire()
		c.mailAt(c.resendLater())
		return true
	}
	c.waiting()
	due, next := c.reminders()
	if due > c.status.RemindersSent {
		c.action = Remind
		c.mail = Mail{Attempt: c.status.Attempt, Reminder: due, Expiry: c.expiry()}
	}
	c.mailAt(next)
	c.wakeAt(c.expiry())
	c.mailAt(c.resendLater())
	return true
}

func invalidAddress(c *decide) bool {
	_, err := address.Parse(c.Email())
	if err == nil {
		return false
	}
	c.stall(rosterv1alpha1.ReasonInvalidEmail, "The address "+err.Error()+". Delete the object and create it with the right address.")
	return true
}

func alreadyMember(c *decide) bool {
	if c.MemberOfAddress == "" {
		return false
	}
	c.hold(metav1.ConditionTrue, rosterv1alpha1.ReasonAlreadyMember, fmt.Sprintf(
		"%s already belongs to the Member %q; nothing is mailed. Change the roles there, and delete this Invitation.",
		c.Email(), c.MemberOfAddress))
	return true
}

func duplicate(c *decide) bool {
	if c.Rival == "" {
		return false
	}
	c.stall(rosterv1alpha1.ReasonDuplicateEmail, fmt.Sprintf(
		"%s has already been invited by the Invitation %q; nothing was mailed. Delete one of the two.", c.Email(), c.Rival))
	return true
}

func organizationMissing(c *decide) bool {
	if c.Organization != nil {
		return false
	}
	c.hold(metav1.ConditionFalse, rosterv1alpha1.ReasonOrganizationMissing,
		"There is no Organization in this namespace. The mail is sent once one exists.")
	return true
}

func domainNotAllowed(c *decide) bool {
	address := c.Address()
	allowed := c.Organization.Spec.Invitations.AllowedDomains
	if DomainAllowed(address, allowed) {
		return false
	}
	what := "the Invitation"
	if ref := c.Invitation.Spec.MemberRef; ref != nil {
		what = "the Member " + ref.Name // who would be invited again
	}
	c.stall(rosterv1alpha1.ReasonDomainNotAllowed, fmt.Sprintf(
		"The organisation does not invite to %s, only to %s. Add it to the Organization's spec.invitations.allowedDomains, or delete %s.",
		address.Domain(), strings.Join(allowed, ", "), what))
	return true
}

func memberSuspended(c *decide) bool {
	if c.Member == nil || !ptr.Deref(c.Member.Spec.Suspended, false) {
		return false
	}
	c.hold(metav1.ConditionTrue, rosterv1alpha1.ReasonMemberSuspended,
		fmt.Sprintf("The Member %q is suspended; the mail is sent when the suspension ends.", c.Member.Name))
	return true
}

func throttled(c *decide) bool {
	if !c.now.Before(c.ThrottledUntil) {
		return false
	}
	until := c.ThrottledUntil.UTC().Truncate(time.Minute).Add(time.Minute)
	c.hold(metav1.ConditionTrue, rosterv1alpha1.ReasonThrottled, fmt.Sprintf(
		"%s has been sent several invitations in a short time; the next one goes out at %s.", c.Email(), until.Format(time.RFC3339)))
	c.mailAt(until)
	return true
}

func deliver(c *decide) bool {
	c.action = Deliver
	c.mail = Mail{Attempt: c.status.Attempt + 1, Expiry: c.countsFrom().Add(c.validity()).Truncate(time.Second)}
	return true
}

// expire ends the invitation because its time is over.
func (c *decide) expire() {
	c.end(rosterv1alpha1.InvitationExpired, rosterv1alpha1.ReasonExpired,
		"The link was not used in time. To invite again, set spec.resendRequestedAt to now.")
}

// end records a final state and why; the operator has nothing left to do.
func (c *decide) end(state rosterv1alpha1.InvitationState, reason, message string) {
	c.status.State = state
	setOutcome(c.Invitation, reason, message, c.now)
}

// endAgain refreshes the conditions of an end that stands, whatever spoilt them: a resend that was refused and then withdrawn.
func (c *decide) endAgain(reason string) {
	done := meta.FindStatusCondition(c.status.Conditions, rosterv1alpha1.ConditionAccepted)
	if done != nil && done.Reason != rosterv1alpha1.ReasonWaiting {
		setOutcome(c.Invitation, done.Reason, done.Message, c.now)
		return
	}
	setOutcome(c.Invitation, reason, "To invite again, set spec.resendRequestedAt to now.", c.now)
}

// waiting records that the mail is out and the person has not answered.
func (c *decide) waiting() {
	c.conds().Set(rosterv1alpha1.ConditionAccepted, metav1.ConditionFalse, rosterv1alpha1.ReasonWaiting, "The person has not answered yet.")
	if len(c.Problems) > 0 {
		c.conds().Stall(c.Problems[0].Reason, "Mailed. "+c.Problems[0].Message)
		return
	}
	c.conds().Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonSent, "Mailed; the person has not answered yet.")
}

// stall records that somebody has to change something before the mail can go out.
func (c *decide) stall(reason, message string) {
	c.blocked()
	c.conds().Stall(reason, message)
}

// hold records what the mail waits for. It is Ready when the wait is wanted, and not when something is missing.
func (c *decide) hold(ready metav1.ConditionStatus, reason, message string) {
	c.blocked()
	c.conds().Ready(ready, reason, message)
}

// blocked keeps an older link that still works working, and lets it expire in time.
func (c *decide) blocked() {
	if c.status.State != rosterv1alpha1.InvitationSent {
		return
	}
	if c.now.Before(c.expiry()) {
		c.wakeAt(c.expiry())
		return
	}
	c.expire()
}

func (c *decide) conds() conditions.Setter { return conditionsOf(c.Invitation, c.now) }

// wakeAt asks to be asked again at t, or earlier.
func (c *decide) wakeAt(t time.Time) { c.wake = earlier(c.wake, t) }

// mailAt asks to be asked again at t, or earlier, because a mail may be due then.
func (c *decide) mailAt(t time.Time) {
	c.wakeAt(t)
	c.nextMail = earlier(c.nextMail, t)
}

// earlier is the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// MemberMissing reports whether the Member that is named does not exist, is going, or is another one than the one first meant.
func (o Offer) MemberMissing() bool {
	m := o.Member
	return m == nil || m.DeletionTimestamp != nil || o.memberUID() != "" && o.memberUID() != string(m.UID)
}

// memberUID is the identity of the Member that the invitation was first meant for; empty while that is not known.
func (o Offer) memberUID() string {
	if owner := metav1.GetControllerOf(o.Invitation); owner != nil && owner.Kind == "Member" {
		return string(owner.UID)
	}
	return o.Invitation.Status.MemberUID
}

func (c *decide) expiry() time.Time {
	if c.status.ExpiryTime == nil {
		return time.Time{}
	}
	return c.status.ExpiryTime.Time
}

// resendDue reports whether a new mail is asked for that has not gone out yet. Times in the API have seconds: a request in the
// second of the last mail is newer than it, unless it is the one that the mail answered.
func (c *decide) resendDue() bool {
	asked := c.Invitation.Spec.ResendRequestedAt
	return asked != nil && !asked.After(c.now) && c.resendOpen()
}

// resendLater is when a request for a resend falls due that lies in the future; zero if there is none.
func (c *decide) resendLater() time.Time {
	if asked := c.Invitation.Spec.ResendRequestedAt; asked != nil && asked.After(c.now) && c.resendOpen() {
		return asked.Time
	}
	return time.Time{}
}

func (c *decide) resendOpen() bool {
	asked, handled, sent := c.Invitation.Spec.ResendRequestedAt, c.status.HandledResendTime, c.status.SentTime
	return (handled == nil || asked.After(handled.Time)) && (sent == nil || !asked.Before(sent))
}

func (c *decide) renewalDue() bool {
	return c.Organization != nil && ptr.Deref(c.Organization.Spec.Invitations.SelfRenewal, false) && renewalAsked(*c.status)
}

// reminders returns how many reminders of the current link should have gone out by now, and when the next one is due. A reminder
// that is as early as the mail itself is none.
func (c *decide) reminders() (due int32, next time.Time) {
	if c.Organization == nil || c.status.SentTime == nil {
		return 0, time.Time{}
	}
	var times []time.Time
	for _, before := range c.Organization.Spec.Invitations.RemindBefore {
		if at := c.expiry().Add(-before.Duration); at.After(c.status.SentTime.Time) {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		if at.After(c.now) {
			return due, at
		}
		due++
	}
	return due, time.Time{}
}
