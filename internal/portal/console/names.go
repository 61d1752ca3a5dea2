// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

// TeamName is what people know a Team by.
func TeamName(t *rosterv1alpha1.Team) string { return cmp.Or(t.Spec.DisplayName, t.Name) }

// WorkspaceName is what people know a Workspace by.
func WorkspaceName(w *rosterv1alpha1.Workspace) string { return cmp.Or(w.Spec.DisplayName, w.Name) }

// ProfileName is what people know a profile by, with its network; the name of its object where they may not look at it.
func ProfileName(w web.Words, p *rosterv1alpha1.SocialProfile) string {
	if !Seen(p) {
		return p.Name
	}
	return w.T("console.profile", "Handle", p.Spec.Handle, "Network", w.Network(p))
}

// Names puts the names of objects into words.
type Names struct {
	Words web.Words
	All   *membership.Snapshot
}

// Team is what people know a Team by; its name where there is none.
func (n Names) Team(name string) string { return called(n.All.Teams, name, TeamName) }

// Workspace is Team for a Workspace.
func (n Names) Workspace(name string) string { return called(n.All.Workspaces, name, WorkspaceName) }

// Profile is Team for a profile, with its network.
func (n Names) Profile(name string) string {
	return called(n.All.Profiles, name, func(p *rosterv1alpha1.SocialProfile) string { return ProfileName(n.Words, p) })
}

// Role is what a role in the organisation is called; adds tells that its holder, a Member, may add profiles.
func (n Names) Role(role rosterv1alpha1.OrganizationRole, adds bool) string {
	return n.Words.Roles.InOrganization(cmp.Or(role, rosterv1alpha1.RoleMember), adds, membership.CustomRoles(n.All.Roles)).Name
}

// On is what a role on profiles is called.
func (n Names) On(role rosterv1alpha1.ProfileRole) string {
	return n.Words.Roles.OnProfile(role, membership.CustomRoles(n.All.Roles)).Name
}

// mostListed are so many names that a sentence has one by one.
const mostListed = 10

// Listed are names in a sentence, the first of many: "Ana, Ben and 3 more".
func Listed(w web.Words, names []string) string {
	if more := len(names) - mostListed; more > 1 {
		names = append(slices.Clone(names[:mostListed]), w.N("console.more", more))
	}
	return And(w, names)
}

// ListedAs are Listed by what they are called.
func ListedAs(w web.Words, names []string, called func(name string) string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = called(name)
	}
	return Listed(w, all)
}

// And joins the parts of a sentence: "a, b and c".
func And(w web.Words, parts []string) string {
	if n := len(parts); n > 1 {
		text := "console.and"
		if and := " " + strings.TrimSpace(w.T(text, "Some", "", "Last", "")) + " "; n > 2 && strings.Contains(strings.Join(parts, ", "), and) {
			text = "console.andThen" // "manage teams and workspaces, and change the settings"
		}
		return w.T(text, "Some", strings.Join(parts[:n-1], ", "), "Last", parts[n-1])
	}
	return strings.Join(parts, "")
}

// May is what a set of permissions on profiles lets people do: "view, plan posts and publish".
func May(w web.Words, set access.Set) string {
	var may []string
	for _, p := range set.Permissions() {
		may = append(may, w.Permission(p))
	}
	return And(w, may)
}

// Allowed is what permissions of a role let people do, one by one, in the organisation or on profiles.
func Allowed(w web.Words, permissions []rosterv1alpha1.RolePermission) []string {
	may := make([]string, len(permissions))
	for i, p := range permissions {
		may[i] = Permission(w, p)
	}
	return may
}

// Permission is what one permission of a role lets people do.
func Permission(w web.Words, p rosterv1alpha1.RolePermission) string {
	if slices.Contains(access.AllOrganizationPermissions(), p) {
		return w.T("console.permission." + string(p))
	}
	return w.Permission(access.Permission(p))
}

func called[O client.Object](all []O, name string, as func(O) string) string {
	for _, o := range all {
		if o.GetName() == name {
			return as(o)
		}
	}
	return name
}
