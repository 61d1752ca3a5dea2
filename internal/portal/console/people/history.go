// SPDX-License-Identifier: Apache-2.0

package people

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// event is something that has happened to an invitation.
type event struct {
	at   time.Time
	text string
	// pairs fill the text in.
	pairs []any
	// detail is what the operator noted, in English.
	detail string
}

// history is what an Invitation tells about itself, oldest first. Of several mails, only the newest is kept with its time.
func history(inv *rosterv1alpha1.Invitation) []event {
	s := inv.Status
	all := []event{{at: inv.CreationTimestamp.Time, text: "people.history.created"}}
	add := func(at *metav1.Time, e event) {
		if at != nil {
			e.at = at.Time
			all = append(all, e)
		}
	}
	add(s.SentTime, event{text: mailed(s), pairs: []any{"Attempt", s.Attempt}})
	add(s.RenewalRequestedTime, event{text: "people.history.renewal"})
	add(s.DeclinedTime, event{text: "people.history.declined"})
	add(s.AcceptedTime, event{text: "people.history.accepted"})
	delivered := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionDelivered)
	switch {
	case s.State == rosterv1alpha1.InvitationUndeliverable && delivered != nil:
		add(&delivered.LastTransitionTime, event{text: "people.history.bounced", pairs: []any{"Attempt", s.Attempt}, detail: delivered.Message})
	case s.State == rosterv1alpha1.InvitationExpired && s.ExpiryTime != nil:
		add(s.ExpiryTime, event{text: "people.history.expired"})
	case s.State == rosterv1alpha1.InvitationRevoked:
		if c := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionAccepted); c != nil {
			add(&c.LastTransitionTime, event{text: "people.history.withdrawn"})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

func mailed(s rosterv1alpha1.InvitationStatus) string {
	if s.Attempt > 1 {
		return "people.history.mailedAgain"
	}
	return "people.history.mailed"
}

// eventView is an event in words.
type eventView struct {
	At           web.MomentView
	Text, Detail string
}

// outlook tells what comes next, or what is not kept.
func (w speech) outlook(inv *rosterv1alpha1.Invitation, now time.Time) []string {
	s, all := inv.Status, []string{}
	if s.Attempt > 1 {
		all = append(all, w.T("people.history.notKept"))
	}
	if s.RemindersSent > 0 {
		all = append(all, w.N("people.history.reminders", int(s.RemindersSent)))
	}
	if s.State == rosterv1alpha1.InvitationSent && s.ExpiryTime != nil && now.Before(s.ExpiryTime.Time) {
		all = append(all, w.T("people.history.until", "Time", w.Moment(s.ExpiryTime.Time)))
	}
	if asked, done := inv.Spec.ResendRequestedAt, s.HandledResendTime; asked != nil && (done == nil || done.Before(asked)) &&
		(s.SentTime == nil || s.SentTime.Before(asked)) && s.State != rosterv1alpha1.InvitationAccepted {
		all = append(all, w.T("people.history.asked", "Time", w.Moment(asked.Time)))
	}
	return all
}

func (w speech) events(inv *rosterv1alpha1.Invitation) []eventView {
	var all []eventView
	for _, e := range history(inv) {
		all = append(all, eventView{At: w.Short(e.at), Text: w.T(e.text, e.pairs...), Detail: e.detail})
	}
	return all
}
