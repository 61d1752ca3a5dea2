// SPDX-License-Identifier: Apache-2.0

package portal

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
	Company companyView
}

type companyView struct{ Name, Href string }

// getCompany answers GET /sign-in/company.
func (p *Portal) getCompany(v *web.Visit) { p.companyForm(v, http.StatusOK, "", companyView{}, nil) }

func (p *Portal) companyForm(v *web.Visit, status int, login string, company companyView, problems []web.Problem) {
	v.Show(status, web.PageCompany, v.Words.ErrorTitle(v.Words.T("company.title"), problems), companyPage{
		Fields: web.Fields{Problems: problems}, Login: login, Company: company, Action: v.Again("/sign-in/company"),
		Back: v.Again("/sign-in"),
	})
}

// postCompany answers POST /sign-in/company: which company it is follows from the domain alone, so that nothing is told about people. The
// page links to the company rather than redirecting: forms may lead to no other site (form-action).
func (p *Portal) postCompany(v *web.Visit) {
	if !v.ReadPost() {
		return
	}
	typed := strings.TrimSpace(v.R.PostForm.Get(fieldLogin))
	address, err := address.Parse(typed)
	if err != nil {
		p.companyForm(v, http.StatusUnprocessableEntity, typed, companyView{}, []web.Problem{addressProblem(v.Words, err)})
		return
	}
	c := p.companies.For(address)
	if c == nil {
		p.companyForm(v, http.StatusUnprocessableEntity, typed, companyView{},
			[]web.Problem{{Field: fieldLogin, Text: v.Words.T("error.company.unknown", "Domain", address.Domain())}})
		return
	}
	p.companyForm(v, http.StatusOK, typed, companyView{Name: c.DisplayName, Href: v.Again("/sign-in/company/" + c.Name)}, nil)
}

// goToCompany answers GET /sign-in/company/{issuer}: it sends the browser there, and changes nothing.
func (p *Portal) goToCompany(v *web.Visit) {
	c := p.companies.Named(v.R.PathValue("issuer"))
	if c == nil {
		v.NotFound()
		return
	}
	// Nobody is signed in because somebody else sent them here: that takes a click on a page of the portal.
	if !v.FromOwnPage() {
		p.companyForm(v, http.StatusOK, "", companyView{Name: c.DisplayName, Href: v.Again("/sign-in/company/" + c.Name)}, nil)
		return
	}
	address, flow, err := c.Begin(v.R.Context(), v.Destination(v.Next()))
	if err != nil {
		p.companyFailed(v, c, err)
		return
	}
	if err := v.SealCookie(flowCookie, flowUse, flow, oidc.FlowFor); err != nil {
		v.Fault(err)
		return
	}
	v.Redirect(address)
}

// backFromCompany answers GET /sign-in/company/{issuer}/callback.
func (p *Portal) backFromCompany(v *web.Visit) {
	c := p.companies.Named(v.R.PathValue("issuer"))
	if c == nil {
		v.NotFound()
		return
	}
	var flow oidc.Flow
	if ok, err := v.OpenCookie(flowCookie, flowUse, &flow); err != nil {
		v.Fault(err)
		return
	} else if !ok {
		p.companyFailed(v, c, oidc.ErrFlow)
		return
	}
	v.DropCookie(flowCookie)
	id, err := c.Finish(v.R.Context(), flow, v.R.URL.Query())
	if err != nil {
		p.companyFailed(v, c, err)
		return
	}
	if err := p.enterByCompany(v, c, id, flow.Then); err != nil {
		p.companyFailed(v, c, err)
	}
}

// Why somebody whom a company vouches for is not let in.
var (
	errNoMembership = errors.New("no organisation of the person signs in with that company")
	errOtherInvitee = errors.New("the invitation is for another address")
)

