// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"

	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// The model drives Decide, the links and the portal's writes through random interleavings: sending, resending, revoking, claiming,
// expiring, deleting, crashes between any two writes, failing writes and reads of a stale cache. The API server is modelled by what
// it promises: objects have a resourceVersion, and a write under an older one fails.

// world is everything that survives a crash, and the processes.
type world struct {
	t    *rapid.T
	now  time.Time
	keys keyring.Keys

	// versions of the Invitation as the API server stored them; the last is the current one.
	versions []*rosterv1alpha1.Invitation
	// member is the Member of the address, declared or created; nil while there is none.
	member *rosterv1alpha1.Member
	org    *rosterv1alpha1.Organization
	// declared: the Member was applied and the Invitation is its own.
	declared      bool
	memberRemoved bool
	members       int
	// joining: the Member keeps a finalizer until the Invitation has noted it. going: it is deleted, and only that holds it.
	joining, going bool
	// deleted: somebody has deleted the Invitation.
	deleted bool

	// seen is the version that the operator's cache shows.
	seen int
	// memory of the operator's process.
	memory  *Report
	crashes int

	mails  []modelMail
	claims []modelClaim
	// pending is what the portal has checked and not yet written.
	pending *modelWrite
}

type modelMail struct {
	mail    Mail
	id      string
	token   string
	crashes int
}

type modelClaim struct {
	at      time.Time
	attempt int32
}

type modelWrite struct {
	version int
	inv     *rosterv1alpha1.Invitation
	attempt int32
	claim   bool
}

func newWorld(t *rapid.T) *world {
	in := build(selfRenewal)
	w := &world{t: t, now: start, keys: ring(key(1)), org: in.Organization, declared: rapid.Bool().Draw(t, "declared")}
	if w.declared {
		in = build(declared, selfRenewal)
		w.member = in.Member
	}
	in.Invitation.UID = types.UID(uid)
	w.versions = []*rosterv1alpha1.Invitation{in.Invitation}
	return w
}

func (w *world) latest() *rosterv1alpha1.Invitation { return w.versions[len(w.versions)-1] }

// update stores a new version if the caller has seen the newest one.
func (w *world) update(version int, change func(inv *rosterv1alpha1.Invitation)) bool {
	if version != len(w.versions)-1 || w.deleted {
		return false
	}
	next := w.latest().DeepCopy()
	change(next)
	w.versions = append(w.versions, next)
	return true
}

// user writes as kubectl patch does: on whatever is there.
func (w *world) user(change func(inv *rosterv1alpha1.Invitation)) {
	w.update(len(w.versions)-1, func(inv *rosterv1alpha1.Invitation) { change(inv); inv.Generation++ })
}

func (w *world) input(inv *rosterv1alpha1.Invitation) Input {
	in := Input{Offer: Offer{Invitation: inv.DeepCopy(), Organization: w.org}}
	if inv.Spec.MemberRef != nil && w.member != nil {
		in.Member = w.member.DeepCopy()
	}
	if inv.Spec.MemberRef == nil && w.member != nil && !w.going {
		in.MemberOfAddress, in.AddressJoined = w.member.Name, w.member.Spec.AccountRef != nil
	}
	if w.memory != nil && !w.memory.Shown(inv.Status) {
		in.Report = w.memory
	}
	return in
}

// lifecycle is what the reconciler of the same name does; it may die between any two writes.
func (w *world) lifecycle(crash int) {
	defer w.release()
	if w.deleted {
		return
	}
	in := w.input(w.versions[w.seen])
	if in.Report != nil {
		return
	}
	d := Decide(in, w.now)
	switch d.Action {
	case Deliver:
		return
	case Join:
		if w.memberRemoved && w.declared {
			w.t.Fatalf("joins a member that was removed")
		}
		w.join(in.Invitation)
		if crash == 1 {
			w.crash()
			return
		}
		in.JoinedAs = "ana"
		d = Decide(in, w.now)
	}
	w.write(d)
}

func (w *world) join(inv *rosterv1alpha1.Invitation) {
	if w.going {
		return // It is the one that this led to.
	}
	if w.member == nil {
		if w.memberRemoved {
			w.t.Fatal("a member who was removed comes back by the same acceptance")
		}
		w.members++
		w.joining = true
		w.member = &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{Name: "ana", UID: types.UID(fmt.Sprintf("created-%d", w.members))},
			Spec:       rosterv1alpha1.MemberSpec{Email: inv.Spec.Email},
		}
	}
	if w.member.Spec.AccountRef == nil {
		w.member.Spec.AccountRef = inv.Status.AccountRef
	}
}

