// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/quota"
)

const anas = address.Address("ana@acme.example")

// accountOfAna has joined acme, an hour ago.
func accountOfAna(change ...func(ms *rosterv1alpha1.Membership)) *rosterv1alpha1.Account {
	ms := rosterv1alpha1.Membership{Namespace: "acme", Organization: "acme", Member: "ana", JoinedTime: metav1.NewTime(now.Add(-time.Hour))}
	for _, c := range change {
		c(&ms)
	}
	return &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: anas.AccountName()},
		Spec:       rosterv1alpha1.AccountSpec{Email: string(anas)},
		Status:     rosterv1alpha1.AccountStatus{Memberships: []rosterv1alpha1.Membership{ms}},
	}
}

func ended(ago time.Duration) func(ms *rosterv1alpha1.Membership) {
	return func(ms *rosterv1alpha1.Membership) { ms.EndedTime = ptr.To(metav1.NewTime(now.Add(-ago))) }
}

func wasSuspended(ms *rosterv1alpha1.Membership) { ms.Suspended = ptr.To(true) }

func person(a *rosterv1alpha1.Account) change { return func(in *MemberInput) { in.Person = a } }

func TestAMembershipOutlivesItsMember(t *testing.T) {
	leaving := accountOfAna()
	leaving.Status.Leaving = []rosterv1alpha1.Leaving{{Namespace: "acme", UID: "1"}}
	going := accountOfAna()
	going.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	for name, c := range map[string]struct {
		in   MemberInput
		want bool
	}{
		"nobody has an account":           {member(), false},
		"joined":                          {member(person(accountOfAna())), true},
		"bound already":                   {member(bound, person(accountOfAna())), false},
		"deleted a moment ago":            {member(person(accountOfAna(ended(time.Minute)))), true},
		"deleted ten minutes ago":         {member(person(accountOfAna(ended(ReturnGrace)))), false},
		"another organisation's":          {member(person(accountOfAna(func(ms *rosterv1alpha1.Membership) { ms.Namespace = "globex" }))), false},
		"another one in the namespace":    {member(person(accountOfAna(func(ms *rosterv1alpha1.Membership) { ms.Organization = "globex" }))), false},
		"no organisation yet":             {member(person(accountOfAna()), func(in *MemberInput) { in.Organization = nil }), false},
		"they are leaving":                {member(person(leaving)), false},
		"the account is being deleted":    {member(person(going)), false},
		"suspended, then deleted":         {member(person(accountOfAna(wasSuspended))), false},
		"suspended, deleted and noticed":  {member(person(accountOfAna(wasSuspended, ended(time.Second)))), false},
		"suspended, under two names":      {member(person(accountOfAna(wasSuspended)), func(in *MemberInput) { in.TwinJoined = true }), true},
		"suspended, then replaced as one": {member(person(accountOfAna(wasSuspended)), func(in *MemberInput) { in.Member.Status.JoinedTime = ptr.To(metav1.NewTime(now)) }), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Continues(c.in, now); (got != nil) != c.want {
				t.Errorf("continues %+v", got)
			}
		})
	}
}

func TestSinceWhenAnotherObjectOfThePersonIsAMember(t *testing.T) {
	s := DecideMember(member(bound, person(accountOfAna())), now).Status
	if want := now.Add(-time.Hour); !s.JoinedTime.Time.Equal(want) {
		t.Errorf("joined %s, want %s", s.JoinedTime, want)
	}
}

