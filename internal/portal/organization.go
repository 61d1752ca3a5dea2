// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	membershiprules "github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/roles"
)

// organizationPage is what a person is and may do in one organisation.
type organizationPage struct {
	Name, Initials string
	Role           roles.Term
	State          string
	Since          web.MomentView
	AllProfiles    bool
	Profiles       []permissionsView
	Workspaces     []string
	Environments   []web.EnvironmentView
	Contact        *personView
	Steps          []stepView
	Create         []string
	Heading, Lead  string
	// Connections is where to connect profiles; empty for whoever may connect none.
	Connections    string
	Welcome, Leave string
	// Offer is what the person is asked or has answered about owning the organisation, with the page on which they say so; empty for nothing.
	// Ownership is where the owner gives it up.
	Offer     *offerOfOwnership
	Ownership string
}

// offerOfOwnership asks whether the person takes the organisation over.
type offerOfOwnership struct{ Text, Href string }

// permissionsView is what a person may do on one profile.
type permissionsView struct {
	Network, Handle, Role string
	May                   []string
}

// organizationRoutes are the pages of an organisation.
func (p *Portal) organizationRoutes() []web.Route {
	const organization = "/organizations/{namespace}"
	signedIn, recent := p.requireSession, p.requireRecentAuth
	return []web.Route{
		{Path: organization, Get: signedIn(p.getOrganization), Returnable: true},
		{Path: organization + "/welcome", Get: signedIn(p.getOnboarding), Returnable: true},
		{Path: organization + "/leave", Get: recent(p.getLeave), Post: recent(p.postLeave), Returnable: true},
		{Path: organization + "/ownership", Get: recent(p.getOwnership), Post: recent(p.postOwnership), Returnable: true},
	}
}

// getOrganization answers GET /organizations/{namespace}.
func (p *Portal) getOrganization(v *sessionVisit) {
	b, ok := v.organization()
	if !ok {
		return
	}
	page := p.organizationPage(v, b)
	v.Show(http.StatusOK, web.PageOrganization, page.Name, page)
}

func (p *Portal) organizationPage(v *sessionVisit, b membership) organizationPage {
	ctx, w, m := v.R.Context(), v.Words, b.member
	page := organizationPage{
		Name: b.organization.Spec.DisplayName, Initials: web.Initials(b.organization.Spec.DisplayName),
		Role: p.roleTerm(ctx, w, m), State: stateText(v, b), Workspaces: p.workspaceNames(ctx, m),
		Environments: web.Environments(b.organization.Spec.Environments), Contact: p.contact(ctx, b),
		Welcome: v.OrganizationPath(m.Namespace, "/welcome"),
	}
	page.AllProfiles, page.Profiles = p.permissions(ctx, w, m)
	if n := p.newcomer(v, b, nil); n.connects() {
		page.Connections = v.OrganizationPath(m.Namespace, "/profiles")
	}
	if t := m.Status.JoinedTime; t != nil {
		page.Since = w.Time(t.Time)
	}
	if !leaves(v.person.account, m) {
		page.Leave = v.OrganizationPath(m.Namespace, "/leave")
		page.Offer, page.Ownership = p.ownership(v, b)
	}
	return page
}

// roleTerm is the role in the organisation in words.
func (p *Portal) roleTerm(ctx context.Context, w web.Words, m *rosterv1alpha1.Member) roles.Term {
	role := organizationRole(m)
	adds := m.Spec.CanManageProfiles != nil && *m.Spec.CanManageProfiles
	return w.Roles.InOrganization(role, adds, p.customRoles(ctx, m.Namespace, string(role)))
}

// customRoles are those of some names that exist.
func (p *Portal) customRoles(ctx context.Context, namespace string, names ...string) roles.Custom {
	custom := roles.Custom{}
	for _, name := range names {
		role := &rosterv1alpha1.CustomRole{}
		if name == strings.ToLower(name) && p.cache.Look(ctx, client.ObjectKey{Namespace: namespace, Name: name}, role) {
			custom[name] = role.Spec
		}
	}
	return custom
}

// permissions are what a Member may do on each profile, by the roles that are in force.
func (p *Portal) permissions(ctx context.Context, w web.Words, m *rosterv1alpha1.Member) (all bool, _ []permissionsView) {
	var views []permissionsView
	for _, g := range m.Status.Grants {
		if g.Profile == access.AllProfiles {
			return true, nil
		}
		names := strings.Split(g.Role, "+")
		custom := p.customRoles(ctx, m.Namespace, names...)
		view := permissionsView{Handle: g.Profile}
		var called []string
		for _, name := range names {
			called = append(called, w.Roles.OnProfile(rosterv1alpha1.ProfileRole(name), custom).Name)
		}
		view.Role = strings.Join(called, " + ")
		for _, permission := range p.held(ctx, m.Namespace, g.Role, organizationRole(m)).Permissions() {
			view.May = append(view.May, permissionText(w, permission))
		}
		sp := &rosterv1alpha1.SocialProfile{}
		if p.cache.Look(ctx, client.ObjectKey{Namespace: m.Namespace, Name: g.Profile}, sp) {
			view.Handle, view.Network = sp.Spec.Handle, networkName(w, sp)
		}
		views = append(views, view)
	}
	return false, views
}

