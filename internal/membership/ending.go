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

const day = 24 * time.Hour

// warnings are how many days before the end people are told, the earliest first.
func warnings() []int32 { return []int32{14, 3} }

// EndNotice is a mail about the end of a membership that is due, as the status will have it once it is sent, without the addresses; nil
// where none is. Next is when another may be due; zero for never. Of one end, people hear once for each of the days; of one that comes
// sooner, at once.
func EndNotice(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, now time.Time) (due *rosterv1alpha1.EndNotice, next time.Time) {
	end := Ends(o, m)
	if end == nil || !IsActive(m) || !now.Before(end.Time) {
		return nil, time.Time{}
	}
	for _, days := range warnings() {
		at := end.Add(-time.Duration(days) * day)
		if now.Before(at) {
			next = at
			break
		}
		due = &rosterv1alpha1.EndNotice{EndTime: end, Days: days, Time: &metav1.Time{Time: now.Truncate(time.Second)}}
	}
	if last := m.Status.EndNotice; due != nil && last != nil && last.EndTime.Equal(end) && last.Days <= due.Days {
		due = nil
	}
	return due, next
}

// LooksAfter is who is told beside the person that a membership ends: of those who invited them the first who is active, else the owner;
// nil where that is nobody else.
func LooksAfter(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, inviters []*rosterv1alpha1.Member, owner *rosterv1alpha1.Member) (
	by *rosterv1alpha1.Member, invited bool,
) {
	for _, other := range inviters {
		if other.UID != m.UID && IsActive(other) {
			return other, true
		}
	}
	if owner != nil && owner.UID != m.UID && IsActive(owner) && RoleOf(o, owner) == rosterv1alpha1.RoleOwner {
		return owner, false
	}
	return nil, false
}

// throughTheDay is from when a day begins to when a membership ends that lasts through it.
const throughTheDay = 24*time.Hour - time.Second

// ParseEnd reads when a membership ends: a day, which it lasts through in UTC, or a time. It is nil for nothing.
func ParseEnd(text string) (*metav1.Time, error) {
	if text == "" {
		return nil, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return &metav1.Time{Time: day.Add(throughTheDay)}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%q is no end of a membership: write its last day, such as 2027-01-31, or a time, such as "+
			"2027-01-31T18:00:00Z", text)
	}
	return &metav1.Time{Time: t}, nil
}

// FormatEnd writes what ParseEnd reads; nothing for nil.
func FormatEnd(end *metav1.Time) string {
	if end == nil {
		return ""
	}
	t := end.UTC()
	if t.Truncate(24 * time.Hour).Add(throughTheDay).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
