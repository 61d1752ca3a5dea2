// SPDX-License-Identifier: Apache-2.0

// Package conditions sets the conditions in a status: with the generation that was looked at, and the time at which they changed.
package conditions

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Setter sets the conditions of one object at one time.
type Setter struct {
	list *[]metav1.Condition
	// before are those that there were: what turns twice in one decision has not turned.
	before     []metav1.Condition
	generation int64
	now        time.Time
}

// In sets conditions in the list of an object.
func In(list *[]metav1.Condition, generation int64, now time.Time) Setter {
	return Setter{list: list, before: slices.Clone(*list), generation: generation, now: now}
}

// Find is the condition of a kind; nil where there is none.
func (s Setter) Find(kind string) *metav1.Condition { return meta.FindStatusCondition(*s.list, kind) }

// Set sets a condition. The time of its last transition stays where its status does.
func (s Setter) Set(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(s.list, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: s.generation, LastTransitionTime: metav1.NewTime(s.now),
	})
	if was := meta.FindStatusCondition(s.before, kind); was != nil && was.Status == status {
		s.Find(kind).LastTransitionTime = was.LastTransitionTime
	}
}

// Remove takes away conditions that do not apply.
func (s Setter) Remove(kinds ...string) {
	for _, kind := range kinds {
		meta.RemoveStatusCondition(s.list, kind)
	}
}

// Ready reports how far the operator is, where it can go on by itself.
func (s Setter) Ready(status metav1.ConditionStatus, reason, message string) {
	s.Set(rosterv1alpha1.ConditionReady, status, reason, message)
	s.Remove(rosterv1alpha1.ConditionStalled)
}

// Stall reports that somebody has to change something first.
func (s Setter) Stall(reason, message string) {
	s.Set(rosterv1alpha1.ConditionReady, metav1.ConditionFalse, reason, message)
	s.Set(rosterv1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message)
}
