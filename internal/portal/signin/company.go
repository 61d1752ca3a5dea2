// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The sign-in at a company that a browser has begun. The browser carries it, so that any replica can take the answer.
const (
	flowCookie = "roster-company"
	flowUse    = "roster.dev portal company sign-in v1"
)

// companyPage asks for the address, and then offers the sign-in of its company.
type companyPage struct {
	web.Fields
	Login  string
	Action string
	Back   string
	// Company that vouches for the address, and where its sign-in begins.
	Company CompanyLink
}

// CompanyLink leads to the sign-in of a company.
type CompanyLink struct{ Name, Href string }

func (h *Handler) getCompany(v *web.Visit) error { return h.companyForm(v, "", CompanyLink{}, nil) }

func (h *Handler) companyForm(v *web.Visit, login string, company CompanyLink, problems []web.Problem) error {
	return v.Form(web.PageCompany, v.Words.T("company.title"), problems, companyPage{
		Fields: web.Fields{Problems: problems}, Login: login, Company: company, Action: v.Again("/sign-in/company"),
		Back: v.Again("/sign-in"),
	})
}

// postCompany answers POST /sign-in/company: which company it is follows from the domain alone, so that nothing is told about people. The
// page links to the company rather than redirecting: forms may lead to no other site (form-action).
func (h *Handler) postCompany(v *web.Visit) error {
	typed := strings.TrimSpace(v.R.PostForm.Get(fieldLogin))
	address, err := address.Parse(typed)
	if err != nil {
		return h.companyForm(v, typed, CompanyLink{}, []web.Problem{addressProblem(v.Words, err)})
	}
	c := h.Companies.For(address)
	if c == nil {
		return h.companyForm(v, typed, CompanyLink{},
			[]web.Problem{{Field: fieldLogin, Text: v.Words.T("error.company.unknown", "Domain", address.Domain())}})
	}
	return h.companyForm(v, typed, CompanyLink{Name: c.DisplayName, Href: v.Again("/sign-in/company/" + c.Name)}, nil)
}

// goToCompany answers GET /sign-in/company/{issuer}: it sends the browser there, and changes nothing.
func (h *Handler) goToCompany(v *web.Visit) error {
	c := h.Companies.Named(v.R.PathValue("issuer"))
	if c == nil {
		return v.NotFound()
	}
	// Nobody is signed in because somebody else sent them here: that takes a click on a page of the portal.
	if !v.FromOwnPage() {
		return h.companyForm(v, "", CompanyLink{Name: c.DisplayName, Href: v.Again("/sign-in/company/" + c.Name)}, nil)
	}
	address, flow, err := c.Begin(v.R.Context(), v.Destination(v.Next()))
	if err != nil {
		return h.companyFailed(v, c, err)
	}
	if err := v.SealCookie(flowCookie, flowUse, flow, oidc.FlowFor); err != nil {
		return err
	}
	return v.Redirect(address)
}

func (h *Handler) backFromCompany(v *web.Visit) error {
	c := h.Companies.Named(v.R.PathValue("issuer"))
	if c == nil {
		return v.NotFound()
	}
	var flow oidc.Flow
	if ok, err := v.OpenCookie(flowCookie, flowUse, &flow); err != nil {
		return err
	} else if !ok {
		return h.companyFailed(v, c, oidc.ErrFlow)
	}
	v.DropCookie(flowCookie)
	id, err := c.Finish(v.R.Context(), flow, v.R.URL.Query())
	if err != nil {
		return h.companyFailed(v, c, err)
	}
	if err := h.enterByCompany(v, c, id, flow.Then); err != nil {
		return h.companyFailed(v, c, err)
	}
	return nil
}

// Why somebody whom a company vouches for is not let in.
var (
	errNoMembership = errors.New("no organisation of the person signs in with that company")
	errOtherInvitee = errors.New("the invitation is for another address")
)

// enterByCompany signs somebody in whom a company vouches for: if an organisation of theirs signs in with that company, or the invitation
// that they came from is of one that does. Then an Account is made for somebody who has none.
func (h *Handler) enterByCompany(v *web.Visit, c *oidc.Client, id oidc.Identity, next string) error {
	ctx, now := v.R.Context(), v.Now()
	tie := account.Identity{Issuer: id.Issuer, Subject: id.Subject, Linked: now}
	acct, err := h.accountFor(ctx, v, c, id, tie, next)
	if err != nil {
		return err
	}
	credentials, linked, err := h.Accounts.Link(ctx, acct, tie)
	if err != nil {
		return err
	}
	if linked {
		v.Audit(web.EventLink, web.ResultSuccess, acct.Name, "issuer", c.Name)
	}
	if ptr.Deref(acct.Spec.Suspended, false) {
		return account.ErrSuspended
	}
	d, err := h.Sessions.Browser(v)
	if err != nil {
		return err
	}
	who, err := h.Sessions.Current(v)
	if err != nil {
		return err
	}
	// A person who is signed in already keeps what they have shown before.
	s := account.NewSession(acct, credentials, account.MethodCompany(c.Name), now)
	stays := who != nil && who.Account.UID == acct.UID
	if stays {
		s = who.Session
		s.Prove(account.MethodCompany(c.Name), now)
	}
	if c.MultiFactor {
		s.Prove(account.MethodCompanyFactor(c.Name), now)
	}
	s.Also = ""
	if id.Address.AccountName() != acct.Name {
		s.Also = id.Address
	}
	if !stays {
		return h.Proceed(v, session.Login{Account: acct, Credentials: credentials, Session: s, Device: d}, next)
	}
	if s, err = h.Accounts.Renew(ctx, acct, s, now); err == nil {
		err = h.Sessions.Set(v, s)
	}
	if err != nil {
		return err
	}
	v.Audit(web.EventConfirm, web.ResultSuccess, acct.Name, "issuer", c.Name)
	return v.SeeOther(v.Destination(next), "")
}

