// SPDX-License-Identifier: Apache-2.0

// Package organization has the pages of an organisation: what somebody is and may do there, how to begin, who owns it, and leaving.
package organization

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/account"
	membershiprules "github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
	"github.com/roster-dev/roster/internal/roles"
)

// Handler of the pages of an organisation.
type Handler struct {
	Sessions *session.Manager
	Accounts *account.Store
	Cache    web.Cache
	// Team is the path, behind that of the organisation, of the pages by which people look after it; Invite and Teams are those of what they
	// do first. Empty where there are none.
	Team, Invite, Teams string
}

// organizationPage is what a person is and may do in one organisation.
type organizationPage struct {
	Name, Initials string
	Role           roles.Term
	State          string
	Since, Ends    web.MomentView
	AllProfiles    bool
	Profiles       []permissionsView
	Workspaces     []string
	Environments   []web.EnvironmentView
	Contact        *PersonView
	Steps          []web.Action
	Create         []string
	Heading, Lead  string
	// Open is the one place where the person signs in; nil where they have to choose.
	Open *web.EnvironmentView
	// Connections is where to connect profiles; empty for somebody who may connect none.
	Connections string
	// Team leads to the pages by which people look after the organisation; empty for somebody who may not.
	Team           string
	Welcome, Leave string
	// Offer is what the person is asked or has answered about owning the organisation, with the page on which they say so; empty for nothing.
	// Ownership is where the owner gives it up.
	Offer     *web.Action
	Ownership string
}

// permissionsView is what a person may do on one profile.
type permissionsView struct {
	Network, Handle, Role string
	May                   []string
}

// Routes are the pages of an organisation.
func (h *Handler) Routes() []web.Route {
	const organization = "/organizations/{namespace}"
	signedIn, recent := h.Sessions.RequireMember, h.Sessions.RequireRecentMember
	return []web.Route{
		{Path: organization, Get: signedIn(h.getOrganization), Returnable: true},
		{Path: organization + "/welcome", Get: signedIn(h.getOnboarding), Returnable: true},
		{Path: organization + "/leave", Get: recent(h.getLeave), Post: recent(h.postLeave), Returnable: true},
		{Path: organization + "/ownership", Get: recent(h.getOwnership), Post: recent(h.postOwnership), Returnable: true},
	}
}

func (h *Handler) getOrganization(v *session.MemberVisit) error {
	page := h.organizationPage(v)
	return v.Show(http.StatusOK, web.PageOrganization, page.Name, page)
}

func (h *Handler) organizationPage(v *session.MemberVisit) organizationPage {
	ctx, w, m := v.R.Context(), v.Words, v.Member
	page := organizationPage{
		Name: v.Organization.Spec.DisplayName, Initials: web.Initials(v.Organization.Spec.DisplayName),
		Role: h.RoleTerm(ctx, w, m), State: StateText(v.Visit, v.Membership), Workspaces: h.workspaceNames(ctx, m),
		Environments: h.environments(v), Contact: h.Contact(ctx, v.Membership),
		Welcome: v.OrganizationPath(m.Namespace, "/welcome"),
	}
	page.AllProfiles, page.Profiles = h.permissions(v)
	if n := h.newcomer(v, nil); n.connects() {
		page.Connections = v.OrganizationPath(m.Namespace, "/profiles")
	}
	if h.Team != "" && v.Holds().May(rosterv1alpha1.PermissionViewTeam) {
		page.Team = v.OrganizationPath(m.Namespace, h.Team)
	}
	if t := m.Status.JoinedTime; t != nil {
		page.Since = w.Time(t.Time)
	}
	if end := membershiprules.Ends(v.Organization, m); end != nil {
		page.Ends = w.Time(end.Time)
	}
	if !leaves(v.Person.Account, m) {
		page.Leave = v.OrganizationPath(m.Namespace, "/leave")
		page.Offer, page.Ownership = h.ownership(v)
	}
	return page
}

