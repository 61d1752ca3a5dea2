// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// retrySoon is how long to wait for the cluster to catch up with a mail, retryLater for an API server that is away. In seconds.
const (
	retrySoon  = "5"
	retryLater = "60"
)

// show writes a page in the language of the visit.
func (p *Portal) show(v *visit, status int, name web.PageName, title string, content any) {
	if err := p.pages.Write(v.w, status, name, v.words, title, v.menu, content); err != nil {
		p.log.Error(err, "Cannot write a page")
	}
}

func (p *Portal) notice(v *visit, status int, n web.Notice) {
	p.show(v, status, web.PageNotice, n.Heading, n)
}

// dead says why a link cannot be used, and what to do.
func (p *Portal) dead(v *visit, verdict invitation.Verdict) {
	w, offer := v.words, p.describe(v.r.Context(), v.link, v.words)
	switch verdict {
	case invitation.LinkNotReady:
		v.w.Header().Set("Retry-After", retrySoon)
		p.notice(v, http.StatusServiceUnavailable, web.Notice{
			Symbol: web.SymbolClock, Heading: w.T("dead.notReady.title"), Paragraphs: []string{w.T("dead.notReady.text")}, Again: p.path(v, ""),
		})
	case invitation.LinkSuspended:
		p.notice(v, http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.suspended.title"), Paragraphs: []string{
			w.T("dead.suspended.text", "Org", offer.Org), w.T("dead.suspended.next", "Contact", offer.Contact),
		}})
	case invitation.LinkNotAllowed:
		p.notice(v, http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.notAllowed.title"), Paragraphs: []string{
			w.T("dead.notAllowed.text", "Org", offer.Org, "Domain", v.link.address.Domain()),
			w.T("dead.notAllowed.next", "Contact", offer.Contact),
		}})
	case invitation.LinkInviterLostRight:
		p.notice(v, http.StatusForbidden, p.lostRight(v, offer))
	default:
		p.notice(v, http.StatusGone, p.goneNotice(v, verdict, offer))
	}
}

// goneNotice is for links that never work again.
func (p *Portal) goneNotice(v *visit, verdict invitation.Verdict, offer offerView) web.Notice {
	w := v.words
	switch verdict {
	case invitation.LinkSuperseded:
		return web.Notice{Symbol: web.SymbolMail, Heading: w.T("dead.superseded.title"),
			Paragraphs: []string{w.T("dead.superseded.text"), w.T("dead.superseded.next")}}
	case invitation.LinkAccepted:
		next := w.T("dead.accepted.next", "Contact", offer.Contact)
		if len(offer.Environments) > 0 {
			next = w.T("dead.accepted.signIn", "Contact", offer.Contact)
		}
		return web.Notice{Symbol: web.SymbolCheck, Heading: w.T("dead.accepted.title"), Environments: offer.Environments,
			Paragraphs: []string{w.T("dead.accepted.text", "Org", offer.Org), next}}
	case invitation.LinkDeclined:
		return web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.declined.title"),
			Paragraphs: []string{w.T("dead.declined.text", "Org", offer.Org), w.T("dead.declined.next", "Contact", offer.Contact)}}
	case invitation.LinkExpired:
		return web.Notice{Symbol: web.SymbolClock, Heading: w.T("dead.expired.title"),
			Paragraphs: []string{expiredText(w, offer), w.T("dead.expired.next", "Contact", offer.Contact)}}
	case invitation.LinkRenewable:
		return web.Notice{Symbol: web.SymbolClock, Heading: w.T("dead.expired.title"), Renew: p.path(v, ""),
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

// lostRight says whom to ask instead of whoever invited.
func (p *Portal) lostRight(v *visit, offer offerView) web.Notice {
	w := v.words
	contact := w.T("contact.team")
	if offer.Owner != nil && offer.Owner.Name != offer.Inviter {
		contact = offer.Owner.Name
	}
	return web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.lostRight.title"), Decline: p.path(v, "/decline"), Paragraphs: []string{
		w.T("dead.lostRight.text", "Org", offer.Org, "Inviter", offer.Inviter), w.T("dead.lostRight.next", "Contact", contact),
	}}
}

// unknown is the one answer to links that are not ours, forged, cut short, or of invitations that are gone.
func (p *Portal) unknown(v *visit) {
	w := v.words
	p.notice(v, http.StatusNotFound, web.Notice{Symbol: web.SymbolLink, Heading: w.T("dead.unknown.title"),
		Paragraphs: []string{w.T("dead.unknown.text"), w.T("dead.unknown.next")}})
}

