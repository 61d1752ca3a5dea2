// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// While a Member is renamed, its person has two: the older counts, and the newer takes over when that is deleted. Nobody is to lose
// anything in between, neither in the moment before the newer is written to be active, nor by a Team that names the newer already.

// withHeirs adds those to the people of a Role who are bound to it, would be taken out, and have the same by another Member that takes
// over. Somebody who is removed for good has none.
func (r *grants) withHeirs(ctx context.Context, namespace string, want granted, shards []*shard) (granted, error) {
	if want.owner == nil || want.has == nil {
		return want, nil
	}
	var stay []string
	for _, s := range shards {
		for _, user := range s.people() {
			if _, stays := slices.BinarySearch(want.people, user); stays {
				continue
			}
			heir, err := r.hasHeir(ctx, namespace, strings.TrimPrefix(user, r.userPrefix), want.has)
			if err != nil {
				return granted{}, err
			}
			if heir {
				stay = append(stay, user)
			}
		}
	}
	want.people = slices.Concat(want.people, stay)
	slices.Sort(want.people)
	want.people = slices.Compact(want.people)
	return want, nil
}

// hasHeir reports whether a Member of an address takes over and has what is asked about.
func (r *grants) hasHeir(ctx context.Context, namespace, of string, has func(m *rosterv1alpha1.Member) bool) (bool, error) {
	members, err := reading.MembersWithAddress(ctx, r.client, namespace, of)
	if err != nil {
		return false, err
	}
	for _, m := range members {
		if membership.IsSuspended(m) || m.DeletionTimestamp != nil || membership.IsActive(m) || !has(m) {
			continue
		}
		in, err := r.standing(ctx, m)
		if err != nil {
			return false, err
		}
		if membership.TakesOver(*in, r.clock.Now()) {
			return true, nil
		}
	}
	return false, nil
}

// worksIn reports whether a Member that a Team names is to be bound to what that gives: also one whose person holds their roles by another
// Member as yet.
func (r *grants) worksIn(ctx context.Context, m *rosterv1alpha1.Member) (bool, error) {
	switch {
	case m.Spec.Role == rosterv1alpha1.RoleProfileConnector:
		return false, nil
	case r.holds(m):
		return true, nil
	case membership.IsSuspended(m), m.DeletionTimestamp != nil:
		return false, nil
	}
	return r.find.countsElsewhere(ctx, m)
}

// memberOf is the Member that a Team names; nil where there is none. What is known of Members may be older than what is known of Teams:
// where somebody could lose something, the API server is asked before a Member is taken to be missing.
func (r *grants) memberOf(ctx context.Context, t *rosterv1alpha1.Team, name string) (*rosterv1alpha1.Member, error) {
	m, err := reading.Peek[rosterv1alpha1.Member](ctx, r.client, t.Namespace, name)
	if m != nil || err != nil {
		return m, err
	}
	given := access.Source{Kind: access.FromTeam, Name: t.Name}.RoleName()
	if role, err := reading.Peek[rbacv1.Role](ctx, r.client, t.Namespace, given); role == nil || err != nil {
		return nil, err
	}
	return reading.Optional[rosterv1alpha1.Member](ctx, r.live, t.Namespace, name)
}

// countsElsewhere reports whether the person of a Member is active by another one, which Teams can give something to.
func (f finder) countsElsewhere(ctx context.Context, m *rosterv1alpha1.Member) (bool, error) {
	twins, err := twinsOf(ctx, f, m)
	return slices.ContainsFunc(twins, func(twin *rosterv1alpha1.Member) bool {
		return membership.IsActive(twin) && twin.Spec.Role != rosterv1alpha1.RoleProfileConnector
	}), err
}

// twinsOf are the other Members of a Member's namespace and address.
func twinsOf(ctx context.Context, f finder, m *rosterv1alpha1.Member) ([]*rosterv1alpha1.Member, error) {
	var twins []*rosterv1alpha1.Member
	for _, of := range reading.MemberAddress(m) {
		found, err := reading.MembersWithAddress(ctx, f.reader, m.Namespace, of)
		if err != nil {
			return nil, err
		}
		for _, other := range found {
			if other.UID != m.UID {
				twins = append(twins, other)
			}
		}
	}
	return twins, nil
}
