// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Visit is one by somebody who is signed in.
type Visit struct {
	*web.Visit
	Person *Person
	// Memberships that the session opens.
	Memberships []Membership
	// Closed are those that ask for another way to sign in. Nothing is told of them.
	Closed []Membership
}

// MemberVisit is one to a page about an organisation, by somebody who belongs to it.
type MemberVisit struct {
	*Visit
	Membership

	sessions *Manager
}

// VisitBy is the visit as one by the person who is signed in: in their language, with their menu, and with those of their memberships that
// the session opens.
func (sm *Manager) VisitBy(who *Person, v *web.Visit) (*Visit, error) {
	all, err := sm.Memberships(v.R.Context(), who.Account)
	if err != nil {
		return nil, err
	}
	v.Speak(who.Account.Spec.Locale, "")
	by := &Visit{Visit: v, Person: who}
	for _, b := range all {
		if b.Organization == nil || who.Admits(b.Organization) {
			by.Memberships = append(by.Memberships, b)
		} else {
			by.Closed = append(by.Closed, b)
		}
	}
	v.Menu = by.menu()
	return by, nil
}

// menu of the person; nil while they still owe their second factor.
func (v *Visit) menu() *web.MenuView {
	if v.Person.Session.Pending {
		return nil
	}
	m := &web.MenuView{
		Name: v.Person.Account.Spec.DisplayName, Account: v.Path("/account"), SignOut: v.Path("/sign-out"),
	}
	for _, b := range v.Memberships {
		if b.Organization == nil {
			continue
		}
		m.Organizations = append(m.Organizations, web.OrganizationLink{
			Name: b.Organization.Spec.DisplayName, Href: v.OrganizationPath(b.Member.Namespace, ""),
			Current: v.R.PathValue("namespace") == b.Member.Namespace,
		})
	}
	slices.SortFunc(m.Organizations, func(a, b web.OrganizationLink) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Href, b.Href))
	})
	return m
}

// Demanding are the organisations of the person that ask them for a second factor which the session has not given. One that the session
// does not open anyway asks when it does.
func (v *Visit) Demanding() []Membership {
	var asking []Membership
	for _, b := range v.Memberships {
		if o := b.Organization; o != nil && account.DemandsFactor(o, b.Member) && !account.Satisfies(o.Spec.Security, v.Person.Session) {
			asking = append(asking, b)
		}
	}
	return asking
}

// Admits reports whether the session opens that organisation.
func (who *Person) Admits(o *rosterv1alpha1.Organization) bool {
	return account.Admits(o.Spec.Security, who.Session)
}

// BrowserName is what a browser that the person has signed in with is called.
func (v *Visit) BrowserName(device string) string {
	for _, d := range v.Person.Credentials.Sessions.Devices {
		if d.ID == device && d.Label != "" {
			return d.Label
		}
	}
	return v.Words.T("sessions.unknown")
}
