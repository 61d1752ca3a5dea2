// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// requireSession wants somebody to be signed in, and to have given the second factor that their organisations ask for. Everybody else goes
// to the sign-in page, or to the page of second factors.
func (p *Portal) requireSession(page func(*sessionVisit)) func(*web.Visit) {
	return p.requireSessionOnly(func(v *sessionVisit) {
		if !p.owes(v) {
			page(v)
		}
	})
}

// requireSessionOnly is requireSession without the second factor: for the pages on which people set one up.
func (p *Portal) requireSessionOnly(page func(*sessionVisit)) func(*web.Visit) {
	return func(v *web.Visit) {
		who, err := p.current(v)
		p.admit(v, who, err, func(v *sessionVisit) {
			p.keepAlive(v)
			page(v)
		})
	}
}

// admit opens a page to the person of a session; nil is sent to sign in.
func (p *Portal) admit(v *web.Visit, who *person, err error, page func(*sessionVisit)) {
	if err != nil {
		v.Fault(err)
		return
	}
	if who == nil {
		v.ToSignIn()
		return
	}
	by, err := p.visitBy(who, v)
	if err != nil {
		v.Fault(err)
		return
	}
	page(by)
}

// requirePendingSession wants a first proof of who somebody is: they are on the way in, or signed in already.
func (p *Portal) requirePendingSession(page func(*sessionVisit)) func(*web.Visit) {
	return func(v *web.Visit) {
		who, err := p.bearer(v, true)
		if err == nil && who == nil {
			who, err = p.current(v)
		}
		p.admit(v, who, err, page)
	}
}

// requireRecentAuth is requireSession for what is sensitive: people who have not proved lately who they are do so again first.
func (p *Portal) requireRecentAuth(page func(*sessionVisit)) func(*web.Visit) {
	return p.requireSession(p.confirmFirst(page))
}

// requireRecentAuthOnly is requireRecentAuth without the second factor: for the pages on which people set one up.
func (p *Portal) requireRecentAuthOnly(page func(*sessionVisit)) func(*web.Visit) {
	return p.requireSessionOnly(p.confirmFirst(page))
}

// requireRecentAuthIfAny is requireRecentAuthOnly, but lets people through whose Account has nothing to prove oneself with: they come from
// their company, which asks for a second factor. An authenticator app, which is all that this lets them add, opens nothing by itself.
func (p *Portal) requireRecentAuthIfAny(page func(*sessionVisit)) func(*web.Visit) {
	return p.requireSessionOnly(func(v *sessionVisit) {
		f, err := account.Factors(v.person.account, v.person.credentials, p.clock.Now())
		switch {
		case err != nil:
			v.Fault(err)
		case v.person.credentials.PasswordHash == "" && !f.Enrolled():
			page(v)
		default:
			p.confirmFirst(page)(v)
		}
	})
}

// confirmFirst sends people who are signed in to prove again who they are, unless they did so lately.
func (p *Portal) confirmFirst(page func(*sessionVisit)) func(*sessionVisit) {
	return func(v *sessionVisit) {
		if !v.person.session.Fresh(p.clock.Now()) {
			v.SeeOther("/sign-in/confirm", v.Wanted())
			return
		}
		page(v)
	}
}
