// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// A builder changes a case; build makes one that is ready to be mailed.
type builder func(in *Input)

func build(bs ...builder) Input {
	in := Input{Offer: Offer{
		Invitation: &rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "acme", Name: "ana", UID: "11111111-1111-1111-1111-111111111111", Generation: 1, CreationTimestamp: at(0),
			},
			Spec: rosterv1alpha1.InvitationSpec{Email: "Ana@Acme.example", Role: rosterv1alpha1.RoleManager},
		},
		Organization: &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"},
			Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme", Invitations: rosterv1alpha1.InvitationPolicy{
				Validity: metav1.Duration{Duration: 72 * time.Hour}, RemindBefore: []metav1.Duration{{Duration: 24 * time.Hour}},
			}},
		},
	}}
	for _, b := range bs {
		b(&in)
	}
	return in
}

func at(d time.Duration) metav1.Time { return metav1.NewTime(start.Add(d)) }

func sent(after time.Duration) builder {
	return func(in *Input) {
		s := &in.Invitation.Status
		s.State, s.Attempt = rosterv1alpha1.InvitationSent, s.Attempt+1
		s.SentTime, s.ExpiryTime = ptr.To(at(after)), ptr.To(at(after+72*time.Hour))
	}
}

func state(s rosterv1alpha1.InvitationState) builder {
	return func(in *Input) { in.Invitation.Status.State = s }
}

func resend(after time.Duration) builder {
	return func(in *Input) { in.Invitation.Spec.ResendRequestedAt = ptr.To(at(after)) }
}

func validity(d time.Duration) builder {
	return func(in *Input) { in.Invitation.Spec.Validity = &metav1.Duration{Duration: d} }
}

func handled(after time.Duration) builder {
	return func(in *Input) { in.Invitation.Status.HandledResendTime = ptr.To(at(after)) }
}

func endsAfter(d time.Duration) builder {
	return func(in *Input) { in.Invitation.Spec.EndTime = ptr.To(at(d)) }
}

func isRevoked(in *Input) { in.Invitation.Spec.Revoked = ptr.To(true) }

func selfRenewal(in *Input) { in.Organization.Spec.Invitations.SelfRenewal = ptr.To(true) }

func renewalAskedAt(after time.Duration) builder {
	return func(in *Input) { in.Invitation.Status.RenewalRequestedTime = ptr.To(at(after)) }
}

func declared(in *Input) {
	in.Invitation.Spec = rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "ana"}}
	in.Member = &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana", UID: "m-1"},
		Spec:       rosterv1alpha1.MemberSpec{Email: "ana@acme.example", Role: rosterv1alpha1.RoleMember},
	}
	in.Invitation.OwnerReferences = []metav1.OwnerReference{{Kind: "Member", Name: "ana", UID: "m-1", Controller: ptr.To(true)}}
}

func member(change func(m *rosterv1alpha1.Member)) builder {
	return func(in *Input) { change(in.Member) }
}

func belongsTo(name string, joined bool) builder {
	return func(in *Input) { in.MemberOfAddress, in.AddressJoined = name, joined }
}

func reported(result outcome.Outcome, attempt, reminder int32, after time.Duration) builder {
	return func(in *Input) {
		in.Report = &Report{
			Mail: Mail{Attempt: attempt, Reminder: reminder, Expiry: start.Add(after + 72*time.Hour)}, Outcome: result,
			At: start.Add(after), MessageID: "id@acme.example", Message: "the relay said no", MemberUID: "m-1",
		}
	}
}

// want is what a case should come to; an empty field is not looked at.
type want struct {
	state   rosterv1alpha1.InvitationState
	action  Action
	attempt int32
	ready   metav1.ConditionStatus
	reason  string
	stalled bool
	message string
	wake    time.Duration
}

