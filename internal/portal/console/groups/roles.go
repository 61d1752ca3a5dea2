// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

type rolesPage struct {
	Frame                             console.Frame
	InOrganization, OnProfile, Custom []roleRow
	May                               bool
	// Lacks says that the plan has no custom roles; empty where it has.
	Lacks                           string
	NewInOrganization, NewOnProfile string
}

// roleRow is a role and what it allows, in words.
type roleRow struct {
	Name, Href, Words, Scope string
	May                      []string
	State                    console.Badge
}

func roleName(r *rosterv1alpha1.CustomRole) string { return cmp.Or(r.Spec.DisplayName, r.Name) }

func (h *Handler) getRoles(v *console.Visit) error {
	if scope := rosterv1alpha1.RoleScope(v.R.URL.Query().Get("new")); isScope(scope) {
		return h.roleForm(v, nil, roleForm{Scope: scope}, nil, nil)
	}
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	w := v.Words
	page := rolesPage{
		Frame: v.Frame(), InOrganization: builtInRoles(w), OnProfile: builtInProfileRoles(w),
		Lacks: s.lacks(w, rosterv1alpha1.FeatureCustomRoles, w.T("groups.feature.customRoles")),
	}
	page.May = s.mayWriteRoles() && page.Lacks == ""
	if page.May {
		page.NewInOrganization = newRole(v, rosterv1alpha1.ScopeOrganization)
		if s.givesEverywhere() {
			page.NewOnProfile = newRole(v, rosterv1alpha1.ScopeProfile)
		}
	}
	for _, r := range s.Roles {
		page.Custom = append(page.Custom, roleRow{
			Name: roleName(r), Href: v.To(RolesPath + "/" + r.Name), Words: r.Spec.Description, Scope: scopeText(w, r.Spec.Scope),
			May: console.Allowed(w, r.Spec.Permissions), State: stateOf(w, r.Status.Conditions, r.Generation, r.Status.ObservedGeneration),
		})
	}
	slices.SortFunc(page.Custom, func(a, b roleRow) int {
		return console.CompareNames(a.Name, a.Href, b.Name, b.Href)
	})
	return v.Show(http.StatusOK, pageRoles, w.T("groups.roles.title", "Org", page.Frame.Org), page)
}

func isScope(s rosterv1alpha1.RoleScope) bool {
	return s == rosterv1alpha1.ScopeOrganization || s == rosterv1alpha1.ScopeProfile
}

func scopeText(w web.Words, s rosterv1alpha1.RoleScope) string {
	if s == rosterv1alpha1.ScopeProfile {
		return w.T("groups.scope.profile")
	}
	return w.T("groups.scope.organization")
}

// builtInRoles are the roles in an organisation that everybody has.
func builtInRoles(w web.Words) []roleRow {
	var rows []roleRow
	for _, role := range console.BuiltInRoles() {
		row := roleRow{Name: w.Roles.InOrganization(role, false, nil).Name, May: console.Allowed(w, access.OrganizationPermissions(role))}
		switch role {
		case rosterv1alpha1.RoleOwner:
			row.May = append(row.May, w.T("groups.permission.transfer"))
		case rosterv1alpha1.RoleAdvancedMember, rosterv1alpha1.RoleMember:
			row.Words = w.T("groups.role.member")
		case rosterv1alpha1.RoleProfileConnector:
			row.Words = w.T("groups.role.connector")
		}
		rows = append(rows, row)
	}
	return rows
}

func builtInProfileRoles(w web.Words) []roleRow {
	var rows []roleRow
	for _, role := range access.ProfileRoles() {
		row := roleRow{Name: w.Roles.OnProfile(role, nil).Name}
		for _, p := range access.ProfilePermissions(role).Permissions() {
			row.May = append(row.May, w.Permission(p))
		}
		rows = append(rows, row)
	}
	return rows
}

// roleForm is what people type about a custom role.
type roleForm struct {
	Scope             rosterv1alpha1.RoleScope
	Name, Description string
	Permissions       []string
}

func readRole(values url.Values) roleForm {
	return roleForm{
		Scope: rosterv1alpha1.RoleScope(values.Get(fieldScope)), Name: web.Tidy(values.Get(web.FieldDisplayName)),
		Description: strings.Join(strings.Fields(web.Tidy(values.Get(fieldDescription))), " "), Permissions: values[fieldPermission],
	}
}

// The longest that a role is called and described by, as in its schema.
const (
	maxRoleName    = 60
	maxDescription = 300
)

func (f roleForm) check(w web.Words, permissions []rosterv1alpha1.RolePermission) []web.Problem {
	problems := checkName(w, f.Name, maxRoleName)
	if len([]rune(f.Description)) > maxDescription {
		problems = append(problems, web.Problem{Field: fieldDescription, Text: w.N("groups.error.description", maxDescription)})
	}
	if len(permissions) == 0 {
		problems = append(problems, web.Problem{Field: fieldPermission, Text: w.T("groups.error.permission")})
	}
	return problems
}

// permissionsOf are those that a role has after the form: of what the person may give, what they ticked; of what they may not, what was
// there before.
func permissionsOf(offered, before []rosterv1alpha1.RolePermission, ticked []string) []rosterv1alpha1.RolePermission {
	var all []rosterv1alpha1.RolePermission
	for _, p := range before {
		if !slices.Contains(offered, p) || slices.Contains(ticked, string(p)) {
			all = append(all, p)
		}
	}
	for _, p := range offered {
		if slices.Contains(ticked, string(p)) && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// offered are the permissions that the person may put into a role.
func (s *scene) offered(scope rosterv1alpha1.RoleScope) []rosterv1alpha1.RolePermission {
	var all []rosterv1alpha1.RolePermission
	switch {
	case !s.mayWriteRoles():
	case scope == rosterv1alpha1.ScopeOrganization:
		for _, p := range access.AllOrganizationPermissions() {
			if s.holds.May(p) {
				all = append(all, p)
			}
		}
	case s.givesEverywhere():
		for _, p := range access.Permissions() {
			all = append(all, rosterv1alpha1.RolePermission(p))
		}
	}
	return all
}

func (h *Handler) postRoles(v *console.Visit) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	form := readRole(v.R.PostForm)
	if !isScope(form.Scope) {
		return v.BadRequest()
	}
	permissions := permissionsOf(s.offered(form.Scope), nil, form.Permissions)
	if problems := form.check(v.Words, permissions); len(problems) > 0 {
		return h.roleForm(v, nil, form, problems, nil)
	}
	r := &rosterv1alpha1.CustomRole{
		ObjectMeta: metav1.ObjectMeta{Name: console.ObjectName(form.Name, "role", console.Taken(s.Roles))},
		Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: form.Scope, DisplayName: form.Name, Description: form.Description, Permissions: permissions,
		},
	}
	again := func(problems []web.Problem) error { return h.roleForm(v, nil, form, problems, nil) }
	return v.Wrote(v.Create(r), func() error { return v.Done(RolesPath, "groups.saved", "Name", form.Name) }, again, fields())
}
