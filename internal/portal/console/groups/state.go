// SPDX-License-Identifier: Apache-2.0

package groups

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// stateOf puts the conditions of an object into words.
func stateOf(w web.Words, conditions []metav1.Condition, generation, observed int64) console.Badge {
	return console.StateOf(w, conditions, generation, observed, whyNot)
}

func whyNot(w web.Words, reason string) string {
	switch reason {
	case rosterv1alpha1.ReasonMemberNotFound:
		return w.T("groups.state.memberNotFound")
	case rosterv1alpha1.ReasonProfileNotFound:
		return w.T("groups.state.profileNotFound")
	case rosterv1alpha1.ReasonRoleNotFound:
		return w.T("groups.state.roleNotFound")
	case rosterv1alpha1.ReasonFeatureNotInPlan:
		return w.T("groups.state.notInPlan")
	case rosterv1alpha1.ReasonInvalidSelector:
		return w.T("groups.state.selector")
	case rosterv1alpha1.ReasonWriteRefused:
		return w.T("groups.state.writeRefused")
	}
	return w.T("groups.state.other", "Reason", reason)
}
