// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"net/http"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getWelcome answers GET /invitations/{token}/welcome. It is for the person who accepted, and for nobody else who holds the link.
func (h *Handler) getWelcome(v *visit) error {
	who, err := h.invited(v)
	if err != nil {
		return err
	}
	if who == nil || !v.link.AcceptedBy(who.Account.Name) {
		return v.redirect("")
	}
	if _, err := h.Sessions.VisitBy(who, v.Visit); err != nil {
		return err
	}
	w, o := v.Words, v.link.Offer
	offer := h.describe(v)
	page := welcomePage{Offer: offer, Account: v.Path("/account"), Open: web.Only(offer.Environments)}
	if o.Organization != nil {
		n := h.invitedNewcomer(v)
		page.Create, page.Steps = n.Create(w), n.Steps(w, organization.Places{
			Organization: v.OrganizationPath(o.Invitation.Namespace, ""), Profile: v.Path("/account/profile"),
		})
	}
	return v.Show(http.StatusOK, web.PageWelcome, w.T("welcome.title", "Org", offer.Org), page)
}

// invitedNewcomer is somebody who has no Member yet, by what they were offered.
func (h *Handler) invitedNewcomer(v *visit) organization.Newcomer {
	ctx, o := v.R.Context(), v.link.Offer
	role := o.Role()
	custom := h.Organizations.CustomRoles(ctx, o.Invitation.Namespace, string(role))
	held, _ := access.Roles(custom).InOrganization(role)
	n := organization.Newcomer{Organization: o.Organization, Role: role, Held: held, Adds: o.CanManageProfiles()}
	for _, g := range o.Profiles() {
		on, _ := access.Roles(h.Organizations.CustomRoles(ctx, o.Invitation.Namespace, string(g.Role))).OnProfile(g.Role)
		n.On |= on
	}
	self := &rosterv1alpha1.Member{}
	self.Namespace = o.Invitation.Namespace
	if o.Invitation.Spec.MemberRef != nil {
		self.Name = o.Invitation.Spec.MemberRef.Name
	}
	if c := h.Organizations.Contact(ctx, session.Membership{Member: self, Organization: o.Organization}); c != nil {
		n.Contact = c.Name
	}
	return n
}

// welcomePage is shown after accepting.
type welcomePage struct {
	Offer   offerView
	Steps   []web.Action
	Create  []string
	Account string
	// Open is the one place where the person signs in; nil where they have to choose.
	Open *web.EnvironmentView
}
