// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
)

// waysView are the ways to sign in that open an organisation.
type waysView struct {
	// Company is the company's sign-in; empty if there is none for the address.
	Company companyView
	// Text introduces it.
	Text string
	// Refused says why no password is taken; empty if one is.
	Refused string
}

// ways are those that open the organisation of the invitation of the visit, for the invited person.
func (p *Portal) ways(v *invitationVisit) waysView {
	o, w := v.link.offer.Organization, v.Words
	if o == nil {
		return waysView{}
	}
	var view waysView
	c := p.companies.OfferedBy(o.Spec.Security, v.link.address)
	if c != nil {
		view.Company = companyView{Name: c.DisplayName, Href: v.Forward("/sign-in/company/"+c.Name, "/invitations/"+v.link.token)}
		view.Text = w.T("company.or", "Company", c.DisplayName)
	}
	ways := o.Spec.Security.SignIn
	if len(ways) == 0 || slices.Contains(ways, rosterv1alpha1.SignInPassword) {
		return view
	}
	view.Refused = w.T("company.notOffered", "Contact", p.describe(v.R.Context(), v.link, w).Contact)
	if c != nil {
		view.Refused = w.T("company.only", "Company", c.DisplayName)
		view.Text = view.Refused
	}
	return view
}

// isInvitee reports whether somebody who is signed in is the one whom the invitation is for: their Account is that of the address, or they
// have shown that the address is theirs, too. A link is not enough for that: somebody to whom it was passed on has it as well. Where the
// address has an Account of its own, that one accepts.
func (p *Portal) isInvitee(ctx context.Context, who *person, f verifiedLink) (bool, error) {
	switch {
	case who.account.Name == f.address.AccountName():
		return true, nil
	case !takesOther(who.account, f), !account.Confirmed(who.account, f.address) && !p.companyConfirmed(who, f):
		return false, nil
	}
	_, _, err := p.accounts.Find(ctx, f.address)
	if errors.Is(err, account.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// companyConfirmed reports whether the company that the organisation signs in with said at the sign-in that the address is the person's.
func (p *Portal) companyConfirmed(who *person, f verifiedLink) bool {
	policy, own := f.offer.Organization.Spec.Security, address.Address(who.account.Spec.Email)
	return who.session.Also == f.address && p.companies.OfferedBy(policy, f.address) != nil && p.companies.OfferedBy(policy, own) != nil
}
