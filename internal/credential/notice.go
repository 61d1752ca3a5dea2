// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// noticeOrder has what mails are about, the least pressing first.
func noticeOrder() []rosterv1alpha1.NoticeCause {
	return []rosterv1alpha1.NoticeCause{
		rosterv1alpha1.NoticeExpiresIn14Days, rosterv1alpha1.NoticeExpiresIn3Days, rosterv1alpha1.NoticeExpiresIn1Day,
		rosterv1alpha1.NoticeExpired, rosterv1alpha1.NoticeAccessLost,
	}
}

// Notice is a mail about the tokens of a profile that is due, as the status will have it once it is sent; nil where none is. Of the same
// tokens, nobody hears twice of the same or of something less pressing.
func Notice(p *rosterv1alpha1.SocialProfile, now time.Time) *rosterv1alpha1.CredentialNotice {
	c := p.Status.Credential
	if !wanted(p) || c == nil || c.Fingerprint == "" || p.Status.EngagementAssignee == "" {
		return nil
	}
	cause := noticeCause(p, now)
	if last := c.Notice; cause == "" || last != nil && last.Fingerprint == c.Fingerprint &&
		slices.Index(noticeOrder(), last.Cause) >= slices.Index(noticeOrder(), cause) {
		return nil
	}
	why := rosterv1alpha1.RecipientOwner
	if address.Same(p.Status.Responsible, p.Status.EngagementAssignee) {
		why = rosterv1alpha1.RecipientResponsible
	}
	return &rosterv1alpha1.CredentialNotice{
		Fingerprint: c.Fingerprint, Cause: cause, To: p.Status.EngagementAssignee, Why: why, Time: timeOf(now),
	}
}

// wanted reports whether mails about tokens are: they are, unless the profile says otherwise.
func wanted(p *rosterv1alpha1.SocialProfile) bool {
	n := p.Spec.Notifications
	return n == nil || n.TokenExpiry == nil || *n.TokenExpiry
}

func noticeCause(p *rosterv1alpha1.SocialProfile, now time.Time) rosterv1alpha1.NoticeCause {
	expiring := meta.IsStatusConditionTrue(p.Status.Conditions, rosterv1alpha1.ConditionTokenExpiring)
	end := p.Status.Credential.ReconnectByTime
	connected := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionConnected)
	refused := connected != nil && connected.Status == metav1.ConditionFalse &&
		connected.Reason != rosterv1alpha1.ReasonReconnectRequired // somebody has changed the profile, and the network said nothing
	switch {
	case end != nil && (expiring || refused) && !end.After(now):
		return rosterv1alpha1.NoticeExpired // which is why it is refused
	case refused:
		return rosterv1alpha1.NoticeAccessLost
	case !expiring || end == nil:
		return ""
	}
	return latestWarning(end.Time, now)
}

// NextNotice is when there may be something new to say; zero if that is not known.
func NextNotice(p *rosterv1alpha1.SocialProfile, now time.Time) time.Time {
	c := p.Status.Credential
	if c == nil || c.ReconnectByTime == nil || !wanted(p) {
		return time.Time{}
	}
	return earliest(now, thresholds(c.ReconnectByTime.Time)...)
}
