// SPDX-License-Identifier: Apache-2.0

// Package personal has the pages of a person about themselves: their account, how they sign in, and their devices.
package personal

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Handler of the personal pages.
type Handler struct {
	Sessions      *session.Manager
	SignIn        *signin.Handler
	Organizations *organization.Handler
	Links         *link.Store
	Accounts      *account.Store
	Companies     oidc.Directory
	Passkeys      *factor.RelyingParty
	FactorKeys    *web.KeySource
	Common        *common.Passwords
	Limits        *web.Limiters
	// SignIns is the page of the tools that the person is signed in to; empty if the portal is no provider.
	SignIns string
}

// accountPage is the personal page.
type accountPage struct {
	Name, Email, Company, Username string
	Initials, Avatar               string
	Language                       string
	LastSignIn                     web.MomentView
	Organizations                  []membershipView
	Invitations                    []pendingView
	Addresses                      []addressView
	Devices                        int
	Profile, Login                 string
	Password, Sessions, Factors    string
	Forget                         string
	SignIns                        string
	// Closed says that there are organisations which this session does not open, and Ways how to open them.
	Closed string
	Ways   []web.Action
	// Done says what has just been changed.
	Done string
}

// addressView is another address of the person.
type addressView struct {
	Email string
	Since web.MomentView
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

// Routes are the pages of a person about themselves.
func (h *Handler) Routes() []web.Route {
	s := h.Sessions
	return []web.Route{
		{Path: "/account", Get: s.Require(h.getAccount), Returnable: true},
		{Path: "/account/profile", Get: s.Require(h.getPersonalDetails), Post: s.Require(h.postPersonalDetails), Returnable: true},
		{Path: "/account/addresses", Post: s.RequireRecent(h.postAddresses)},
		{Path: "/account/sessions", Get: s.RequireRecent(h.getDevices), Post: s.RequireRecent(h.postDevices), Returnable: true},
		{Path: "/account/username", Get: s.RequireRecent(h.getUsername), Post: s.RequireRecent(h.postUsername), Returnable: true},
		{Path: "/account/password", Get: s.RequireRecent(h.getPassword), Post: s.RequireRecent(h.postPassword), Returnable: true},
		// Those who owe a second factor get to the pages on which they set one up without.
		{Path: "/account/factors", Get: s.RequireOnly(h.getFactors), Post: s.RequireRecentOnly(h.postFactors), Returnable: true},
		{Path: "/account/factors/app", Get: s.RequireRecentIfAny(h.getApp), Post: s.RequireRecentIfAny(h.postApp), Returnable: true},
		{Path: "/account/factors/passkey", Get: s.RequireRecentOnly(h.getPasskey), Post: s.RequireRecentOnly(h.postPasskey), Returnable: true},
	}
}

func (h *Handler) getAccount(v *session.Visit) error {
	acct, w := v.Person.Account, v.Words
	pending, err := h.pending(v)
	if err != nil {
		return err
	}
	page := accountPage{
		Name: acct.Spec.DisplayName, Email: acct.Spec.Email, Company: acct.Spec.Company, Username: cmp.Or(acct.Spec.Username, acct.Spec.Email),
		Initials: web.Initials(acct.Spec.DisplayName), Avatar: avatar(v), Language: w.T("language." + string(acct.Spec.Locale)),
		Invitations: pending, Devices: len(v.Person.Credentials.Sessions.Devices),
		Profile: v.Path("/account/profile"), Login: v.Path("/account/username"),
		Password: v.Path("/account/password"), Sessions: v.Path("/account/sessions"),
		Factors: v.Path("/account/factors"), Forget: v.Path("/account/addresses"),
		Done: doneText(w, v.TakeDone()),
	}
	if h.SignIns != "" {
		page.SignIns = v.Path(h.SignIns)
	}
	if t := acct.LastSignIn(); t != nil {
		page.LastSignIn = w.Time(t.Time)
	}
	for _, c := range acct.Status.ConfirmedAddresses {
		page.Addresses = append(page.Addresses, addressView{Email: c.Email, Since: w.Time(c.ConfirmedTime.Time)})
	}
	if n := len(v.Closed); n > 0 {
		page.Closed, page.Ways = w.N("account.closed", n), h.otherWays(v)
	}
	for _, b := range v.Memberships {
		if b.Organization != nil {
			page.Organizations = append(page.Organizations, h.membershipView(v, b))
		}
	}
	slices.SortFunc(page.Organizations, func(a, b membershipView) int { return cmp.Compare(a.Name, b.Name) })
	return v.Show(http.StatusOK, web.PageAccount, w.T("account.title"), page)
}

// postAddresses answers POST /account/addresses: an address of another account is the person's no more.
func (h *Handler) postAddresses(v *session.Visit) error {
	if err := h.Accounts.ForgetAddress(v.R.Context(), v.Person.Account, v.R.PostForm.Get(fieldAddress)); err != nil {
		return err
	}
	v.Audit(web.EventAddressRemoved, web.ResultSuccess, v.Person.Account.Name)
	return v.Done(session.DoneAddress)
}

// doneText says what has just been changed; empty for what is not one of ours.
func doneText(w web.Words, done session.Done) string {
	switch done {
	case session.DonePassword:
		return w.T("done.password")
	case session.DoneProfile:
		return w.T("done.profile")
	case session.DoneUsername:
		return w.T("done.username")
	case session.DoneLeft:
		return w.T("done.left")
	case session.DoneSignedOut:
		return w.T("done.signedOut")
	case session.DoneAddress:
		return w.T("done.address")
	}
	return ""
}

func (h *Handler) membershipView(v *session.Visit, b session.Membership) membershipView {
	return membershipView{
		Name: b.Organization.Spec.DisplayName, Initials: web.Initials(b.Organization.Spec.DisplayName),
		Role: h.Organizations.RoleTerm(v.R.Context(), v.Words, b.Member).Name, State: organization.StateText(v, b),
		Href: v.OrganizationPath(b.Member.Namespace, ""),
	}
}

// pending are the open invitations to the person's address. The links are made here: the person who is signed in has shown that the address
// is theirs when they accepted their first one.
func (h *Handler) pending(v *session.Visit) ([]pendingView, error) {
	all, err := h.Links.OpenTo(v.R.Context(), address.Address(v.Person.Account.Spec.Email))
	if err != nil {
		return nil, err
	}
	var views []pendingView
	for _, f := range all {
		if org := f.Offer.Organization; v.Person.Admits(org) {
			views = append(views, pendingView{
				Organization: org.Spec.DisplayName, Href: v.Path("/invitations/" + f.Token),
				Until: v.Words.Time(f.Offer.Invitation.Status.ExpiryTime.Time),
			})
		}
	}
	return views, nil
}

// otherWays open the organisations that this session does not.
func (h *Handler) otherWays(v *session.Visit) []web.Action {
	var ways []web.Action
	seen := map[string]bool{}
	add := func(text, page string) {
		if !seen[page] {
			seen[page] = true
			ways = append(ways, web.Action{Text: text, Href: v.Forward(page, "/account")})
		}
	}
	for _, b := range v.Closed {
		if account.Admits(b.Organization.Spec.Security, withPassword(v.Person.Session, v.Now())) {
			add(v.Words.T("account.closed.password"), "/sign-in/confirm")
		}
		if c := h.Companies.OfferedBy(b.Organization.Spec.Security, address.Address(v.Person.Account.Spec.Email)); c != nil {
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
func avatar(v *session.Visit) string {
	spec := v.Person.Account.Spec
	if spec.Avatar != rosterv1alpha1.AvatarGravatar {
		return ""
	}
	v.AllowPictures(avatarHost)
	return address.Address(spec.Email).AvatarURL()
}
