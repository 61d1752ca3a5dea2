// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
)

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// bed is an Account with grants of an application in the organisation acme, all of which count.
type bed struct {
	document grant.Document
	facts    grant.Facts
	to       string
	places   int
}

func newBed(ids ...string) *bed {
	b := &bed{to: "https://tool.example/logout", places: 100}
	b.facts = grant.Facts{
		Account:     &rosterv1alpha1.Account{},
		Credentials: account.Credentials{Sessions: account.Sessions{Devices: []account.Device{{ID: "laptop"}}}},
		Memberships: []grant.Membership{{
			Member: &rosterv1alpha1.Member{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana", UID: "member"},
				Spec:       rosterv1alpha1.MemberSpec{AccountRef: &rosterv1alpha1.LocalReference{Name: "a"}},
				Status:     rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive},
			},
			Organization: &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Namespace: "acme"}},
		}},
		Application: &rosterv1alpha1.Application{ObjectMeta: metav1.ObjectMeta{UID: "app"}},
	}
	for _, id := range ids {
		b.document.Grants = append(b.document.Grants, grant.Grant{
			ID: id, SID: "sid-" + id, Client: "acme.tool", ApplicationUID: "app", Namespace: "acme", MemberUID: "member", Device: "laptop",
			Began: start, Used: start, Proofs: []account.Proof{{Method: account.MethodPassword, Time: start}},
		})
	}
	return b
}

// at looks after so much time.
func (b *bed) at(d time.Duration) step {
	return advance(&b.document, facts{
		of: func(*grant.Grant) grant.Facts { return b.facts }, to: func(*grant.Grant) string { return b.to },
		free: func(*grant.Grant) bool { b.places--; return b.places >= 0 },
	}, start.Add(d))
}

func (b *bed) suspend() { b.facts.Account.Spec.Suspended = ptr.To(true) }

func sent(s step) (ids []string) {
	for _, m := range s.send {
		ids = append(ids, m.grant.ID)
	}
	return ids
}

func (b *bed) left() (ids []string) {
	for _, g := range b.document.Grants {
		ids = append(ids, g.ID)
	}
	return ids
}

func TestWhatCountsIsLeftAlone(t *testing.T) {
	b := newBed("one", "two")
	s := b.at(time.Hour)
	if s.changed || len(s.send) > 0 || !s.next.Equal(start.Add(grant.Lifetime)) {
		t.Errorf("did %+v", s)
	}
	b.facts.Memberships[0].Member.Spec.EndTime = &metav1.Time{Time: start.Add(3 * time.Hour)}
	if s := b.at(time.Hour); s.changed || !s.next.Equal(start.Add(3*time.Hour)) {
		t.Errorf("looks again at %v, want when the membership ends", s.next)
	}
}

// TestAnEndIsWrittenSentAndForgotten is the way of a grant with a replica that dies in between.
func TestAnEndIsWrittenSentAndForgotten(t *testing.T) {
	b := newBed("one")
	b.suspend()
	s := b.at(time.Hour)
	if !s.changed || !slices.Equal(sent(s), []string{"one"}) || s.send[0].to != b.to || len(s.ended) != 1 {
		t.Fatalf("did %+v", s)
	}
	if other := b.at(time.Hour + lease - 1); other.changed || len(other.send) > 0 || !other.next.Equal(start.Add(time.Hour+lease)) {
		t.Fatalf("another replica did %+v before the time of the first was up", other)
	}
	b.facts.Application, b.to = nil, "" // deleted meanwhile, and forgotten
	over := b.at(time.Hour + lease)
	if !slices.Equal(sent(over), []string{"one"}) || over.send[0].to != "https://tool.example/logout" || len(over.ended) != 0 {
		t.Fatalf("another replica did %+v when the time of the first was up", over)
	}
	if settled(&b.document, s.send[0], true, start.Add(time.Hour+lease)) {
		t.Error("the first notes what came of its message, which is the other's now")
	}
	if !settled(&b.document, over.send[0], true, start.Add(time.Hour+lease)) || len(b.left()) != 0 {
		t.Error("what was delivered is not forgotten")
	}
}

