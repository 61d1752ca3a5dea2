// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// A membership may end at a time that was set before. Nobody has to do anything then.

// Ends is when a membership ends; nil where it does not. That of the owner does not, whatever the spec says: an organisation always has
// somebody who may do everything. The Organization is nil where there is none.
func Ends(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) *metav1.Time {
	if ownerIsToEnd(o, m) {
		return nil
	}
	return m.Spec.EndTime
}

// HasEnded reports whether a membership has ended, whether or not the operator has noticed.
func HasEnded(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, now time.Time) bool {
	end := Ends(o, m)
	return end != nil && !now.Before(end.Time)
}

// At is a Member as it is at a time: the status may not show yet that the membership has ended. It changes nothing of its input.
func At(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, now time.Time) *rosterv1alpha1.Member {
	if m.Status.State == rosterv1alpha1.MemberEnded || !HasEnded(o, m, now) {
		return m
	}
	m = m.DeepCopy()
	m.Status.State = rosterv1alpha1.MemberEnded
	return m
}

// ownerIsToEnd reports whether the end of a membership has no effect, since its person owns the organisation.
func ownerIsToEnd(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) bool {
	if o == nil || m.Spec.EndTime == nil {
		return false
	}
	owner, elsewhere := Owns(o, m)
	return owner || elsewhere
}

// wake is when a membership ends that has not yet; zero for never.
func (in MemberInput) wake(now time.Time) time.Time {
	var wake time.Time
	if end := Ends(in.Organization, in.Member); end != nil && now.Before(end.Time) {
		wake = end.Time
	}
	if until := in.renamedUntil(); in.mayBeRenamed(now) && (wake.IsZero() || until.Before(wake)) {
		wake = until
	}
	return wake
}

func ownerDoesNotEnd(m *rosterv1alpha1.Member) string {
	return fmt.Sprintf("%s owns the organisation, so their membership does not end, whatever spec.endTime says. "+
		"Remove spec.endTime, or name another owner in spec.ownerRef of the Organization.", emailOf(m))
}

func (in MemberInput) hasEnded() string {
	return fmt.Sprintf("The membership ended at %s, and the person holds nothing. To go on with it, set a later spec.endTime or remove it.",
		in.Member.Spec.EndTime.UTC().Format(time.RFC3339))
}
