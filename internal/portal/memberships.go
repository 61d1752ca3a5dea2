// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	membershiprules "github.com/roster-dev/roster/internal/membership"
)

// membership is a Member of a person, and the organisation.
type membership struct {
	member *rosterv1alpha1.Member
	// organization is nil if the namespace has none.
	organization *rosterv1alpha1.Organization
}

// accountIndex finds the Members of an Account.
const accountIndex = "roster.account"

// setupAccountIndex gives a cache the index by which memberships are found.
func setupAccountIndex(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &rosterv1alpha1.Member{}, accountIndex, func(o client.Object) []string {
		m, ok := o.(*rosterv1alpha1.Member)
		if !ok || m.Spec.AccountRef == nil {
			return nil
		}
		return []string{m.Spec.AccountRef.Name}
	})
}

// membershipsOf a person, from the cache.
func (p *Portal) membershipsOf(ctx context.Context, acct *rosterv1alpha1.Account) ([]membership, error) {
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

// organization is the membership that a page is about. Every page about an organisation asks here whether the person may see it; whether
// there is no such organisation, or they do not belong to it, is one and the same. Otherwise it answers, and returns false.
func (v *sessionVisit) organization() (membership, bool) {
	namespace := v.R.PathValue("namespace")
	for _, b := range v.memberships {
		if b.member.Namespace == namespace && b.organization != nil {
			return b, true
		}
	}
	v.NotFound()
	return membership{}, false
}

// may asks the API server whether the person may do something in the namespace of an organisation.
func (p *Portal) may(v *sessionVisit, namespace string, what invitation.Review) (bool, error) {
	return p.mayDo(v.R.Context(), address.Address(v.person.account.Spec.Email), namespace, what)
}
