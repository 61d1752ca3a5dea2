// SPDX-License-Identifier: Apache-2.0

package portal

import (
	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
)

// demanding are the organisations of the person that ask them for a second factor which the session has not given. One that the session
// does not open anyway asks when it does.
func (p *Portal) demanding(v *visit) []membership {
	var asking []membership
	for _, b := range v.memberships {
		if o := b.organization; o != nil && account.DemandsFactor(o, b.member) && !account.Satisfies(o.Spec.Security, v.person.session) {
			asking = append(asking, b)
		}
	}
	return asking
}

// admits reports whether the session opens that organisation.
func (p *Portal) admits(who *person, o *rosterv1alpha1.Organization) bool {
	return account.Admits(o.Spec.Security, who.session)
}

// owes sends whoever owes a second factor to the page where they give it, or set one up. It returns false if there is nothing to give.
func (p *Portal) owes(v *visit) bool {
	if len(p.demanding(v)) == 0 {
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

// wayView is a way to sign in that opens more organisations.
type wayView struct{ Text, Href string }

// otherWays open the organisations that this session does not.
func (p *Portal) otherWays(v *visit) []wayView {
	var ways []wayView
	seen := map[string]bool{}
	add := func(text, page string) {
		if !seen[page] {
			seen[page] = true
			ways = append(ways, wayView{Text: text, Href: p.forward(v, page, "/account")})
		}
	}
	for _, b := range v.closed {
		if account.Admits(b.organization.Spec.Security, withPassword(v.person.session, p)) {
			add(v.words.T("account.closed.password"), "/sign-in/confirm")
		}
		if c := p.companies.OfferedBy(b.organization.Spec.Security, address.Address(v.person.account.Spec.Email)); c != nil {
			add(v.words.T("company.go", "Company", c.DisplayName), "/sign-in/company/"+c.Name)
		}
	}
	return ways
}

// withPassword is the session as it would be if the person gave their password, too.
func withPassword(s account.Session, p *Portal) account.Session {
	s.Prove(account.MethodPassword, p.clock.Now())
	return s
}
