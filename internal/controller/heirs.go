// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
)

// While a Member is renamed, its person has two: the older counts, and the newer takes over when that is deleted. Nobody is to lose anything
// in between, neither in the moment before the newer is written to be active, nor by a Team that names the newer already.

// holdsNow reports whether a Member is to be bound to what they have: they are active or are once they are bound, or the one that counted
// before them is gone.
func (r *grants) holdsNow(ctx context.Context, m *rosterv1alpha1.Member) (bool, error) {
	if r.holds(m) || !membership.IsHeir(m) {
		return r.holds(m), nil
	}
	in, err := r.standing(ctx, m)
	if err != nil {
		return false, err
	}
	return membership.DecideMember(*in, r.clock.Now()).Holds, nil
}

// worksIn reports whether a Member that a Team names is to be bound to what that gives: also one whose person holds their roles by another
// Member as yet.
func (r *grants) worksIn(ctx context.Context, m *rosterv1alpha1.Member) (bool, error) {
	if m.Spec.Role == rosterv1alpha1.RoleProfileConnector {
		return false, nil
	}
	if held, err := r.holdsNow(ctx, m); held || err != nil || membership.IsSuspended(m) || m.DeletionTimestamp != nil {
		return held, err
	}
	return r.find.countsElsewhere(ctx, m)
}

// memberOf is the Member that a Team names; nil where there is none. What is known of Members may be older than what is known of Teams: where
// somebody could lose something, the API server is asked before a Member is taken to be missing.
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
		found, err := reading.MembersBy(ctx, f.reader, m.Namespace, reading.IndexAddress, of)
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
