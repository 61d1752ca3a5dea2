// SPDX-License-Identifier: Apache-2.0

package organization

import (
	"k8s.io/apimachinery/pkg/api/meta"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
)

// ConnectionState says how the tokens of a profile stand, and whether somebody has to do something about it.
func ConnectionState(w web.Words, sp *rosterv1alpha1.SocialProfile) (text string, bad bool) {
	if sp.Spec.CredentialsSecretRef == nil {
		return w.T("connection.none"), false
	}
	connected := meta.FindStatusCondition(sp.Status.Conditions, rosterv1alpha1.ConditionConnected)
	expiring := meta.IsStatusConditionTrue(sp.Status.Conditions, rosterv1alpha1.ConditionTokenExpiring)
	c := sp.Status.Credential
	switch {
	case connected == nil || connected.Status == "Unknown":
		return w.T("connection.unknown"), false
	case connected.Status == "False":
		return w.T("connection.lost"), true
	case expiring && c != nil && c.ReconnectByTime != nil:
		return w.T("connection.until", "Time", w.Moment(c.ReconnectByTime.Time)), true
	case expiring:
		return w.T("connection.expiring"), true
	}
	return w.T("connection.good"), false
}

// PlanFull reports whether the plan has no place for another profile, and whom to ask.
func PlanFull(o *rosterv1alpha1.Organization) (contact string, full bool) {
	left, limited := quota.Left(o.Status.Plan.SocialProfiles)
	return o.Status.Plan.Contact, limited && left == 0
}
