// SPDX-License-Identifier: Apache-2.0

package session

import (
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Require wants somebody to be signed in, and to have given the second factor that their organisations ask for. Everybody else goes
// to the sign-in page, or to the page of second factors.
func (sm *Manager) Require(page func(*Visit)) func(*web.Visit) {
	return sm.RequireOnly(func(v *Visit) {
		if !sm.owes(v) {
			page(v)
		}
	})
}

// RequireOnly is Require without the second factor: for the pages on which people set one up.
func (sm *Manager) RequireOnly(page func(*Visit)) func(*web.Visit) {
	return func(v *web.Visit) {
		who, err := sm.Current(v)
		sm.admit(v, who, err, func(v *Visit) {
			sm.keepAlive(v)
			page(v)
		})
	}
}

// admit opens a page to the person of a session; nil is sent to sign in.
func (sm *Manager) admit(v *web.Visit, who *Person, err error, page func(*Visit)) {
	if err != nil {
		v.Fault(err)
		return
	}
	if who == nil {
		v.ToSignIn()
		return
	}
	by, err := sm.VisitBy(who, v)
	if err != nil {
		v.Fault(err)
		return
	}
	page(by)
}

// RequirePending wants a first proof of who somebody is: they are on the way in, or signed in already.
func (sm *Manager) RequirePending(page func(*Visit)) func(*web.Visit) {
	return func(v *web.Visit) {
		who, err := sm.bearer(v, true)
		if err == nil && who == nil {
			who, err = sm.Current(v)
		}
		sm.admit(v, who, err, page)
	}
}

// RequireRecent is Require for what is sensitive: people who have not proved lately who they are do so again first.
func (sm *Manager) RequireRecent(page func(*Visit)) func(*web.Visit) {
	return sm.Require(sm.confirmFirst(page))
}

// RequireMember is Require for the pages about an organisation, of those who belong to it.
func (sm *Manager) RequireMember(page func(*MemberVisit)) func(*web.Visit) {
	return sm.Require(ofMember(page))
}

// RequireRecentMember is RequireRecent for the pages about an organisation.
func (sm *Manager) RequireRecentMember(page func(*MemberVisit)) func(*web.Visit) {
	return sm.RequireRecent(ofMember(page))
}

// ofMember finds the membership that a page is about. Every page about an organisation asks here whether the person may see it; whether
// there is no such organisation, or they do not belong to it, is one and the same.
func ofMember(page func(*MemberVisit)) func(*Visit) {
	return func(v *Visit) {
		namespace := v.R.PathValue("namespace")
		for _, b := range v.Memberships {
			if b.Member.Namespace == namespace && b.Organization != nil {
				page(&MemberVisit{v, b})
				return
			}
		}
		v.NotFound()
	}
}

// RequireRecentOnly is RequireRecent without the second factor: for the pages on which people set one up.
func (sm *Manager) RequireRecentOnly(page func(*Visit)) func(*web.Visit) {
	return sm.RequireOnly(sm.confirmFirst(page))
}

// RequireRecentIfAny is RequireRecentOnly, but lets people through whose Account has nothing to prove oneself with: they come from
// their company, which asks for a second factor. An authenticator app, which is all that this lets them add, opens nothing by itself.
func (sm *Manager) RequireRecentIfAny(page func(*Visit)) func(*web.Visit) {
	return sm.RequireOnly(func(v *Visit) {
		f, err := account.Factors(v.Person.Account, v.Person.Credentials, v.Now())
		switch {
		case err != nil:
			v.Fault(err)
		case v.Person.Credentials.PasswordHash == "" && !f.Enrolled():
			page(v)
		default:
			sm.confirmFirst(page)(v)
		}
	})
}

// confirmFirst sends people who are signed in to prove again who they are, unless they did so lately.
func (sm *Manager) confirmFirst(page func(*Visit)) func(*Visit) {
	return func(v *Visit) {
		if !v.Person.Session.Fresh(v.Now()) {
			v.SeeOther("/sign-in/confirm", v.Wanted())
			return
		}
		page(v)
	}
}

// owes sends whoever owes a second factor to the page where they give it, or set one up. It returns false if there is nothing to give.
func (sm *Manager) owes(v *Visit) bool {
	if len(v.Demanding()) == 0 {
		return false
	}
	f, err := account.Factors(v.Person.Account, v.Person.Credentials, v.Now())
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