// delivery is what the reconciler of the same name does.
func (w *world) delivery(result outcome.Outcome, crash int) {
	if w.deleted {
		return
	}
	in := w.input(w.versions[w.seen])
	d := Decide(in, w.now)
	if in.Report == nil && (d.Action == Deliver || d.Action == Remind || !d.NextMail.IsZero()) && !MayBeMailed(in.Invitation) {
		w.t.Fatalf("%s, the next at %s, of an invitation of which nobody expects a mail", d.Action, d.NextMail)
	}
	if in.Report != nil {
		w.write(d)
		return
	}
	if d.Action != Deliver && d.Action != Remind {
		return
	}
	w.mail(in, d, result)
	if crash == 1 {
		w.crash()
		return
	}
	report := NewReport(in, d, MessageID(uid, d.Mail.Attempt, d.Mail.Reminder, "acme.example"), w.now)
	report.Outcome, report.Message = result, "why"
	in.Report = &report
	if result != outcome.Failing {
		w.memory = &report
	}
	if crash == 2 {
		return // the write fails, and the process lives on
	}
	w.write(Decide(in, w.now))
}

func (w *world) mail(in Input, d Decision, result outcome.Outcome) {
	if result != outcome.Delivered {
		return
	}
	to, err := address.Parse(in.Email())
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := Token(w.keys, uid, d.Mail.Attempt, to)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mails = append(w.mails, modelMail{
		mail: d.Mail, token: token, crashes: w.crashes, id: MessageID(uid, d.Mail.Attempt, d.Mail.Reminder, "acme.example"),
	})
}

func (w *world) write(d Decision) {
	if equality.Semantic.DeepEqual(w.versions[w.seen].Status, d.Status) {
		return
	}
	if w.update(w.seen, func(inv *rosterv1alpha1.Invitation) { inv.Status = d.Status }) {
		w.seen = len(w.versions) - 1 // a process reads its own writes
	}
}

func (w *world) crash() {
	w.memory, w.seen = nil, len(w.versions)-1
	w.crashes++
}

// check is the first half of what the portal does with a link.
func (w *world) check(m modelMail, do string) {
	inv := w.latest().DeepCopy()
	in := w.input(inv)
	id, err := ParseToken(m.token)
	if err != nil || Verify(w.keys, m.token, "ana@acme.example") != nil && in.Email() != "" {
		w.t.Fatalf("the link of a mail does not verify: %v", err)
	}
	verdict := in.Check(id.Attempt, w.now)
	write := &modelWrite{version: len(w.versions) - 1, inv: inv, attempt: id.Attempt}
	switch {
	case do == "accept" && verdict == LinkOpen:
		Accept(inv, "a-1", rosterv1alpha1.RoleMember, w.now)
		write.claim = true
	case do == "decline" && verdict == LinkOpen:
		Decline(inv, w.now)
	case do == "renew" && verdict == LinkRenewable:
		RequestRenewal(inv, w.now)
	default:
		return
	}
	w.pending = write
}

// commit is the second half; anything can have happened in between.
func (w *world) commit() {
	p := w.pending
	w.pending = nil
	if p == nil || !w.update(p.version, func(inv *rosterv1alpha1.Invitation) { inv.Status = p.inv.Status }) || !p.claim {
		return
	}
	s := p.inv.Status
	if ptr.Deref(w.latest().Spec.Revoked, false) {
		w.t.Fatal("accepted although revoked")
	}
	if s.ExpiryTime == nil || !s.AcceptedTime.Time.Before(s.ExpiryTime.Time) {
		w.t.Fatalf("accepted at %s, expired at %s", s.AcceptedTime, s.ExpiryTime)
	}
	if p.attempt != s.Attempt {
		w.t.Fatalf("accepted by the link of attempt %d, the newest is %d", p.attempt, s.Attempt)
	}
	w.claims = append(w.claims, modelClaim{at: w.now, attempt: p.attempt})
}

func (w *world) removeMember() {
	if w.member == nil {
		return
	}
	w.memberRemoved = true
	if w.joining {
		w.going = true
		return
	}
	w.member = nil
}

// release takes the finalizer off a Member that the Invitation has noted.
func (w *world) release() {
	s := w.versions[w.seen].Status
	if w.joining && s.State == rosterv1alpha1.InvitationAccepted && s.MemberRef != nil {
		w.joining = false
		if w.going {
			w.member, w.going = nil, false
		}
	}
}

// deleteInvitation is refused by the policy roster-acceptances while all that says that somebody accepted is the Invitation.
func (w *world) deleteInvitation() {
	s := w.latest().Status
	if s.State == rosterv1alpha1.InvitationAccepted && s.MemberRef == nil && (!w.declared || !w.memberRemoved) {
		return
	}
	w.deleted = true
}

// settle lets the operator come to rest without faults.
func (w *world) settle() {
	for range 20 {
		before := len(w.versions)
		w.seen = len(w.versions) - 1
		w.delivery(outcome.Delivered, 0)
		w.lifecycle(0)
		if len(w.versions) == before {
			return
		}
	}
	w.t.Fatalf("does not come to rest: %+v", w.latest().Status)
}

