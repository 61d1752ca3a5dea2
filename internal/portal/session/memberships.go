// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	membershiprules "github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/portal/link"
)

// Membership is a Member of a person, and the organisation.
type Membership struct {
	Member *rosterv1alpha1.Member
	// Organization is nil if the namespace has none.
	Organization *rosterv1alpha1.Organization
}

// HoldsNothing reports whether somebody has taken away what the person held. A person who has just accepted is about to hold it.
func (b Membership) HoldsNothing() bool {
	return b.Member.Status.State == rosterv1alpha1.MemberSuspended || b.Member.Status.State == rosterv1alpha1.MemberEnded
}

// Memberships of a person, from the cache. One that is to end has ended at that time, even while the operator is away.
func (sm *Manager) Memberships(ctx context.Context, acct *rosterv1alpha1.Account) ([]Membership, error) {
	bound, err := people.BoundTo(ctx, sm.Cache, "", acct.Name)
	if err != nil {
		return nil, fmt.Errorf("looking for memberships: %w", err)
	}
	var members []*rosterv1alpha1.Member
	own := map[string][]*rosterv1alpha1.Member{}
	for _, m := range bound {
		if !membershiprules.BelongsTo(m, acct) {
			continue // a Member that claims somebody else's Account
		}
		members, own[m.Namespace] = append(members, m), append(own[m.Namespace], m)
	}
	var all []Membership
	for _, m := range members {
		org, err := link.CountingOrganization(ctx, sm.Cache, m.Namespace)
		if err != nil {
			return nil, err
		}
		if membershiprules.FindTwin(m, own[m.Namespace], membershiprules.NamedOwner(org)) == "" { // While a Member is renamed there are two.
			all = append(all, Membership{Member: membershiprules.At(org, m, sm.Links.Clock.Now()), Organization: org})
		}
	}
	return all, nil
}

// May asks the API server whether the person may do something in the namespace of an organisation.
func (sm *Manager) May(v *Visit, namespace string, what invitation.Review) (bool, error) {
	return sm.Links.May(v.R.Context(), address.Address(v.Person.Account.Spec.Email), namespace, what)
}
