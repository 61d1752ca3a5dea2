// SPDX-License-Identifier: Apache-2.0

package portal

import (
	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// demanding are the organisations of the person that ask them for a second factor which the session has not given. One that the session
// does not open anyway asks when it does.
func (v *sessionVisit) demanding() []membership {
	var asking []membership
	for _, b := range v.memberships {
		if o := b.organization; o != nil && account.DemandsFactor(o, b.member) && !account.Satisfies(o.Spec.Security, v.person.session) {
			asking = append(asking, b)
		}
	}
	return asking
}

// admits reports whether the session opens that organisation.
func (who *person) admits(o *rosterv1alpha1.Organization) bool {
	return account.Admits(o.Spec.Security, who.session)
}

// owes sends whoever owes a second factor to the page where they give it, or set one up. It returns false if there is nothing to give.
func (p *Portal) owes(v *sessionVisit) bool {
	if len(v.demanding()) == 0 {
		return false
	}
	f, err := account.Factors(v.person.account, v.person.credentials, p.clock.Now())
	if err != nil {
		v.Fault(err)
		return true
	}
	page := "/account/factors"
	if f.Enrolled() {
		page = "/sign-in/second"
	}
	v.SeeOther(page, v.Wanted())
	return true
}
