// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/portal/web"
)

// otherAddressPage has somebody who is signed in show that they read the mail of the invited address, too.
type otherAddressPage struct {
	web.Fields
	Offer offerView
	// Account is the address of the one who is signed in.
	Account string
	// Asked says that a code is on its way, or has arrived.
	Asked  bool
	Action string
	Back   string
}

// actionSend asks for a code.
const actionSend = "send"

// otherAddress is the page on which people accept with an account of another address; empty where no other account can. It is the same
// for all who look: it tells nothing about the accounts that there are.
func (p *Portal) otherAddress(v *invitationVisit) string {
	if v.link.offer.Organization == nil || v.link.offer.Invitation.Spec.MemberRef != nil {
		return ""
	}
	return v.path("/address")
}

// getOtherAddress answers GET /invitations/{token}/address.
func (p *Portal) getOtherAddress(v *invitationVisit) {
	if p.openForOther(v) {
		p.otherAddressForm(v, http.StatusOK, nil)
	}
}

// openForOther reads the invitation, which the person who is signed in can accept once they have confirmed its address; otherwise it
// answers, and returns false.
func (p *Portal) openForOther(v *invitationVisit) bool {
	if !p.openLink(v, true, registration{}) {
		return false
	}
	if verdict := v.link.check(p.clock.Now()); verdict != invitation.LinkOpen {
		p.dead(v, verdict)
		return false
	}
	is, err := p.isInvitee(v.R.Context(), v.person, v.link)
	switch {
	case err != nil:
		v.Fault(err)
	case is:
		v.redirect("")
	case !takesOther(v.person.account, v.link), !v.person.admits(v.link.offer.Organization):
		names := p.otherNames(v)
		p.otherRefused(v, v.Words.T("otherAddress.refused.title", names...), v.Words.T("otherAddress.refused.text", names...))
	case account.Confirmed(v.person.account, v.link.address):
		// Told only to somebody who has confirmed the address.
		names := p.otherNames(v)
		p.otherRefused(v, v.Words.T("otherAddress.taken.title", names...), v.Words.T("otherAddress.taken.text", names...))
	default:
		return true
	}
	return false
}

// otherNames are the names in texts about accepting with an account of another address.
func (p *Portal) otherNames(v *invitationVisit) []any {
	offer := p.describe(v.R.Context(), v.link, v.Words)
	return []any{"Org", offer.Org, "Email", offer.Email, "Contact", offer.Contact, "Account", v.person.account.Spec.Email}
}

// otherRefused says why an account cannot accept an invitation to another address.
func (p *Portal) otherRefused(v *invitationVisit, title, text string) {
	v.Notice(http.StatusForbidden, web.Notice{
		Symbol: web.SymbolStop, Heading: title, Paragraphs: []string{text},
		Go: web.Action{Text: v.Words.T("otherAddress.back"), Href: v.path("")},
	})
}

func (p *Portal) otherAddressForm(v *invitationVisit, status int, problems []web.Problem) {
	offer := p.describe(v.R.Context(), v.link, v.Words)
	title := v.Words.ErrorTitle(v.Words.T("otherAddress.title", "Email", offer.Email), problems)
	v.Show(status, web.PageOtherAddress, title, otherAddressPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Account: v.person.account.Spec.Email,
		Asked:  account.AwaitsCode(v.person.account, addressCode(v), p.clock.Now()),
		Action: v.path("/address"), Back: v.path(""),
	})
}

// addressCode is the code that the person of the visit can ask for: for this invitation and link, and in this session.
func addressCode(v *invitationVisit) rosterv1alpha1.AddressCode {
	inv := v.link.offer.Invitation
	return rosterv1alpha1.AddressCode{
		Namespace: inv.Namespace, Invitation: inv.Name, UID: string(inv.UID),
		Attempt: v.link.attempt, Session: v.person.session.ID,
	}
}

