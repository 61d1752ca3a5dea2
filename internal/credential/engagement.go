// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// digestPause is how long nobody is mailed about new items again.
const digestPause = 24 * time.Hour

// WantsEngagement reports whether somebody is to hear of new items.
func WantsEngagement(p *rosterv1alpha1.SocialProfile) bool {
	return p.Spec.Notifications != nil && ptr.Deref(p.Spec.Notifications.Engagement, false)
}

// engagement records how much waits. What was read since the last mail is known no more, so that as many new items are news again.
func (d *decision) engagement() {
	if !WantsEngagement(d.p) {
		d.status.Engagement = nil
		return
	}
	if d.f.Unread == nil {
		return
	}
	e := d.status.Engagement
	if e == nil {
		e = &rosterv1alpha1.EngagementStatus{}
		d.status.Engagement = e
	}
	e.Unread = d.f.Unread
	if e.Known != nil {
		e.Known = ptr.To(min(*e.Known, *e.Unread))
	}
}

// Digest is a mail about new items that is due, as the status will have it once it is sent, and how many are new; nil where none is.
func Digest(p *rosterv1alpha1.SocialProfile, now time.Time) (*rosterv1alpha1.EngagementStatus, int) {
	e := p.Status.Engagement
	if !WantsEngagement(p) || e == nil || p.Status.EngagementAssignee == "" {
		return nil, 0
	}
	fresh := int(ptr.Deref(e.Unread, 0) - ptr.Deref(e.Known, 0))
	if fresh <= 0 || e.Time != nil && now.Sub(e.Time.Time) < digestPause {
		return nil, 0
	}
	return &rosterv1alpha1.EngagementStatus{Unread: e.Unread, Known: e.Unread, To: p.Status.EngagementAssignee, Time: timeOf(now)}, fresh
}

// NextDigest is when somebody may be mailed about new items again; zero if that is now, or nobody is to be.
func NextDigest(p *rosterv1alpha1.SocialProfile, now time.Time) time.Time {
	if e := p.Status.Engagement; WantsEngagement(p) && e != nil && e.Time != nil {
		return earliest(now, e.Time.Add(digestPause))
	}
	return time.Time{}
}
