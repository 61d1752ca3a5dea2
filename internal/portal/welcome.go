// SPDX-License-Identifier: Apache-2.0

package portal

import "net/http"

// getWelcome answers GET /invitations/{token}/welcome. It is for whoever accepted, and for nobody else who holds the link.
func (p *Portal) getWelcome(v *visit) {
	if !p.open(v) {
		return
	}
	who, err := p.invited(v)
	if err != nil {
		p.fail(v, form{}, err)
		return
	}
	if who == nil || !v.found.acceptedBy(who.account.Name) {
		p.redirect(v, "")
		return
	}
	offer := p.describe(v.r.Context(), v.found, v.words)
	p.show(v, http.StatusOK, pageWelcome, v.words.T("welcome.title", "Org", offer.Org), welcomePage{Offer: offer})
}