// suspended is for somebody who gave the right password of an Account that is suspended.
func (p *Portal) suspended(v *visit) {
	w := v.words
	p.notice(v, http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("problem.suspended.title"),
		Paragraphs: []string{w.T("problem.suspended.text")}})
}

// unavailable says that the API server cannot be reached.
func (p *Portal) unavailable(v *visit) {
	w := v.words
	v.w.Header().Set("Retry-After", retryLater)
	p.notice(v, http.StatusServiceUnavailable, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.unavailable.title"),
		Paragraphs: []string{w.T("problem.unavailable.text")}, Again: "?" + strings.TrimPrefix(w.Query(), "?")})
}

func (p *Portal) throttled(v *visit, wait time.Duration) {
	w := v.words
	v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	p.notice(v, http.StatusTooManyRequests, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.throttled.title"),
		Paragraphs: []string{w.N("problem.throttled.text", int(math.Ceil(wait.Minutes())))}})
}

// busy asks for patience: too many sign in at once.
func (p *Portal) busy(v *visit) {
	w := v.words
	v.w.Header().Set("Retry-After", retrySoon)
	p.notice(v, http.StatusServiceUnavailable, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.busy.title"),
		Paragraphs: []string{w.T("problem.busy.text")}})
}

// locked is throttled for somebody who may be kept out by others who try at their account: it says how to get in all the same.
func (p *Portal) locked(v *visit, wait time.Duration) {
	w := v.words
	v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	p.notice(v, http.StatusTooManyRequests, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.throttled.title"),
		Paragraphs: []string{w.N("problem.throttled.text", int(math.Ceil(wait.Minutes()))), w.T("problem.locked.text")},
		Go:         web.Action{Text: w.T("problem.locked.go"), Href: p.root + "/forgotten" + w.Query()}})
}

func (p *Portal) notFound(v *visit) {
	w := v.words
	p.notice(v, http.StatusNotFound, web.Notice{Symbol: web.SymbolLink, Heading: w.T("problem.notFound.title"),
		Paragraphs: []string{w.T("problem.notFound.text")}})
}

func (p *Portal) methodNotAllowed(v *visit, allow string) {
	w := v.words
	v.w.Header().Set("Allow", allow)
	p.notice(v, http.StatusMethodNotAllowed, web.Notice{
		Heading: w.T("problem.method.title"), Paragraphs: []string{w.T("problem.method.text")},
	})
}

func (p *Portal) tooLarge(v *visit) {
	w := v.words
	v.w.Header().Set("Connection", "close")
	p.notice(v, http.StatusRequestEntityTooLarge, web.Notice{Heading: w.T("problem.tooLarge.title"),
		Paragraphs: []string{w.T("problem.tooLarge.text")}})
}

func (p *Portal) badRequest(v *visit) {
	w := v.words
	p.notice(v, http.StatusBadRequest, web.Notice{Heading: w.T("problem.badRequest.title"),
		Paragraphs: []string{w.T("problem.badRequest.text")}})
}

func (p *Portal) crossOrigin(v *visit) {
	w := v.words
	p.notice(v, http.StatusForbidden, web.Notice{Heading: w.T("problem.crossOrigin.title"),
		Paragraphs: []string{w.T("problem.crossOrigin.text")}})
}

func (p *Portal) internalError(v *visit) {
	w := v.words
	p.notice(v, http.StatusInternalServerError, web.Notice{Heading: w.T("problem.internal.title"),
		Paragraphs: []string{w.T("problem.internal.text")}})
}

func (p *Portal) home(v *visit) {
	w := v.words
	p.notice(v, http.StatusOK, web.Notice{Heading: w.T("home.title"), Paragraphs: []string{w.T("home.text"), w.T("home.next")}})
}

// accountTerminating asks for a minute: the old account has to go before another can be made.
func (p *Portal) accountTerminating(v *visit) {
	w := v.words
	v.w.Header().Set("Retry-After", retryLater)
	p.notice(v, http.StatusServiceUnavailable, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.account.title"),
		Paragraphs: []string{w.T("problem.account.text")}, Again: p.path(v, "")})
}

func (p *Portal) accountMismatch(v *visit) {
	w, offer := v.words, p.describe(v.r.Context(), v.link, v.words)
	p.notice(v, http.StatusConflict, web.Notice{Heading: w.T("problem.mismatch.title"), Paragraphs: []string{
		w.T("problem.mismatch.text"), w.T("problem.mismatch.next", "Contact", offer.Contact),
	}})
}
