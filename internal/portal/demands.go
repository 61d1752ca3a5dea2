// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// demanding are the organisations of a person that ask them for a second factor which the session has not given.
func (p *Portal) demanding(ctx context.Context, who *person) ([]belonging, error) {
	all, err := p.memberships(ctx, who.account)
	if err != nil {
		return nil, err
	}
	var asking []belonging
	for _, b := range all {
		if b.organization == nil || !account.DemandsFactor(b.organization, b.member) {
			continue
		}
		// One that this session does not open anyway asks when it does.
		if policy := b.organization.Spec.Security; account.Admits(policy, who.session) && !account.Satisfies(policy, who.session) {
			asking = append(asking, b)
		}
	}
	return asking, nil
}

// admits says whether the session opens that organisation.
func (p *Portal) admits(who *person, o *rosterv1alpha1.Organization) bool {
	return account.Admits(o.Spec.Security, who.session)
}

// owes sends whoever owes a second factor to the page where they give it, or set one up. It returns false if there is nothing to give.
func (p *Portal) owes(v *visit) bool {
	asking, err := p.demanding(v.r.Context(), v.person)
	if err != nil {
		p.fault(v, err)
		return true
	}
	if len(asking) == 0 {
		return false
	}
	f, err := account.Factors(v.person.account, v.person.credentials, p.clock.Now())
	if err != nil {
		p.fault(v, err)
		return true
	}
	page := "/account/factors"
	if f.Enrolled() {
		page = "/sign-in/second"
	}
	p.seeOther(v, page, p.wanted(v))
	return true
}
