// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// told writes consequences down.
func told(c Consequences) string {
	var all []string
	for _, side := range []struct {
		word string
		on   []OnProfiles
		here []rosterv1alpha1.RolePermission
	}{{"loses", c.Loses, c.LosesHere}, {"gains", c.Gains, c.GainsHere}} {
		for _, on := range side.on {
			where := strings.Join(on.Profiles, "+")
			if on.Every {
				where = "every"
			}
			var may []string
			for _, p := range on.Set.Permissions() {
				may = append(may, string(p))
			}
			all = append(all, fmt.Sprintf("%s %s on %s", side.word, strings.Join(may, "+"), where))
		}
		for _, p := range side.here {
			all = append(all, fmt.Sprintf("%s %s", side.word, p))
		}
	}
	for word, profiles := range map[string][]*rosterv1alpha1.SocialProfile{
		"unrenewed": c.Unrenewed, "unadministered": c.Unadministered, "unattended": c.Unattended,
	} {
		for _, p := range profiles {
			all = append(all, word+" "+p.Name)
		}
	}
	for _, inv := range c.Unanswered {
		all = append(all, "unanswered "+inv.Name)
	}
	return strings.Join(all, "; ")
}

// TestConsequences: what a change means is what the rules of the operator give before it and no longer give after it.
func TestConsequences(t *testing.T) {
	lookUp := func(o *Organization, name string) *rosterv1alpha1.Member {
		for _, m := range o.Members {
			if m.Name == name {
				return m
			}
		}
		t.Fatal(name)
		return nil
	}
	suspended := func(s *rosterv1alpha1.MemberSpec) { s.Suspended = ptr.To(true) }
	cases := map[string]struct {
		who    string
		before func(o *Organization, m *rosterv1alpha1.Member)
		change func(s *rosterv1alpha1.MemberSpec) // nil: removed
		want   string
	}{
		"nothing": {who: "ana", change: func(s *rosterv1alpha1.MemberSpec) { s.Company = "Press" }},
		"suspended, with rights from three sources": {who: "ana", change: suspended,
			want: "loses get+schedule+publish+moderate+report on alone+x; loses get+schedule+moderate+report on fb"},
		"ended is as suspended": {who: "ana", change: func(s *rosterv1alpha1.MemberSpec) { s.EndTime = &metav1.Time{Time: time.Unix(1, 0)} },
			want: "loses get+schedule+publish+moderate+report on alone+x; loses get+schedule+moderate+report on fb"},
		"lowered by name, and a team still gives the rest": {who: "ana", change: func(s *rosterv1alpha1.MemberSpec) { s.Profiles[0].Role = "Guest" },
			want: "loses schedule+moderate on fb"},
		"taken out of a workspace": {who: "ana", change: func(s *rosterv1alpha1.MemberSpec) { s.Workspaces = nil },
			want: "loses get+schedule+publish+moderate+report on alone; loses schedule+publish+moderate on x"},
		"a manager becomes a member": {who: "ben", change: func(s *rosterv1alpha1.MemberSpec) { s.Role = "Member" },
			want: "loses get+schedule+publish+moderate+report+configure+connect on every; loses ViewTeam; loses ManageMembers; loses ManageTeams; loses ManageRoles; " +
				"loses ManageSettings; loses ViewSubscription; loses BuyAddOns; loses ManageContacts; loses AdministerProfiles; loses AddProfiles"},
		"a manager becomes a guest on one profile": {who: "ben", change: func(s *rosterv1alpha1.MemberSpec) {
			s.Role, s.Profiles = "admin", nil
		}, want: "loses ViewTeam; loses ManageMembers; loses ManageTeams; loses ManageRoles; loses ManageSettings; loses ViewSubscription; loses BuyAddOns; " +
			"loses ManageContacts; loses AddProfiles"},
		"raised": {who: "ada", change: func(s *rosterv1alpha1.MemberSpec) {
			s.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "fb", Role: "Guest"}}
		},
			want: "gains get on fb"},
		"resumed": {who: "sam", change: func(s *rosterv1alpha1.MemberSpec) { s.Suspended = nil },
			before: func(_ *Organization, m *rosterv1alpha1.Member) { m.Status.State = rosterv1alpha1.MemberSuspended },
			want:   "gains get+schedule+publish+moderate+report on fb"},
		"changed while suspended": {who: "sam", change: func(s *rosterv1alpha1.MemberSpec) { s.Profiles = nil }},
		"removed, and nobody else can do what they do": {who: "ada",
			before: func(o *Organization, m *rosterv1alpha1.Member) {
				m.Status.SoleRenewerOf, m.Status.SoleAdministratorOf = []string{"x"}, []string{"x"}
				o.Profiles[0].Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "ada"}
				o.Invitations[0].Spec.InvitedBy = "ada@acme.example"
				o.Invitations[0].Status.InviterRef = &rosterv1alpha1.InviterReference{Name: "ada", InvitedBy: "ada@acme.example"}
			},
			want: "loses get+configure+connect on x; loses AddProfiles; unanswered zoe; unadministered x; unattended fb; unrenewed x"},
		"stays, and so does what only they can do": {who: "ada", change: func(s *rosterv1alpha1.MemberSpec) { s.Company = "Press" },
			before: func(_ *Organization, m *rosterv1alpha1.Member) { m.Status.SoleRenewerOf = []string{"x"} }},
		"removed while suspended: what they looked after is the owner's already": {who: "sam",
			before: func(o *Organization, _ *rosterv1alpha1.Member) {
				o.Profiles[0].Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "sam"}
			}},
		"waits for a seat, and loses nothing": {who: "ana", change: suspended,
			before: func(_ *Organization, m *rosterv1alpha1.Member) { m.Status.State = "" }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := organization(false)
			o.Now = time.Unix(1000, 0)
			m := lookUp(o, c.who)
			if c.before != nil {
				c.before(o, m)
			}
			var after *Person
			if c.change != nil {
				changed := m.DeepCopy()
				c.change(&changed.Spec)
				after = o.Once(changed)
			}
			got := strings.Split(told(o.Consequences(o.Person(m), after)), "; ")
			want := strings.Split(c.want, "; ")
			if !sameSet(got, want) {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

func sameSet(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestConsequencesOfAnOffer: what an invitation no longer offers.
func TestConsequencesOfAnOffer(t *testing.T) {
	o := organization(false)
	inv := o.Invitations[0]
	less := inv.DeepCopy()
	less.Spec.Profiles = nil
	if got := told(o.Consequences(o.Offered(inv), o.Offered(less))); got != "" { // The team gives her the same.
		t.Error(got)
	}
	o.Teams = nil
	if got := told(o.Consequences(o.Offered(inv), o.Offered(less))); got != "loses get on x" {
		t.Error(got)
	}
}
