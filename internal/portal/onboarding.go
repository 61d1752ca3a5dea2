// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/web"
)

// stepView is a first step; Href is empty if it leads nowhere in particular.
type stepView struct{ Text, Href string }

// newcomer is what first steps depend on.
type newcomer struct {
	organization *rosterv1alpha1.Organization
	role         rosterv1alpha1.OrganizationRole
	// adds says that the person may add profiles whatever the role says.
	adds bool
	// held are the permissions that the role brings in the organisation.
	held []rosterv1alpha1.RolePermission
	// on are the permissions on any profile.
	on access.Set
	// contact is the name of whom to ask; empty if there is nobody else.
	contact string
}

func (n newcomer) may(p rosterv1alpha1.RolePermission) bool { return slices.Contains(n.held, p) }

func (n newcomer) mayAddProfiles() bool {
	return n.adds || n.may(rosterv1alpha1.PermissionAddProfiles) || n.may(rosterv1alpha1.PermissionAdministerProfiles)
}

// connects reports whether the person may connect profiles: some that are there, or new ones.
func (n newcomer) connects() bool {
	return n.mayAddProfiles() || n.role == rosterv1alpha1.RoleProfileConnector || n.on.Contains(access.NewSet(access.Connect))
}

// create lists what somebody may create.
func (n newcomer) create(w web.Words) []string {
	var all []string
	add := func(may bool, text string) {
		if may {
			all = append(all, text)
		}
	}
	administers := n.may(rosterv1alpha1.PermissionAdministerProfiles)
	publishes := administers || n.on.Contains(access.NewSet(access.Publish))
	add(publishes, w.T("create.posts"))
	add(!publishes && n.on.Contains(access.NewSet(access.Schedule)), w.T("create.drafts"))
	add(n.mayAddProfiles(), w.T("create.profiles"))
	add(n.role == rosterv1alpha1.RoleProfileConnector, w.T("create.connections"))
	add(n.may(rosterv1alpha1.PermissionManageMembers), w.T("create.invitations"))
	add(n.may(rosterv1alpha1.PermissionManageTeams), w.T("create.teams"))
	add(n.may(rosterv1alpha1.PermissionManageRoles), w.T("create.roles"))
	return all
}

// steps are the first steps. Where the organisation is new, they set it up; otherwise they tell to find one's way, and to agree changes.
func (n newcomer) steps(w web.Words, profileHref, connections string) []stepView {
	var steps []stepView
	add := func(may bool, s stepView) {
		if may {
			steps = append(steps, s)
		}
	}
	settingUp := n.organization.Spec.Onboarding.Mode == rosterv1alpha1.OnboardingNew
	add(settingUp && n.mayAddProfiles() || n.role == rosterv1alpha1.RoleProfileConnector,
		stepView{Text: w.T("step.new.profiles"), Href: connections})
	add(settingUp && n.may(rosterv1alpha1.PermissionManageMembers), stepView{Text: w.T("step.new.invite")})
	add(settingUp && n.may(rosterv1alpha1.PermissionManageTeams), stepView{Text: w.T("step.new.teams")})
	add(!settingUp, stepView{Text: w.T("step.existing.look")})
	add(!settingUp && n.contact != "", stepView{Text: w.T("step.existing.agree", "Contact", n.contact)})
	add(true, stepView{Text: w.T("step.preferences"), Href: profileHref})
	for _, s := range n.organization.Spec.Onboarding.Steps {
		step := stepView{Text: s.Text}
		if web.IsWebAddress(s.URL) {
			step.Href = s.URL
		}
		add(true, step)
	}
	return steps
}

// lead says what to expect.
func (n newcomer) lead(w web.Words) string {
	org := n.organization.Spec.DisplayName
	switch {
	case n.organization.Spec.Onboarding.Mode == rosterv1alpha1.OnboardingNew:
		return w.T("onboarding.new", "Org", org)
	case n.contact != "":
		return w.T("onboarding.existing", "Org", org, "Contact", n.contact)
	}
	return w.T("onboarding.existingAlone", "Org", org)
}

// getOnboarding answers GET /organizations/{namespace}/welcome.
func (p *Portal) getOnboarding(v *sessionVisit) {
	b, ok := v.organization()
	if !ok {
		return
	}
	page, w := p.organizationPage(v, b), v.Words
	n := p.newcomer(v, b, page.Contact)
	page.Heading, page.Lead = w.T("welcome.heading", "Org", page.Name), n.lead(w)
	page.Create, page.Steps = n.create(w), n.steps(w, v.Path("/account/profile"), page.Connections)
	v.Show(http.StatusOK, web.PageOnboarding, w.T("welcome.title", "Org", page.Name), page)
}

func (p *Portal) newcomer(v *sessionVisit, b membership, contact *personView) newcomer {
	m := b.member
	role := organizationRole(m)
	custom := p.customRoles(v.R.Context(), m.Namespace, string(role))
	held, _ := access.Roles(custom).InOrganization(role)
	n := newcomer{
		organization: b.organization, role: role, held: held,
		adds: m.Spec.CanManageProfiles != nil && *m.Spec.CanManageProfiles, on: p.everywhere(v, m),
	}
	if contact != nil {
		n.contact = contact.Name
	}
	return n
}

// everywhere is all that a Member may do on some profile.
func (p *Portal) everywhere(v *sessionVisit, m *rosterv1alpha1.Member) access.Set {
	var all access.Set
	for _, g := range m.Status.Grants {
		all |= p.held(v.R.Context(), m.Namespace, g.Role, organizationRole(m))
	}
	return all
}
