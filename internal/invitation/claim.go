// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/conditions"
)

// Accept turns an invitation whose link is LinkOpen into an accepted one. The caller writes it with the resourceVersion that was
// checked, so that of accepting, declining, revoking and expiring exactly one wins. The role is the one that the person agreed to: of
// Offer.Agreed.
func Accept(inv *rosterv1alpha1.Invitation, account string, role rosterv1alpha1.OrganizationRole, now time.Time) {
	at := metav1.NewTime(now)
	inv.Status.Role = string(role)
	inv.Status.State = rosterv1alpha1.InvitationAccepted
	inv.Status.AcceptedTime = &at
	inv.Status.AccountRef = &rosterv1alpha1.LocalReference{Name: account}
	conds := conditionsOf(inv, now)
	conds.Set(rosterv1alpha1.ConditionAccepted, metav1.ConditionTrue, rosterv1alpha1.ReasonAccepted, "The person has accepted.")
	conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonAccepted, "The person has accepted.")
}

// Decline turns an invitation whose link is LinkOpen into a declined one; written as in Accept.
func Decline(inv *rosterv1alpha1.Invitation, now time.Time) {
	at := metav1.NewTime(now)
	inv.Status.State = rosterv1alpha1.InvitationDeclined
	inv.Status.DeclinedTime = &at
	setOutcome(inv, rosterv1alpha1.ReasonDeclined, "The person has declined. To invite again, set spec.resendRequestedAt.", now)
}

// RequestRenewal notes that the holder of a link that is LinkRenewable wants another one; written as in Accept.
func RequestRenewal(inv *rosterv1alpha1.Invitation, now time.Time) {
	at := metav1.NewTime(now)
	inv.Status.RenewalRequestedTime = &at
}

// setOutcome records an end that is not an acceptance. The operator has nothing left to do, so the object is Ready.
func setOutcome(inv *rosterv1alpha1.Invitation, reason, message string, now time.Time) {
	conds := conditionsOf(inv, now)
	conds.Set(rosterv1alpha1.ConditionAccepted, metav1.ConditionFalse, reason, message)
	conds.Ready(metav1.ConditionTrue, reason, message)
}

func conditionsOf(inv *rosterv1alpha1.Invitation, now time.Time) conditions.Setter {
	return conditions.In(&inv.Status.Conditions, inv.Generation, now)
}