func permissionText(w web.Words, p access.Permission) string {
	switch p {
	case access.Get:
		return w.T("permission.get")
	case access.Schedule:
		return w.T("permission.schedule")
	case access.Publish:
		return w.T("permission.publish")
	case access.Moderate:
		return w.T("permission.moderate")
	case access.Report:
		return w.T("permission.report")
	case access.Configure:
		return w.T("permission.configure")
	case access.Connect:
		return w.T("permission.connect")
	}
	return string(p)
}

// held are the permissions of a role on a profile as the status of a Member shows it, who has that role in the organisation.
func (p *Portal) held(ctx context.Context, namespace, role string, in rosterv1alpha1.OrganizationRole) access.Set {
	custom := p.customRoles(ctx, namespace, strings.Split(role, "+")...)
	return access.Roles(custom).Shown(role, in)
}

// organizationRole is the role that is in force.
func organizationRole(m *rosterv1alpha1.Member) rosterv1alpha1.OrganizationRole {
	return rosterv1alpha1.OrganizationRole(cmp.Or(m.Status.Role, string(m.Spec.Role)))
}

func networkName(w web.Words, sp *rosterv1alpha1.SocialProfile) string {
	if sp.Spec.Type == rosterv1alpha1.TypeAdAccount {
		return w.T("profile.adAccount", "Network", string(sp.Spec.Network))
	}
	return string(sp.Spec.Network)
}

func (p *Portal) workspaceNames(ctx context.Context, m *rosterv1alpha1.Member) []string {
	var names []string
	for _, name := range m.Status.Workspaces {
		if name == access.AllProfiles {
			continue
		}
		ws := &rosterv1alpha1.Workspace{}
		p.cache.Look(ctx, client.ObjectKey{Namespace: m.Namespace, Name: name}, ws)
		names = append(names, cmp.Or(ws.Spec.DisplayName, name))
	}
	return names
}

// personView is how to reach somebody.
type personView struct{ Name, Email string }

// memberName is what a Member is called.
func memberName(m *rosterv1alpha1.Member) string {
	for _, name := range []string{m.Status.DisplayName, m.Spec.DisplayName} {
		if name != "" {
			return name
		}
	}
	return m.Spec.Email
}

// contact is whom a newcomer asks: the Member that the organisation names, else its owner; nil if that is nobody else who is active.
func (p *Portal) contact(ctx context.Context, b membership) *personView {
	for _, ref := range []*rosterv1alpha1.LocalReference{
		b.organization.Spec.Onboarding.ContactRef, b.organization.Status.OwnerRef, b.organization.Spec.OwnerRef,
	} {
		m := &rosterv1alpha1.Member{}
		if ref == nil || ref.Name == b.member.Name || !p.cache.Look(ctx, client.ObjectKey{Namespace: b.member.Namespace, Name: ref.Name}, m) {
			continue
		}
		if m.Status.State == rosterv1alpha1.MemberActive || ref != b.organization.Spec.Onboarding.ContactRef {
			return &personView{Name: memberName(m), Email: m.Spec.Email}
		}
	}
	return nil
}

// getLeave answers GET /organizations/{namespace}/leave.
func (p *Portal) getLeave(v *sessionVisit) { p.leaveForm(v, http.StatusOK, nil) }

func (p *Portal) leaveForm(v *sessionVisit, status int, problems []web.Problem) {
	b, ok := v.organization()
	if !ok {
		return
	}
	w, name := v.Words, b.organization.Spec.DisplayName
	text := w.T("leave.text", "Org", name)
	if owner, _ := membershiprules.Owns(b.organization, b.member); owner {
		text = w.T("leave.owner.text", "Org", name)
	}
	v.Show(status, web.PageSure, w.ErrorTitle(w.T("leave.title", "Org", name), problems), web.Sure{
		Fields: web.Fields{Problems: problems}, Heading: w.T("leave.heading", "Org", name), Text: text,
		Confirm: w.T("leave.confirm", "Org", name), Submit: w.T("leave.submit"),
		Action: v.OrganizationPath(b.member.Namespace, "/leave"), Back: v.OrganizationPath(b.member.Namespace, ""),
	})
}

// postLeave answers POST /organizations/{namespace}/leave. The portal may not write Members; it asks the operator to.
func (p *Portal) postLeave(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	if v.R.PostForm.Get(web.FieldConfirm) == "" {
		p.leaveForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.leave.missing")}})
		return
	}
	b, ok := v.organization()
	if !ok {
		return
	}
	err := p.accounts.Leave(v.R.Context(), v.person.account, rosterv1alpha1.Leaving{
		UID: string(b.member.UID), Namespace: b.member.Namespace, Member: b.member.Name, RequestedTime: metav1.NewTime(p.clock.Now()),
	})
	if err != nil {
		v.Fault(err)
		return
	}
	v.Audit(web.EventLeave, web.ResultSuccess, v.person.account.Name, "namespace", b.member.Namespace, "member", b.member.Name)
	v.Done(web.DoneLeft)
}

// stateText is empty for an active member.
func stateText(v *sessionVisit, b membership) string {
	switch {
	case leaves(v.person.account, b.member):
		return v.Words.T("state.leaving")
	case b.member.Status.State == rosterv1alpha1.MemberSuspended:
		return v.Words.T("state.suspended")
	case b.member.Status.State == rosterv1alpha1.MemberActive:
		return ""
	}
	return v.Words.T("state.pending")
}

// leaves reports whether the person has asked to leave.
func leaves(acct *rosterv1alpha1.Account, m *rosterv1alpha1.Member) bool {
	return slices.ContainsFunc(acct.Status.Leaving, func(l rosterv1alpha1.Leaving) bool { return l.UID == string(m.UID) })
}
