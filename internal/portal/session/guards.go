// SPDX-License-Identifier: Apache-2.0

package session

import (
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Require wants somebody to be signed in, and to have given the second factor that their organisations ask for. Everybody else goes
// to the sign-in page, or to the page of second factors.
func (sm *Manager) Require(page func(*Visit) error) func(*web.Visit) error {
	return sm.RequireOnly(func(v *Visit) error {
		if err := sm.owes(v); err != nil {
			return err
		}
		return page(v)
	})
}

// RequireOnly is Require without the second factor: for the pages on which people set one up.
func (sm *Manager) RequireOnly(page func(*Visit) error) func(*web.Visit) error {
	return func(v *web.Visit) error {
		who, err := sm.Current(v)
		return sm.admit(v, who, err, func(v *Visit) error {
			sm.keepAlive(v)
			return page(v)
		})
	}
}

// Recognise is for pages that anybody may see, and that are the same for everybody: people who are signed in see them with their menu, and
// in their language. Where that cannot be found out, they see what a stranger sees.
func (sm *Manager) Recognise(page func(*web.Visit) error) func(*web.Visit) error {
	return func(v *web.Visit) error {
		who, err := sm.Current(v)
		if err == nil && who != nil {
			_, err = sm.VisitBy(who, v)
		}
		if err != nil {
			v.Log().V(1).Info("a page is shown as to a stranger", "why", err.Error())
		}
		return page(v)
	}
}

// admit opens a page to the person of a session; nil is sent to sign in.
func (sm *Manager) admit(v *web.Visit, who *Person, err error, page func(*Visit) error) error {
	if err != nil {
		return err
	}
	if who == nil {
		return v.ToSignIn()
	}
	by, err := sm.VisitBy(who, v)
	if err != nil {
		return err
	}
	return page(by)
}

// RequirePending wants a first proof of who somebody is: they are on the way in, or signed in already.
func (sm *Manager) RequirePending(page func(*Visit) error) func(*web.Visit) error {
	return func(v *web.Visit) error {
		who, err := sm.bearer(v, true)
		if err == nil && who == nil {
			who, err = sm.Current(v)
		}
		return sm.admit(v, who, err, page)
	}
}

// RequireRecent is Require for what is sensitive: people who have not proved lately who they are do so again first.
func (sm *Manager) RequireRecent(page func(*Visit) error) func(*web.Visit) error {
	return sm.Require(sm.confirmFirst(page))
}

// RequireMember is Require for the pages about an organisation, of those who belong to it.
func (sm *Manager) RequireMember(page func(*MemberVisit) error) func(*web.Visit) error {
	return sm.Require(sm.ofMember(page))
}

// RequireRecentMember is RequireRecent for the pages about an organisation.
func (sm *Manager) RequireRecentMember(page func(*MemberVisit) error) func(*web.Visit) error {
	return sm.RequireRecent(sm.ofMember(page))
}

// ofMember finds the membership that a page is about. Every page about an organisation asks here whether the person may see it; whether
// there is no such organisation, or they do not belong to it, is one and the same.
func (sm *Manager) ofMember(page func(*MemberVisit) error) func(*Visit) error {
	return func(v *Visit) error {
		namespace := v.R.PathValue("namespace")
		for _, b := range v.Memberships {
			if b.Member.Namespace == namespace && b.Organization != nil {
				return page(&MemberVisit{v, b, sm})
			}
		}
		return v.NotFound()
	}
}

// RequireRecentOnly is RequireRecent without the second factor: for the pages on which people set one up.
func (sm *Manager) RequireRecentOnly(page func(*Visit) error) func(*web.Visit) error {
	return sm.RequireOnly(sm.confirmFirst(page))
}

// RequireRecentIfAny is RequireRecentOnly, but lets people through whose Account has nothing to prove oneself with: they come from
// their company, which asks for a second factor. An authenticator app, which is all that this lets them add, opens nothing by itself.
func (sm *Manager) RequireRecentIfAny(page func(*Visit) error) func(*web.Visit) error {
	return sm.RequireOnly(func(v *Visit) error {
		f, err := account.Factors(v.Person.Account, v.Person.Credentials, v.Now())
		switch {
		case err != nil:
			return err
		case v.Person.Credentials.PasswordHash == "" && !f.Enrolled():
			return page(v)
		default:
			return sm.confirmFirst(page)(v)
		}
	})
}

// confirmFirst sends people who are signed in to prove again who they are, unless they did so lately.
func (sm *Manager) confirmFirst(page func(*Visit) error) func(*Visit) error {
	return func(v *Visit) error {
		if !v.Person.Session.Fresh(v.Now()) {
			return v.SeeOther("/sign-in/confirm", v.Wanted())
		}
		return page(v)
	}
}

// owes sends people who owe a second factor to the page where they give it, or set one up.
func (sm *Manager) owes(v *Visit) error {
	if len(v.Demanding()) == 0 {
		return nil
	}
	f, err := account.Factors(v.Person.Account, v.Person.Credentials, v.Now())
	if err != nil {
		return err
	}
	page := "/account/factors"
	if f.Enrolled() {
		page = "/sign-in/second"
	}
	return web.Answered(v.SeeOther(page, v.Wanted()))
}