// environments are where members sign in, and the Applications that stand among them for the person.
func (h *Handler) environments(v *session.MemberVisit) []web.EnvironmentView {
	all := offer.Environments(v.Organization)
	if v.HoldsNothing() {
		return web.Environments(all)
	}
	applications, err := offer.Applications(v.R.Context(), h.Cache, v.Member.Namespace, string(roleInForce(v.Member)), v.Member.Name)
	if err != nil {
		h.Cache.Log.Error(err, "Cannot read all applications", "namespace", v.Member.Namespace)
	}
	return web.Environments(append(all, applications...))
}

// RoleTerm is the role in the organisation in words.
func (h *Handler) RoleTerm(ctx context.Context, w web.Words, m *rosterv1alpha1.Member) roles.Term {
	role := roleInForce(m)
	adds := m.Spec.CanManageProfiles != nil && *m.Spec.CanManageProfiles
	return w.Roles.InOrganization(role, adds, h.CustomRoles(ctx, m.Namespace, string(role)))
}

// CustomRoles are those of some names that exist.
func (h *Handler) CustomRoles(ctx context.Context, namespace string, names ...string) roles.Custom {
	custom := roles.Custom{}
	for _, name := range names {
		role := &rosterv1alpha1.CustomRole{}
		if name == strings.ToLower(name) && h.Cache.Look(ctx, client.ObjectKey{Namespace: namespace, Name: name}, role) {
			custom[name] = role.Spec
		}
	}
	return custom
}

// permissions are what a person may do on each profile.
func (h *Handler) permissions(v *session.MemberVisit) (all bool, _ []permissionsView) {
	var views []permissionsView
	ctx, w, m, held := v.R.Context(), v.Words, v.Member, v.Holds()
	for _, g := range held.Grants {
		if g.Profile == access.AllProfiles {
			return true, nil
		}
		names := strings.Split(g.Role, "+")
		custom := h.CustomRoles(ctx, m.Namespace, names...)
		view := permissionsView{Handle: g.Profile}
		var called []string
		for _, name := range names {
			called = append(called, w.Roles.OnProfile(rosterv1alpha1.ProfileRole(name), custom).Name)
		}
		view.Role = strings.Join(called, " + ")
		for _, permission := range held.Named(g.Profile).Permissions() {
			view.May = append(view.May, w.Permission(permission))
		}
		sp := &rosterv1alpha1.SocialProfile{}
		if h.Cache.Look(ctx, client.ObjectKey{Namespace: m.Namespace, Name: g.Profile}, sp) {
			view.Handle, view.Network = sp.Spec.Handle, w.Network(sp)
		}
		views = append(views, view)
	}
	return false, views
}

// roleInForce is the role that is in force.
func roleInForce(m *rosterv1alpha1.Member) rosterv1alpha1.OrganizationRole {
	return rosterv1alpha1.OrganizationRole(cmp.Or(m.Status.Role, string(m.Spec.Role)))
}

func (h *Handler) workspaceNames(ctx context.Context, m *rosterv1alpha1.Member) []string {
	var names []string
	for _, name := range m.Status.Workspaces {
		if name == access.AllProfiles {
			continue
		}
		ws := &rosterv1alpha1.Workspace{}
		h.Cache.Look(ctx, client.ObjectKey{Namespace: m.Namespace, Name: name}, ws)
		names = append(names, cmp.Or(ws.Spec.DisplayName, name))
	}
	return names
}

// PersonView is how to reach somebody.
type PersonView struct{ Name, Email string }

// Contact is whom a newcomer asks: the Member that the organisation names, else its owner; nil if that is nobody else who is active.
func (h *Handler) Contact(ctx context.Context, b session.Membership) *PersonView {
	for _, ref := range []*rosterv1alpha1.LocalReference{
		b.Organization.Spec.Onboarding.ContactRef, b.Organization.Status.OwnerRef, b.Organization.Spec.OwnerRef,
	} {
		m := &rosterv1alpha1.Member{}
		if ref == nil || ref.Name == b.Member.Name || !h.Cache.Look(ctx, client.ObjectKey{Namespace: b.Member.Namespace, Name: ref.Name}, m) {
			continue
		}
		if m.Status.State == rosterv1alpha1.MemberActive || ref != b.Organization.Spec.Onboarding.ContactRef {
			return &PersonView{Name: membershiprules.NameOf(m), Email: m.Spec.Email}
		}
	}
	return nil
}

