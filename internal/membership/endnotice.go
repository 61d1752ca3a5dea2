// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

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
