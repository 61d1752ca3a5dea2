// SPDX-License-Identifier: Apache-2.0

package portal

import "github.com/roster-dev/roster/internal/account"

// guard lets the people through to a page who may see it, and answers everybody else. It stands in the page's route.
type guard func(page func(*visit)) func(*visit)

// of is the page behind the guard; without a guard, the page itself.
func (g guard) of(page func(*visit)) func(*visit) {
	if g == nil {
		return page
	}
	return g(page)
}

// requireSession wants somebody to be signed in, and to have given the second factor that their organisations ask for. Everybody else goes
// to the sign-in page, or to the page of second factors.
func (p *Portal) requireSession(page func(*visit)) func(*visit) {
	return p.requireSessionOnly(func(v *visit) {
		if !p.owes(v) {
			page(v)
		}
	})
}

// requireSessionOnly is requireSession without the second factor: for the pages on which people set one up.
func (p *Portal) requireSessionOnly(page func(*visit)) func(*visit) {
	return func(v *visit) {
		who, err := p.person(v, false)
		p.admit(v, who, err, func(v *visit) {
			p.keepAlive(v)
			page(v)
		})
	}
}

// admit opens a page to the person of a session; nil is sent to sign in.
func (p *Portal) admit(v *visit, who *person, err error, page func(*visit)) {
	if err == nil && who == nil {
		p.toSignIn(v)
		return
	}
	if err == nil {
		err = p.setPerson(v, who)
	}
	if err != nil {
		p.fault(v, err)
		return
	}
	page(v)
}

// requirePendingSession wants a first proof of who somebody is: they are on the way in, or signed in already.
func (p *Portal) requirePendingSession(page func(*visit)) func(*visit) {
	return func(v *visit) {
		who, err := p.person(v, true)
		if err == nil && who == nil {
			who, err = p.person(v, false)
		}
		p.admit(v, who, err, page)
	}
}

// requireRecentAuth is requireSession for what is sensitive: people who have not proved lately who they are do so again first.
func (p *Portal) requireRecentAuth(page func(*visit)) func(*visit) {
	return p.requireSession(p.confirmFirst(page))
}

// requireRecentAuthOnly is requireRecentAuth without the second factor: for the pages on which people set one up.
func (p *Portal) requireRecentAuthOnly(page func(*visit)) func(*visit) {
	return p.requireSessionOnly(p.confirmFirst(page))
}

// requireRecentAuthIfAny is requireRecentAuthOnly, but lets people through whose Account has nothing to prove oneself with: they come from
// their company, which asks for a second factor. An authenticator app, which is all that this lets them add, opens nothing by itself.
func (p *Portal) requireRecentAuthIfAny(page func(*visit)) func(*visit) {
	return p.requireSessionOnly(func(v *visit) {
		f, err := account.Factors(v.person.account, v.person.credentials, p.clock.Now())
		switch {
		case err != nil:
			p.fault(v, err)
		case v.person.credentials.PasswordHash == "" && !f.Enrolled():
			page(v)
		default:
			p.confirmFirst(page)(v)
		}
	})
}

// confirmFirst sends people who are signed in to prove again who they are, unless they did so lately.
func (p *Portal) confirmFirst(page func(*visit)) func(*visit) {
	return func(v *visit) {
		if !v.person.session.Fresh(p.clock.Now()) {
			p.seeOther(v, "/sign-in/confirm", p.wanted(v))
			return
		}
		page(v)
	}
}
