// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// conditions sets the conditions of one object at one time.
type conditions struct {
	list       *[]metav1.Condition
	generation int64
	now        time.Time
}

func newConditions(list *[]metav1.Condition, generation int64, now time.Time) conditions {
	return conditions{list: list, generation: generation, now: now}
}

func (c conditions) set(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(c.list, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: c.generation, LastTransitionTime: metav1.NewTime(c.now),
	})
}

// ready says how far the operator is, where it can go on by itself.
func (c conditions) ready(status metav1.ConditionStatus, reason, message string) {
	c.set(rosterv1alpha1.ConditionReady, status, reason, message)
	meta.RemoveStatusCondition(c.list, rosterv1alpha1.ConditionStalled)
}

// stall says that somebody has to change something first.
func (c conditions) stall(reason, message string) {
	c.set(rosterv1alpha1.ConditionReady, metav1.ConditionFalse, reason, message)
	c.set(rosterv1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message)
}

// refused says that Kubernetes refuses to have written what the object gives; nothing where it does not.
func (c conditions) refused(p *access.Problem) {
	if p != nil {
		c.stall(p.Reason, p.Message)
	}
}