// enterByCompany signs somebody in whom a company vouches for: if an organisation of theirs signs in with that company, or the invitation
// that they came from is of one that does. Then an Account is made for whoever has none.
func (p *Portal) enterByCompany(v *web.Visit, c *oidc.Client, id oidc.Identity, next string) error {
	ctx, now := v.R.Context(), p.clock.Now()
	tie := account.Identity{Issuer: id.Issuer, Subject: id.Subject, Linked: now}
	acct, err := p.accountFor(ctx, v, c, id, tie, next)
	if err != nil {
		return err
	}
	credentials, linked, err := p.accounts.Link(ctx, acct, tie)
	if err != nil {
		return err
	}
	if linked {
		v.Audit(web.EventLink, web.ResultSuccess, acct.Name, "issuer", c.Name)
	}
	if ptr.Deref(acct.Spec.Suspended, false) {
		return account.ErrSuspended
	}
	d, err := p.browser(v)
	if err != nil {
		return err
	}
	who, err := p.current(v)
	if err != nil {
		return err
	}
	// Whoever is signed in already keeps what they have shown before.
	s := account.NewSession(acct, credentials, account.MethodCompany(c.Name), now)
	stays := who != nil && who.account.UID == acct.UID
	if stays {
		s = who.session
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
		return p.proceed(v, acct, credentials, s, d, next)
	}
	if s, err = p.accounts.Renew(ctx, acct, s, now); err == nil {
		err = p.setSession(v, s)
	}
	if err == nil {
		v.Audit(web.EventConfirm, web.ResultSuccess, acct.Name, "issuer", c.Name)
		v.SeeOther(v.Destination(next), "")
	}
	return err
}

// accountFor is the Account of somebody whom a company knows: the one that is tied to them, whatever their address is by now, else the one
// of the address that the company vouches for.
func (p *Portal) accountFor(
	ctx context.Context, v *web.Visit, c *oidc.Client, id oidc.Identity, tie account.Identity, next string,
) (*rosterv1alpha1.Account, error) {
	acct, err := p.accounts.ByIdentity(ctx, tie)
	if errors.Is(err, account.ErrNotFound) {
		if id.NoAddress != nil {
			return nil, id.NoAddress
		}
		acct, err = p.accounts.Lookup(ctx, string(id.Address))
	}
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err
	}
	if acct != nil {
		all, err := p.membershipsOf(ctx, acct)
		if err != nil {
			return nil, err
		}
		own := address.Address(acct.Spec.Email)
		if slices.ContainsFunc(all, func(b membership) bool {
			return b.organization != nil && p.companies.OfferedBy(b.organization.Spec.Security, own) == c
		}) {
			return acct, nil
		}
	}
	return p.inviteeFor(ctx, v, c, id, acct, next)
}

// inviteeFor is the Account of somebody whom a company knows and who comes from an invitation: the one that they have, if it is nil a new
// one.
func (p *Portal) inviteeFor(
	ctx context.Context, v *web.Visit, c *oidc.Client, id oidc.Identity, acct *rosterv1alpha1.Account, next string,
) (*rosterv1alpha1.Account, error) {
	token, ok := strings.CutPrefix(next, "/invitations/")
	if !ok {
		return nil, errNoMembership
	}
	f, err := p.identify(ctx, token)
	if err == nil {
		f, err = p.refresh(ctx, f)
	}
	switch {
	case err != nil:
		return nil, err
	case f.address != id.Address && (acct == nil || f.address.AccountName() != acct.Name):
		return nil, cmp.Or(id.NoAddress, errOtherInvitee)
	case f.check(p.clock.Now()) != invitation.LinkOpen, p.companies.OfferedBy(f.offer.Organization.Spec.Security, f.address) != c:
		return nil, errNoMembership
	case acct != nil:
		return acct, nil
	}
	return p.accounts.Ensure(ctx, id.Address, profileOf(v, f, id))
}

// profileOf is what is known about somebody before they say anything about themselves.
func profileOf(v *web.Visit, f verifiedLink, id oidc.Identity) account.Profile {
	f.speak(v)
	known, company := f.known()
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
func (p *Portal) companyFailed(v *web.Visit, c *oidc.Client, err error) {
	if errors.Is(err, account.ErrSuspended) {
		v.Audit(web.EventSignIn, web.ResultRefused, "", "issuer", c.Name)
		suspended(v)
		return
	}
	w := v.Words
	status, text := companyProblem(w, c.DisplayName, err)
	if text == "" {
		v.Fault(err)
		return
	}
	v.Audit(web.EventSignIn, web.ResultFailure, "", "issuer", c.Name)
	p.log.Info("Nobody was signed in by a company", "issuer", c.Name, "why", err.Error())
	v.Notice(status, web.Notice{
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
	case errors.Is(err, errNoMembership), errors.Is(err, errUnknown):
		return http.StatusForbidden, w.T("company.noMembership", "Company", company)
	}
	return 0, ""
}
