// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
	"github.com/roster-dev/roster/internal/portal/web"
)

// waysView are the ways to sign in that open an organisation.
type waysView struct {
	// Company is the company's sign-in; empty if there is none for the address.
	Company signin.CompanyLink
	// Text introduces it.
	Text string
	// Refused says why no password is taken; empty if one is.
	Refused string
}

// ways are those that open the organisation of the invitation of the visit, for the invited person.
func (h *Handler) ways(v *visit) waysView {
	o, w := v.link.Offer.Organization, v.Words
	if o == nil {
		return waysView{}
	}
	var view waysView
	c := h.Companies.OfferedBy(o.Spec.Security, v.link.Address)
	if c != nil {
		view.Company = signin.CompanyLink{Name: c.DisplayName, Href: v.Forward("/sign-in/company/"+c.Name, "/invitations/"+v.link.Token)}
		view.Text = w.T("company.or", "Company", c.DisplayName)
	}
	if takesPassword(o) {
		return view
	}
	view.Refused = w.T("company.notOffered", "Contact", h.describe(v).Contact)
	if c != nil {
		view.Refused = w.T("company.only", "Company", c.DisplayName)
		view.Text = view.Refused
	}
	return view
}

// takesPassword reports whether an organisation lets people sign in with a password.
func takesPassword(o *rosterv1alpha1.Organization) bool {
	ways := o.Spec.Security.SignIn
	return len(ways) == 0 || slices.Contains(ways, rosterv1alpha1.SignInPassword)
}