// postOtherAddress answers POST /invitations/{token}/address.
func (p *Portal) postOtherAddress(v *invitationVisit) {
	if !v.ReadPost() || !p.openForOther(v) {
		return
	}
	if v.R.PostForm.Get(web.FieldAction) == actionSend {
		p.sendAddressCode(v)
		return
	}
	p.takeAddressCode(v)
}

// sendAddressCode has the operator mail a code to the invited address.
func (p *Portal) sendAddressCode(v *invitationVisit) {
	who, want, now := v.person, addressCode(v), p.clock.Now()
	if wait := account.UntilCode(who.account, now); wait > 0 {
		if account.AwaitsCode(who.account, want, now) {
			v.redirect("/address") // It has just been sent: a double click.
			return
		}
		v.Throttled(wait)
		return
	}
	key := "address code " + web.LoginHash(string(v.link.address))
	if _, wait := p.limits.Take(web.Count(p.limits.Mails, key+" account "+who.account.Name), web.Count(p.limits.AllMails, key)); wait > 0 {
		v.Throttled(wait)
		return
	}
	switch err := p.accounts.RequestCode(v.R.Context(), who.account, want, now); {
	case errors.Is(err, account.ErrSuspended):
		suspended(v.Visit)
	case err != nil:
		v.Fault(err)
	default:
		v.redirect("/address")
	}
}

// takeAddressCode takes the code that was mailed. All tries for one address are counted, from whatever accounts they come: a link that was
// passed on gives nobody time to guess.
func (p *Portal) takeAddressCode(v *invitationVisit) {
	who, typed := v.person, v.R.PostForm.Get(web.FieldCode)
	if strings.TrimSpace(typed) == "" {
		p.otherAddressForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.addressCode.missing")}})
		return
	}
	tried, wait := p.limits.Take(web.Count(p.limits.AllCodes, "address code "+web.LoginHash(string(v.link.address))))
	if wait > 0 {
		v.Audit(web.EventAddress, web.ResultThrottled, who.account.Name)
		v.Throttled(wait)
		return
	}
	keys, err := p.keys.Refresh(v.R.Context())
	if err == nil {
		err = p.accounts.ConfirmAddress(v.R.Context(), who.account, addressCode(v), v.link.address, keys, typed, p.clock.Now())
	}
	switch {
	case errors.Is(err, mailcode.ErrWrong), errors.Is(err, mailcode.ErrVoid):
		v.Audit(web.EventAddress, web.ResultFailure, who.account.Name)
		p.refuseAddressCode(v, err)
	case err != nil:
		tried.GiveBack()
		v.Fault(err)
	default:
		tried.GiveBack()
		v.Audit(web.EventAddress, web.ResultSuccess, who.account.Name, "confirmed", v.link.address.AccountName())
		v.redirect("/address") // which leads on to the invitation, unless the address has an account of its own
	}
}

// refuseAddressCode shows the form once more, as the Account stands now: after the last try it offers a new code.
func (p *Portal) refuseAddressCode(v *invitationVisit, why error) {
	acct, err := p.accounts.Named(v.R.Context(), v.person.account.Name)
	if err != nil {
		v.Fault(err)
		return
	}
	v.person.account = acct
	text := v.Words.T("error.addressCode.wrong")
	if errors.Is(why, mailcode.ErrVoid) || !account.AwaitsCode(acct, addressCode(v), p.clock.Now()) {
		text = v.Words.T("error.addressCode.void")
	}
	p.otherAddressForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: web.FieldCode, Text: text}})
}

// takesOther reports whether an invitation can be accepted with an Account of another address than the invited one. A Member who was
// declared has the address that stands there.
func takesOther(acct *rosterv1alpha1.Account, f verifiedLink) bool {
	o, own := f.offer.Organization, address.Address(acct.Spec.Email)
	return o != nil && f.offer.Invitation.Spec.MemberRef == nil && invitation.DomainAllowed(own, o.Spec.Invitations.AllowedDomains)
}
