// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"net/url"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

type rolePage struct {
	Frame console.Frame
	web.Fields
	Heading string
	// Name of the role; empty for a new one.
	Name  string
	State console.Badge
	May   bool
	Form  roleForm
	Scope string
	above
	Generation int64
	Boxes      []box
	// Fixed are the permissions that the role has and the person cannot give: they stay.
	Fixed, Allows            []string
	Users                    []string
	Action, DeleteHref, Back string
}

// box to tick.
type box struct {
	Value, Text string
	Ticked      bool
}

// newRole is the page with the form for a role of that scope.
func newRole(v *console.Visit, scope rosterv1alpha1.RoleScope) string {
	return v.PathWith("/organizations/"+v.Namespace()+RolesPath, url.Values{"new": {string(scope)}})
}

func (h *Handler) getRole(v *console.Visit, r *rosterv1alpha1.CustomRole) error {
	return h.roleForm(v, r, formOf(r), nil, nil)
}

func formOf(r *rosterv1alpha1.CustomRole) roleForm {
	form := roleForm{Scope: r.Spec.Scope, Name: r.Spec.DisplayName, Description: r.Spec.Description}
	for _, p := range r.Spec.Permissions {
		form.Permissions = append(form.Permissions, string(p))
	}
	return form
}

// roleForm shows a role, or the form for a new one.
func (h *Handler) roleForm(
	v *console.Visit, r *rosterv1alpha1.CustomRole, form roleForm, problems []web.Problem, changed *console.ChangedView,
) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	w := v.Words
	page := rolePage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, Heading: w.T("groups.role.new"), May: s.mayWriteRoles(), Form: form,
		Scope: scopeText(w, form.Scope), Action: v.To(RolesPath), Back: v.To(RolesPath),
	}
	offered := s.offered(form.Scope)
	for _, p := range offered {
		page.Boxes = append(page.Boxes, box{string(p), console.Permission(w, p), slices.Contains(form.Permissions, string(p))})
	}
	if r != nil {
		here := v.To(RolesPath + "/" + r.Name)
		page.Name, page.Generation, page.Action = roleName(r), r.Generation, here
		page.Heading, page.DeleteHref = page.Name, v.To(RolesPath+"/"+r.Name+"/delete")
		page.State = stateOf(w, r.Status.Conditions, r.Generation, r.Status.ObservedGeneration)
		page.Allows = console.Allowed(w, r.Spec.Permissions)
		page.Fixed = console.Allowed(w, slices.DeleteFunc(slices.Clone(r.Spec.Permissions), func(p rosterv1alpha1.RolePermission) bool {
			return slices.Contains(offered, p)
		}))
		page.Kept, page.Changed = v.KeptView(r), changed
		if page.Users, err = h.roleUsers(v, s, r); err != nil {
			return err
		}
	}
	if changed != nil {
		page.Now = []fact{
			{w.T("groups.name"), page.Name}, {w.T("groups.description"), r.Spec.Description},
			{w.T("groups.allows"), strings.Join(page.Allows, ", ")},
		}
	}
	return v.Form(pageRole, page.Heading, problems, page)
}

// roleUse is what has a custom role.
type roleUse struct{ People, Teams, Invited []string }

func useOf(
	r *rosterv1alpha1.CustomRole, people []*rosterv1alpha1.Member, teams []*rosterv1alpha1.Team, invited []*rosterv1alpha1.Invitation,
) roleUse {
	var u roleUse
	// has looks at a Member, or at the one that an Invitation brings.
	has := func(s rosterv1alpha1.MemberSpec) bool {
		if r.Spec.Scope == rosterv1alpha1.ScopeOrganization {
			return string(s.Role) == r.Name
		}
		return slices.ContainsFunc(s.Profiles, func(g rosterv1alpha1.ProfileGrant) bool { return string(g.Role) == r.Name }) ||
			slices.ContainsFunc(s.Workspaces, func(g rosterv1alpha1.WorkspaceGrant) bool { return string(g.Role) == r.Name })
	}
	for _, m := range people {
		if has(m.Spec) {
			u.People = append(u.People, membership.NameOf(m))
		}
	}
	for _, t := range teams {
		if r.Spec.Scope == rosterv1alpha1.ScopeProfile && string(t.Spec.Role) == r.Name {
			u.Teams = append(u.Teams, console.TeamName(t))
		}
	}
	for _, inv := range invited {
		brings := rosterv1alpha1.MemberSpec{Role: inv.Spec.Role, Profiles: inv.Spec.Profiles, Workspaces: inv.Spec.Workspaces}
		if invitation.IsOpen(inv) && inv.Spec.MemberRef == nil && has(brings) {
			u.Invited = append(u.Invited, inv.Spec.Email)
		}
	}
	for _, names := range [][]string{u.People, u.Teams, u.Invited} {
		slices.Sort(names)
	}
	return u
}

// roleUsers say who has a role.
func (h *Handler) roleUsers(v *console.Visit, s *scene, r *rosterv1alpha1.CustomRole) ([]string, error) {
	people, err := v.Members()
	if err != nil {
		return nil, err
	}
	invited, err := v.Invitations()
	if err != nil {
		return nil, err
	}
	w, u := v.Words, useOf(r, people, s.Teams, invited)
	var lines []string
	if n := len(u.People); n > 0 {
		lines = append(lines, w.N("groups.role.people", n)+" "+console.Listed(w, u.People))
	}
	if n := len(u.Teams); n > 0 {
		lines = append(lines, w.N("groups.role.teams", n)+" "+console.Listed(w, u.Teams))
	}
	if n := len(u.Invited); n > 0 {
		lines = append(lines, w.N("groups.role.invited", n)+" "+console.Listed(w, u.Invited))
	}
	return lines, nil
}

func (h *Handler) postRole(v *console.Visit, r *rosterv1alpha1.CustomRole) error {
	form := readRole(v.R.PostForm)
	form.Scope = r.Spec.Scope
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	permissions := permissionsOf(s.offered(form.Scope), r.Spec.Permissions, form.Permissions)
	wanted := r.DeepCopy()
	wanted.Spec.DisplayName, wanted.Spec.Description, wanted.Spec.Permissions = form.Name, form.Description, permissions
	show := func(problems []web.Problem, changed *console.ChangedView) error {
		return h.roleForm(v, r, form, problems, changed)
	}
	return save(v, r, wanted, RolesPath, form.Name, form.check(v.Words, permissions), show)
}

func (h *Handler) deleteRoleForm(v *console.Visit, r *rosterv1alpha1.CustomRole, problems []web.Problem) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	lines, err := h.roleUsers(v, s, r)
	if err != nil {
		return err
	}
	w, here := v.Words, RolesPath+"/"+r.Name
	if len(lines) == 0 {
		lines = []string{w.T("groups.role.unused")}
	} else {
		lines = append(lines, w.T("groups.role.meaning"))
	}
	return askDelete(v, r, here, w.T("groups.delete.role", "Name", roleName(r)), lines, problems)
}
