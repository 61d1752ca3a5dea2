// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"cmp"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
)

// Consequences are what it means to people that somebody is changed, suspended or removed.
type Consequences struct {
	// Loses and Gains are what the person may do on profiles.
	Loses, Gains []OnProfiles
	// LosesHere and GainsHere are permissions in the organisation.
	LosesHere, GainsHere []rosterv1alpha1.RolePermission
	// Unrenewed are profiles whose tokens end and that nobody else may connect again, and Unadministered those that nobody else is named
	// Administrator of.
	Unrenewed, Unadministered []*rosterv1alpha1.SocialProfile
	// Unattended are profiles that the person looks after: what arrives there is for the owner from then on.
	Unattended []*rosterv1alpha1.SocialProfile
	// Unanswered are open invitations that nobody can accept any more, since the person answers for them.
	Unanswered []*rosterv1alpha1.Invitation
}

// OnProfiles are permissions on some profiles.
type OnProfiles struct {
	Set access.Set
	// Profiles, sorted; none where it is Every.
	Profiles []string
	// Every: on all profiles of the organisation and those to come.
	Every bool
}

// Consequences compares somebody as they are with what they will be; nil for somebody who is removed.
func (o *Organization) Consequences(before, after *Person) Consequences {
	d := Between(before, after)
	c := Consequences{
		Loses: o.onProfiles(d), Gains: o.onProfiles(d.Reversed()), LosesHere: d.Here(), GainsHere: d.Reversed().Here(),
	}
	m := before.Member
	if m == nil || before.State != Active {
		return c
	}
	for _, p := range o.Profiles {
		loses := d.On(p.Name)
		if loses.Contains(access.NewSet(access.Connect)) && slices.Contains(m.Status.SoleRenewerOf, p.Name) {
			c.Unrenewed = append(c.Unrenewed, p)
		}
		if loses != 0 && slices.Contains(m.Status.SoleAdministratorOf, p.Name) {
			c.Unadministered = append(c.Unadministered, p)
		}
	}
	if after == nil || after.HoldsNothing() {
		c.Unattended, c.Unanswered = attendedBy(o.Profiles, map[string]bool{m.Name: true}), o.answeredBy(m)
	}
	return c
}

// answeredBy are the open invitations that a Member answers for.
func (o *Organization) answeredBy(m *rosterv1alpha1.Member) []*rosterv1alpha1.Invitation {
	var all []*rosterv1alpha1.Invitation
	for _, inv := range o.Invitations {
		offer := invitation.Offer{Invitation: inv}
		if invitation.IsOpen(inv) && offer.RecordedInviter() == m.Name {
			all = append(all, inv)
		}
	}
	return all
}

// onProfiles tells profiles together on which the same is lost: those of most permissions first.
func (o *Organization) onProfiles(d Difference) []OnProfiles {
	everywhere := d.On(access.AllProfiles)
	groups := map[access.Set][]string{}
	if everywhere != 0 {
		groups[everywhere] = nil
	}
	for _, p := range o.Profiles {
		if set := d.On(p.Name); set != 0 {
			groups[set] = append(groups[set], p.Name)
		}
	}
	all := make([]OnProfiles, 0, len(groups))
	for set, names := range groups {
		slices.Sort(names)
		g := OnProfiles{Set: set, Profiles: names}
		if set == everywhere && len(groups) == 1 {
			g.Every, g.Profiles = true, nil
		}
		if g.Every || len(names) > 0 {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b OnProfiles) int {
		return cmp.Or(cmp.Compare(len(b.Set.Permissions()), len(a.Set.Permissions())), cmp.Compare(a.Set, b.Set))
	})
	return all
}

// Person is somebody by a Member alone, whether or not another of the same address counts.
func (o *Organization) Person(m *rosterv1alpha1.Member) *Person {
	of, _ := address.OfMember(m)
	return o.index().member(m, of)
}

// Once is somebody as they will be when the operator has seen a spec that was changed.
func (o *Organization) Once(m *rosterv1alpha1.Member) *Person {
	back := m.Status.State == rosterv1alpha1.MemberSuspended || m.Status.State == rosterv1alpha1.MemberEnded
	if back && membership.MayBeActive(m) {
		m = m.DeepCopy()
		m.Status.State = rosterv1alpha1.MemberActive
	}
	return o.Person(m)
}

// Offered is somebody by an Invitation, open or not.
func (o *Organization) Offered(inv *rosterv1alpha1.Invitation) *Person { return o.index().offered(inv) }

// Future is the Member that an Invitation offers to make somebody.
func Future(inv *rosterv1alpha1.Invitation) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{Spec: rosterv1alpha1.MemberSpec{
		Email: inv.Spec.Email, Role: inv.Spec.Role, Profiles: inv.Spec.Profiles, Workspaces: inv.Spec.Workspaces,
		CanManageProfiles: inv.Spec.CanManageProfiles, EndTime: inv.Spec.EndTime,
	}}
	m.Name, m.Namespace = inv.Name, inv.Namespace
	return m
}

// Sums answers what people hold, for one question about many of them.
func (o *Organization) Sums() *membership.Sums { return o.Snapshot().Sums() }