// accountFor is the Account of somebody whom a company knows: the one that is tied to them, whatever their address is by now, else the one
// of the address that the company vouches for.
func (h *Handler) accountFor(
	ctx context.Context, v *web.Visit, c *oidc.Client, id oidc.Identity, tie account.Identity, next string,
) (*rosterv1alpha1.Account, error) {
	acct, err := h.Accounts.ByIdentity(ctx, tie)
	if errors.Is(err, account.ErrNotFound) {
		if id.NoAddress != nil {
			return nil, id.NoAddress
		}
		acct, err = h.Accounts.Lookup(ctx, string(id.Address))
	}
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err
	}
	if acct != nil {
		all, err := h.Sessions.Memberships(ctx, acct)
		if err != nil {
			return nil, err
		}
		own := address.Address(acct.Spec.Email)
		if slices.ContainsFunc(all, func(b session.Membership) bool {
			return b.Organization != nil && h.Companies.OfferedBy(b.Organization.Spec.Security, own) == c
		}) {
			return acct, nil
		}
	}
	return h.inviteeFor(ctx, v, c, id, acct, next)
}

// inviteeFor is the Account of somebody whom a company knows and who comes from an invitation: the one that they have, if it is nil a new
// one.
func (h *Handler) inviteeFor(
	ctx context.Context, v *web.Visit, c *oidc.Client, id oidc.Identity, acct *rosterv1alpha1.Account, next string,
) (*rosterv1alpha1.Account, error) {
	token, ok := strings.CutPrefix(next, "/invitations/")
	if !ok {
		return nil, errNoMembership
	}
	f, err := h.Links.Open(ctx, token, false, false)
	switch {
	case err != nil:
		return nil, err
	case f.Address != id.Address && (acct == nil || f.Address.AccountName() != acct.Name):
		return nil, cmp.Or(id.NoAddress, errOtherInvitee)
	case f.Check(v.Now()) != invitation.LinkOpen, h.Companies.OfferedBy(f.Offer.Organization.Spec.Security, f.Address) != c:
		return nil, errNoMembership
	case acct != nil:
		return acct, nil
	}
	return h.Accounts.Ensure(ctx, id.Address, profileOf(v, f, id), v.Now())
}

// profileOf is what is known about somebody before they say anything about themselves.
func profileOf(v *web.Visit, f link.Verified, id oidc.Identity) account.Profile {
	f.Speak(v)
	known, company := f.Known()
	name := web.Tidy(id.Name)
	if !web.IsLine(name) || !web.IsVisible(name) || len(name) > web.MaxName {
		name = known
	}
	if name == "" {
		name, _, _ = strings.Cut(string(id.Address), "@")
	}
	return account.Profile{DisplayName: name, Company: company, Locale: v.Words.Locale}
}

// companyFailed says why nobody was signed in. The log says more.
func (h *Handler) companyFailed(v *web.Visit, c *oidc.Client, err error) error {
	if errors.Is(err, account.ErrSuspended) {
		v.Audit(web.EventSignIn, web.ResultRefused, "", "issuer", c.Name)
		return Suspended(v)
	}
	w := v.Words
	status, text := companyProblem(w, c.DisplayName, err)
	if text == "" {
		return err
	}
	v.Audit(web.EventSignIn, web.ResultFailure, "", "issuer", c.Name)
	v.Log().Info("Nobody was signed in by a company", "issuer", c.Name, "why", err.Error())
	return v.Notice(status, web.Notice{
		Symbol: web.SymbolStop, Heading: w.T("company.failed"), Paragraphs: []string{text},
		Go: web.Action{Text: w.T("company.back"), Href: v.Path("/sign-in")},
	})
}

// companyProblem is empty for what is not the person's or the company's doing.
func companyProblem(w web.Words, company string, err error) (status int, text string) {
	switch {
	case errors.Is(err, oidc.ErrUnavailable):
		return http.StatusBadGateway, w.T("company.unavailable", "Company", company)
	case errors.Is(err, oidc.ErrFlow):
		return http.StatusBadRequest, w.T("company.flow")
	case errors.Is(err, oidc.ErrDenied):
		return http.StatusForbidden, w.T("company.denied", "Company", company)
	case errors.Is(err, oidc.ErrToken):
		return http.StatusBadGateway, w.T("company.token", "Company", company)
	case errors.Is(err, oidc.ErrUnverified):
		return http.StatusForbidden, w.T("company.unverified", "Company", company)
	case errors.Is(err, oidc.ErrDomain):
		return http.StatusForbidden, w.T("company.domain", "Company", company)
	case errors.Is(err, account.ErrOtherPerson):
		return http.StatusForbidden, w.T("company.otherPerson", "Company", company)
	case errors.Is(err, errOtherInvitee):
		return http.StatusForbidden, w.T("company.otherInvitee", "Company", company)
	case errors.Is(err, errNoMembership), errors.Is(err, link.ErrUnknown):
		return http.StatusForbidden, w.T("company.noMembership", "Company", company)
	}
	return 0, ""
}
