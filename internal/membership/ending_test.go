// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestAMembershipEndsAtThatTime: to the moment, no matter who looks and when the operator last did, and an end that is put off brings
// everything back.
func TestAMembershipEndsAtThatTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := member(bound)
		if rapid.Bool().Draw(t, "owner") {
			owns(&in)
		}
		owner, _ := Owns(in.Organization, in.Member)
		before := DecideMember(in, now)
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			at := now.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "now")) * time.Second)
			end := now.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "end")) * time.Second)
			in.Member.Spec.EndTime = &metav1.Time{Time: end}
			over := !owner && !at.Before(end)
			d := DecideMember(in, at)
			if d.Holds == over || (d.Status.State == rosterv1alpha1.MemberEnded) != over {
				t.Fatalf("at %s of an end at %s: holds %v, %s", at, end, d.Holds, d.Status.State)
			}
			if wakes := !d.Wake.IsZero(); wakes != (!owner && !over) || wakes && !d.Wake.Equal(end) {
				t.Fatalf("at %s of an end at %s: looks again at %s", at, end, d.Wake)
			}
			// Nobody who looks at the clock finds them active, even if the operator has not looked for a while.
			if seen := At(in.Organization, in.Member, at); over && IsActive(seen) {
				t.Fatalf("at %s of an end at %s, they count as active: %+v", at, end, seen.Status)
			}
			if rapid.Bool().Draw(t, "the operator looks") {
				in.Member.Status = d.Status
				if IsActive(in.Member) == over {
					t.Fatalf("the status says active: %v, at %s of an end at %s", !over, at, end)
				}
			}
		}
		in.Member.Spec.EndTime = nil
		if d := DecideMember(in, now); !d.Holds || !equality.Semantic.DeepEqual(d.Status.Profiles, before.Status.Profiles) {
			t.Fatalf("not everything is back: %+v", d.Status)
		}
	})
}

// TestWhoIsToEndDoesNotComeToOwn: the former owner stays until the end is taken out; who owns already goes on owning.
func TestWhoIsToEndDoesNotComeToOwn(t *testing.T) {
	active := func(name string, end *metav1.Time) *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{Spec: rosterv1alpha1.MemberSpec{
			Email: name + "@acme.example", EndTime: end, AccountRef: &rosterv1alpha1.LocalReference{Name: name},
		}}
		m.Name = name
		m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
		m.Status.State = rosterv1alpha1.MemberActive
		return m
	}
	end := &metav1.Time{Time: now.Add(day)}
	olivia, zoe, ending := active("olivia", nil), active("zoe", nil), active("zoe", end)
	olivia.UID, zoe.UID, ending.UID = "1", "2", "2"
	o := &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{OwnerRef: &rosterv1alpha1.LocalReference{Name: "zoe"}}}
	for what, c := range map[string]struct{ named, former, want *rosterv1alpha1.Member }{
		"one who does not end":        {zoe, olivia, zoe},
		"one who is to end":           {ending, olivia, olivia},
		"who owns it and is to end":   {ending, ending, ending},
		"one to end, where none owns": {ending, nil, ending},
	} {
		if got := (OrganizationInput{Organization: o, Owner: c.named, Former: c.former}).OwnerInForce(); got != c.want {
			t.Errorf("%s: %v owns it", what, got)
		}
	}
}

// TestPeopleAreToldOnceForEachDay, however often the operator looks, and at once where less time is left.
func TestPeopleAreToldOnceForEachDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := member(bound)
		left := time.Duration(rapid.IntRange(1, 30*24).Draw(t, "hours left")) * time.Hour
		end := now.Add(left)
		in.Member.Spec.EndTime = &metav1.Time{Time: end}
		told := map[int32]int{}
		at := now
		for at.Before(end.Add(48 * time.Hour)) {
			in.Member.Status = DecideMember(in, at).Status
			due, next := EndNotice(in.Organization, in.Member, at)
			if due != nil {
				told[due.Days]++
				if early := end.Sub(at) - time.Duration(due.Days)*day; early > 0 {
					t.Fatalf("%d days, told %s too early", due.Days, early)
				}
				in.Member.Status.EndNotice = due
			}
			if !next.IsZero() && (!next.After(at) || next.After(end)) {
				t.Fatalf("at %s, looks again at %s", at, next)
			}
			step := time.Duration(rapid.IntRange(1, 36).Draw(t, "hours")) * time.Hour
			if !next.IsZero() && next.Before(at.Add(step)) {
				step = next.Sub(at)
			}
			at = at.Add(step)
		}
		want := map[int32]int{3: 1}
		if left > 3*day {
			want[14] = 1
		}
		if !equality.Semantic.DeepEqual(told, want) {
			t.Fatalf("%s before the end, told %v, want %v", left, told, want)
		}
	})
}

// TestWhoIsToldBesideThePerson: the active member who invited them, and the owner in their stead, but nobody twice.
func TestWhoIsToldBesideThePerson(t *testing.T) {
	in := member(bound, owns)
	owner, o := in.Member, in.Organization
	owner.Status.State = rosterv1alpha1.MemberActive
	other := func(name string, state rosterv1alpha1.MemberState) *rosterv1alpha1.Member {
		m := owner.DeepCopy()
		m.Name, m.UID, m.Annotations, m.Status.State = name, types.UID(name), nil, state
		return m
	}
	zoe, ben, away := other("zoe", "Active"), other("ben", "Active"), other("ben", "Suspended")
	for what, c := range map[string]struct {
		of       *rosterv1alpha1.Member
		inviters []*rosterv1alpha1.Member
		want     *rosterv1alpha1.Member
		invited  bool
	}{
		"the inviter":                              {zoe, []*rosterv1alpha1.Member{ben}, ben, true},
		"the owner for one who is suspended":       {zoe, []*rosterv1alpha1.Member{away}, owner, false},
		"the owner for one who invited themselves": {zoe, []*rosterv1alpha1.Member{zoe}, owner, false},
		"the owner for nobody":                     {zoe, nil, owner, false},
		"nobody beside the owner":                  {owner, nil, nil, false},
	} {
		if by, invited := LooksAfter(o, c.of, c.inviters, owner); by != c.want || invited != c.invited {
			t.Errorf("%s: %v, invited %v", what, by, invited)
		}
	}
}
