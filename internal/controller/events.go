// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reporting"
)

// Events are those about the objects of this package.
type Events struct{ reporting.Recorder }

// invitation tells of mail that fails, of what stalls, and of people who joined.
func (e Events) invitation(before, after *rosterv1alpha1.Invitation) {
	was, is := before.Status.Conditions, after.Status.Conditions
	if c := undelivered(before, after); c != nil && c.Reason != rosterv1alpha1.ReasonMailHeld { // told of the Organization, once for all
		e.Warn(after, c.Reason, "Deliver", c.Message)
	}
	if c := meta.FindStatusCondition(is, rosterv1alpha1.ConditionStalled); c != nil &&
		c.Reason != rosterv1alpha1.ReasonRejected { // told above
		e.Stalled(after, was, is)
	}
	if before.Status.MemberRef == nil && after.Status.MemberRef != nil {
		e.Tell(after, rosterv1alpha1.ReasonJoined, "Join",
			"%s accepted and is the Member %s.", after.Status.Email, after.Status.MemberRef.Name)
	}
}

// undelivered is the condition of a mail that has just failed, or has been refused as the one before was; nil where none has.
func undelivered(before, after *rosterv1alpha1.Invitation) *metav1.Condition {
	c := meta.FindStatusCondition(after.Status.Conditions, rosterv1alpha1.ConditionDelivered)
	another := before.Status.Attempt != after.Status.Attempt || before.Status.RemindersSent != after.Status.RemindersSent
	if another && c != nil && c.Status == metav1.ConditionFalse {
		return c
	}
	return reporting.Turned(before.Status.Conditions, after.Status.Conditions, rosterv1alpha1.ConditionDelivered, metav1.ConditionFalse)
}

// member tells of what stalls a Member and of roles that it gains or loses as a whole, but not of people who are there from the beginning.
func (e Events) member(before, after *rosterv1alpha1.Member) {
	e.Stalled(after, before.Status.Conditions, after.Status.Conditions)
	if was, is := before.Status.State, after.Status.State; was != "" && was != is && is != rosterv1alpha1.MemberPending {
		e.Tell(after, string(is), "Grant", "%s is %s.", after.Spec.Email, is)
	}
}

func (e Events) organization(before, after *rosterv1alpha1.Organization) {
	was, is := before.Status.Conditions, after.Status.Conditions
	e.Stalled(after, was, is)
	e.Lost(after, was, is, rosterv1alpha1.ConditionWithinPlan) // it has come to want more than its plan has
	e.Lost(after, was, is, rosterv1alpha1.ConditionIssuerResolved)
	if before.Status.OwnerSince != nil && after.Status.OwnerSince == nil { // nobody can do everything any more
		// It may have been False before: somebody else is named, and has not agreed yet.
		if c := meta.FindStatusCondition(is, rosterv1alpha1.ConditionOwnerResolved); c != nil && c.Status == metav1.ConditionFalse {
			e.Warn(after, c.Reason, "Count", c.Message)
		}
	}
	if c := reporting.Turned(was, is, rosterv1alpha1.ConditionMailDelivered, metav1.ConditionFalse); c != nil {
		e.Warn(after, c.Reason, "Deliver", c.Message)
	}
}

func (e Events) profile(before, after *rosterv1alpha1.SocialProfile) {
	was, is := before.Status.Conditions, after.Status.Conditions
	e.Stalled(after, was, is)
	e.Lost(after, was, is, rosterv1alpha1.ConditionAdministered) // its last Administrator
}

// leave tells the organisation that somebody has left and is a Member nevertheless.
func (e Events) leave(l rosterv1alpha1.Leaving, p *access.Problem) {
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: l.Member, UID: types.UID(l.UID)}}
	e.Warn(m, p.Reason, "Leave", "The person has left and is still a member. "+p.Message)
}

func (e Events) team(before, after *rosterv1alpha1.Team) {
	e.Stalled(after, before.Status.Conditions, after.Status.Conditions)
}

func (e Events) workspace(before, after *rosterv1alpha1.Workspace) {
	e.Stalled(after, before.Status.Conditions, after.Status.Conditions)
}

func (e Events) customRole(before, after *rosterv1alpha1.CustomRole) {
	e.Stalled(after, before.Status.Conditions, after.Status.Conditions)
}
