// SPDX-License-Identifier: Apache-2.0

package conditions

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestWhatTurnsTwiceHasNotTurned: a decision that says first that all is well, and then what is not, changes nothing where that was so.
func TestWhatTurnsTwiceHasNotTurned(t *testing.T) {
	then := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	var list []metav1.Condition
	decide := func(now time.Time) {
		set := In(&list, 1, now)
		set.Ready(metav1.ConditionTrue, "Ready", "Ready.")
		set.Stall("NoTeam", "No Team works on the profile.")
	}
	decide(then)
	before := append([]metav1.Condition{}, list...)
	decide(then.Add(time.Hour))
	if !equality.Semantic.DeepEqual(before, list) {
		t.Errorf("got %+v, want %+v", list, before)
	}
	In(&list, 1, then.Add(2*time.Hour)).Ready(metav1.ConditionTrue, "Ready", "Ready.")
	if at := list[0].LastTransitionTime.Time; !at.Equal(then.Add(2 * time.Hour)) {
		t.Errorf("it turned at %s", at)
	}
}
