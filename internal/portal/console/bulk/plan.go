// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
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

func membersByTeam(teams []*rosterv1alpha1.Team) map[string]sets.Set[string] {
	all := map[string]sets.Set[string]{}
	for _, t := range teams {
		all[t.Name] = sets.New(t.Spec.Members...)
	}
	return all
}

// moves are the Teams that somebody joins and leaves.
func (c change) moves(member string, teams map[string]sets.Set[string]) (join, leave []string) {
	for _, t := range c.Join {
		if in, exists := teams[t]; exists && !in.Has(member) {
			join = append(join, t)
		}
	}
	for _, t := range c.Leave {
		if teams[t].Has(member) {
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
	// Profiles and Workspaces on which somebody is given a role, has another, or loses it.
	Profiles, Workspaces []shift
	// Join and Leave are Teams.
	Join, Leave []string
	// Ends reports whether the end changes, and End is the new one; nil for none.
	Ends bool
	End  *metav1.Time
}

// shift is another role on a profile or in a Workspace. Before is nil where somebody is given it, and After where it is taken away. A role
// that is empty is that of a Workspace that is only shown.
type shift struct {
	Name          string
	Before, After *rosterv1alpha1.ProfileRole
}

// difference of a change to somebody.
func (c change) difference(p touched, teams map[string]sets.Set[string]) difference {
	if p.after == nil {
		return difference{Removed: true}
	}
	a, b := &p.before.Spec, &p.after.Spec
	d := difference{
		Suspended:  !membership.IsSuspended(p.before) && membership.IsSuspended(p.after),
		Resumed:    membership.IsSuspended(p.before) && !membership.IsSuspended(p.after),
		Profiles:   shifts(rolesOf(a.Profiles), rolesOf(b.Profiles)),
		Workspaces: shifts(rolesOf(a.Workspaces), rolesOf(b.Workspaces)),
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

// rolesOf are the roles that are given, by what they are given on.
func rolesOf[G rosterv1alpha1.ProfileGrant | rosterv1alpha1.WorkspaceGrant](grants []G) map[string]rosterv1alpha1.ProfileRole {
	all := map[string]rosterv1alpha1.ProfileRole{}
	for _, given := range grants {
		g := rosterv1alpha1.ProfileGrant(given)
		all[g.Name] = g.Role
	}
	return all
}

// shifts are what differs between two sets of roles, sorted by name.
func shifts(before, after map[string]rosterv1alpha1.ProfileRole) []shift {
	var all []shift
	for _, name := range slices.Sorted(maps.Keys(sets.KeySet(before).Union(sets.KeySet(after)))) {
		var s shift
		if r, had := before[name]; had {
			s.Before = &r
		}
		if r, has := after[name]; has {
			s.After = &r
		}
		if !ptr.Equal(s.Before, s.After) {
			s.Name = name
			all = append(all, s)
		}
	}
	return all
}

// reason is why somebody is left out.
type reason string

// The reasons.
const (
	leftOwner     reason = "owner"
	leftSelf      reason = "self"
	leftPending   reason = "pending"
	leftGit       reason = "git"
	leftSuspended reason = "suspendFirst"
	leftFull      reason = "full"
)

func (r reason) text(w web.Words) string { return w.T("bulk.left." + string(r)) }

// circumstances are what decides who is left out, besides the Members.
type circumstances struct {
	Organization *rosterv1alpha1.Organization
	// Self is the Member who does it.
	Self string
	// Kept are the names of the Members that are kept in Git, and by whom.
	Kept map[string]string
	Now  time.Time
}

// leftOut is why a change is not for somebody; empty where it is. What the API server refuses besides, it says when it is asked.
func (c change) leftOut(m *rosterv1alpha1.Member, in circumstances) reason {
	switch {
	case !c.aboutMembers():
		return ""
	case membership.IsOwner(in.Organization, m.Name):
		return leftOwner
	case m.Name == in.Self:
		return leftSelf
	case c.Action != actionRemove && m.Spec.AccountRef == nil:
		return leftPending
	case c.Action == actionRemove && in.suspendFirst(m):
		return leftSuspended
	case in.Kept[m.Name] != "":
		return leftGit
	}
	after := m.Spec.DeepCopy()
	c.apply(after)
	if len(after.Profiles) > rosterv1alpha1.MaxProfileGrants || len(after.Workspaces) > rosterv1alpha1.MaxWorkspaceGrants {
		return leftFull
	}
	return ""
}

// suspendFirst reports whether the organisation lets somebody be removed only after they were suspended.
func (in circumstances) suspendFirst(m *rosterv1alpha1.Member) bool {
	g := in.Organization.Spec.Guardrails
	return g != nil && ptr.Deref(g.DeleteOnlySuspended, false) && m.Spec.AccountRef != nil && !membership.IsSuspended(m) &&
		!membership.HasEnded(in.Organization, m, in.Now)
}
