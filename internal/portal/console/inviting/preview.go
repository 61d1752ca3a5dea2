// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/portal/console"
)

// mailView is a mail as it will be, but for its link.
type mailView struct {
	To, Subject, Text string
	Lang              rosterv1alpha1.Locale
}

// preview writes the mail to a person as the operator will. Its link is none: only the mail brings one. It is nil where the mail cannot be
// written: the operator says why, once it tries.
func (h *Handler) preview(v *visit, d *draft, p *person) *mailView {
	o := invitation.Offer{Invitation: d.invitation(p, v.Namespace(), v.User()), Organization: v.Organization}
	told, err := offer.Present(v.R.Context(), v.Cache(), o, h.Desk.UserPrefix)
	if err != nil {
		v.Log().Error(err, "Cannot read what an invitation offers")
		return nil
	}
	for i, g := range told.Profiles { // A form that somebody makes up tells nothing of profiles that they may not look at.
		if !slices.ContainsFunc(v.choices.Profiles, func(t console.Target) bool { return t.Name == g.Name }) {
			told.Profiles[i].Of = nil
		}
	}
	subject, text, err := h.Composer.Preview(mail.Invitation{
		Envelope:     mail.Envelope{To: string(p.Address), Locale: o.Locale(), Now: v.Now(), MessageID: "preview@roster.invalid"},
		Presentation: told, Link: v.URL("/invitations/…"), Expiry: v.Now().Add(v.validity(d.Validity)),
	})
	if err != nil {
		v.Log().Error(err, "Cannot write the preview of a mail")
		return nil
	}
	return &mailView{To: p.Written, Subject: subject, Text: text, Lang: o.Locale()}
}
