// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// lookup finds the profiles that sources of rights are about.
type lookup struct {
	reader       client.Reader
	namespace    string
	organization *rosterv1alpha1.Organization
	// seen are the profiles that were looked up; nil for those that do not exist.
	seen map[string]*rosterv1alpha1.SocialProfile
}

func newLookup(c client.Reader, namespace string, o *rosterv1alpha1.Organization) *lookup {
	return &lookup{reader: c, namespace: namespace, organization: o, seen: map[string]*rosterv1alpha1.SocialProfile{}}
}

// sourcesNamed are those that a spec names, without what is in a Workspace, and without what DecideMember fills in itself.
func sourcesNamed(
	ctx context.Context, c client.Reader, namespace string, spec *rosterv1alpha1.MemberSpec, o *rosterv1alpha1.Organization,
) (access.Sources, error) {
	l := newLookup(c, namespace, o)
	s := access.Sources{Workspaces: map[string][]string{}}
	var err error
	if s.Roles, err = customRoles(ctx, c, namespace); err != nil {
		return s, err
	}
	for _, grant := range spec.Profiles {
		if _, err := l.profile(ctx, grant.Name); err != nil {
			return s, err
		}
	}
	for _, grant := range spec.Workspaces {
		w, err := reading.Peek[rosterv1alpha1.Workspace](ctx, c, namespace, grant.Name)
		if err != nil {
			return s, err
		}
		if w != nil && w.DeletionTimestamp == nil {
			s.Workspaces[w.Name] = nil
		}
	}
	s.Profiles = l.standings()
	return s, nil
}

// profile is nil where there is none.
func (l *lookup) profile(ctx context.Context, name string) (*rosterv1alpha1.SocialProfile, error) {
	if p, ok := l.seen[name]; ok {
		return p, nil
	}
	p, err := reading.Peek[rosterv1alpha1.SocialProfile](ctx, l.reader, l.namespace, name)
	if err != nil {
		return nil, err
	}
	if p != nil && p.DeletionTimestamp != nil {
		p = nil
	}
	l.seen[name] = p
	return p, nil
}

// profilesOf are the names of the profiles of a group that exist, sorted.
func (l *lookup) profilesOf(ctx context.Context, group membership.Group) ([]string, error) {
	names := map[string]struct{}{}
	for _, name := range group.Names {
		p, err := l.profile(ctx, name)
		if err != nil {
			return nil, err
		}
		if p != nil {
			names[name] = struct{}{}
		}
	}
	found, err := selected(ctx, l.reader, l.namespace, group)
	for _, p := range found {
		l.seen[p.Name] = p
		names[p.Name] = struct{}{}
	}
	return slices.Sorted(maps.Keys(names)), err
}

// standings are those of the profiles that were seen.
func (l *lookup) standings() map[string]access.Standing {
	all := map[string]access.Standing{}
	for name, p := range l.seen {
		if p != nil {
			all[name] = membership.Standing(l.organization, p)
		}
	}
	return all
}

// teamless are those of the profiles that were seen on which no Team works, where the Organization requires one.
func (l *lookup) teamless(ctx context.Context) (map[string]bool, error) {
	if !membership.RequiresTeam(l.organization) {
		return nil, nil
	}
	groups, err := teamGroups(ctx, l.reader, l.namespace)
	if err != nil {
		return nil, err
	}
	without := map[string]bool{}
	for name, p := range l.seen {
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
			groups = append(groups, membership.GroupOfTeam(&list.Items[i]))
		}
	}
	return groups, nil
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
	return slices.DeleteFunc(pointers.To(list.Items), leaving), nil
}

func customRoles(ctx context.Context, c client.Reader, namespace string) (access.Roles, error) {
	var list rosterv1alpha1.CustomRoleList
	if err := c.List(ctx, &list, reading.InNamespace(namespace)...); err != nil {
		return nil, err
	}
	return membership.CustomRoles(pointers.To(list.Items)), nil
}
