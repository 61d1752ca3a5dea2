// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getDecline answers GET /invitations/{token}/decline: a page of its own, so that nobody declines by following links.
func (p *Portal) getDecline(v *invitationVisit) {
	if !p.openLink(v, false, registration{}) {
		return
	}
	if verdict := v.link.check(p.clock.Now()); verdict != invitation.LinkOpen {
		p.dead(v, verdict)
		return
	}
	p.declineForm(v, http.StatusOK, nil)
}

// postDecline declines if the box is ticked: a robot that presses every button does not decline.
func (p *Portal) postDecline(v *invitationVisit) {
	if !p.openLink(v, false, registration{}) {
		return
	}
	if v.link.check(p.clock.Now()) == invitation.LinkOpen && v.R.PostForm.Get(web.FieldConfirm) == "" {
		p.metrics.CountClaim(web.ClaimInvalid)
		p.declineForm(v, http.StatusUnprocessableEntity,
			[]web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.decline.missing")}})
		return
	}
	p.answer(v, invitation.LinkOpen, invitation.LinkDeclined, web.ClaimDeclined, invitation.Decline)
}

// postRenew asks the operator for a new link.
func (p *Portal) postRenew(v *invitationVisit) {
	if p.openLink(v, true, registration{}) {
		p.answer(v, invitation.LinkRenewable, invitation.LinkRenewing, web.ClaimRenewal, invitation.RequestRenewal)
	}
}

// answer settles an invitation and sends the browser to the page that says how it stands.
func (p *Portal) answer(
	v *invitationVisit, from, to invitation.Verdict, result string, change func(*rosterv1alpha1.Invitation, time.Time),
) {
	wrote, err := p.settle(v.R.Context(), v, from, change)
	if err != nil {
		p.fail(v, registration{}, err)
		return
	}
	if verdict := v.link.check(p.clock.Now()); verdict != to {
		p.tooLate(v, verdict)
		return
	}
	if !wrote {
		result = web.ClaimRepeated
	}
	p.metrics.CountClaim(result)
	v.redirect("")
}

func (p *Portal) tooLate(v *invitationVisit, verdict invitation.Verdict) {
	p.metrics.CountClaim(web.ClaimTooLate)
	p.dead(v, verdict)
}
