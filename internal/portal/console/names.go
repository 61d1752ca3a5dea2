// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

// TeamName is what people know a Team by.
func TeamName(t *rosterv1alpha1.Team) string { return cmp.Or(t.Spec.DisplayName, t.Name) }

// WorkspaceName is what people know a Workspace by.
func WorkspaceName(w *rosterv1alpha1.Workspace) string { return cmp.Or(w.Spec.DisplayName, w.Name) }

// ProfileName is what people know a profile by, with its network.
func ProfileName(w web.Words, p *rosterv1alpha1.SocialProfile) string {
	return w.T("console.profile", "Handle", cmp.Or(p.Spec.Handle, p.Name), "Network", organization.NetworkName(w, p))
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

func called[O client.Object](all []O, name string, as func(O) string) string {
	for _, o := range all {
		if o.GetName() == name {
			return as(o)
		}
	}
	return name
}