func TestDecide(t *testing.T) {
	const day = 24 * time.Hour
	cases := map[string]struct {
		in   Input
		now  time.Duration
		want want
	}{
		"a membership that ended is not offered": {build(endsAfter(-day)), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "False", reason: "MembershipEnded", stalled: true, message: "set a later one"}},
		"a link ends with the membership": {build(sent(0), endsAfter(day)), day,
			want{state: rosterv1alpha1.InvitationExpired, ready: "True", reason: "MembershipEnded", message: "spec.resendRequestedAt"}},
		"which the operator wakes for": {build(sent(0), endsAfter(day)), time.Hour, want{state: rosterv1alpha1.InvitationSent, wake: day}},
		"a resend does not bring it back": {build(sent(0), state(rosterv1alpha1.InvitationExpired), endsAfter(day), resend(2*day)), 2 * day,
			want{state: rosterv1alpha1.InvitationExpired, action: Nothing, ready: "False", reason: "MembershipEnded", stalled: true}},
		"a later end and a resend do": {build(sent(0), state(rosterv1alpha1.InvitationExpired), endsAfter(3*day), resend(2*day)), 2 * day,
			want{action: Deliver, attempt: 2}},
		"a declared Member's end counts": {build(declared, member(func(m *rosterv1alpha1.Member) { m.Spec.EndTime = ptr.To(at(0)) })), 0,
			want{action: Nothing, reason: "MembershipEnded", ready: "False", stalled: true, message: `the Member "ana"`}},
		"a new invitation is mailed": {build(), 0, want{action: Deliver, attempt: 1}},
		"the outcome of the mail is the first status": {build(reported(outcome.Delivered, 1, 0, 0)), time.Second,
			want{state: rosterv1alpha1.InvitationSent, ready: "True", reason: "Sent", wake: 48 * time.Hour}},
		"no second mail before the status shows the first": {build(reported(outcome.Delivered, 1, 0, 0), resend(time.Hour)), time.Hour,
			want{state: rosterv1alpha1.InvitationSent, action: Nothing, wake: time.Hour}},
		"a mail that the status shows is not told twice": {build(sent(0), reported(outcome.Delivered, 1, 0, day)), 2 * time.Hour,
			want{state: rosterv1alpha1.InvitationSent, wake: 48 * time.Hour}},
		"a relay that fails keeps the invitation pending, and it is tried again": {build(reported(outcome.Failing, 1, 0, 0)), time.Second,
			want{state: rosterv1alpha1.InvitationPending, action: Deliver, attempt: 1, ready: "False", reason: "DeliveryFailing", message: "the relay said no"}},
		"a relay that fails to take a resend leaves the older link alone": {
			build(sent(0), resend(time.Hour), reported(outcome.Failing, 2, 0, time.Hour)), time.Hour,
			want{state: rosterv1alpha1.InvitationSent, action: Deliver, attempt: 2, ready: "False", reason: "DeliveryFailing"}},
		"a mail that is held with all others says where it stands why": {build(reported(outcome.Held, 1, 0, 0)), time.Second,
			want{state: rosterv1alpha1.InvitationPending, action: Deliver, attempt: 1, ready: "False", reason: "MailHeld", message: "the relay said no"}},
		"a resend that is held leaves the older link alone": {
			build(sent(0), resend(time.Hour), reported(outcome.Held, 2, 0, time.Hour)), time.Hour,
			want{state: rosterv1alpha1.InvitationSent, action: Deliver, attempt: 2, ready: "False", reason: "MailHeld"}},
		"an address that is refused is undeliverable": {build(reported(outcome.Rejected, 1, 0, 0)), time.Second,
			want{state: rosterv1alpha1.InvitationUndeliverable, ready: "False", reason: "Rejected", stalled: true, message: "the relay said no"}},
		"an undeliverable one stays so": {build(state(rosterv1alpha1.InvitationUndeliverable)), day, want{state: rosterv1alpha1.InvitationUndeliverable, action: Nothing}},
		"until a resend is asked for":   {build(state(rosterv1alpha1.InvitationUndeliverable), resend(time.Hour)), day, want{action: Deliver, attempt: 1}},
		"a mailed one waits":            {build(sent(0)), time.Hour, want{state: rosterv1alpha1.InvitationSent, action: Nothing, wake: 48 * time.Hour}},
		"a profile that does not exist is reported": {build(sent(0), func(in *Input) {
			in.Problems = []access.Problem{{Reason: rosterv1alpha1.ReasonProfileNotFound, Message: "There is no SocialProfile fb, x."}}
		}), time.Hour,
			want{state: rosterv1alpha1.InvitationSent, ready: "False", reason: "ProfileNotFound", stalled: true, message: "SocialProfile fb, x"}},
		"is reminded in time":     {build(sent(0)), 48 * time.Hour, want{state: rosterv1alpha1.InvitationSent, action: Remind, wake: 72 * time.Hour}},
		"a reminder is sent once": {build(sent(0), func(in *Input) { in.Invitation.Status.RemindersSent = 1 }), 50 * time.Hour, want{action: Nothing, wake: 72 * time.Hour}},
		"no reminder at the mail's own time": {build(sent(0), func(in *Input) {
			in.Organization.Spec.Invitations.RemindBefore = []metav1.Duration{{Duration: 72 * time.Hour}, {Duration: 720 * time.Hour}}
		}), time.Hour, want{action: Nothing, wake: 72 * time.Hour}},
		"a refused reminder does not end the invitation": {build(sent(0), reported(outcome.Rejected, 1, 1, 48*time.Hour)), 49 * time.Hour,
			want{state: rosterv1alpha1.InvitationSent, action: Nothing, wake: 72 * time.Hour}},
		"it lives to the last second":         {build(sent(0)), 72*time.Hour - time.Second, want{state: rosterv1alpha1.InvitationSent, action: Remind}},
		"and expires on time":                 {build(sent(0)), 72 * time.Hour, want{state: rosterv1alpha1.InvitationExpired, action: Nothing, ready: "True", reason: "Expired"}},
		"expires without an Organization too": {build(sent(0), func(in *Input) { in.Organization = nil }), 72 * time.Hour, want{state: rosterv1alpha1.InvitationExpired}},
		"an expired one stays expired":        {build(sent(0), state(rosterv1alpha1.InvitationExpired)), 30 * day, want{state: rosterv1alpha1.InvitationExpired, action: Nothing}},
		"a resend of an expired one":          {build(sent(0), state(rosterv1alpha1.InvitationExpired), resend(4*day)), 4 * day, want{action: Deliver, attempt: 2}},
		"a resend of a declined one":          {build(sent(0), state(rosterv1alpha1.InvitationDeclined), resend(day)), day, want{action: Deliver, attempt: 2}},
		"a resend of an open one":             {build(sent(0), resend(time.Hour)), time.Hour, want{state: rosterv1alpha1.InvitationSent, action: Deliver, attempt: 2}},
		"a resend in the second of the mail":  {build(sent(time.Hour), resend(time.Hour)), time.Hour, want{action: Deliver, attempt: 2}},
		"a resend that was answered":          {build(sent(time.Hour), resend(time.Hour), handled(time.Hour)), 2 * time.Hour, want{action: Nothing}},
		"a resend older than the mail":        {build(sent(time.Hour), resend(0)), 2 * time.Hour, want{action: Nothing}},
		"a resend to come is waited for":      {build(sent(0), resend(2*time.Hour)), time.Hour, want{action: Nothing, wake: 2 * time.Hour}},
		"even after the end":                  {build(sent(0), state(rosterv1alpha1.InvitationExpired), resend(9*day)), 4 * day, want{action: Nothing, wake: 9 * day}},
		"the holder may ask for a new link":   {build(sent(0), state(rosterv1alpha1.InvitationExpired), selfRenewal, renewalAskedAt(4*day)), 4 * day, want{action: Deliver, attempt: 2}},
		"only where the organisation says so": {build(sent(0), state(rosterv1alpha1.InvitationExpired), renewalAskedAt(4*day)), 4 * day, want{action: Nothing}},
		"a renewal before the status expired": {build(sent(0), selfRenewal, renewalAskedAt(72*time.Hour)), 72 * time.Hour, want{action: Deliver, attempt: 2}},
		"a renewal that was answered": {build(sent(0), state(rosterv1alpha1.InvitationExpired), sent(5*day), selfRenewal, renewalAskedAt(4*day)), 8 * day,
			want{state: rosterv1alpha1.InvitationExpired, action: Nothing}},
		"revoked before it was mailed": {build(isRevoked), 0, want{state: rosterv1alpha1.InvitationRevoked, action: Nothing, ready: "True", reason: "Revoked"}},
		"revoked after":                {build(sent(0), isRevoked), time.Hour, want{state: rosterv1alpha1.InvitationRevoked, action: Nothing}},
		"revoked while the mail was on its way": {build(isRevoked, reported(outcome.Delivered, 1, 0, 0)), time.Second,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing}},
		"no longer revoked, but not asked for": {build(sent(0), state(rosterv1alpha1.InvitationRevoked)), time.Hour, want{state: rosterv1alpha1.InvitationRevoked, action: Nothing}},
		"no longer revoked, and resent":        {build(sent(0), state(rosterv1alpha1.InvitationRevoked), resend(time.Hour)), time.Hour, want{action: Deliver, attempt: 2}},
		"a resend of a revoked one does nothing": {build(sent(0), isRevoked, resend(time.Hour)), time.Hour,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing}},
		"accepted is final": {build(sent(0), state(rosterv1alpha1.InvitationAccepted), isRevoked, resend(time.Hour), func(in *Input) {
			in.Invitation.Status.MemberRef = &rosterv1alpha1.LocalReference{Name: "ana"}
		}), 90 * day, want{state: rosterv1alpha1.InvitationAccepted, action: Nothing, ready: "True", reason: "Accepted"}},
		"a person who accepted becomes a member": {build(sent(0), state(rosterv1alpha1.InvitationAccepted)), 90 * day,
			want{state: rosterv1alpha1.InvitationAccepted, action: Join}},
		"a late mail does not undo an acceptance": {build(sent(0), state(rosterv1alpha1.InvitationAccepted), reported(outcome.Delivered, 2, 0, time.Hour)), time.Hour,
			want{state: rosterv1alpha1.InvitationAccepted, action: Join}},
		"a declared member is mailed": {build(declared), 0, want{action: Deliver, attempt: 1}},
		"a removed member is not invited any more": {build(declared, sent(0), func(in *Input) { in.Member = nil }), time.Hour,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing, ready: "True", reason: "MemberRemoved"}},
		"nor is its namesake": {build(declared, sent(0), member(func(m *rosterv1alpha1.Member) { m.UID = "m-2" })), time.Hour,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing, reason: "MemberRemoved"}},
		"a member that is not there yet": {build(declared, func(in *Input) { in.Member, in.Invitation.OwnerReferences = nil, nil }), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "False", reason: "MemberNotFound", stalled: true, message: `"ana"`}},
		"accepted, and Kubernetes refuses the Member": {build(sent(0), state(rosterv1alpha1.InvitationAccepted), func(in *Input) {
			in.Refused = &access.Problem{Reason: rosterv1alpha1.ReasonWriteRefused, Message: "exceeded quota"}
		}), time.Hour, want{
			state: rosterv1alpha1.InvitationAccepted, action: Join, ready: "False", reason: "WriteRefused", stalled: true, message: "exceeded quota",
		}},
		"a member in spite of that, by now": {build(sent(0), state(rosterv1alpha1.InvitationAccepted), func(in *Input) {
			conditionsOf(in.Invitation, start).Stall(rosterv1alpha1.ReasonWriteRefused, "exceeded quota")
			in.JoinedAs = "ana"
		}), time.Hour, want{state: rosterv1alpha1.InvitationAccepted, action: Nothing, ready: "True", reason: "Accepted"}},
		"accepted, then removed": {build(declared, sent(0), state(rosterv1alpha1.InvitationAccepted), func(in *Input) { in.Member = nil }), time.Hour,
			want{state: rosterv1alpha1.InvitationAccepted, action: Nothing, ready: "True", reason: "MemberRemoved"}},
		"a member who joined in another way": {build(declared, sent(0), member(func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-1"}
		})), time.Hour, want{state: rosterv1alpha1.InvitationRevoked, reason: "AlreadyMember"}},
		"a suspended member is not mailed": {build(declared, member(func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "True", reason: "MemberSuspended"}},
		"an address that is none": {build(func(in *Input) { in.Invitation.Spec.Email = "ana@acme" }), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "False", reason: "InvalidEmail", stalled: true, message: `"ana@acme"`}},
		"accepted, then replaced before they were bound": {build(declared, sent(0), state(rosterv1alpha1.InvitationAccepted), belongsTo("anna", false), func(in *Input) {
			in.Member = nil
		}), time.Hour, want{state: rosterv1alpha1.InvitationAccepted, action: Join}},
		"accepted, removed, and declared again later": {build(declared, sent(0), state(rosterv1alpha1.InvitationAccepted), belongsTo("anna", false), func(in *Input) {
			in.Member = nil
			conditionsOf(in.Invitation, start).Set(rosterv1alpha1.ConditionReady, metav1.ConditionTrue, rosterv1alpha1.ReasonMemberRemoved, "gone")
		}), time.Hour, want{state: rosterv1alpha1.InvitationAccepted, action: Nothing, reason: "MemberRemoved"}},
		"an address that has a member": {build(belongsTo("anna", true)), 0,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing, ready: "True", reason: "AlreadyMember", message: `"anna"`}},
		"whose person is mailed nothing more once they are": {build(sent(0), belongsTo("anna", true)), 48 * time.Hour,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing, ready: "True", reason: "AlreadyMember"}},
		"nor asked again by a resend of before, when the member is removed": {build(resend(-time.Hour), handled(-time.Hour), state(rosterv1alpha1.InvitationRevoked)), time.Hour,
			want{state: rosterv1alpha1.InvitationRevoked, action: Nothing, ready: "True"}},
		"an end of its own stays": {build(sent(0), state(rosterv1alpha1.InvitationDeclined), belongsTo("anna", true)), time.Hour,
			want{state: rosterv1alpha1.InvitationDeclined, action: Nothing, ready: "True"}},
		"an address whose member is invited otherwise": {build(belongsTo("anna", false)), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "True", reason: "AlreadyMember", message: `"anna"`}},
		"a member declared after the mail": {build(sent(0), func(in *Input) { in.MemberOfAddress = "anna" }), time.Hour,
			want{state: rosterv1alpha1.InvitationSent, action: Nothing, ready: "True"}},
		"an address that is invited already": {build(func(in *Input) { in.Rival = "ana-1" }), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "False", reason: "DuplicateEmail", stalled: true, message: `"ana-1"`}},
		"a resend to an address that is invited already still expires": {build(sent(0), resend(time.Hour), func(in *Input) { in.Rival = "ana-1" }), 80 * time.Hour,
			want{state: rosterv1alpha1.InvitationExpired, action: Nothing, ready: "False", reason: "DuplicateEmail"}},
		"no organisation yet": {build(func(in *Input) { in.Organization = nil }), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "False", reason: "OrganizationMissing"}},
		"a domain that is not allowed": {build(func(in *Input) { in.Organization.Spec.Invitations.AllowedDomains = []string{"other.example"} }), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "False", reason: "DomainNotAllowed", stalled: true, message: "acme.example, only to other.example"}},
		"a domain that is": {build(func(in *Input) { in.Organization.Spec.Invitations.AllowedDomains = []string{"acme.example"} }), 0, want{action: Deliver}},
		"an address that had many mails": {build(func(in *Input) { in.ThrottledUntil = start.Add(time.Hour) }), 0,
			want{state: rosterv1alpha1.InvitationPending, action: Nothing, ready: "True", reason: "Throttled", wake: time.Hour + time.Minute}},
		"no longer":                 {build(func(in *Input) { in.ThrottledUntil = start }), 0, want{action: Deliver}},
		"one that is being deleted": {build(func(in *Input) { in.Invitation.DeletionTimestamp = ptr.To(at(0)) }), 0, want{action: Nothing}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			now := start.Add(c.now)
			before := c.in.Invitation.DeepCopy()
			d := Decide(c.in, now)
			if !equality.Semantic.DeepEqual(before, c.in.Invitation) {
				t.Error("Decide changed its input")
			}
			checkDecision(t, d, c.want)
			checkInvariants(t, d.Status, c.in.Invitation.Generation)
			mails := d.Action == Deliver || d.Action == Remind || !d.NextMail.IsZero()
			if mails && c.in.Report == nil && !MayBeMailed(before) {
				t.Errorf("%s, the next at %s, of an invitation of which nobody expects a mail", d.Action, d.NextMail)
			}
			if c.in.Report == nil && d.Action == Nothing && c.in.Invitation.DeletionTimestamp == nil {
				again := c.in
				again.Invitation = before.DeepCopy()
				again.Invitation.Status = d.Status
				if second := Decide(again, now); !equality.Semantic.DeepEqual(second.Status, d.Status) {
					t.Errorf("the same case decided twice is written twice:\n%+v\n%+v", d.Status, second.Status)
				}
			}
		})
	}
}