func TestFindSuccessor(t *testing.T) {
	other := func(change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
		m := member().Member
		m.Name, m.UID = "ana-lima", "2"
		for _, c := range change {
			c(m)
		}
		return m
	}
	isBound := func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: anas.AccountName()}
	}
	recorded := person(accountOfAna())
	for name, c := range map[string]struct {
		in    MemberInput
		other *rosterv1alpha1.Member
		want  string
	}{
		"one that is about to be bound":    {member(bound, recorded), other(), "ana-lima"},
		"one that is bound":                {member(bound), other(isBound), "ana-lima"},
		"one that would have to be mailed": {member(bound), other(), ""},
		"of somebody who has not joined":   {member(recorded), other(), ""},
		"of one that does not count":       {member(bound, recorded, func(in *MemberInput) { in.Twin = "ana-lima" }), other(isBound), ""},
		"one that is being deleted": {member(bound, recorded), other(isBound, func(m *rosterv1alpha1.Member) {
			m.DeletionTimestamp = ptr.To(metav1.NewTime(now))
		}), ""},
		"one that is suspended": {member(bound, recorded), other(isBound, func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }), ""},
		"one that has ended": {member(bound, recorded), other(isBound, func(m *rosterv1alpha1.Member) {
			m.Spec.EndTime = ptr.To(metav1.NewTime(now))
		}), ""},
		"one of another account": {member(bound, recorded), other(func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-0"}
		}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := FindSuccessor(c.in, []*rosterv1alpha1.Member{c.in.Member, c.other}, now); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhomAnInvitationHasLedTo(t *testing.T) {
	accepted := func(uid types.UID, noted bool) *rosterv1alpha1.Invitation {
		inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{UID: uid}}
		inv.Status.State = rosterv1alpha1.InvitationAccepted
		if noted {
			inv.Status.MemberRef = &rosterv1alpha1.LocalReference{Name: "ana"}
		}
		return inv
	}
	m := member().Member
	m.Finalizers = []string{"example.com/other", JoiningFinalizer(accepted("i", false))}
	m.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	members := []*rosterv1alpha1.Member{m}
	if LedTo(accepted("i", false), members) != m || LedTo(accepted("j", false), members) != nil {
		t.Error("only the Invitation of the finalizer led to the Member, and even though it is being deleted")
	}
	for name, c := range map[string]struct {
		invitations []*rosterv1alpha1.Invitation
		left        int
	}{
		"accepted": {[]*rosterv1alpha1.Invitation{accepted("i", false)}, 2},
		"noted":    {[]*rosterv1alpha1.Invitation{accepted("i", true)}, 1},
		"gone":     {nil, 1},
		"another":  {[]*rosterv1alpha1.Invitation{accepted("j", false)}, 1},
	} {
		if got := Settled(m, c.invitations); len(got) != c.left || got[0] != "example.com/other" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// town drives the two decisions about one person through what people and tools do to the objects of their membership, while the operator
// runs and while it does not. What is right is said once more, in words of its own.
type town struct {
	t       *rapid.T
	now     time.Time
	org     *rosterv1alpha1.Organization
	account *rosterv1alpha1.Account
	members []*rosterv1alpha1.Member
	made    int
	mails   int
	stopped bool

	// joined is whether the person belongs to the organisation. known are the Members at the last rest, and whether they were suspended then;
	// since is when it was seen that there is none.
	joined    bool
	known     []types.UID
	suspended bool
	since     time.Time
}

func (w *town) counting() *rosterv1alpha1.Member {
	for _, m := range w.members {
		if FindTwin(m, w.members, "") == "" {
			return m
		}
	}
	return nil
}

func (w *town) declare(name string, suspended bool) {
	w.made++
	w.members = append(w.members, &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "acme", Name: name, UID: types.UID(fmt.Sprintf("%03d", w.made)), Generation: 1, CreationTimestamp: metav1.NewTime(w.now),
		},
		Spec: rosterv1alpha1.MemberSpec{Email: string(anas), Suspended: ptr.To(suspended)},
	})
}

// input is what the operator gathers about a Member.
func (w *town) input(m *rosterv1alpha1.Member) MemberInput {
	in := MemberInput{Member: m, Organization: w.org, Person: w.account, Twin: FindTwin(m, w.members, ""), TwinJoined: TwinJoined(m, w.members)}
	if m.Spec.AccountRef != nil {
		in.Account = w.account
	}
	in.Successor = FindSuccessor(in, w.members, w.now)
	return in
}

