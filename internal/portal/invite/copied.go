// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	copiedCookie = "roster-copied"
	copiedUse    = "roster.dev portal copied link v1"
)

// copiedPage has somebody with a copied link show that they are the invited person. Until they have, it tells the name of the organisation
// and nothing else: neither who is invited nor whether they have an account.
type copiedPage struct {
	web.Fields
	Org string
	// Account is the address of the person who is signed in, whom the invitation is not for; empty for nobody.
	Account string
	// Asked: a code is on its way that this browser can use.
	Asked bool
	// SignIn leads to the sign-in and back; empty for somebody who is signed in.
	SignIn string
	Action string
}

// openedByCopy makes a page about the invitation of a copied link. Those who are signed in as the invited person go on to the invitation.
func (h *Handler) openedByCopy(page func(*visit) error) func(*web.Visit) error {
	return func(base *web.Visit) error {
		v := &visit{Visit: base}
		var err error
		v.link, err = h.Links.OpenCopied(v.R.Context(), v.R.PathValue("token"), v.R.Method != http.MethodPost)
		if errors.Is(err, link.ErrUnknown) {
			return h.copiedDead(v)
		}
		if err != nil {
			return err
		}
		v.link.Speak(v.Visit)
		if v.verdict() != invitation.LinkOpen || v.link.Offer.Organization == nil {
			return h.copiedDead(v)
		}
		if v.person, err = h.Sessions.Current(v.Visit); err != nil {
			return err
		}
		if v.person != nil {
			if is, err := h.isInvitee(v.R.Context(), v.person, v.link); err != nil {
				return err
			} else if is {
				return h.toMailed(v)
			}
		}
		return page(v)
	}
}

// copiedDead is the same for every link that leads nowhere, whatever the reason.
func (h *Handler) copiedDead(v *visit) error {
	return v.Say(http.StatusGone, web.SymbolLink, v.Words.T("copied.dead.title"), v.Words.T("copied.dead.text"))
}

// toMailed leads the invited person on to the page that the mailed link opens.
func (h *Handler) toMailed(v *visit) error {
	token, err := h.Links.Mailed(v.R.Context(), v.link)
	if err != nil {
		return err
	}
	return v.Redirect(v.Path("/invitations/" + token))
}

func (v *visit) copiedPath() string { return "/copied/" + v.link.Token }

func (h *Handler) getCopied(v *visit) error { return h.copiedForm(v, nil) }

func (h *Handler) copiedForm(v *visit, problems []web.Problem) error {
	inv := v.link.Offer.Invitation
	page := copiedPage{
		Fields: web.Fields{Problems: problems}, Org: v.link.Offer.Organization.Spec.DisplayName, Action: v.Path(v.copiedPath()),
		Asked: invitation.AwaitsCode(inv, v.link.Attempt, v.browserID(), v.Now()),
	}
	if v.person != nil {
		page.Account = v.person.Account.Spec.Email
	} else {
		page.SignIn = v.Forward("/sign-in", v.copiedPath())
	}
	return v.Form(web.PageCopiedLink, v.Words.T("copied.title", "Org", page.Org), problems, page)
}

// browserID tells browsers apart that ask for codes. It is sealed: nobody makes one up who reads a status.
func (v *visit) browserID() string {
	var id string
	if ok, err := v.OpenCookie(copiedCookie, copiedUse, &id); !ok || err != nil {
		return ""
	}
	return id
}

func (h *Handler) postCopied(v *visit) error {
	if v.R.PostForm.Get(web.FieldAction) == actionSend {
		return h.sendInvitationCode(v)
	}
	return h.takeInvitationCode(v)
}

// codeKey is what codes are counted by: all links to one mailbox together.
func (v *visit) codeKey() string { return "invitation code " + web.LoginHash(string(v.link.Address)) }

// sendInvitationCode has the operator mail a code to the invited address. It reads there where the mail goes.
func (h *Handler) sendInvitationCode(v *visit) error {
	inv, id := v.link.Offer.Invitation, v.browserID()
	if wait := invitation.UntilCode(inv, v.Now()); wait > 0 {
		if invitation.AwaitsCode(inv, v.link.Attempt, id, v.Now()) {
			return v.Redirect(v.Path(v.copiedPath()))
		}
		return v.Throttled(wait)
	}
	byWhom := v.codeKey() + " by " + h.Sessions.Requester(v.Visit)
	if _, wait := h.Limits.Take(web.Count(h.Limits.Mails, byWhom), web.Count(h.Limits.AllMails, v.codeKey())); wait > 0 {
		return v.Throttled(wait)
	}
	if id == "" {
		id = rand.Text()
	}
	if err := v.SealCookie(copiedCookie, copiedUse, id, mailcode.Lifetime); err != nil {
		return err
	}
	_, err := h.settle(v, invitation.LinkOpen, func(inv *rosterv1alpha1.Invitation, now time.Time) {
		if invitation.UntilCode(inv, now) == 0 { // Somebody else may have asked for one just now.
			invitation.RequestCode(inv, v.link.Attempt, id, now)
		}
	})
	if err != nil {
		return err
	}
	return v.Redirect(v.Path(v.copiedPath()))
}

// takeInvitationCode takes the code that was mailed. All tries for one address are counted, from whatever browsers they come.
func (h *Handler) takeInvitationCode(v *visit) error {
	typed := v.R.PostForm.Get(web.FieldCode)
	if strings.TrimSpace(typed) == "" {
		return h.copiedForm(v, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.addressCode.missing")}})
	}
	tried, wait := h.Limits.Take(web.Count(h.Limits.AllCodes, v.codeKey()))
	if wait > 0 {
		v.Audit(web.EventAddress, web.ResultThrottled, "", v.of()...)
		return v.Throttled(wait)
	}
	keys, err := h.LinkKeys.Refresh(v.R.Context())
	if err != nil {
		tried.GiveBack()
		return err
	}
	id := v.browserID()
	refused := mailcode.ErrVoid
	wrote, err := h.settle(v, invitation.LinkOpen, func(inv *rosterv1alpha1.Invitation, now time.Time) {
		refused = invitation.TakeCode(inv, v.link.Attempt, id, v.link.Address, keys, typed, now)
	})
	switch {
	case err != nil:
		tried.GiveBack()
		return err
	case !wrote:
		return h.copiedDead(v)
	case refused != nil:
		v.Audit(web.EventAddress, web.ResultFailure, "", v.of()...)
		text := v.Words.T("error.addressCode.wrong")
		if !invitation.AwaitsCode(v.link.Offer.Invitation, v.link.Attempt, id, v.Now()) {
			text = v.Words.T("error.addressCode.void")
		}
		return h.copiedForm(v, []web.Problem{{Field: web.FieldCode, Text: text}})
	}
	tried.GiveBack()
	v.Audit(web.EventAddress, web.ResultSuccess, "", v.of()...)
	v.DropCookie(copiedCookie)
	return h.toMailed(v)
}

// of names the invitation in lines about events.
func (v *visit) of() []any {
	inv := v.link.Offer.Invitation
	return []any{"namespace", inv.Namespace, "invitation", inv.Name}
}