func TestAResendIsAnsweredByBeingAMember(t *testing.T) {
	asked := ptr.To(at(-time.Hour))
	d := Decide(build(resend(-time.Hour), belongsTo("anna", true)), start)
	if !d.Status.HandledResendTime.Equal(asked) {
		t.Errorf("handled %s, asked %s", d.Status.HandledResendTime, asked)
	}
}

func checkDecision(t *testing.T, d Decision, w want) {
	t.Helper()
	if w.state != "" && d.Status.State != w.state {
		t.Errorf("state %s, want %s", d.Status.State, w.state)
	}
	if d.Action != w.action {
		t.Errorf("action %q, want %q", d.Action, w.action)
	}
	if w.attempt != 0 && d.Mail.Attempt != w.attempt {
		t.Errorf("attempt %d, want %d", d.Mail.Attempt, w.attempt)
	}
	if w.wake != 0 && !d.Wake.Equal(start.Add(w.wake)) {
		t.Errorf("wakes after %s, want %s", d.Wake.Sub(start), w.wake)
	}
	ready := meta.FindStatusCondition(d.Status.Conditions, rosterv1alpha1.ConditionReady)
	if w.ready != "" && (ready == nil || ready.Status != w.ready) {
		t.Errorf("Ready is %+v, want %s", ready, w.ready)
	}
	if w.reason != "" && (ready == nil || ready.Reason != w.reason) {
		t.Errorf("Ready is %+v, want reason %s", ready, w.reason)
	}
	if w.message != "" && (ready == nil || !strings.Contains(ready.Message, w.message)) {
		t.Errorf("Ready is %+v, want a message with %s", ready, w.message)
	}
	if stalled := meta.IsStatusConditionTrue(d.Status.Conditions, rosterv1alpha1.ConditionStalled); stalled != w.stalled && w.reason != "DuplicateEmail" {
		t.Errorf("stalled %v, want %v", stalled, w.stalled)
	}
}

