// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
)

// situation is where a Member stands, in words of its own, and the input that says the same.
type situation struct {
	joined, othersAccount, suspended, ended, badAddress, twin, organization, owner, connector, seated, known, agreed bool
	in                                                                                                               MemberInput
}

// drawSituation draws anything that a Member can be in.
func drawSituation(t *rapid.T) situation {
	flip := func(label string) bool { return rapid.Bool().Draw(t, label) }
	s := situation{joined: true, organization: true, seated: true, owner: flip("owner"), connector: flip("connector"), known: flip("known"), agreed: flip("agreed")}
	// Seldom more than one thing is in the way: two would hide what either does.
	obstacles := []*bool{&s.joined, &s.othersAccount, &s.suspended, &s.ended, &s.badAddress, &s.twin, &s.organization, &s.seated}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(obstacles)-1), 0, 2, rapid.ID).Draw(t, "obstacles") {
		*obstacles[i] = !*obstacles[i]
	}
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana", UID: "5", CreationTimestamp: metav1.NewTime(now), Generation: 1},
		Spec: rosterv1alpha1.MemberSpec{
			Email: "ana@acme.example", Role: rosterv1alpha1.OrganizationRole(rapid.SampledFrom([]string{"CoOwner", "Manager", "Member", "lead"}).Draw(t, "role")),
			Suspended: ptr.To(s.suspended),
		},
	}
	if s.ended {
		m.Spec.EndTime = &metav1.Time{Time: now.Add(-time.Duration(rapid.IntRange(0, 1000).Draw(t, "ended ago")) * time.Hour)}
	}
	if s.connector {
		m.Spec.Role = rosterv1alpha1.RoleProfileConnector
	}
	if s.agreed {
		m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
	}
	if s.joined {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address("ana@acme.example").AccountName()}
		if s.othersAccount {
			m.Spec.AccountRef.Name = "a-0"
		}
	}
	if s.badAddress {
		m.Spec.Email = "ana@acme"
	}
	// What was once held may be in the status still.
	m.Status.State = rapid.SampledFrom([]rosterv1alpha1.MemberState{"", "Pending", "Active", "Suspended", "Ended"}).Draw(t, "state before")
	m.Status.Profiles, m.Status.Teams = []rosterv1alpha1.ProfileGrant{{Name: "fb", Role: "Administrator"}}, []string{"writers"}
	m.Status.Workspaces, m.Status.SoleAdministratorOf, m.Status.SoleRenewerOf = []string{"west"}, []string{"fb"}, []string{"fb"}
	s.in = MemberInput{
		Member: m, SoleAdministratorOf: []string{"fb"}, SoleRenewerOf: []string{"fb"},
		Teams: []string{"writers"},
		Sources: access.Sources{
			Profiles: map[string]access.Standing{"fb": access.Present},
			Roles:    access.Roles{"lead": {Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{"ViewTeam"}}},
		},
	}
	if s.twin {
		s.in.Twin = "anna"
	}
	if s.organization {
		s.in.Organization = s.organizationOf(now)
	}
	return s
}

// organizationOf is an Organization of one seat, which is the Member's or an older one's.
func (s situation) organizationOf(created time.Time) *rosterv1alpha1.Organization {
	o := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}}
	if s.known {
		o.Status.ObservedGeneration = 1
	}
	last := rosterv1alpha1.Place{Time: metav1.NewTime(created), UID: "5"}
	if !s.seated {
		last = rosterv1alpha1.Place{Time: metav1.NewTime(created.Add(-time.Hour)), UID: "1"}
	}
	o.Status.Plan = rosterv1alpha1.PlanInEffect{
		Name: "basic", Contact: "sales@roster.example", Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureProfileConnectors},
		Seats: rosterv1alpha1.Usage{Limit: ptr.To[int32](1), Wanted: ptr.To[int32](2), Last: last},
	}
	if s.owner {
		o.Status.OwnerRef = &rosterv1alpha1.LocalReference{Name: "ana"}
	}
	return o
}

// active says once more, and more plainly, who holds anything: somebody of a known address and account who has joined an organisation,
// is not suspended, whose membership has not ended unless they own the organisation, is the only Member of the address that counts, and has a seat or needs none.
func (s situation) active() bool {
	seat := s.seated || s.owner || s.connector || !s.known
	over := s.ended && (!s.owner || !s.agreed || !s.organization)
	return s.joined && !s.othersAccount && !s.badAddress && !s.suspended && !over && !s.twin && s.organization && seat
}

// TestWhoIsNotActiveHoldsNothing, whatever their roles, their Teams and their status before say.
func TestWhoIsNotActiveHoldsNothing(t *testing.T) {
	var active, others int
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		d := DecideMember(s.in, now)
		if d.Holds != s.active() {
			t.Fatalf("holds %v, active is %v: %+v", d.Holds, s.active(), s)
		}
		// Who is bound to Roles is found by the status, once it is written.
		decided := s.in.Member.DeepCopy()
		decided.Status = d.Status
		if IsActive(decided) != s.active() {
			t.Fatalf("the status says active: %v, and they are: %v: %+v", IsActive(decided), s.active(), d.Status)
		}
		if !s.active() {
			others++
			if len(d.Status.Profiles)+len(d.Status.Teams)+len(d.Status.Workspaces)+len(d.Status.SoleAdministratorOf)+len(d.Status.SoleRenewerOf) > 0 {
				t.Fatalf("shows %+v: %+v", d.Status, s)
			}
			return
		}
		active++
	})
	if active == 0 || others == 0 {
		t.Errorf("%d active and %d others were drawn", active, others)
	}
}
