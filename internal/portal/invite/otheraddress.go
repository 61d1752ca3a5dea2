// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"errors"
	"net/http"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
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
func (h *Handler) otherAddress(v *visit) string {
	if v.link.Offer.Organization == nil || v.link.Offer.Invitation.Spec.MemberRef != nil {
		return ""
	}
	return v.path("/address")
}

func (h *Handler) getOtherAddress(v *visit) error { return h.otherAddressForm(v, nil) }

// openedByOther makes a page on which somebody who is signed in shows that the invited address is theirs, too.
func (h *Handler) openedByOther(page func(*visit) error) func(*web.Visit) error {
	return h.Sessions.Require(func(by *session.Visit) error {
		v := &visit{Visit: by.Visit, person: by.Person}
		if err := h.open(v, true); err != nil {
			return h.fail(v, err)
		}
		if err := h.mayConfirm(v); err != nil {
			return err
		}
		return page(v)
	})
}

// mayConfirm answers if the person who is signed in could not accept the invitation once they have confirmed its address.
func (h *Handler) mayConfirm(v *visit) error {
	if verdict := v.verdict(); verdict != invitation.LinkOpen {
		return web.Answered(h.dead(v, verdict))
	}
	is, err := h.isInvitee(v.R.Context(), v.person, v.link)
	switch {
	case err != nil:
		return err
	case is:
		return web.Answered(v.redirect(""))
	case !takesOther(v.person.Account, v.link), !v.person.Admits(v.link.Offer.Organization):
		names := h.otherNames(v)
		return web.Answered(
			h.otherRefused(v, v.Words.T("otherAddress.refused.title", names...), v.Words.T("otherAddress.refused.text", names...)))
	case account.Confirmed(v.person.Account, v.link.Address):
		// Told only to somebody who has confirmed the address.
		names := h.otherNames(v)
		return web.Answered(
			h.otherRefused(v, v.Words.T("otherAddress.taken.title", names...), v.Words.T("otherAddress.taken.text", names...)))
	}
	return nil
}

// otherNames are the names in texts about accepting with an account of another address.
func (h *Handler) otherNames(v *visit) []any {
	offer := h.describe(v)
	return []any{"Org", offer.Org, "Email", offer.Email, "Contact", offer.Contact, "Account", v.person.Account.Spec.Email}
}

// otherRefused says why an account cannot accept an invitation to another address.
func (h *Handler) otherRefused(v *visit, title, text string) error {
	return v.Notice(http.StatusForbidden, web.Notice{
		Symbol: web.SymbolStop, Heading: title, Paragraphs: []string{text},
		Go: web.Action{Text: v.Words.T("otherAddress.back"), Href: v.path("")},
	})
}

func (h *Handler) otherAddressForm(v *visit, problems []web.Problem) error {
	offer := h.describe(v)
	return v.Form(web.PageOtherAddress, v.Words.T("otherAddress.title", "Email", offer.Email), problems, otherAddressPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Account: v.person.Account.Spec.Email,
		Asked:  account.AwaitsCode(v.person.Account, addressCode(v), v.Now()),
		Action: v.path("/address"), Back: v.path(""),
	})
}

// addressCode is the code that the person of the visit can ask for: for this invitation and link, and in this session.
func addressCode(v *visit) rosterv1alpha1.AddressCode {
	inv := v.link.Offer.Invitation
	return rosterv1alpha1.AddressCode{
		Namespace: inv.Namespace, Invitation: inv.Name, UID: string(inv.UID),
		Attempt: v.link.Attempt, Session: v.person.Session.ID,
	}
}

func (h *Handler) postOtherAddress(v *visit) error {
	if v.R.PostForm.Get(web.FieldAction) == actionSend {
		return h.sendAddressCode(v)
	}
	return h.takeAddressCode(v)
}

// sendAddressCode has the operator mail a code to the invited address.
func (h *Handler) sendAddressCode(v *visit) error {
	who, want, now := v.person, addressCode(v), v.Now()
	if wait := account.UntilCode(who.Account, now); wait > 0 {
		if account.AwaitsCode(who.Account, want, now) {
			return v.redirect("/address")
		}
		return v.Throttled(wait)
	}
	key := "address code " + web.LoginHash(string(v.link.Address))
	if _, wait := h.Limits.Take(web.Count(h.Limits.Mails, key+" account "+who.Account.Name), web.Count(h.Limits.AllMails, key)); wait > 0 {
		return v.Throttled(wait)
	}
	switch err := h.Accounts.RequestCode(v.R.Context(), who.Account, want, now); {
	case errors.Is(err, account.ErrSuspended):
		return signin.Suspended(v.Visit)
	case err != nil:
		return err
	default:
		return v.redirect("/address")
	}
}

// takeAddressCode takes the code that was mailed. All tries for one address are counted, from whatever accounts they come: a link that was
// passed on gives nobody time to guess.
func (h *Handler) takeAddressCode(v *visit) error {
	who, typed := v.person, v.R.PostForm.Get(web.FieldCode)
	if strings.TrimSpace(typed) == "" {
		return h.otherAddressForm(v, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.addressCode.missing")}})
	}
	tried, wait := h.Limits.Take(web.Count(h.Limits.AllCodes, "address code "+web.LoginHash(string(v.link.Address))))
	if wait > 0 {
		v.Audit(web.EventAddress, web.ResultThrottled, who.Account.Name)
		return v.Throttled(wait)
	}
	keys, err := h.LinkKeys.Refresh(v.R.Context())
	if err == nil {
		err = h.Accounts.ConfirmAddress(v.R.Context(), who.Account, addressCode(v), v.link.Address, keys, typed, v.Now())
	}
	switch {
	case errors.Is(err, mailcode.ErrWrong), errors.Is(err, mailcode.ErrVoid):
		v.Audit(web.EventAddress, web.ResultFailure, who.Account.Name)
		return h.refuseAddressCode(v, err)
	case err != nil:
		tried.GiveBack()
		return err
	default:
		tried.GiveBack()
		v.Audit(web.EventAddress, web.ResultSuccess, who.Account.Name, "confirmed", v.link.Address.AccountName())
		return v.redirect("/address") // which leads on to the invitation, unless the address has an account of its own
	}
}

// refuseAddressCode shows the form once more, as the Account stands now: after the last try it offers a new code.
func (h *Handler) refuseAddressCode(v *visit, why error) error {
	acct, err := h.Accounts.Named(v.R.Context(), v.person.Account.Name)
	if err != nil {
		return err
	}
	v.person.Account = acct
	text := v.Words.T("error.addressCode.wrong")
	if errors.Is(why, mailcode.ErrVoid) || !account.AwaitsCode(acct, addressCode(v), v.Now()) {
		text = v.Words.T("error.addressCode.void")
	}
	return h.otherAddressForm(v, []web.Problem{{Field: web.FieldCode, Text: text}})
}
