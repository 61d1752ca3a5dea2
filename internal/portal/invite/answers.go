// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
	"github.com/roster-dev/roster/internal/portal/web"
)

// formError says that the form has to be shown again.
type formError struct {
	problems []web.Problem
	// signIn says that the form that asks for an existing password is the right one.
	signIn bool
	// noPassword: the organisation takes none.
	noPassword bool
	// signedIn is the invited person if they are signed in, and nothing has to be typed.
	signedIn *session.Person
}

func (*formError) Error() string { return "the form has to be corrected" }

// deadError says that the link is not good for what was asked.
type deadError invitation.Verdict

func (deadError) Error() string { return "the link is not good for that" }

// throttledError says how long to wait.
type throttledError struct{ wait time.Duration }

func (e *throttledError) Error() string { return fmt.Sprintf("too many tries, next in %s", e.wait) }

// fail shows what went wrong. What was typed is kept, but for the password.
func (h *Handler) fail(v *visit, err error) error {
	var dead deadError
	var invalid *formError
	var throttled *throttledError
	switch {
	case errors.Is(err, web.ErrAnswered):
		return err
	case errors.As(err, &dead):
		if v.R.Method == http.MethodPost {
			h.Metrics.CountClaim(web.ClaimTooLate)
		}
		return h.dead(v, invitation.Verdict(dead))
	case errors.As(err, &invalid):
		h.Metrics.CountClaim(web.ClaimInvalid)
		return h.form(v, http.StatusUnprocessableEntity, invalid)
	case errors.As(err, &throttled):
		h.Metrics.CountClaim(web.ClaimThrottled)
		return v.Locked(throttled.wait)
	case errors.Is(err, link.ErrUnknown):
		return h.unknown(v)
	case errors.Is(err, account.ErrSuspended):
		v.Audit(web.EventSignIn, web.ResultRefused, v.link.Address.AccountName())
		return signin.Suspended(v.Visit)
	case errors.Is(err, account.ErrTerminating):
		return h.accountTerminating(v)
	case errors.Is(err, account.ErrMismatch):
		v.Log().Error(err, "An Account does not belong to the address that its name says", "account", v.link.Address.AccountName())
		return h.accountMismatch(v)
	default:
		return h.failed(v, err)
	}
}

// failed is for an API server that cannot be reached or refuses. Somebody who has filled in a form gets it back, with what the cache
// knows of the invitation.
func (h *Handler) failed(v *visit, err error) error {
	if v.R.Method == http.MethodPost {
		h.Metrics.CountClaim(web.ClaimFailed)
	}
	if v.typed.Password == "" || v.link.Offer.Invitation == nil || v.verdict() != invitation.LinkOpen {
		return err
	}
	if v.Report(err) {
		return nil
	}
	v.W.Header().Set("Retry-After", web.RetryLater)
	return h.form(v, http.StatusServiceUnavailable, &formError{
		signIn: !v.typed.Registers, problems: []web.Problem{{Text: v.Words.T("error.unavailable")}},
	})
}

// form shows the form that accepts.
func (h *Handler) form(v *visit, status int, e *formError) error {
	offer, ways := h.describe(v), h.ways(v)
	if e.noPassword {
		e.problems = []web.Problem{{Text: ways.Refused}}
	}
	return v.Show(status, web.PageInvitation, v.Words.ErrorTitle(v.Words.T("invitation.title", "Org", offer.Org), e.problems), formPage{
		Fields: web.Fields{Problems: e.problems}, Offer: offer, Form: v.typed, SignIn: e.signIn, SignedIn: emailOf(e.signedIn),
		Rules:  signin.RuleTexts(v.Words, v.link.Offer.Organization.Spec.Security.Password),
		Action: v.path(""), Decline: v.path("/decline"), Ways: ways, Other: h.otherAddress(v),
		Forgotten: v.Path("/forgotten"),
	})
}

// emailOf is empty for nobody.
func emailOf(who *session.Person) string {
	if who == nil {
		return ""
	}
	return who.Account.Spec.Email
}

// formPage is a page with a form about an invitation.
type formPage struct {
	web.Fields
	Offer   offerView
	Form    signin.Registration
	SignIn  bool
	Rules   []string
	Action  string
	Decline string
	Back    string
	// Forgotten is where to ask for a new password.
	Forgotten string
	// Ways are those to sign in that open the organisation.
	Ways waysView
	// SignedIn is the address of the invited person's Account, if they are signed in on this browser.
	SignedIn string
	// Other is where people accept with an account of another address; empty where none can.
	Other string
}

