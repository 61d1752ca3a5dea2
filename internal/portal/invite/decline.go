// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"net/http"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getDecline answers GET /invitations/{token}/decline: a page of its own, so that nobody declines by following links.
func (h *Handler) getDecline(v *visit) error {
	if verdict := v.verdict(); verdict != invitation.LinkOpen {
		return deadError(verdict)
	}
	h.declineForm(v, http.StatusOK, nil)
	return nil
}

func (h *Handler) declineForm(v *visit, status int, problems []web.Problem) {
	offer := h.describe(v.R.Context(), v.link, v.Words)
	v.Show(status, web.PageDecline, v.Words.ErrorTitle(v.Words.T("decline.title", "Org", offer.Org), problems), formPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Action: v.path(""), Back: v.path(""),
	})
}

// postDecline declines if the box is ticked: a robot that presses every button does not decline.
func (h *Handler) postDecline(v *visit) error {
	if v.verdict() == invitation.LinkOpen && v.R.PostForm.Get(web.FieldConfirm) == "" {
		h.Metrics.CountClaim(web.ClaimInvalid)
		h.declineForm(v, http.StatusUnprocessableEntity,
			[]web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.decline.missing")}})
		return nil
	}
	return h.answer(v, invitation.LinkOpen, invitation.LinkDeclined, web.ClaimDeclined, invitation.Decline)
}

// postRenew asks the operator for a new link.
func (h *Handler) postRenew(v *visit) error {
	return h.answer(v, invitation.LinkRenewable, invitation.LinkRenewing, web.ClaimRenewal, invitation.RequestRenewal)
}

// answer settles an invitation and sends the browser to the page that says how it stands.
func (h *Handler) answer(
	v *visit, from, to invitation.Verdict, result string, change func(*rosterv1alpha1.Invitation, time.Time),
) error {
	wrote, err := h.settle(v, from, change)
	if err != nil {
		return err
	}
	if verdict := v.verdict(); verdict != to {
		return deadError(verdict)
	}
	if !wrote {
		result = web.ClaimRepeated
	}
	h.Metrics.CountClaim(result)
	v.redirect("")
	return nil
}