// checkInvariants holds for every status, whatever happened.
func checkInvariants(t interface {
	Helper()
	Errorf(format string, args ...any)
	Error(args ...any)
}, s rosterv1alpha1.InvitationStatus, generation int64) {
	t.Helper()
	if s.ObservedGeneration > generation {
		t.Errorf("observedGeneration %d of %d", s.ObservedGeneration, generation)
	}
	if meta.IsStatusConditionTrue(s.Conditions, rosterv1alpha1.ConditionReady) && meta.IsStatusConditionTrue(s.Conditions, rosterv1alpha1.ConditionStalled) {
		t.Error("both Ready and Stalled")
	}
	for _, c := range s.Conditions {
		if c.Reason == "" || c.Message == "" {
			t.Errorf("condition %s without reason or message", c.Type)
		}
	}
}

// TestOnlyMailsWakeTheDelivery: the end of an invitation concerns the status alone.
func TestOnlyMailsWakeTheDelivery(t *testing.T) {
	d := Decide(build(sent(0)), start.Add(time.Hour))
	if !d.NextMail.Equal(start.Add(48 * time.Hour)) {
		t.Errorf("the reminder is due at %s", d.NextMail)
	}
	d = Decide(build(sent(0), func(in *Input) { in.Invitation.Status.RemindersSent = 1 }), start.Add(50*time.Hour))
	if !d.NextMail.IsZero() || !d.Wake.Equal(start.Add(72*time.Hour)) {
		t.Errorf("next mail %s, wakes at %s", d.NextMail, d.Wake)
	}
}