func TestATryThatFailsIsRepeatedForADayAndAHalf(t *testing.T) {
	b := newBed("one")
	b.suspend()
	tries, last := 0, time.Duration(0)
	for now := time.Hour; ; {
		s := b.at(now)
		if len(s.dropped) > 0 {
			break
		}
		if len(s.send) == 0 {
			t.Fatalf("nothing is sent after %v", now)
		}
		tries, last = tries+1, now
		settled(&b.document, s.send[0], false, start.Add(now))
		next := b.document.Grants[0].Ending.Next.Sub(start)
		if next-now < firstPause || next-now > lastPause*9/8 {
			t.Fatalf("after %d tries the next one comes after %v", tries, next-now)
		}
		now = next
	}
	if tries != maxTries || last < 30*time.Hour || last > 48*time.Hour || len(b.left()) != 0 {
		t.Errorf("gives up after %d tries and %v", tries, last)
	}
}

func TestWhoIsNotTold(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(b *bed)
		told    []string
		left    []string
	}{
		"no address": {func(b *bed) { b.to = "" }, nil, nil},
		"the application gave it back": {func(b *bed) {
			b.document.Grants[0].End(grant.ReasonRevoked, start)
		}, []string{"two"}, []string{"two"}},
		"its time is over": {func(b *bed) {
			b.document.Grants[0].Began = start.Add(-grant.Lifetime)
		}, []string{"two"}, []string{"two"}},
		"all": {func(*bed) {}, []string{"one", "two"}, []string{"one", "two"}},
	} {
		b := newBed("one", "two")
		b.suspend()
		tc.prepare(b)
		if got := sent(b.at(time.Hour)); !slices.Equal(got, tc.told) || !slices.Equal(b.left(), tc.left) {
			t.Errorf("%s: told of %v, left %v", name, got, b.left())
		}
	}
}

// TestASessionThatGoesOnIsNotEnded: the application knows sessions, not grants.
func TestASessionThatGoesOnIsNotEnded(t *testing.T) {
	b := newBed("one", "two")
	b.document.Grants[1].SID = b.document.Grants[0].SID
	b.document.Grants[0].End(grant.ReasonReused, start)
	if s := b.at(time.Hour); len(s.send) > 0 || !s.changed || !slices.Equal(b.left(), []string{"two"}) {
		t.Errorf("sends %v, leaves %v", sent(s), b.left())
	}
}

// TestTheCacheIsGivenTime: what another replica has just seen, this one may not have.
func TestTheCacheIsGivenTime(t *testing.T) {
	b := newBed("one")
	b.facts.Memberships = nil
	if s := b.at(settle - 1); s.changed || !s.next.Equal(start.Add(settle)) {
		t.Errorf("did %+v", s)
	}
	if s := b.at(settle); len(s.send) != 1 {
		t.Errorf("did %+v", s)
	}
	b = newBed("one")
	b.suspend()
	if s := b.at(1); len(s.send) != 1 {
		t.Errorf("a suspension, which is read from the API server, waits: %+v", s)
	}
}

func TestACrowdWaits(t *testing.T) {
	b := newBed("one", "two")
	b.suspend()
	b.places = 1
	s := b.at(time.Hour)
	if !slices.Equal(sent(s), []string{"one"}) || len(s.ended) != 2 || !s.next.Equal(start.Add(time.Hour+crowded)) {
		t.Errorf("did %+v", s)
	}
	b.places = 1
	if s := b.at(time.Hour + crowded); !slices.Equal(sent(s), []string{"two"}) {
		t.Errorf("then sent %v", sent(s))
	}
}

// TestLifetimesAgree: keys are published for as long as anything that they signed.
func TestLifetimesAgree(t *testing.T) {
	if signing.TokenLifetime < grant.TokenLifetime || signing.TokenLifetime < tokenFor {
		t.Errorf("keys are published for tokens of %v, tokens last %v", signing.TokenLifetime, grant.TokenLifetime)
	}
}
