// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getWelcome answers GET /invitations/{token}/welcome. It is for whoever accepted, and for nobody else who holds the link.
func (p *Portal) getWelcome(v *invitationVisit) {
	if !p.openLink(v, false, registration{}) {
		return
	}
	who, err := p.invited(v)
	if err != nil {
		p.fail(v, registration{}, err)
		return
	}
	if who == nil || !v.link.acceptedBy(who.account.Name) {
		v.redirect("")
		return
	}
	if _, err := p.visitBy(who, v.Visit); err != nil {
		p.fail(v, registration{}, err)
		return
	}
	w, o := v.Words, v.link.offer
	offer := p.describe(v.R.Context(), v.link, w)
	page := welcomePage{Offer: offer, Account: v.Path("/account")}
	if o.Organization != nil {
		n := p.invitedNewcomer(v)
		page.Create, page.Steps = n.create(w), n.steps(w, v.Path("/account/profile"), "")
	}
	v.Show(http.StatusOK, web.PageWelcome, w.T("welcome.title", "Org", offer.Org), page)
}

// invitedNewcomer is somebody of whom no Member is known yet, by what they were offered.
func (p *Portal) invitedNewcomer(v *invitationVisit) newcomer {
	ctx, o := v.R.Context(), v.link.offer
	role := o.Role()
	if owns(o) {
		role = rosterv1alpha1.RoleOwner
	}
	custom := p.customRoles(ctx, o.Invitation.Namespace, string(role))
	held, _ := access.Roles(custom).InOrganization(role)
	n := newcomer{organization: o.Organization, role: role, held: held, adds: o.CanManageProfiles()}
	for _, g := range o.Profiles() {
		n.on |= p.held(ctx, o.Invitation.Namespace, string(g.Role), role)
	}
	self := &rosterv1alpha1.Member{}
	self.Namespace = o.Invitation.Namespace
	if o.Invitation.Spec.MemberRef != nil {
		self.Name = o.Invitation.Spec.MemberRef.Name
	}
	if c := p.contact(ctx, membership{member: self, organization: o.Organization}); c != nil {
		n.contact = c.Name
	}
	return n
}

// welcomePage is shown after accepting.
type welcomePage struct {
	Offer   offerView
	Steps   []stepView
	Create  []string
	Account string
}
