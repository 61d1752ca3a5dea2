// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
)

// happening is something that has happened, as far as an object tells.
type happening struct {
	at time.Time
	// text is the name of what it is called.
	text string
	// subject is what or whom it happened to, in words, address theirs where they are called something else, and object the one that tells.
	subject, address string
	object           client.Object
	// who did it: one of the two, or neither where that is not known.
	writer *console.Writer
	person string
	// field of the spec that was written for it; the manager that holds it in managedFields did it.
	field string
}

// teller collects what objects tell.
type teller struct{ all []happening }

func (t *teller) add(h happening, at *metav1.Time) {
	if at != nil {
		h.at = at.Time
		t.all = append(t.all, h)
	}
}

// member tells what has become of somebody.
func (t *teller) member(m *rosterv1alpha1.Member) {
	h := happening{subject: membership.NameOf(m), address: m.Spec.Email, object: m}
	as := func(text, person, field string) happening {
		h := h
		h.text, h.person, h.field = text, person, field
		return h
	}
	// Roster makes the Members of people who accept. All others, somebody has declared.
	if maker := maker(m); m.Spec.InvitedBy != "" || maker != nil {
		declared := as("activity.member.declared", m.Spec.InvitedBy, "")
		declared.writer = maker
		t.add(declared, &m.CreationTimestamp)
	}
	t.add(as("activity.member.joined", m.Spec.Email, ""), m.Status.JoinedTime)
	switch m.Status.State {
	case rosterv1alpha1.MemberSuspended:
		// Until then they held something: the condition has turned when they were suspended.
		if c := meta.FindStatusCondition(m.Status.Conditions, rosterv1alpha1.ConditionRolesGranted); c != nil && m.Status.JoinedTime != nil {
			t.add(as("activity.member.suspended", "", "suspended"), &c.LastTransitionTime)
		}
	case rosterv1alpha1.MemberEnded:
		t.add(as("activity.member.ended", "", "endTime"), m.Spec.EndTime)
	}
	t.writes(h, "activity.member.changed")
}

// invitation tells what has become of an invitation.
func (t *teller) invitation(inv *rosterv1alpha1.Invitation) {
	s := inv.Status
	h := happening{subject: cmp.Or(s.Email, inv.Spec.Email, inv.Name), object: inv}
	as := func(text, person, field string) happening {
		h := h
		h.text, h.person, h.field = text, person, field
		return h
	}
	if inv.Spec.MemberRef == nil { // that of a declared Member, Roster makes
		t.add(as("activity.invitation.invited", inv.Spec.InvitedBy, ""), &inv.CreationTimestamp)
	}
	t.add(as("activity.invitation.resend", "", "resendRequestedAt"), inv.Spec.ResendRequestedAt)
	t.add(as("activity.invitation.sent", "", ""), s.SentTime)
	t.add(as("activity.invitation.renewal", h.subject, ""), s.RenewalRequestedTime)
	t.add(as("activity.invitation.declined", h.subject, ""), s.DeclinedTime)
	t.add(as("activity.invitation.accepted", h.subject, ""), s.AcceptedTime)
	switch s.State {
	case rosterv1alpha1.InvitationExpired:
		t.add(as("activity.invitation.expired", "", ""), s.ExpiryTime)
	case rosterv1alpha1.InvitationRevoked:
		if c := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionAccepted); c != nil {
			t.add(as("activity.invitation.withdrawn", "", "revoked"), &c.LastTransitionTime)
		}
	}
	t.writes(h, "activity.invitation.changed", inv.Spec.ResendRequestedAt)
}

// The names of texts about anything else, each followed by made or changed.
const (
	aboutTeam         = "activity.team."
	aboutWorkspace    = "activity.workspace."
	aboutRole         = "activity.role."
	aboutOrganization = "activity.organization."
)

// thing tells who has made and changed anything else.
func (t *teller) thing(o client.Object, name, about string) {
	h := happening{subject: cmp.Or(name, o.GetName()), object: o}
	made := o.GetCreationTimestamp()
	created := h
	created.text, created.writer = about+"created", maker(o)
	t.add(created, &made)
	t.writes(h, about+"changed")
}

// maker is who wrote an object in the second in which it was made; nil where that was Roster, or they hold nothing of it any more. Of
// several, it is the one that stands last: people are named before the program that made what they change.
func maker(o client.Object) *console.Writer {
	var found *console.Writer
	for _, w := range console.Writers(o.GetManagedFields()) {
		if w.By != console.ByRoster && w.Time.Equal(o.GetCreationTimestamp().Time) {
			found = &w
		}
	}
	return found
}

// writes are the last writes of each person and program, but for the one that made the object, and those that something else told already
// says: who asks for another mail writes the time at which they do.
func (t *teller) writes(h happening, text string, told ...*metav1.Time) {
	made := maker(h.object)
	for _, w := range console.Writers(h.object.GetManagedFields()) {
		isTold := slices.ContainsFunc(told, func(at *metav1.Time) bool { return at != nil && at.Sub(w.Time).Abs() <= clocksDiffer })
		if w.By != console.ByRoster && (made == nil || !w.Same(*made)) && !isTold {
			h.text, h.writer = text, &w
			t.add(h, &metav1.Time{Time: w.Time})
		}
	}
}

// clocksDiffer is how far the clock of who writes a time may be from that of the API server.
const clocksDiffer = 2 * time.Second

// newestFirst sorts what has happened. In the same second, the order of texts keeps pages from changing.
func newestFirst(all []happening) {
	slices.SortFunc(all, func(a, b happening) int {
		return cmp.Or(b.at.Compare(a.at), strings.Compare(a.subject, b.subject), strings.Compare(a.text, b.text))
	})
}
