// SPDX-License-Identifier: Apache-2.0

package people

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// standing is how somebody stands to the organisation, by a Member or an Invitation.
type standing string

// The standings. What nobody has to look after comes last.
const (
	active        standing = "active"
	invited       standing = "invited"
	waiting       standing = "waiting"
	expired       standing = "expired"
	undeliverable standing = "undeliverable"
	suspended     standing = "suspended"
	ended         standing = "ended"
	declined      standing = "declined"
	withdrawn     standing = "withdrawn"
)

func standings() []standing {
	return []standing{active, invited, waiting, expired, undeliverable, suspended, ended, declined, withdrawn}
}

// badge is the class of the mark by which pages show a standing: people who lack something stand out.
func (s standing) badge() string {
	switch s {
	case active:
		return "badge"
	case waiting, expired, undeliverable:
		return "badge bad"
	}
	return "badge off"
}

// ofMember is where a Member stands. The Invitation is its own; nil where there is none.
func ofMember(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation, now time.Time) standing {
	switch {
	case membership.HasEnded(o, m, now):
		return ended
	case membership.IsSuspended(m):
		return suspended
	case m.Spec.AccountRef == nil && inv != nil:
		return ofInvitation(inv, now)
	case stalled(m.Status.Conditions) && !membership.IsActive(m):
		return waiting
	case m.Spec.AccountRef == nil:
		return invited
	case membership.IsActive(m):
		return active
	}
	return waiting
}

// ofInvitation is where an Invitation stands that has not been accepted.
func ofInvitation(inv *rosterv1alpha1.Invitation, now time.Time) standing {
	if ptr.Deref(inv.Spec.Revoked, false) {
		return withdrawn
	}
	switch inv.Status.State {
	case rosterv1alpha1.InvitationExpired:
		return expired
	case rosterv1alpha1.InvitationDeclined:
		return declined
	case rosterv1alpha1.InvitationRevoked:
		return withdrawn
	case rosterv1alpha1.InvitationUndeliverable:
		return undeliverable
	case rosterv1alpha1.InvitationSent:
		if t := inv.Status.ExpiryTime; t != nil && !now.Before(t.Time) {
			return expired // before the operator has noticed
		}
		return invited
	case rosterv1alpha1.InvitationPending, rosterv1alpha1.InvitationAccepted:
	}
	if stalled(inv.Status.Conditions) {
		return waiting
	}
	return invited
}

// stalled reports whether somebody has to change something before an object does what it is for.
func stalled(conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, rosterv1alpha1.ConditionStalled)
}
