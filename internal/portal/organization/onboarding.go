// SPDX-License-Identifier: Apache-2.0

package organization

import (
	"net/http"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Newcomer is what first steps depend on.
type Newcomer struct {
	Organization *rosterv1alpha1.Organization
	Role         rosterv1alpha1.OrganizationRole
	// Adds says that the person may add profiles whatever the role says.
	Adds bool
	// Held are the permissions that the role brings in the organisation.
	Held []rosterv1alpha1.RolePermission
	// On are the permissions on any profile.
	On access.Set
	// Contact is the name of whom to ask; empty if there is nobody else.
	Contact string
}

func (n Newcomer) may(p rosterv1alpha1.RolePermission) bool { return slices.Contains(n.Held, p) }

func (n Newcomer) mayAddProfiles() bool {
	return n.Adds || n.may(rosterv1alpha1.PermissionAddProfiles) || n.may(rosterv1alpha1.PermissionAdministerProfiles)
}

// connects reports whether the person may connect profiles: some that are there, or new ones.
func (n Newcomer) connects() bool {
	return n.mayAddProfiles() || n.Role == rosterv1alpha1.RoleProfileConnector || n.On.Contains(access.NewSet(access.Connect))
}

// Create lists what somebody may create.
func (n Newcomer) Create(w web.Words) []string {
	var all []string
	add := func(may bool, text string) {
		if may {
			all = append(all, text)
		}
	}
	administers := n.may(rosterv1alpha1.PermissionAdministerProfiles)
	publishes := administers || n.On.Contains(access.NewSet(access.Publish))
	add(publishes, w.T("create.posts"))
	add(!publishes && n.On.Contains(access.NewSet(access.Schedule)), w.T("create.drafts"))
	add(n.mayAddProfiles(), w.T("create.profiles"))
	add(n.Role == rosterv1alpha1.RoleProfileConnector, w.T("create.connections"))
	add(n.may(rosterv1alpha1.PermissionManageMembers), w.T("create.invitations"))
	add(n.may(rosterv1alpha1.PermissionManageTeams), w.T("create.teams"))
	add(n.may(rosterv1alpha1.PermissionManageRoles), w.T("create.roles"))
	return all
}

// Places are the pages that first steps lead to; empty for those that there are not.
type Places struct{ Organization, Profile, Connections, Invite, Teams string }

// Steps are the first steps. Where the organisation is new, they set it up; otherwise they tell to find one's way, and to agree changes.
func (n Newcomer) Steps(w web.Words, to Places) []web.Action {
	var steps []web.Action
	add := func(may bool, s web.Action) {
		if may {
			steps = append(steps, s)
		}
	}
	settingUp := n.Organization.Spec.Onboarding.Mode == rosterv1alpha1.OnboardingNew
	add(settingUp && n.mayAddProfiles() || n.Role == rosterv1alpha1.RoleProfileConnector,
		web.Action{Text: w.T("step.new.profiles"), Href: to.Connections})
	add(settingUp && n.may(rosterv1alpha1.PermissionManageMembers), web.Action{Text: w.T("step.new.invite"), Href: to.Invite})
	add(settingUp && n.may(rosterv1alpha1.PermissionManageTeams), web.Action{Text: w.T("step.new.teams"), Href: to.Teams})
	add(!settingUp, web.Action{Text: w.T("step.existing.look"), Href: to.Organization})
	add(!settingUp && n.Contact != "", web.Action{Text: w.T("step.existing.agree", "Contact", n.Contact)})
	add(true, web.Action{Text: w.T("step.preferences"), Href: to.Profile})
	for _, s := range n.Organization.Spec.Onboarding.Steps {
		step := web.Action{Text: s.Text}
		if offer.IsWebAddress(s.URL) {
			step.Href = s.URL
		}
		add(true, step)
	}
	return steps
}

// lead says what to expect.
func (n Newcomer) lead(w web.Words) string {
	org := n.Organization.Spec.DisplayName
	switch {
	case n.Organization.Spec.Onboarding.Mode == rosterv1alpha1.OnboardingNew:
		return w.T("onboarding.new", "Org", org)
	case n.Contact != "":
		return w.T("onboarding.existing", "Org", org, "Contact", n.Contact)
	}
	return w.T("onboarding.existingAlone", "Org", org)
}

func (h *Handler) getOnboarding(v *session.MemberVisit) error {
	page, w := h.organizationPage(v), v.Words
	n := h.newcomer(v, page.Contact)
	page.Heading, page.Lead, page.Open = w.T("welcome.heading", "Org", page.Name), n.lead(w), web.Only(page.Environments)
	page.Create, page.Steps = n.Create(w), n.Steps(w, h.places(v, page))
	return v.Show(http.StatusOK, web.PageOnboarding, w.T("welcome.title", "Org", page.Name), page)
}

// places are those that the person may go to.
func (h *Handler) places(v *session.MemberVisit, page organizationPage) Places {
	p := Places{
		Organization: v.OrganizationPath(v.Member.Namespace, ""), Profile: v.Path("/account/profile"), Connections: page.Connections,
	}
	if page.Team == "" {
		return p
	}
	for place, path := range map[*string]string{&p.Invite: h.Invite, &p.Teams: h.Teams} {
		if path != "" {
			*place = v.OrganizationPath(v.Member.Namespace, path)
		}
	}
	return p
}

func (h *Handler) newcomer(v *session.MemberVisit, contact *PersonView) Newcomer {
	m := v.Member
	role := roleInForce(m)
	custom := h.CustomRoles(v.R.Context(), m.Namespace, string(role))
	held, _ := access.Roles(custom).InOrganization(role)
	n := Newcomer{Organization: v.Organization}
	if !v.HoldsNothing() {
		n.Role, n.Held, n.On = role, held, h.anywhere(v)
		n.Adds = m.Spec.CanManageProfiles != nil && *m.Spec.CanManageProfiles
	}
	if contact != nil {
		n.Contact = contact.Name
	}
	return n
}

// anywhere is all that a person may do on some profile.
func (h *Handler) anywhere(v *session.MemberVisit) access.Set {
	held := v.Holds()
	all := held.Everywhere()
	for _, g := range held.Grants {
		all |= held.Named(g.Profile)
	}
	return all
}
