// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// sources gathers what the rights of one Member are made of.
type sources struct {
	reader       client.Reader
	namespace    string
	organization *rosterv1alpha1.Organization
	// seen are the profiles that were looked up; nil for those that do not exist.
	seen map[string]*rosterv1alpha1.SocialProfile
}

// gatherSources reads everything but what DecideMember fills in itself. It lists no Members.
func gatherSources(
	ctx context.Context, c client.Reader, m *rosterv1alpha1.Member, o *rosterv1alpha1.Organization, address address.Address,
) (access.Sources, error) {
	g := &sources{reader: c, namespace: m.Namespace, organization: o, seen: map[string]*rosterv1alpha1.SocialProfile{}}
	var s access.Sources
	var err error
	if s.Roles, err = customRoles(ctx, c, m.Namespace); err != nil {
		return s, err
	}
	for _, grant := range m.Spec.Profiles {
		if _, err := g.profile(ctx, grant.Name); err != nil {
			return s, err
		}
	}
	if s.Workspaces, err = g.workspaces(ctx, m.Spec.Workspaces); err != nil {
		return s, err
	}
	if s.Teams, err = g.teams(ctx, m); err != nil {
		return s, err
	}
	connected, err := reading.ProfilesBy(ctx, c, m.Namespace, reading.IndexConnectedBy, string(address))
	if err != nil {
		return s, err
	}
	for _, p := range connected {
		if p.DeletionTimestamp == nil {
			s.Connected = append(s.Connected, p.Name)
		}
	}
	s.Profiles = g.standings()
	s.Teamless, err = g.teamless(ctx)
	return s, err
}

// profile is nil where there is none.
func (g *sources) profile(ctx context.Context, name string) (*rosterv1alpha1.SocialProfile, error) {
	if p, ok := g.seen[name]; ok {
		return p, nil
	}
	p, err := reading.Peek[rosterv1alpha1.SocialProfile](ctx, g.reader, g.namespace, name)
	if err != nil {
		return nil, err
	}
	if p != nil && p.DeletionTimestamp != nil {
		p = nil
	}
	g.seen[name] = p
	return p, nil
}

func (g *sources) workspaces(ctx context.Context, grants []rosterv1alpha1.WorkspaceGrant) (map[string][]string, error) {
	found := map[string][]string{}
	for _, grant := range grants {
		w, err := reading.Peek[rosterv1alpha1.Workspace](ctx, g.reader, g.namespace, grant.Name)
		if err != nil {
			return nil, err
		}
		if w == nil || w.DeletionTimestamp != nil {
			continue
		}
		if found[w.Name], err = g.profilesOf(ctx, groupOfWorkspace(w)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (g *sources) teams(ctx context.Context, m *rosterv1alpha1.Member) ([]access.Assignment, error) {
	teams, err := reading.TeamsBy(ctx, g.reader, m.Namespace, reading.IndexTeamMember, m.Name)
	if err != nil {
		return nil, err
	}
	var found []access.Assignment
	for _, t := range teams {
		if t.DeletionTimestamp != nil {
			continue
		}
		profiles, err := g.profilesOf(ctx, groupOfTeam(t))
		if err != nil {
			return nil, err
		}
		found = append(found, access.Assignment{Team: t.Name, Role: t.Spec.Role, Profiles: profiles})
	}
	slices.SortFunc(found, func(a, b access.Assignment) int { return strings.Compare(a.Team, b.Team) })
	return found, nil
}

// profilesOf are the names of the profiles of a group that exist, sorted.
func (g *sources) profilesOf(ctx context.Context, group membership.Group) ([]string, error) {
	names := map[string]struct{}{}
	for _, name := range group.Names {
		p, err := g.profile(ctx, name)
		if err != nil {
			return nil, err
		}
		if p != nil {
			names[name] = struct{}{}
		}
	}
	found, err := selected(ctx, g.reader, g.namespace, group)
	for _, p := range found {
		g.seen[p.Name] = p
		names[p.Name] = struct{}{}
	}
	return slices.Sorted(maps.Keys(names)), err
}

// standings are those of the profiles that were seen.
func (g *sources) standings() map[string]access.Standing {
	all := map[string]access.Standing{}
	for name, p := range g.seen {
		if p != nil {
			all[name] = membership.Standing(g.organization, p)
		}
	}
	return all
}

// teamless are those of the profiles that were seen on which no Team works, where the Organization requires one.
func (g *sources) teamless(ctx context.Context) (map[string]bool, error) {
	if !membership.RequiresTeam(g.organization) {
		return nil, nil
	}
	groups, err := teamGroups(ctx, g.reader, g.namespace)
	if err != nil {
		return nil, err
	}
	without := map[string]bool{}
	for name, p := range g.seen {
		if p != nil && !slices.ContainsFunc(groups, func(group membership.Group) bool { return group.Has(p) }) {
			without[name] = true
		}
	}
	return without, nil
}

// teamGroups are the profiles of each Team of a namespace.
func teamGroups(ctx context.Context, c client.Reader, namespace string) ([]membership.Group, error) {
	var list rosterv1alpha1.TeamList
	if err := c.List(ctx, &list, reading.InNamespace(namespace)...); err != nil {
		return nil, err
	}
	var groups []membership.Group
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			groups = append(groups, groupOfTeam(&list.Items[i]))
		}
	}
	return groups, nil
}

// A selector that cannot be read finds nothing; the status of its Team or Workspace says so.

func groupOfTeam(t *rosterv1alpha1.Team) membership.Group {
	g, _ := membership.NewGroup(t.Spec.Profiles, t.Spec.ProfileSelector)
	return g
}

func groupOfWorkspace(w *rosterv1alpha1.Workspace) membership.Group {
	g, _ := membership.NewGroup(w.Spec.Profiles, w.Spec.ProfileSelector)
	return g
}

// selected are the profiles that the selector of a group finds.
func selected(ctx context.Context, c client.Reader, namespace string, g membership.Group) ([]*rosterv1alpha1.SocialProfile, error) {
	if g.Selector == nil {
		return nil, nil
	}
	var list rosterv1alpha1.SocialProfileList
	if err := c.List(ctx, &list, append(reading.InNamespace(namespace), client.MatchingLabelsSelector{Selector: g.Selector})...); err != nil {
		return nil, err
	}
	leaving := func(p *rosterv1alpha1.SocialProfile) bool { return p.DeletionTimestamp != nil }
	return slices.DeleteFunc(reading.Pointers(list.Items), leaving), nil
}

func customRoles(ctx context.Context, c client.Reader, namespace string) (access.Roles, error) {
	var list rosterv1alpha1.CustomRoleList
	if err := c.List(ctx, &list, reading.InNamespace(namespace)...); err != nil {
		return nil, err
	}
	roles := access.Roles{}
	for i := range list.Items {
		if r := &list.Items[i]; r.DeletionTimestamp == nil {
			roles[r.Name] = r.Spec
		}
	}
	return roles, nil
}