// isInvitee reports whether somebody who is signed in is the one whom the invitation is for: their Account is that of the address, or they
// have shown that the address is theirs, too. A link is not enough for that: somebody to whom it was passed on has it as well. Where the
// address has an Account of its own, that one accepts.
func (h *Handler) isInvitee(ctx context.Context, who *session.Person, f link.Verified) (bool, error) {
	switch {
	case who.Account.Name == f.Address.AccountName():
		return true, nil
	case !takesOther(who.Account, f), !account.Confirmed(who.Account, f.Address) && !h.companyConfirmed(who, f):
		return false, nil
	}
	_, _, err := h.Accounts.Find(ctx, f.Address)
	if errors.Is(err, account.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// companyConfirmed reports whether the company that the organisation signs in with said at the sign-in that the address is the person's.
func (h *Handler) companyConfirmed(who *session.Person, f link.Verified) bool {
	policy, own := f.Offer.Organization.Spec.Security, address.Address(who.Account.Spec.Email)
	return who.Session.Also == f.Address && h.Companies.OfferedBy(policy, f.Address) != nil && h.Companies.OfferedBy(policy, own) != nil
}

// takesOther reports whether an invitation can be accepted with an Account of another address than the invited one. A Member who was
// declared has the address that stands there.
func takesOther(acct *rosterv1alpha1.Account, f link.Verified) bool {
	o, own := f.Offer.Organization, address.Address(acct.Spec.Email)
	return o != nil && f.Offer.Invitation.Spec.MemberRef == nil && invitation.DomainAllowed(own, o.Spec.Invitations.AllowedDomains)
}

// prove returns the person who sent the form, once they have shown to be the invited person: they are signed in as that, give the password
// of the Account that is there, or make one with its first password. After a double click, somebody who knows the password of the Account
// that accepted is that person.
func (h *Handler) prove(v *visit, verdict invitation.Verdict) (session.Login, error) {
	who, err := h.invited(v)
	if err != nil {
		return session.Login{}, err
	}
	if who != nil {
		return session.Login{Account: who.Account, Session: who.Session, Held: true}, nil
	}
	if verdict == invitation.LinkOpen && !takesPassword(v.link.Offer.Organization) {
		return session.Login{}, &formError{noPassword: true}
	}
	d, err := h.Sessions.Browser(v.Visit)
	switch {
	case err != nil:
		return session.Login{}, err
	case verdict == invitation.LinkOpen:
		return h.register(v, d)
	}
	return h.authenticate(v, d, func() (*rosterv1alpha1.Account, account.Credentials, error) {
		return h.Accounts.Authenticate(v.R.Context(), v.link.Address, v.typed.Password)
	})
}

// register makes the Account with its first password, or checks the password of the one that is there. Whether one is there, the page
// looked at; it is looked at again only where the form shows that there was, or registering fails.
func (h *Handler) register(v *visit, d web.Device) (session.Login, error) {
	look := !v.typed.Registers
	for range maxRounds {
		if look {
			acct, c, err := h.Accounts.Read(v.R.Context(), v.link.Address)
			switch {
			case err == nil:
				return h.authenticate(v, d, func() (*rosterv1alpha1.Account, account.Credentials, error) {
					c, err := h.Accounts.CheckPassword(v.R.Context(), acct, c, v.typed.Password)
					return acct, c, err
				})
			case !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrNoCredentials):
				return session.Login{}, err
			}
		}
		problems := h.problems(v)
		switch {
		case len(problems) > 0 && look:
			return session.Login{}, &formError{problems: problems}
		case len(problems) == 0:
			acct, s, err := h.Accounts.Register(
				v.R.Context(), v.link.Address, v.typed.Profile(), v.typed.Password, session.OnDevice(v.Visit, d), v.Now())
			if apierrors.IsInvalid(err) {
				return session.Login{}, &formError{problems: []web.Problem{{Text: v.Words.T("error.refused")}}}
			}
			if !errors.Is(err, account.ErrCredentialsExist) && !apierrors.IsConflict(err) {
				return session.Login{Account: acct, Session: s, Device: d, Begun: true}, err
			}
		}
		look = true // Somebody else was faster, or there was an Account before the page was opened.
	}
	return session.Login{}, errContention
}

// problems are those of the form that makes an Account.
func (h *Handler) problems(v *visit) []web.Problem {
	org := v.link.Offer.Organization.Spec
	owner := account.Person{Address: v.link.Address, Names: []string{org.DisplayName}}
	return v.typed.Check(v.Words, h.Common, org.Security.Password, owner)
}

// invited is the person who is signed in, if it is the invited one and their session opens the organisation; else nil.
func (h *Handler) invited(v *visit) (*session.Person, error) {
	who, err := h.Sessions.Current(v.Visit)
	if err != nil || who == nil {
		return nil, err
	}
	if is, err := h.isInvitee(v.R.Context(), who, v.link); err != nil || !is {
		return nil, err
	}
	if o := v.link.Offer.Organization; o != nil && !who.Admits(o) {
		return nil, nil
	}
	return who, nil
}

// authenticate checks the password of the Account that is there, if another try is allowed. It changes nothing about it.
func (h *Handler) authenticate(
	v *visit, d web.Device, check func() (*rosterv1alpha1.Account, account.Credentials, error),
) (session.Login, error) {
	wrong := func(text string) error {
		return &formError{signIn: true, problems: []web.Problem{{Field: web.FieldPassword, Text: text}}}
	}
	if v.typed.Password == "" {
		return session.Login{}, wrong(v.Words.T("error.signIn.missing"))
	}
	tried, wait := h.Limits.Take(h.Limits.Tries(string(v.link.Address), d, string(v.link.Offer.Invitation.UID), v.Client)...)
	if wait > 0 {
		v.Audit(web.EventSignIn, web.ResultThrottled, v.link.Address.AccountName())
		return session.Login{}, &throttledError{wait: wait}
	}
	acct, c, err := check()
	if errors.Is(err, account.ErrWrongPassword) || errors.Is(err, account.ErrNoCredentials) {
		h.Metrics.CountClaim(web.ClaimWrongPassword)
		v.Audit(web.EventSignIn, web.ResultFailure, v.link.Address.AccountName())
		if v.typed.Registers {
			return session.Login{}, wrong(v.Words.T("signIn.appeared"))
		}
		return session.Login{}, wrong(v.Words.T("error.signIn.wrong"))
	}
	tried.GiveBack()
	if err != nil {
		return session.Login{}, err
	}
	s := account.NewSession(acct, c, account.MethodPassword, v.Now())
	return session.Login{Account: acct, Credentials: c, Session: s, Device: d}, nil
}
