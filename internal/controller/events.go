// SPDX-License-Identifier: Apache-2.0

package controller

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// Events tells people what they should see. What goes as planned is in the status and makes no event: an event costs the API
// server as much as the status does.
type Events struct {
	recorder events.EventRecorder
}

// invitation tells of mail that fails, of what stalls, and of people who joined.
func (e Events) invitation(before, after *rosterv1alpha1.Invitation) {
	if c := turned(before.Status.Conditions, after.Status.Conditions, rosterv1alpha1.ConditionDelivered, metav1.ConditionFalse); c != nil &&
		c.Reason != rosterv1alpha1.ReasonMailHeld { // told of the Organization, once for all
		e.warn(after, c.Reason, "Deliver", c.Message)
	}
	if c := turned(before.Status.Conditions, after.Status.Conditions, rosterv1alpha1.ConditionStalled, metav1.ConditionTrue); c != nil &&
		c.Reason != rosterv1alpha1.ReasonRejected { // told above
		e.warn(after, c.Reason, "Invite", c.Message)
	}
	if before.Status.MemberRef == nil && after.Status.MemberRef != nil {
		e.recorder.Eventf(after, nil, corev1.EventTypeNormal, rosterv1alpha1.ReasonJoined, "Join",
			"%s accepted and is the Member %s.", after.Status.Email, after.Status.MemberRef.Name)
	}
}

// member tells of what stalls a Member and of roles that it gains or loses as a whole.
func (e Events) member(before, after *rosterv1alpha1.Member) {
	e.stalled(after, before.Status.Conditions, after.Status.Conditions)
	if was, is := before.Status.State, after.Status.State; was != is && is != rosterv1alpha1.MemberPending {
		e.recorder.Eventf(after, nil, corev1.EventTypeNormal, string(is), "Grant", "%s is %s.", after.Spec.Email, is)
	}
}

func (e Events) organization(before, after *rosterv1alpha1.Organization) {
	was, is := before.Status.Conditions, after.Status.Conditions
	e.stalled(after, was, is)
	e.lost(after, was, is, rosterv1alpha1.ConditionWithinPlan) // it has come to want more than its plan has
	e.lost(after, was, is, rosterv1alpha1.ConditionIssuerResolved)
	if before.Status.OwnerSince != nil && after.Status.OwnerSince == nil { // nobody can do everything any more
		e.lost(after, was, is, rosterv1alpha1.ConditionOwnerResolved)
	}
	if c := turned(was, is, rosterv1alpha1.ConditionMailDelivered, metav1.ConditionFalse); c != nil {
		e.warn(after, c.Reason, "Deliver", c.Message)
	}
}

func (e Events) profile(before, after *rosterv1alpha1.SocialProfile) {
	was, is := before.Status.Conditions, after.Status.Conditions
	e.stalled(after, was, is)
	e.lost(after, was, is, rosterv1alpha1.ConditionAdministered) // its last Administrator
}

// credentials tells of tokens that a network refuses, and of those that nobody can renew.
func (e Events) credentials(before, after *rosterv1alpha1.SocialProfile) {
	was, is := before.Status.Conditions, after.Status.Conditions
	e.lost(after, was, is, rosterv1alpha1.ConditionConnected)
	e.lost(after, was, is, rosterv1alpha1.ConditionRenewerAvailable)
}

// notice tells that somebody was mailed about tokens.
func (e Events) notice(_, after *rosterv1alpha1.SocialProfile) {
	n := after.Status.Credential.Notice
	e.recorder.Eventf(after, nil, corev1.EventTypeNormal, string(n.Cause), "Notify", "%s was mailed about the tokens.", n.To)
}

// connection tells whoever looks after an organisation that profiles which somebody connected at the portal cannot be stored.
func (e Events) connection(o *rosterv1alpha1.Organization, reason, message string) {
	e.warn(o, reason, "Connect", message)
}

// leave tells the organisation that somebody has left and is a Member nevertheless.
func (e Events) leave(l rosterv1alpha1.Leaving, p *access.Problem) {
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: l.Member, UID: types.UID(l.UID)}}
	e.warn(m, p.Reason, "Leave", "The person has left and is still a member. "+p.Message)
}

func (e Events) team(before, after *rosterv1alpha1.Team) {
	e.stalled(after, before.Status.Conditions, after.Status.Conditions)
}

func (e Events) workspace(before, after *rosterv1alpha1.Workspace) {
	e.stalled(after, before.Status.Conditions, after.Status.Conditions)
}

func (e Events) customRole(before, after *rosterv1alpha1.CustomRole) {
	e.stalled(after, before.Status.Conditions, after.Status.Conditions)
}

// stalled tells of what the operator can go no further with.
func (e Events) stalled(o runtime.Object, before, after []metav1.Condition) {
	if c := turned(before, after, rosterv1alpha1.ConditionStalled, metav1.ConditionTrue); c != nil {
		e.warn(o, c.Reason, "Reconcile", c.Message)
	}
}

// lost tells of a condition that has come to be False.
func (e Events) lost(o runtime.Object, before, after []metav1.Condition, kind string) {
	if c := turned(before, after, kind, metav1.ConditionFalse); c != nil {
		e.warn(o, c.Reason, "Count", c.Message)
	}
}

func (e Events) warn(o runtime.Object, reason, action, note string) {
	const most = 1000 // The API takes 1,024 bytes.
	if len(note) > most {
		note = note[:most] + "…"
	}
	e.recorder.Eventf(o, nil, corev1.EventTypeWarning, reason, action, "%s", note)
}

// turned is the condition if it has come to have that status, or another reason for it.
func turned(before, after []metav1.Condition, kind string, status metav1.ConditionStatus) *metav1.Condition {
	was, is := meta.FindStatusCondition(before, kind), meta.FindStatusCondition(after, kind)
	if is == nil || is.Status != status || was != nil && was.Status == status && was.Reason == is.Reason {
		return nil
	}
	return is
}
