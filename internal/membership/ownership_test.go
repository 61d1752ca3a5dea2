// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// candidate is a Member of that name and address, who says something about owning the organisation.
func candidate(name, says string, change ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)},
		Spec:       rosterv1alpha1.MemberSpec{Email: name + "@acme.example"},
	}
	m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address(m.Spec.Email).AccountName()}
	m.Status.State = rosterv1alpha1.MemberActive
	if says != "" {
		m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: says}
	}
	for _, c := range change {
		c(m)
	}
	return m
}

func unjoined(m *rosterv1alpha1.Member) {
	m.Spec.AccountRef, m.Status.State = nil, rosterv1alpha1.MemberPending
}

func resting(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }

func of(address string) func(*rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.Email = address }
}

// Who owns an organisation that names zoe, and what is kept of the answers.
func TestNobodyOwnsWhoHasNotAgreed(t *testing.T) {
	const agreed, asked, declined = rosterv1alpha1.OwnershipAgreed, rosterv1alpha1.OwnershipAsked, rosterv1alpha1.OwnershipDeclined
	olivia := candidate("olivia", agreed)
	cases := map[string]struct {
		// named is the Member in spec.ownerRef, former the one in status.ownerRef, and since says that they are the owner.
		named, former *rosterv1alpha1.Member
		since         bool
		others        []*rosterv1alpha1.Member
		owner, reason string
		ready         string
		marks         string
	}{
		"an active Member is asked":             {candidate("zoe", ""), nil, false, nil, "", "OwnerNotAgreed", "Ready", "zoe=Asked"},
		"and not asked again":                   {candidate("zoe", asked), nil, false, nil, "", "OwnerNotAgreed", "Ready", ""},
		"agrees":                                {candidate("zoe", agreed), nil, false, nil, "zoe", "Resolved", "Ready", ""},
		"declines":                              {candidate("zoe", declined), nil, false, nil, "", "OwnerDeclined", "OwnerDeclined", ""},
		"is invited as the owner":               {candidate("zoe", "", unjoined), nil, false, nil, "zoe", "MemberNotActive", "Ready", ""},
		"the former stays meanwhile":            {candidate("zoe", ""), olivia, true, nil, "olivia", "OwnerNotAgreed", "Ready", "zoe=Asked"},
		"and when they decline":                 {candidate("zoe", declined), olivia, true, nil, "olivia", "OwnerDeclined", "OwnerDeclined", ""},
		"the ownership passes":                  {candidate("zoe", agreed), olivia, true, []*rosterv1alpha1.Member{olivia}, "zoe", "Resolved", "Ready", "olivia="},
		"the former gives it up":                {candidate("zoe", asked), candidate("olivia", declined), true, nil, "", "OwnerNotAgreed", "Ready", ""},
		"the owner gives it up":                 {candidate("zoe", declined), candidate("zoe", declined), true, nil, "", "OwnerDeclined", "OwnerDeclined", ""},
		"the owner from before answers counted": {candidate("zoe", ""), candidate("zoe", ""), true, nil, "zoe", "Resolved", "Ready", "zoe=Agreed"},
		"the owner is another Member by now":    {candidate("zoe", "", of("Olivia@acme.example")), nil, true, nil, "zoe", "Resolved", "Ready", "zoe=Agreed"},
		"a suspended one who has agreed":        {candidate("zoe", agreed, resting), nil, false, nil, "zoe", "MemberNotActive", "Ready", ""},
		"a suspended one who has not":           {candidate("zoe", "", resting), nil, false, nil, "", "MemberNotActive", "Ready", ""},
		"what others said is forgotten": {candidate("zoe", agreed), nil, false, []*rosterv1alpha1.Member{candidate("carl", agreed), candidate("dora", declined)},
			"zoe", "Resolved", "Ready", "carl= dora="},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1"}}
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "zoe"}
			if c.since {
				o.Status.OwnerRef, o.Status.Owner = &rosterv1alpha1.LocalReference{Name: "olivia"}, "olivia@acme.example"
				if c.former != nil {
					o.Status.OwnerRef.Name, o.Status.Owner = c.former.Name, c.former.Spec.Email
				}
				o.Status.OwnerSince = &metav1.Time{Time: now.Add(-time.Hour)}
			}
			in := OrganizationInput{Organization: o, Counting: o, Owner: c.named, Former: c.former}
			in.Count(append(c.others, c.named), nil, nil)
			var marks []string
			for _, m := range in.OwnershipMarks() {
				marks = append(marks, fmt.Sprintf("%s=%s", m.Member.Name, m.Says))
			}
			if got := strings.Join(marks, " "); got != c.marks {
				t.Errorf("marks %q, want %q", got, c.marks)
			}
			s := DecideOrganization(in, now)
			owner := ""
			if s.OwnerRef != nil {
				owner = s.OwnerRef.Name
			}
			resolved := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionOwnerResolved)
			ready := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionReady)
			if owner != c.owner || resolved.Reason != c.reason || ready.Reason != c.ready {
				t.Errorf("owned by %q, %+v, %+v", owner, resolved, ready)
			}
			if c.owner == "olivia" && !strings.Contains(resolved.Message, "olivia@acme.example stays the owner") {
				t.Errorf("does not say who owns it: %s", resolved.Message)
			}
			if inForce := s.OwnerSince != nil; inForce != (c.owner != "" && c.reason == "Resolved" || c.owner == "olivia") {
				t.Errorf("counts as the owner of this organisation: %v", inForce)
			}
			o.Status = s
			if owns, _ := Owns(o, c.named); owns != (c.owner == "zoe" && c.reason != "MemberNotActive" || c.reason == "MemberNotActive" && ownershipOf(c.named) == agreed) {
				t.Errorf("zoe has the rights of the owner: %v", owns)
			}
		})
	}
}

// A declared owner shows as the owner from the start, and holds nothing before they have accepted.
func TestDeclaredOwnerShowsAsTheOwner(t *testing.T) {
	in := member(func(in *MemberInput) {
		in.Organization.Status.OwnerRef = &rosterv1alpha1.LocalReference{Name: "ana"}
	})
	if d := DecideMember(in, now); d.Status.Role != "Owner" || d.Holds {
		t.Errorf("the role is %s, holds %v", d.Status.Role, d.Holds)
	}
}

// The Member of an owner gets another name: the new one is bound and not in force yet, and what its person has agreed to is not forgotten.
func TestOwnerStaysTheOwnerWhileTheirMemberIsRenamed(t *testing.T) {
	since := metav1.NewTime(now.Add(-time.Hour))
	o := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1"}}
	o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "zoe-park"}
	o.Status.OwnerRef, o.Status.Owner, o.Status.OwnerSince = &rosterv1alpha1.LocalReference{Name: "zoe"}, "zoe@acme.example", &since
	park := candidate("zoe-park", "", of("zoe@acme.example"))
	park.Status.State = rosterv1alpha1.MemberPending
	s := DecideOrganization(OrganizationInput{Organization: o, Counting: o, Owner: park}, now)
	if s.OwnerRef == nil || s.OwnerRef.Name != "zoe-park" || s.OwnerSince == nil || !s.OwnerSince.Equal(&since) {
		t.Errorf("owned by %v since %v", s.OwnerRef, s.OwnerSince)
	}
}
