// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// action is what is done to many people at once.
type action string

// The actions.
const (
	actionChange  action = "change"
	actionSuspend action = "suspend"
	actionResume  action = "resume"
	actionRemove  action = "remove"
)

// change is what is done to each of many people. It can be done twice: the second time, there is nothing to do.
type change struct {
	Action action
	// Role in the organisation; empty to leave it as it is.
	Role rosterv1alpha1.OrganizationRole `json:",omitempty"`
	// Give are roles on profiles, and Take the profiles that are taken away.
	Give []rosterv1alpha1.ProfileGrant `json:",omitempty"`
	Take []string                      `json:",omitempty"`
	// GiveWorkspaces and TakeWorkspaces are the same of workspaces.
	GiveWorkspaces []rosterv1alpha1.WorkspaceGrant `json:",omitempty"`
	TakeWorkspaces []string                        `json:",omitempty"`
	// Join and Leave are Teams.
	Join  []string `json:",omitempty"`
	Leave []string `json:",omitempty"`
	// End is when the memberships end; Endless that they do not.
	End     *metav1.Time `json:",omitempty"`
	Endless bool         `json:",omitempty"`
}

// aboutMembers reports whether the Members of the people are written, and not Teams alone.
func (c change) aboutMembers() bool {
	return c.Action != actionChange || c.Role != "" || c.End != nil || c.Endless ||
		len(c.Give)+len(c.Take)+len(c.GiveWorkspaces)+len(c.TakeWorkspaces) > 0
}

// aboutTeams reports whether Teams are written.
func (c change) aboutTeams() bool { return len(c.Join)+len(c.Leave) > 0 }

// isNothing reports whether nothing is to be changed.
func (c change) isNothing() bool { return !c.aboutMembers() && !c.aboutTeams() }

// apply changes a spec. It returns false where it is so already. What the change is not about stays as it is.
func (c change) apply(spec *rosterv1alpha1.MemberSpec) bool {
	before := spec.DeepCopy()
	switch c.Action {
	case actionSuspend:
		spec.Suspended = ptr.To(true)
	case actionResume:
		if ptr.Deref(spec.Suspended, false) {
			spec.Suspended = ptr.To(false)
		}
	case actionChange:
		c.applyGrants(spec)
		if c.Role != "" {
			spec.Role = c.Role
		}
		if c.End != nil || c.Endless {
			spec.EndTime = c.End
		}
	case actionRemove:
	}
	return c.Action == actionRemove || !same(before, spec)
}

func (c change) applyGrants(spec *rosterv1alpha1.MemberSpec) {
	for _, g := range c.Give {
		spec.Profiles = put(spec.Profiles, g, func(g rosterv1alpha1.ProfileGrant) string { return g.Name })
	}
	for _, g := range c.GiveWorkspaces {
		spec.Workspaces = put(spec.Workspaces, g, func(g rosterv1alpha1.WorkspaceGrant) string { return g.Name })
	}
	spec.Profiles = slices.DeleteFunc(spec.Profiles, func(g rosterv1alpha1.ProfileGrant) bool { return slices.Contains(c.Take, g.Name) })
	spec.Workspaces = slices.DeleteFunc(spec.Workspaces, func(g rosterv1alpha1.WorkspaceGrant) bool {
		return slices.Contains(c.TakeWorkspaces, g.Name)
	})
}

// put gives something in place of what has the same name, or behind all others.
func put[G any](all []G, g G, name func(G) string) []G {
	at := slices.IndexFunc(all, func(other G) bool { return name(other) == name(g) })
	if at < 0 {
		return append(all, g)
	}
	all[at] = g
	return all
}

// same compares what a change can be about.
func same(a, b *rosterv1alpha1.MemberSpec) bool {
	return a.Role == b.Role && ptr.Deref(a.Suspended, false) == ptr.Deref(b.Suspended, false) && a.EndTime.Equal(b.EndTime) &&
		slices.Equal(a.Profiles, b.Profiles) && slices.Equal(a.Workspaces, b.Workspaces)
}

// overwrites reports whether a change takes the place of something that another person may have written since the preview. What is added to
// a list, or taken from it, is meant whatever else has been changed.
func (c change) overwrites(spec *rosterv1alpha1.MemberSpec) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(spec.Profiles, func(g rosterv1alpha1.ProfileGrant) bool { return g.Name == name })
	}
	in := func(name string) bool {
		return slices.ContainsFunc(spec.Workspaces, func(g rosterv1alpha1.WorkspaceGrant) bool { return g.Name == name })
	}
	return c.Action == actionRemove || c.Role != "" && c.Role != spec.Role ||
		(c.End != nil || c.Endless) && !spec.EndTime.Equal(c.End) ||
		slices.ContainsFunc(c.Give, func(g rosterv1alpha1.ProfileGrant) bool { return has(g.Name) && !slices.Contains(spec.Profiles, g) }) ||
		slices.ContainsFunc(c.GiveWorkspaces, func(g rosterv1alpha1.WorkspaceGrant) bool {
			return in(g.Name) && !slices.Contains(spec.Workspaces, g)
		})
}

// applyTeam changes who is in a Team. It returns false where it is so already.
func (c change) applyTeam(team string, members []string, people []string) ([]string, bool) {
	return edited(members, people, slices.Contains(c.Join, team), slices.Contains(c.Leave, team))
}

// edited is a list with all of some names, or with none of them. It returns false where it is so already.
func edited(list, names []string, all, none bool) ([]string, bool) {
	changed := slices.Clone(list)
	switch {
	case all:
		in := sets.New(list...)
		changed = append(changed, slices.DeleteFunc(slices.Clone(names), in.Has)...)
	case none:
		changed = slices.DeleteFunc(changed, sets.New(names...).Has)
	}
	return changed, len(changed) != len(list)
}