func TestFindRival(t *testing.T) {
	mk := func(name string, uid string, created time.Duration, bs ...builder) *rosterv1alpha1.Invitation {
		in := build(bs...)
		in.Invitation.Name, in.Invitation.UID, in.Invitation.CreationTimestamp = name, types.UID(uid), at(created)
		return in.Invitation
	}
	me := mk("me", "5", time.Minute)
	cases := map[string]struct {
		me     *rosterv1alpha1.Invitation
		others []*rosterv1alpha1.Invitation
		want   string
	}{
		"alone":                       {me, []*rosterv1alpha1.Invitation{me}, ""},
		"an older one":                {me, []*rosterv1alpha1.Invitation{me, mk("old", "6", 0)}, "old"},
		"a younger one":               {me, []*rosterv1alpha1.Invitation{mk("new", "1", time.Hour)}, ""},
		"as old, lower UID":           {me, []*rosterv1alpha1.Invitation{mk("twin", "4", time.Minute)}, "twin"},
		"as old, higher UID":          {me, []*rosterv1alpha1.Invitation{mk("twin", "6", time.Minute)}, ""},
		"older but ended":             {me, []*rosterv1alpha1.Invitation{mk("old", "6", 0, state(rosterv1alpha1.InvitationExpired))}, ""},
		"older but revoked":           {me, []*rosterv1alpha1.Invitation{mk("old", "6", 0, isRevoked)}, ""},
		"younger but mailed":          {me, []*rosterv1alpha1.Invitation{mk("new", "6", time.Hour, sent(0))}, "new"},
		"mailed beats an older one":   {mk("me", "5", time.Minute, sent(0)), []*rosterv1alpha1.Invitation{mk("old", "6", 0)}, ""},
		"the first of several counts": {me, []*rosterv1alpha1.Invitation{mk("b", "7", 2*time.Second), mk("a", "8", time.Second)}, "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := FindRival(c.me, c.others); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A process that repeats a mail, because the one before it died before it could write down that it went out, says the same in it.
func TestARepeatedMailSaysTheSameExpiry(t *testing.T) {
	first := func(in Input, after time.Duration) time.Time { return Decide(in, at(after).Time).Mail.Expiry }
	again := build(sent(0), resend(time.Hour))
	for name, c := range map[string]struct {
		in          Input
		mailed, end time.Duration
	}{
		"at once":                        {build(), 0, 72 * time.Hour},
		"a minute later":                 {build(), time.Minute, 72 * time.Hour},
		"after a relay that was away":    {build(), 5*time.Hour + 20*time.Minute, 77 * time.Hour},
		"of a resend":                    {again, time.Hour + time.Minute, 73 * time.Hour},
		"of a resend that had to wait":   {again, 3*time.Hour + time.Minute, 75 * time.Hour},
		"never less than most of it":     {build(validity(time.Hour)), 50 * time.Minute, 105 * time.Minute},
		"with a clock that was set back": {build(), -time.Minute, 72*time.Hour - time.Minute},
	} {
		if got := first(c.in, c.mailed); !got.Equal(at(c.end).Time) {
			t.Errorf("%s: ends %s after the creation, want %s", name, got.Sub(start), c.end)
		}
		if got := first(c.in, c.mailed+30*time.Second); c.mailed >= 0 && !got.Equal(at(c.end).Time) {
			t.Errorf("%s, mailed again: ends %s after the creation, want %s", name, got.Sub(start), c.end)
		}
	}
}
