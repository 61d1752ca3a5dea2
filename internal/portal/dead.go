// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"

	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// dead says why a link cannot be used, and what to do.
func (p *Portal) dead(v *invitationVisit, verdict invitation.Verdict) {
	w, offer := v.Words, p.describe(v.R.Context(), v.link, v.Words)
	switch verdict {
	case invitation.LinkNotReady:
		v.W.Header().Set("Retry-After", web.RetrySoon)
		v.Notice(http.StatusServiceUnavailable, web.Notice{
			Symbol: web.SymbolClock, Heading: w.T("dead.notReady.title"), Paragraphs: []string{w.T("dead.notReady.text")}, Again: v.path(""),
		})
	case invitation.LinkSuspended:
		v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.suspended.title"), Paragraphs: []string{
			w.T("dead.suspended.text", "Org", offer.Org), w.T("dead.suspended.next", "Contact", offer.Contact),
		}})
	case invitation.LinkNotAllowed:
		v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("dead.notAllowed.title"), Paragraphs: []string{
			w.T("dead.notAllowed.text", "Org", offer.Org, "Domain", v.link.address.Domain()),
			w.T("dead.notAllowed.next", "Contact", offer.Contact),
		}})
	case invitation.LinkInviterLostRight:
		v.Notice(http.StatusForbidden, p.lostRight(v, offer))
	default:
		v.Notice(http.StatusGone, p.goneNotice(v, verdict, offer))
	}
}

// goneNotice is for links that never work again.
func (p *Portal) goneNotice(v *invitationVisit, verdict invitation.Verdict, offer offerView) web.Notice {
	w := v.Words
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

// lostRight says whom to ask instead of whoever invited.
func (p *Portal) lostRight(v *invitationVisit, offer offerView) web.Notice {
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
func (p *Portal) unknown(v *invitationVisit) {
	w := v.Words
	v.Notice(http.StatusNotFound, web.Notice{Symbol: web.SymbolLink, Heading: w.T("dead.unknown.title"),
		Paragraphs: []string{w.T("dead.unknown.text"), w.T("dead.unknown.next")}})
}

// accountTerminating asks for a minute: the old account has to go before another can be made.
func (p *Portal) accountTerminating(v *invitationVisit) {
	w := v.Words
	v.W.Header().Set("Retry-After", web.RetryLater)
	v.Notice(http.StatusServiceUnavailable, web.Notice{Symbol: web.SymbolClock, Heading: w.T("problem.account.title"),
		Paragraphs: []string{w.T("problem.account.text")}, Again: v.path("")})
}

func (p *Portal) accountMismatch(v *invitationVisit) {
	w, offer := v.Words, p.describe(v.R.Context(), v.link, v.Words)
	v.Notice(http.StatusConflict, web.Notice{Heading: w.T("problem.mismatch.title"), Paragraphs: []string{
		w.T("problem.mismatch.text"), w.T("problem.mismatch.next", "Contact", offer.Contact),
	}})
}
