// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// plan is what a change does to whom, before it is done.
type plan struct {
	Change change
	// People whom something changes for, and how many it does not.
	People    []touched
	Unchanged int
	// Left out, by reason.
	Left map[reason][]*rosterv1alpha1.Member
	consequences
}

// plan finds out what a change does to those who are chosen. Everybody is everybody in the organisation.
func (c change) plan(s *membership.Snapshot, everybody, chosen []*rosterv1alpha1.Member, in circumstances) plan {
	p := plan{Change: c, Left: map[reason][]*rosterv1alpha1.Member{}}
	teams := membersByTeam(s.Teams)
	for _, m := range chosen {
		if why := c.leftOut(m, in); why != "" {
			p.Left[why] = append(p.Left[why], m)
			continue
		}
		after := c.after(m)
		join, leave := c.moves(m.Name, teams)
		if after != nil && same(&m.Spec, &after.Spec) && len(join)+len(leave) == 0 {
			p.Unchanged++
			continue
		}
		p.People = append(p.People, touched{m, after})
	}
	p.consequences = c.weigh(s, everybody, p.People, in)
	return p
}

// after is a Member as it will be; nil for one that is removed. What it shares with the one before is not written.
func (c change) after(m *rosterv1alpha1.Member) *rosterv1alpha1.Member {
	if c.Action == actionRemove {
		return nil
	}
	after := *m
	after.Spec = *m.Spec.DeepCopy()
	c.apply(&after.Spec)
	return &after
}

func membersByTeam(teams []*rosterv1alpha1.Team) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, t := range teams {
		all[t.Name] = set(t.Spec.Members)
	}
	return all
}

// moves are the Teams that somebody joins and leaves.
func (c change) moves(member string, teams map[string]map[string]bool) (join, leave []string) {
	for _, t := range c.Join {
		if in, exists := teams[t]; exists && !in[member] {
			join = append(join, t)
		}
	}
	for _, t := range c.Leave {
		if teams[t][member] {
			leave = append(leave, t)
		}
	}
	return join, leave
}

// difference is what a change does to one person.
type difference struct {
	Removed, Suspended, Resumed bool
	// RoleBefore and RoleAfter are empty where the role stays.
	RoleBefore, RoleAfter rosterv1alpha1.OrganizationRole
	// Profiles and workspaces that somebody is given, has in another role, and loses.
	Profiles, Workspaces counts
	// Join and Leave are Teams.
	Join, Leave []string
	// Ends reports whether the end changes, and End is the new one; nil for none.
	Ends bool
	End  *metav1.Time
}

// counts are how many of something are added, changed and taken away.
type counts struct{ Added, Changed, Taken int }

// difference of a change to somebody.
func (c change) difference(p touched, teams map[string]map[string]bool) difference {
	if p.after == nil {
		return difference{Removed: true}
	}
	a, b := &p.before.Spec, &p.after.Spec
	d := difference{
		Suspended:  !membership.IsSuspended(p.before) && membership.IsSuspended(p.after),
		Resumed:    membership.IsSuspended(p.before) && !membership.IsSuspended(p.after),
		Profiles:   count(a.Profiles, b.Profiles, func(g rosterv1alpha1.ProfileGrant) string { return g.Name }),
		Workspaces: count(a.Workspaces, b.Workspaces, func(g rosterv1alpha1.WorkspaceGrant) string { return g.Name }),
	}
	if a.Role != b.Role {
		d.RoleBefore, d.RoleAfter = a.Role, b.Role
	}
	if !a.EndTime.Equal(b.EndTime) {
		d.Ends, d.End = true, b.EndTime
	}
	d.Join, d.Leave = c.moves(p.before.Name, teams)
	return d
}

func count[G comparable](before, after []G, name func(G) string) counts {
	var n counts
	for _, g := range after {
		i := slices.IndexFunc(before, func(b G) bool { return name(b) == name(g) })
		switch {
		case i < 0:
			n.Added++
		case before[i] != g:
			n.Changed++
		}
	}
	n.Taken = len(before) + n.Added - len(after)
	return n
}
