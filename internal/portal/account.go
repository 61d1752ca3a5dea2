// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/web"
)

// accountPage is the personal page.
type accountPage struct {
	Name, Email, Company, Username string
	Initials, Avatar               string
	Language                       string
	LastSignIn                     web.MomentView
	Organizations                  []membershipView
	Invitations                    []pendingView
	Devices                        int
	Profile, Login                 string
	Password, Sessions, Factors    string
	// Closed says that there are organisations which this session does not open, and Ways how to open them.
	Closed string
	Ways   []wayView
	// Done says what has just been changed.
	Done string
}

// membershipView is one organisation that the person belongs to.
type membershipView struct {
	Name, Initials, Role, State, Href string
}

// pendingView is an invitation that waits for the person.
type pendingView struct {
	Organization, Href string
	Until              web.MomentView
}

// personalRoutes are the pages of a person about themselves.
func (p *Portal) personalRoutes() []web.Route {
	signedIn, recent, recentOnly, recentIfAny := p.requireSession, p.requireRecentAuth, p.requireRecentAuthOnly, p.requireRecentAuthIfAny
	return []web.Route{
		{Path: "/account", Get: signedIn(p.getAccount), Returnable: true},
		{Path: "/account/profile", Get: signedIn(p.getPersonalDetails), Post: signedIn(p.postPersonalDetails), Returnable: true},
		{Path: "/account/sessions", Get: recent(p.getDevices), Post: recent(p.postDevices), Returnable: true},
		{Path: "/account/username", Get: recent(p.getUsername), Post: recent(p.postUsername), Returnable: true},
		{Path: "/account/password", Get: recent(p.getPassword), Post: recent(p.postPassword), Returnable: true},
		// Those who owe a second factor get to the pages on which they set one up without.
		{Path: "/account/factors", Get: p.requireSessionOnly(p.getFactors), Post: recentOnly(p.postFactors), Returnable: true},
		{Path: "/account/factors/app", Get: recentIfAny(p.getApp), Post: recentIfAny(p.postApp), Returnable: true},
		{Path: "/account/factors/passkey", Get: recentOnly(p.getPasskey), Post: recentOnly(p.postPasskey), Returnable: true},
	}
}

// getAccount answers GET /account.
func (p *Portal) getAccount(v *sessionVisit) {
	acct, w := v.person.account, v.Words
	pending, err := p.pending(v)
	if err != nil {
		v.Fault(err)
		return
	}
	page := accountPage{
		Name: acct.Spec.DisplayName, Email: acct.Spec.Email, Company: acct.Spec.Company, Username: cmp.Or(acct.Spec.Username, acct.Spec.Email),
		Initials: web.Initials(acct.Spec.DisplayName), Avatar: avatar(v), Language: w.T("language." + string(acct.Spec.Locale)),
		Invitations: pending, Devices: len(v.person.credentials.Sessions.Devices),
		Profile: v.Path("/account/profile"), Login: v.Path("/account/username"),
		Password: v.Path("/account/password"), Sessions: v.Path("/account/sessions"),
		Factors: v.Path("/account/factors"),
		Done:    doneText(w, web.Done(v.R.URL.Query().Get("done"))),
	}
	if t := acct.Status.LastSignInTime; t != nil {
		page.LastSignIn = w.Time(t.Time)
	}
	if n := len(v.closed); n > 0 {
		page.Closed, page.Ways = w.N("account.closed", n), p.otherWays(v)
	}
	for _, b := range v.memberships {
		if b.organization != nil {
			page.Organizations = append(page.Organizations, p.membershipView(v, b))
		}
	}
	slices.SortFunc(page.Organizations, func(a, b membershipView) int { return cmp.Compare(a.Name, b.Name) })
	v.Show(http.StatusOK, web.PageAccount, w.T("account.title"), page)
}

// doneText says what has just been changed; empty for what is not one of ours.
func doneText(w web.Words, done web.Done) string {
	switch done {
	case web.DonePassword:
		return w.T("done.password")
	case web.DoneProfile:
		return w.T("done.profile")
	case web.DoneUsername:
		return w.T("done.username")
	case web.DoneLeft:
		return w.T("done.left")
	case web.DoneSignedOut:
		return w.T("done.signedOut")
	}
	return ""
}

func (p *Portal) membershipView(v *sessionVisit, b membership) membershipView {
	return membershipView{
		Name: b.organization.Spec.DisplayName, Initials: web.Initials(b.organization.Spec.DisplayName),
		Role: p.roleTerm(v.R.Context(), v.Words, b.member).Name, State: stateText(v, b), Href: v.OrganizationPath(b.member.Namespace, ""),
	}
}

// pending are the open invitations to the person's address. The links are made here: whoever is signed in has shown that the address is
// theirs when they accepted their first one.
func (p *Portal) pending(v *sessionVisit) ([]pendingView, error) {
	all, err := p.openTo(v.R.Context(), address.Address(v.person.account.Spec.Email))
	if err != nil {
		return nil, err
	}
	var views []pendingView
	for _, f := range all {
		if org := f.offer.Organization; v.person.admits(org) {
			views = append(views, pendingView{
				Organization: org.Spec.DisplayName, Href: v.Path("/invitations/" + f.token),
				Until: v.Words.Time(f.offer.Invitation.Status.ExpiryTime.Time),
			})
		}
	}
	return views, nil
}

// wayView is a way to sign in that opens more organisations.
type wayView struct{ Text, Href string }

// otherWays open the organisations that this session does not.
func (p *Portal) otherWays(v *sessionVisit) []wayView {
	var ways []wayView
	seen := map[string]bool{}
	add := func(text, page string) {
		if !seen[page] {
			seen[page] = true
			ways = append(ways, wayView{Text: text, Href: v.Forward(page, "/account")})
		}
	}
	for _, b := range v.closed {
		if account.Admits(b.organization.Spec.Security, withPassword(v.person.session, p.clock.Now())) {
			add(v.Words.T("account.closed.password"), "/sign-in/confirm")
		}
		if c := p.companies.OfferedBy(b.organization.Spec.Security, address.Address(v.person.account.Spec.Email)); c != nil {
			add(v.Words.T("company.go", "Company", c.DisplayName), "/sign-in/company/"+c.Name)
		}
	}
	return ways
}

// withPassword is the session as it would be if the person gave their password, too.
func withPassword(s account.Session, now time.Time) account.Session {
	s.Prove(account.MethodPassword, now)
	return s
}

// avatarHost is where the pictures of those come from who chose to show theirs.
const avatarHost = "https://gravatar.com"

// avatar is the address of the person's picture, if they chose to show one: then this page, and no other, may load pictures from there.
func avatar(v *sessionVisit) string {
	spec := v.person.account.Spec
	if spec.Avatar != rosterv1alpha1.AvatarGravatar {
		return ""
	}
	v.AllowPictures(avatarHost)
	return address.Address(spec.Email).AvatarURL()
}