// operate is one round of the operator.
func (w *town) operate() {
	for _, m := range w.members {
		if ms := Continues(w.input(m), w.now); ms != nil {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: PersonOf(m)}
			m.Annotations = map[string]string{rosterv1alpha1.PlaceAnnotation: ms.Place}
		}
		d := DecideMember(w.input(m), w.now)
		m.Status = d.Status
		if d.Invite && m.Labels == nil {
			w.mails++
			m.Labels = map[string]string{"mailed": "true"}
		}
	}
	in := AccountInput{Account: w.account, Members: w.members, Organizations: map[string]string{"acme": "acme"}}
	w.account.Status, _ = DecideAccount(in, w.now)
}

// rest lets the operator come to rest, and compares what it made of it with what is right.
func (w *town) rest() {
	if w.stopped {
		return
	}
	before, place := w.mails, ""
	if len(w.account.Status.Memberships) > 0 {
		place = w.account.Status.Memberships[0].Place
	}
	for range 4 {
		w.operate()
	}
	stayed := slices.ContainsFunc(w.members, func(m *rosterv1alpha1.Member) bool { return slices.Contains(w.known, m.UID) })
	switch {
	case len(w.members) == 0 && w.joined && w.suspended,
		w.joined && w.suspended && !stayed,
		w.joined && !w.since.IsZero() && !w.now.Before(w.since.Add(ReturnGrace)):
		w.joined, place = false, ""
	}
	w.check(before, place)
	w.known, w.suspended = nil, false
	for _, m := range w.members {
		w.known = append(w.known, m.UID)
	}
	if m := w.counting(); m != nil {
		w.suspended, w.since = IsSuspended(m), time.Time{}
	} else if w.joined && w.since.IsZero() {
		w.since = w.now.Truncate(time.Second)
	}
}

func (w *town) check(mails int, place string) {
	m := w.counting()
	if m == nil {
		return
	}
	if got := m.Spec.AccountRef != nil; got != w.joined {
		w.t.Fatalf("joined %v, the Member is bound: %v", w.joined, got)
	}
	if w.joined && w.mails != mails {
		w.t.Fatal("somebody who belongs to the organisation was mailed")
	}
	if w.joined && (m.Status.State == rosterv1alpha1.MemberPending || IsActive(m) == IsSuspended(m)) {
		w.t.Fatalf("joined, and %s", m.Status.State)
	}
	if w.joined && place != "" && quota.Annotation(quota.PlaceOfMember(m)) != place {
		w.t.Fatalf("lost the place %s in the queue", place)
	}
	for _, other := range w.members {
		if (other.Status.Successor != "") != (other == m && w.joined && slices.ContainsFunc(w.members, func(o *rosterv1alpha1.Member) bool {
			return o != m && !IsSuspended(o)
		})) {
			w.t.Fatalf("the successor of %s is %q", other.Name, other.Status.Successor)
		}
	}
}

// accept is what the person does with the mail.
func (w *town) accept() {
	m := w.counting()
	if m == nil || m.Spec.AccountRef != nil || m.Labels == nil || w.stopped {
		w.t.Skip("no invitation")
	}
	m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: PersonOf(m)}
	w.joined, w.known, w.suspended = true, []types.UID{m.UID}, false
	w.rest()
}

func (w *town) pick() *rosterv1alpha1.Member {
	if len(w.members) == 0 {
		w.t.Skip("nobody")
	}
	return rapid.SampledFrom(w.members).Draw(w.t, "member")
}

func (w *town) remove(m *rosterv1alpha1.Member) {
	w.members = slices.DeleteFunc(w.members, func(o *rosterv1alpha1.Member) bool { return o == m })
}