func (h *Handler) getLeave(v *session.MemberVisit) error { return h.leaveForm(v, nil) }

func (h *Handler) leaveForm(v *session.MemberVisit, problems []web.Problem) error {
	w, name := v.Words, v.Organization.Spec.DisplayName
	text := w.T("leave.text", "Org", name)
	if owner, _ := membershiprules.Owns(v.Organization, v.Member); owner {
		text = w.T("leave.owner.text", "Org", name)
	}
	return v.Form(web.PageSure, w.T("leave.title", "Org", name), problems, web.Sure{
		Fields: web.Fields{Problems: problems}, Heading: w.T("leave.heading", "Org", name), Text: text,
		Confirm: w.T("leave.confirm", "Org", name), Submit: w.T("leave.submit"),
		Action: v.OrganizationPath(v.Member.Namespace, "/leave"), Back: v.OrganizationPath(v.Member.Namespace, ""),
	})
}

// postLeave answers POST /organizations/{namespace}/leave. The portal may not write Members; it asks the operator to.
func (h *Handler) postLeave(v *session.MemberVisit) error {
	if v.R.PostForm.Get(web.FieldConfirm) == "" {
		return h.leaveForm(v, []web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.leave.missing")}})
	}
	err := h.Accounts.Leave(v.R.Context(), v.Person.Account, rosterv1alpha1.Leaving{
		UID: string(v.Member.UID), Namespace: v.Member.Namespace, Member: v.Member.Name, RequestedTime: metav1.NewTime(v.Now()),
	})
	if err != nil {
		return err
	}
	v.Audit(web.EventLeave, web.ResultSuccess, v.Person.Account.Name, "namespace", v.Member.Namespace, "member", v.Member.Name)
	return v.Done(session.DoneLeft)
}

// StateText is empty for an active member.
func StateText(v *session.Visit, b session.Membership) string {
	switch {
	case leaves(v.Person.Account, b.Member):
		return v.Words.T("state.leaving")
	case b.Member.Status.State == rosterv1alpha1.MemberEnded:
		return v.Words.T("state.ended")
	case b.Member.Status.State == rosterv1alpha1.MemberSuspended:
		return v.Words.T("state.suspended")
	case b.Member.Status.State == rosterv1alpha1.MemberActive:
		return ""
	}
	return v.Words.T("state.pending")
}

// leaves reports whether the person has asked to leave.
func leaves(acct *rosterv1alpha1.Account, m *rosterv1alpha1.Member) bool {
	return slices.ContainsFunc(acct.Status.Leaving, func(l rosterv1alpha1.Leaving) bool { return l.UID == string(m.UID) })
}

// ConnectionState says how the tokens of a profile stand, and whether somebody has to do something about it.
func ConnectionState(w web.Words, sp *rosterv1alpha1.SocialProfile) (text string, bad bool) {
	if sp.Spec.CredentialsSecretRef == nil {
		return w.T("connection.none"), false
	}
	connected := meta.FindStatusCondition(sp.Status.Conditions, rosterv1alpha1.ConditionConnected)
	expiring := meta.IsStatusConditionTrue(sp.Status.Conditions, rosterv1alpha1.ConditionTokenExpiring)
	c := sp.Status.Credential
	switch {
	case connected == nil || connected.Status == "Unknown":
		return w.T("connection.unknown"), false
	case connected.Status == "False":
		return w.T("connection.lost"), true
	case expiring && c != nil && c.ReconnectByTime != nil:
		return w.T("connection.until", "Time", w.Moment(c.ReconnectByTime.Time)), true
	case expiring:
		return w.T("connection.expiring"), true
	}
	return w.T("connection.good"), false
}

// PlanFull reports whether the plan has no place for another profile, and whom to ask.
func PlanFull(o *rosterv1alpha1.Organization) (contact string, full bool) {
	left, limited := quota.Left(o.Status.Plan.SocialProfiles)
	return o.Status.Plan.Contact, limited && left == 0
}