// resendWorks: whatever has happened, an invitation that is neither used nor withdrawn can be sent again.
func (w *world) resendWorks() {
	missing := w.member == nil
	if len(w.claims) > 0 || ptr.Deref(w.latest().Spec.Revoked, false) || w.declared && missing {
		return
	}
	w.now = w.now.Add(time.Second)
	before := w.latest().Status.Attempt
	w.user(func(inv *rosterv1alpha1.Invitation) { inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(w.now)) })
	w.settle()
	if s := w.latest().Status; s.State != rosterv1alpha1.InvitationSent || s.Attempt != before+1 {
		w.t.Fatalf("a resend after attempt %d led to %+v", before, s)
	}
}

// invariants hold after every step.
func (w *world) invariants(t *rapid.T) {
	if len(w.claims) > 1 {
		t.Fatalf("accepted %d times", len(w.claims))
	}
	if len(w.claims) == 1 && w.latest().Status.State != rosterv1alpha1.InvitationAccepted {
		t.Fatalf("an acceptance was lost: %s", w.latest().Status.State)
	}
	checkInvariants(t, w.latest().Status, w.latest().Generation)
	for i, m := range w.mails {
		for _, earlier := range w.mails[:i] {
			if earlier.mail.Attempt != m.mail.Attempt || earlier.mail.Reminder != m.mail.Reminder {
				continue
			}
			if earlier.crashes == m.crashes {
				t.Fatalf("attempt %d, reminder %d mailed twice without a crash", m.mail.Attempt, m.mail.Reminder)
			}
			if earlier.id != m.id || earlier.token != m.token {
				t.Fatalf("attempt %d mailed again under another Message-ID or link", m.mail.Attempt)
			}
		}
	}
	attempts := int32(0)
	for _, v := range w.versions {
		if v.Status.Attempt < attempts {
			t.Fatalf("the attempt went back from %d to %d", attempts, v.Status.Attempt)
		}
		attempts = v.Status.Attempt
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"": w.invariants,
			"time passes": func(t *rapid.T) {
				w.commit() // the portal's check and its write are a moment apart
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 40*3600).Draw(t, "seconds")) * time.Second)
			},
			"a second passes": func(*rapid.T) { w.commit(); w.now = w.now.Add(time.Second) },
			"the cache sees more": func(t *rapid.T) {
				w.seen = rapid.IntRange(w.seen, len(w.versions)-1).Draw(t, "version")
			},
			"delivery": func(t *rapid.T) {
				result := rapid.SampledFrom([]outcome.Outcome{outcome.Delivered, outcome.Delivered, outcome.Delivered, outcome.Failing, outcome.Rejected}).Draw(t, "outcome")
				w.delivery(result, rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "crash"))
			},
			"lifecycle": func(t *rapid.T) { w.lifecycle(rapid.IntRange(0, 1).Draw(t, "crash")) },
			"crash":     func(*rapid.T) { w.crash() },
			"revoke": func(*rapid.T) {
				w.user(func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
			},
			"take the revocation back": func(*rapid.T) {
				w.user(func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(false) })
			},
			"ask for a resend": func(*rapid.T) {
				w.user(func(inv *rosterv1alpha1.Invitation) { inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(w.now)) })
			},
			"remove the member":     func(*rapid.T) { w.removeMember() },
			"delete the invitation": func(*rapid.T) { w.deleteInvitation() },
			"open a link": func(t *rapid.T) {
				if len(w.mails) == 0 {
					t.Skip("no mail")
				}
				m := rapid.SampledFrom(w.mails).Draw(t, "mail")
				w.check(m, rapid.SampledFrom([]string{"accept", "accept", "decline", "renew"}).Draw(t, "do"))
			},
			"the portal writes": func(*rapid.T) { w.commit() },
		})
		w.commit()
		w.settle()
		w.invariants(t)
		if w.going {
			t.Fatal("a member who was removed is still there")
		}
		if len(w.claims) == 1 && !w.memberRemoved && (w.member == nil || w.member.Spec.AccountRef == nil) {
			t.Fatalf("accepted, and not a member: %+v", w.latest().Status)
		}
		if len(w.claims) == 0 && w.member != nil && w.member.Spec.AccountRef != nil {
			t.Fatal("a member who never accepted")
		}
		if w.deleted {
			return
		}
		if !slices.Contains([]rosterv1alpha1.InvitationState{
			rosterv1alpha1.InvitationSent, rosterv1alpha1.InvitationAccepted, rosterv1alpha1.InvitationDeclined, rosterv1alpha1.InvitationExpired,
			rosterv1alpha1.InvitationRevoked, rosterv1alpha1.InvitationUndeliverable,
		}, w.latest().Status.State) {
			t.Fatalf("rests in %s", w.latest().Status.State)
		}
		w.resendWorks()
	})
}