// dead says why a link cannot be used, and what to do.
func (h *Handler) dead(v *visit, verdict invitation.Verdict) error {
	w, offer := v.Words, h.describe(v)
	switch verdict {
	case invitation.LinkNotReady:
		v.W.Header().Set("Retry-After", web.RetrySoon)
		return v.Notice(http.StatusServiceUnavailable, web.Notice{
			Symbol: web.SymbolClock, Heading: w.T("dead.notReady.title"), Paragraphs: []string{w.T("dead.notReady.text")}, Again: v.path(""),
		})
	case invitation.LinkSuspended:
		return v.Say(http.StatusForbidden, web.SymbolStop, w.T("dead.suspended.title"),
			w.T("dead.suspended.text", "Org", offer.Org), w.T("dead.suspended.next", "Contact", offer.Contact))
	case invitation.LinkEnded:
		return v.Say(http.StatusForbidden, web.SymbolClock, w.T("dead.ended.title"),
			w.T("dead.ended.text", "Org", offer.Org, "At", w.Moment(v.link.Offer.EndTime().Time)), w.T("dead.ended.next", "Contact", offer.Contact))
	case invitation.LinkNotAllowed:
		return v.Say(http.StatusForbidden, web.SymbolStop, w.T("dead.notAllowed.title"),
			w.T("dead.notAllowed.text", "Org", offer.Org, "Domain", v.link.Address.Domain()),
			w.T("dead.notAllowed.next", "Contact", offer.Contact))
	case invitation.LinkInviterLostRight:
		return v.Notice(http.StatusForbidden, h.lostRight(v, offer))
	default:
		return v.Notice(http.StatusGone, h.goneNotice(v, verdict, offer))
	}
}

// goneNotice is for links that never work again.
func (h *Handler) goneNotice(v *visit, verdict invitation.Verdict, offer offerView) web.Notice {
	w := v.Words
	switch verdict {
	case invitation.LinkSuperseded:
		return web.Notice{Symbol: web.SymbolMail, Heading: w.T("dead.superseded.title"),
			Paragraphs: []string{w.T("dead.superseded.text", "Email", offer.Email), w.T("dead.superseded.next")}}
	case invitation.LinkAccepted:
		next := w.T("dead.accepted.next", "Contact", offer.Contact)
		if len(offer.Environments) > 0 {
			next = w.T("dead.accepted.signIn", "Contact", offer.Contact)
		}
		return web.Notice{Symbol: web.SymbolCheck, Heading: w.T("dead.accepted.title"), Environments: offer.Environments,
			Paragraphs: []string{w.T("dead.accepted.text", "Org", offer.Org), next}, Go: v.ToAccount()}
	case invitation.LinkDeclined:
		return web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.declined.title"),
			Paragraphs: []string{w.T("dead.declined.text", "Org", offer.Org), w.T("dead.declined.next", "Contact", offer.Contact)}}
	case invitation.LinkExpired:
		return web.Notice{Symbol: web.SymbolClock, Heading: w.T("dead.expired.title"),
			Paragraphs: []string{expiredText(w, offer), w.T("dead.expired.next", "Contact", offer.Contact)}}
	case invitation.LinkRenewable:
		return web.Notice{Symbol: web.SymbolClock, Heading: w.T("dead.expired.title"), Renew: v.path(""),
			Paragraphs: []string{expiredText(w, offer), w.T("dead.renewable.next", "Email", offer.Email)}}
	case invitation.LinkRenewing:
		return web.Notice{Symbol: web.SymbolMail, Heading: w.T("dead.renewing.title"),
			Paragraphs: []string{w.T("dead.renewing.text", "Email", offer.Email), w.T("dead.renewing.next")}}
	}
	return web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.revoked.title"),
		Paragraphs: []string{w.T("dead.revoked.text"), w.T("dead.revoked.next", "Contact", offer.Contact)}}
}

func expiredText(w web.Words, offer offerView) string {
	return w.T("dead.expired.text", "Org", offer.Org, "Until", offer.Until.Text)
}

// lostRight says whom to ask instead of the person who invited.
func (h *Handler) lostRight(v *visit, offer offerView) web.Notice {
	w := v.Words
	contact := w.T("contact.team")
	if offer.Owner != nil && offer.Owner.Name != offer.Inviter {
		contact = offer.Owner.Name
	}
	return web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.lostRight.title"), Decline: v.path("/decline"), Paragraphs: []string{
		w.T("dead.lostRight.text", "Org", offer.Org, "Inviter", offer.Inviter), w.T("dead.lostRight.next", "Contact", contact),
	}}
}

// unknown is the one answer to links that are not ours, forged, cut short, or of invitations that are gone.
func (h *Handler) unknown(v *visit) error {
	w := v.Words
	return v.Say(http.StatusNotFound, web.SymbolLink, w.T("dead.unknown.title"), w.T("dead.unknown.text"), w.T("dead.unknown.next"))
}

// accountTerminating asks for a minute: the old account has to go before another can be made.
func (h *Handler) accountTerminating(v *visit) error {
	w := v.Words
	v.W.Header().Set("Retry-After", web.RetryLater)
	return v.Notice(http.StatusServiceUnavailable, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.account.title"),
		Paragraphs: []string{w.T("problem.account.text")}, Again: v.path("")})
}

func (h *Handler) accountMismatch(v *visit) error {
	w, offer := v.Words, h.describe(v)
	return v.Say(http.StatusConflict, "", w.T("problem.mismatch.title"), w.T("problem.mismatch.text"),
		w.T("problem.mismatch.next", "Contact", offer.Contact))
}
