// SPDX-License-Identifier: Apache-2.0

package console

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Standing is how somebody stands to the organisation, by a Member or an Invitation.
type Standing string

// Badge is a mark beside a name, with its class.
type Badge struct{ Text, Class string }

// The standings. What nobody has to look after comes last.
const (
	StandingActive        Standing = "active"
	StandingInvited       Standing = "invited"
	StandingWaiting       Standing = "waiting"
	StandingExpired       Standing = "expired"
	StandingUndeliverable Standing = "undeliverable"
	StandingSuspended     Standing = "suspended"
	StandingEnded         Standing = "ended"
	StandingDeclined      Standing = "declined"
	StandingWithdrawn     Standing = "withdrawn"
)

func standings() []Standing {
	return []Standing{
		StandingActive, StandingInvited, StandingWaiting, StandingExpired, StandingUndeliverable, StandingSuspended, StandingEnded,
		StandingDeclined, StandingWithdrawn,
	}
}

// Badge shows a standing in one word: people who lack something stand out.
func (s Standing) Badge(w web.Words) Badge {
	return Badge{w.T("console.standing." + string(s)), s.class()}
}

func (s Standing) class() string {
	switch s {
	case StandingActive:
		return "badge"
	case StandingWaiting, StandingExpired, StandingUndeliverable:
		return "badge bad"
	}
	return "badge off"
}

// StandingOfMember is where a Member stands. The Invitation is its own; nil where there is none.
func StandingOfMember(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation, now time.Time) Standing {
	switch {
	case membership.HasEnded(o, m, now):
		return StandingEnded
	case membership.IsSuspended(m):
		return StandingSuspended
	case m.Spec.AccountRef == nil && inv != nil:
		return StandingOfInvitation(inv, now)
	case Stalled(m.Status.Conditions) && !membership.IsActive(m):
		return StandingWaiting
	case m.Spec.AccountRef == nil:
		return StandingInvited
	case membership.IsActive(m):
		return StandingActive
	}
	return StandingWaiting
}

// StandingOfInvitation is where an Invitation stands that has not been accepted.
func StandingOfInvitation(inv *rosterv1alpha1.Invitation, now time.Time) Standing {
	if ptr.Deref(inv.Spec.Revoked, false) {
		return StandingWithdrawn
	}
	switch inv.Status.State {
	case rosterv1alpha1.InvitationExpired:
		return StandingExpired
	case rosterv1alpha1.InvitationDeclined:
		return StandingDeclined
	case rosterv1alpha1.InvitationRevoked:
		return StandingWithdrawn
	case rosterv1alpha1.InvitationUndeliverable:
		return StandingUndeliverable
	case rosterv1alpha1.InvitationSent:
		if t := inv.Status.ExpiryTime; t != nil && !now.Before(t.Time) {
			return StandingExpired // before the operator has noticed
		}
		return StandingInvited
	case rosterv1alpha1.InvitationPending, rosterv1alpha1.InvitationAccepted:
	}
	if Stalled(inv.Status.Conditions) {
		return StandingWaiting
	}
	return StandingInvited
}

// Stalled reports whether somebody has to change something before an object does what it is for.
func Stalled(conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, rosterv1alpha1.ConditionStalled)
}

// StateOf puts the conditions of an object into words. Those for a reason for not being ready are texts named after it, behind the prefix.
func StateOf(w web.Words, conditions []metav1.Condition, generation, observed int64, prefix string) Badge {
	ready := meta.FindStatusCondition(conditions, rosterv1alpha1.ConditionReady)
	switch {
	case ready == nil || observed < generation:
		return Badge{Text: w.T("console.state.soon"), Class: "badge off"}
	case ready.Status == metav1.ConditionTrue:
		return Badge{Text: w.T("console.state.ready"), Class: "badge"}
	}
	id := prefix + ready.Reason
	text := w.T(id)
	if text == id { // nobody has put this reason into words
		text = w.T(prefix+"other", "Reason", ready.Reason)
	}
	return Badge{Text: text, Class: "badge bad"}
}