func TestThePersonOutlivesObjects(t *testing.T) {
	var kept, removed int
	rapid.Check(t, func(t *rapid.T) {
		w := &town{t: t, now: now, org: member().Organization, account: accountOfAna()}
		w.account.Status.Memberships = nil
		w.declare("ana", false)
		w.rest()
		w.accept()
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {},
			"time passes": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "seconds")) * time.Second)
				w.rest()
			},
			"declare": func(t *rapid.T) {
				w.declare(fmt.Sprintf("ana-%d", w.made), rapid.Bool().Draw(t, "suspended"))
				w.rest()
			},
			"delete":        func(*rapid.T) { w.remove(w.pick()); w.rest() },
			"accept":        func(*rapid.T) { w.accept() },
			"force-replace": func(*rapid.T) { m := w.pick(); w.remove(m); w.rest(); w.declare(m.Name, false); w.rest() },
			"replace": func(*rapid.T) {
				m := w.pick()
				m.Spec.AccountRef, m.Annotations = nil, nil
				m.Generation++
				w.rest()
			},
			"rename in one go": func(*rapid.T) {
				m := w.pick()
				w.declare(fmt.Sprintf("ana-%d", w.made), IsSuspended(m))
				w.rest()
				w.remove(m)
				w.rest()
			},
			"suspend":                   func(*rapid.T) { m := w.pick(); m.Spec.Suspended = ptr.To(!IsSuspended(m)); m.Generation++; w.rest() },
			"the operator stops":        func(*rapid.T) { w.stopped = true },
			"the operator starts again": func(*rapid.T) { w.stopped = false; w.rest() },
			"leave": func(*rapid.T) {
				if w.stopped || !w.joined {
					t.Skip("not now")
				}
				w.members, w.account.Status.Memberships, w.joined, w.suspended = nil, nil, false, false
				w.since = time.Time{}
				w.rest()
			},
		})
		w.stopped = false
		w.rest()
		if w.joined {
			kept++
		} else {
			removed++
		}
	})
	if kept == 0 || removed == 0 {
		t.Errorf("%d stayed and %d were removed", kept, removed)
	}
}

// TestWhoMayBeRenamed: a sync waits a moment for the older Member of somebody who has joined to go, and for nothing else.
func TestWhoMayBeRenamed(t *testing.T) {
	of := func(change func(in *MemberInput)) MemberInput {
		in := member()
		in.Member = in.Member.DeepCopy()
		in.Member.CreationTimestamp = metav1.NewTime(now)
		in.Member.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: PersonOf(in.Member)}
		in.Twin, in.TwinJoined = "zoe", true
		change(&in)
		return in
	}
	for name, c := range map[string]struct {
		in      MemberInput
		after   time.Duration
		stalled bool
	}{
		"renamed":               {of(func(*MemberInput) {}), 0, false},
		"for a moment":          {of(func(*MemberInput) {}), RenameGrace - time.Second, false},
		"no longer":             {of(func(*MemberInput) {}), RenameGrace, true},
		"the other has not":     {of(func(in *MemberInput) { in.TwinJoined = false }), 0, true},
		"the person has not":    {of(func(in *MemberInput) { in.Member.Spec.AccountRef = nil }), 0, true},
		"the address is wrong":  {of(func(in *MemberInput) { in.Member.Spec.Email = "no address" }), 0, true},
		"another one's account": {of(func(in *MemberInput) { in.Twin, in.Member.Spec.AccountRef.Name = "", "a-other" }), 0, true},
	} {
		at := now.Add(c.after)
		d := DecideMember(c.in, at)
		ready := meta.FindStatusCondition(d.Status.Conditions, rosterv1alpha1.ConditionReady)
		if got := meta.IsStatusConditionTrue(d.Status.Conditions, rosterv1alpha1.ConditionStalled); got != c.stalled || ready.Status != metav1.ConditionFalse {
			t.Errorf("%s: stalled %v, ready %+v", name, got, ready)
		}
		if !c.stalled && !d.Wake.Equal(now.Add(RenameGrace)) {
			t.Errorf("%s: decided again at %v", name, d.Wake)
		}
		if d.Holds {
			t.Errorf("%s: holds something beside the other", name)
		}
	}
}
