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
func (p *Portal) otherAddress(v *visit) string {
	if v.link.offer.Organization == nil || v.link.offer.Invitation.Spec.MemberRef != nil {
		return ""
	}
	return p.path(v, "/address")
}

// getOtherAddress answers GET /invitations/{token}/address.
func (p *Portal) getOtherAddress(v *visit) {
	if p.openForOther(v) {
		p.otherAddressForm(v, http.StatusOK, nil)
	}
}

// openForOther reads the invitation, which the person who is signed in can accept once they have confirmed its address; otherwise it
// answers, and returns false.
func (p *Portal) openForOther(v *visit) bool {
	v.gives = true
	if !p.open(v) {
		return false
	}
	if verdict := v.link.check(p.clock.Now()); verdict != invitation.LinkOpen {
		p.dead(v, verdict)
		return false
	}
	is, err := p.isInvitee(v.r.Context(), v.person, v.link)
	switch {
	case err != nil:
		p.fault(v, err)
	case is:
		p.redirect(v, "")
	case !takesOther(v.person, v.link), !p.admits(v.person, v.link.offer.Organization):
		names := p.otherNames(v)
		p.otherRefused(v, v.words.T("otherAddress.refused.title", names...), v.words.T("otherAddress.refused.text", names...))
	case account.Confirmed(v.person.account, v.link.address):
		// Told only to somebody who has confirmed the address.
		names := p.otherNames(v)
		p.otherRefused(v, v.words.T("otherAddress.taken.title", names...), v.words.T("otherAddress.taken.text", names...))
	default:
		return true
	}
	return false
}

// otherNames are the names in texts about accepting with an account of another address.
func (p *Portal) otherNames(v *visit) []any {
	offer := p.describe(v.r.Context(), v.link, v.words)
	return []any{"Org", offer.Org, "Email", offer.Email, "Contact", offer.Contact, "Account", v.person.account.Spec.Email}
}

// otherRefused says why an account cannot accept an invitation to another address.
func (p *Portal) otherRefused(v *visit, title, text string) {
	p.notice(v, http.StatusForbidden, web.Notice{
		Symbol: web.SymbolStop, Heading: title, Paragraphs: []string{text},
		Go: web.Action{Text: v.words.T("otherAddress.back"), Href: p.path(v, "")},
	})
}

func (p *Portal) otherAddressForm(v *visit, status int, problems []web.Problem) {
	offer := p.describe(v.r.Context(), v.link, v.words)
	title := errorTitle(v.words, v.words.T("otherAddress.title", "Email", offer.Email), problems)
	p.show(v, status, web.PageOtherAddress, title, otherAddressPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Account: v.person.account.Spec.Email,
		Asked:  account.AwaitsCode(v.person.account, addressCode(v), p.clock.Now()),
		Action: p.path(v, "/address"), Back: p.path(v, ""),
	})
}

// addressCode is the code that the person of the visit can ask for: for this invitation and link, and in this session.
func addressCode(v *visit) rosterv1alpha1.AddressCode {
	inv := v.link.offer.Invitation
	return rosterv1alpha1.AddressCode{
		Namespace: inv.Namespace, Invitation: inv.Name, UID: string(inv.UID),
		Attempt: v.link.attempt, Session: v.person.session.ID,
	}
}

// postOtherAddress answers POST /invitations/{token}/address.
func (p *Portal) postOtherAddress(v *visit) {
	if !p.readPost(v) || !p.openForOther(v) {
		return
	}
	if v.r.PostForm.Get(web.FieldAction) == actionSend {
		p.sendAddressCode(v)
		return
	}
	p.takeAddressCode(v)
}

// sendAddressCode has the operator mail a code to the invited address.
func (p *Portal) sendAddressCode(v *visit) {
	who, want, now := v.person, addressCode(v), p.clock.Now()
	if wait := account.UntilCode(who.account, now); wait > 0 {
		if account.AwaitsCode(who.account, want, now) {
			p.redirect(v, "/address") // It has just been sent: a double click.
			return
		}
		p.throttled(v, wait)
		return
	}
	key := "address code " + web.LoginHash(string(v.link.address))
	if _, wait := p.limits.Take(web.Count(p.limits.Mails, key+" account "+who.account.Name), web.Count(p.limits.AllMails, key)); wait > 0 {
		p.throttled(v, wait)
		return
	}
	switch err := p.accounts.RequestCode(v.r.Context(), who.account, want, now); {
	case errors.Is(err, account.ErrSuspended):
		p.suspended(v)
	case err != nil:
		p.fault(v, err)
	default:
		p.redirect(v, "/address")
	}
}

// takeAddressCode takes the code that was mailed. All tries for one address are counted, from whatever accounts they come: a link that was
// passed on gives nobody time to guess.
func (p *Portal) takeAddressCode(v *visit) {
	who, typed := v.person, v.r.PostForm.Get(fieldCode)
	if strings.TrimSpace(typed) == "" {
		p.otherAddressForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: fieldCode, Text: v.words.T("error.addressCode.missing")}})
		return
	}
	tried, wait := p.limits.Take(web.Count(p.limits.AllCodes, "address code "+web.LoginHash(string(v.link.address))))
	if wait > 0 {
		p.audit(v, web.EventAddress, web.ResultThrottled, who.account.Name)
		p.throttled(v, wait)
		return
	}
	keys, err := p.keys.Refresh(v.r.Context())
	if err == nil {
		err = p.accounts.ConfirmAddress(v.r.Context(), who.account, addressCode(v), v.link.address, keys, typed, p.clock.Now())
	}
	switch {
	case errors.Is(err, mailcode.ErrWrong), errors.Is(err, mailcode.ErrVoid):
		p.audit(v, web.EventAddress, web.ResultFailure, who.account.Name)
		p.refuseAddressCode(v, err)
	case err != nil:
		tried.GiveBack()
		p.fault(v, err)
	default:
		tried.GiveBack()
		p.audit(v, web.EventAddress, web.ResultSuccess, who.account.Name, "confirmed", v.link.address.AccountName())
		p.redirect(v, "/address") // which leads on to the invitation, unless the address has an account of its own
	}
}

// refuseAddressCode shows the form once more, as the Account stands now: after the last try it offers a new code.
func (p *Portal) refuseAddressCode(v *visit, why error) {
	acct, err := p.accounts.Named(v.r.Context(), v.person.account.Name)
	if err != nil {
		p.fault(v, err)
		return
	}
	v.person.account = acct
	text := v.words.T("error.addressCode.wrong")
	if errors.Is(why, mailcode.ErrVoid) || !account.AwaitsCode(acct, addressCode(v), p.clock.Now()) {
		text = v.words.T("error.addressCode.void")
	}
	p.otherAddressForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: fieldCode, Text: text}})
}

// takesOther reports whether an invitation can be accepted with an Account of another address than the invited one. A Member who was
// declared has the address that stands there.
func takesOther(who *person, f verifiedLink) bool {
	o, own := f.offer.Organization, address.Address(who.account.Spec.Email)
	return o != nil && f.offer.Invitation.Spec.MemberRef == nil && invitation.DomainAllowed(own, o.Spec.Invitations.AllowedDomains)
}
