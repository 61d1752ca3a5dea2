// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	membershiprules "github.com/roster-dev/roster/internal/membership"
)

// membership is a Member of a person, and the organisation.
type membership struct {
	member *rosterv1alpha1.Member
	// organization is nil if the namespace has none.
	organization *rosterv1alpha1.Organization
}

// memberships of a person, from the cache.
func (p *Portal) memberships(ctx context.Context, acct *rosterv1alpha1.Account) ([]membership, error) {
	var list rosterv1alpha1.MemberList
	if err := p.cache.List(ctx, &list, client.MatchingFields{accountIndex: acct.Name}); err != nil {
		return nil, fmt.Errorf("looking for memberships: %w", err)
	}
	var members []*rosterv1alpha1.Member
	own := map[string][]*rosterv1alpha1.Member{}
	for i := range list.Items {
		m := &list.Items[i]
		if !membershiprules.BelongsTo(m, acct) {
			continue // a Member that claims somebody else's Account
		}
		members, own[m.Namespace] = append(members, m), append(own[m.Namespace], m)
	}
	var all []membership
	for _, m := range members {
		org, err := countingOrganization(ctx, p.cache, m.Namespace)
		if err != nil {
			return nil, err
		}
		if membershiprules.FindTwin(m, own[m.Namespace], membershiprules.NamedOwner(org)) == "" { // While a Member is renamed there are two.
			all = append(all, membership{member: m, organization: org})
		}
	}
	return all, nil
}

// countingOrganization is the Organization that counts in a namespace; nil if there is none.
func countingOrganization(ctx context.Context, from client.Reader, namespace string) (*rosterv1alpha1.Organization, error) {
	var list rosterv1alpha1.OrganizationList
	if err := from.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("reading the organisation: %w", err)
	}
	organizations := make([]*rosterv1alpha1.Organization, len(list.Items))
	for i := range list.Items {
		organizations[i] = &list.Items[i]
	}
	return membershiprules.Counting(organizations), nil
}
