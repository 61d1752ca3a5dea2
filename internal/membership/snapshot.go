// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"cmp"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
)

// Snapshot is everything in a namespace that rights come from, but for the people.
type Snapshot struct {
	Organization *rosterv1alpha1.Organization // the one that counts; nil where there is none
	Profiles     []*rosterv1alpha1.SocialProfile
	Teams        []*rosterv1alpha1.Team
	Workspaces   []*rosterv1alpha1.Workspace
	Roles        []*rosterv1alpha1.CustomRole
	// UserPrefix stands before addresses in user names.
	UserPrefix string
}

// Sums answers what people hold, from a Snapshot that was gone through once.
type Sums struct {
	organization *rosterv1alpha1.Organization
	all          access.Sources                 // what is the same for everybody
	teams        map[string][]access.Assignment // by the name of a Member
	connected    map[address.Address][]string
}

// Sums goes through a Snapshot.
func (s *Snapshot) Sums() *Sums {
	x := &Sums{
		organization: s.Organization, teams: map[string][]access.Assignment{}, connected: map[address.Address][]string{},
		all: access.Sources{Roles: CustomRoles(s.Roles), Profiles: map[string]access.Standing{}, Workspaces: map[string][]string{}},
	}
	if s.Organization != nil {
		x.all.Plan = s.Organization.Status.Plan
	}
	for _, p := range s.Profiles {
		if p.DeletionTimestamp != nil {
			continue
		}
		x.all.Profiles[p.Name] = Standing(s.Organization, p)
		if by, err := Connector(p, s.UserPrefix); err == nil {
			x.connected[by] = append(x.connected[by], p.Name)
		}
	}
	for _, w := range s.Workspaces {
		if w.DeletionTimestamp == nil {
			x.all.Workspaces[w.Name] = s.ProfilesOf(GroupOfWorkspace(w))
		}
	}
	x.addTeams(s)
	return x
}

func (x *Sums) addTeams(s *Snapshot) {
	for _, t := range s.Teams {
		if t.DeletionTimestamp != nil {
			continue
		}
		profiles := s.ProfilesOf(GroupOfTeam(t))
		for _, member := range t.Spec.Members {
			x.teams[member] = append(x.teams[member], access.Assignment{Team: t.Name, Role: t.Spec.Role, Profiles: profiles})
		}
	}
	for _, assignments := range x.teams {
		slices.SortFunc(assignments, func(a, b access.Assignment) int { return cmp.Compare(a.Team, b.Team) })
	}
	if !RequiresTeam(s.Organization) {
		return
	}
	x.all.Teamless = map[string]bool{}
	worked := s.WorkedOn()
	for name := range x.all.Profiles {
		if !worked[name] {
			x.all.Teamless[name] = true
		}
	}
}

// WorkedOn are the profiles that a Team works on.
func (s *Snapshot) WorkedOn() map[string]bool {
	worked := map[string]bool{}
	for _, t := range s.Teams {
		if t.DeletionTimestamp != nil {
			continue
		}
		for _, name := range s.ProfilesOf(GroupOfTeam(t)) {
			worked[name] = true
		}
	}
	return worked
}

// ProfilesOf are the names of the profiles of a group that exist, sorted.
func (s *Snapshot) ProfilesOf(g Group) []string {
	names := []string{}
	for _, p := range s.Profiles {
		if g.Has(p) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Sources are everything that the rights of a Member are made of, who need not exist yet.
func (x *Sums) Sources(m *rosterv1alpha1.Member) access.Sources {
	s := x.all
	s.Spec, s.Teams = m.Spec, x.teams[m.Name]
	if of, err := address.OfMember(m); err == nil {
		s.Connected = x.connected[of]
	}
	if x.organization != nil {
		s.Owner, s.OwnerElsewhere = Owns(x.organization, m)
	}
	return s
}

// Of is what a Member's sources give, whether or not the person is active.
func (x *Sums) Of(m *rosterv1alpha1.Member) access.Effective { return access.Resolve(x.Sources(m)) }

// Holds is what a Member holds now: nothing, unless they are active.
func (x *Sums) Holds(m *rosterv1alpha1.Member) access.Effective {
	if x.organization == nil || !IsActive(m) {
		return access.Effective{}
	}
	return x.Of(m)
}

// CustomRoles are those that exist, by name.
func CustomRoles(roles []*rosterv1alpha1.CustomRole) access.Roles {
	found := access.Roles{}
	for _, r := range roles {
		if r.DeletionTimestamp == nil {
			found[r.Name] = r.Spec
		}
	}
	return found
}

// Connector is the address of the person who connected a profile. The API server fills in a user name, before whose address may stand a
// prefix.
func Connector(p *rosterv1alpha1.SocialProfile, userPrefix string) (address.Address, error) {
	return address.Parse(strings.TrimPrefix(p.Spec.ConnectedBy, userPrefix))
}

// A selector that cannot be read finds nothing; the status of its Team or Workspace says so.

// GroupOfTeam are the profiles that a Team works on.
func GroupOfTeam(t *rosterv1alpha1.Team) Group {
	g, _ := NewGroup(t.Spec.Profiles, t.Spec.ProfileSelector)
	return g
}

// GroupOfWorkspace are the profiles in a Workspace.
func GroupOfWorkspace(w *rosterv1alpha1.Workspace) Group {
	g, _ := NewGroup(w.Spec.Profiles, w.Spec.ProfileSelector)
	return g
}
