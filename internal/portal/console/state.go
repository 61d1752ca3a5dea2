// SPDX-License-Identifier: Apache-2.0

package console

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// StateOf puts the conditions of an object into words: why says those of a reason for not being ready.
func StateOf(w web.Words, conditions []metav1.Condition, generation, observed int64, why func(web.Words, string) string) Badge {
	ready := meta.FindStatusCondition(conditions, rosterv1alpha1.ConditionReady)
	switch {
	case ready == nil || observed < generation:
		return Badge{Text: w.T("console.state.soon"), Class: "badge off"}
	case ready.Status == metav1.ConditionTrue:
		return Badge{Text: w.T("console.state.ready"), Class: "badge"}
	}
	return Badge{Text: why(w, ready.Reason), Class: "badge bad"}
}
