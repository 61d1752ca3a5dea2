// SPDX-License-Identifier: Apache-2.0

// Package groups has the pages about what rights are given by: teams, workspaces and custom roles.
package groups

import (
	"embed"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// The pages.
const (
	pageTeams      web.PageName = "groups-teams"
	pageTeam       web.PageName = "groups-team"
	pageWorkspaces web.PageName = "groups-workspaces"
	pageWorkspace  web.PageName = "groups-workspace"
	pageRoles      web.PageName = "groups-roles"
	pageRole       web.PageName = "groups-role"
	// pageChoose is for the people or the profiles of a group.
	pageChoose web.PageName = "groups-choose"
)

// Paths behind that of the organisation.
const (
	TeamsPath      = "/team/teams"
	WorkspacesPath = "/team/workspaces"
	RolesPath      = "/team/roles"
)

// The fields of forms.
const (
	fieldRole        = "role"
	fieldScope       = "scope"
	fieldDescription = "description"
	fieldPermission  = "permission"
	fieldAdd         = "add"
	fieldRemove      = "remove"
)

// Handler of the pages.
type Handler struct {
	Desk *console.Desk
}

// Tabs lead to the lists.
func Tabs() []console.Tab {
	return []console.Tab{
		{Page: TeamsPath, Text: "groups.teams.tab"}, {Page: WorkspacesPath, Text: "groups.workspaces.tab"},
		{Page: RolesPath, Text: "groups.roles.tab"},
	}
}

// Routes are the pages.
func (h *Handler) Routes() []web.Route {
	const organization = "/organizations/{namespace}"
	const team, workspace, role = organization + TeamsPath, organization + WorkspacesPath, organization + RolesPath
	open := h.Desk.Open
	return []web.Route{
		{Path: team, Get: open(h.getTeams), Post: open(h.postTeams), Returnable: true},
		{Path: team + "/{name}", Get: open(console.Named(h.getTeam)), Post: open(console.Named(h.postTeam)), Returnable: true},
		chosenFor(h, team+"/{name}/people", h.teamPeople),
		chosenFor(h, team+"/{name}/profiles", h.teamProfiles),
		deleted(h, TeamsPath, console.TeamName, h.deleteTeamForm),
		{Path: workspace, Get: open(h.getWorkspaces), Post: open(h.postWorkspaces), Returnable: true},
		{Path: workspace + "/{name}", Get: open(console.Named(h.getWorkspace)), Post: open(console.Named(h.postWorkspace)), Returnable: true},
		chosenFor(h, workspace+"/{name}/profiles", h.workspaceProfiles),
		deleted(h, WorkspacesPath, console.WorkspaceName, h.deleteWorkspaceForm),
		{Path: role, Get: open(h.getRoles), Post: open(h.postRoles), Returnable: true},
		{Path: role + "/{name}", Get: open(console.Named(h.getRole)), Post: open(console.Named(h.postRole)), Returnable: true},
		deleted(h, RolesPath, roleName, h.deleteRoleForm),
	}
}

// scene is what rights come from in the organisation, and what the person holds themselves: it decides what they are offered. The API
// server decides what they may.
type scene struct {
	*membership.Snapshot
	sums  *membership.Sums
	roles access.Roles
	holds access.Effective
}

func (h *Handler) scene(v *console.Visit) (*scene, error) {
	all, err := v.Snapshot()
	if err != nil {
		return nil, err
	}
	s := &scene{Snapshot: all, sums: all.Sums(), roles: membership.CustomRoles(all.Roles)}
	s.holds = s.sums.Holds(v.Member)
	return s, nil
}

// mayWriteGroups reports whether the person is shown forms for teams and workspaces, mayWriteRoles for custom roles.
func (s *scene) mayWriteGroups() bool { return s.holds.May(rosterv1alpha1.PermissionManageTeams) }
func (s *scene) mayWriteRoles() bool  { return s.holds.May(rosterv1alpha1.PermissionManageRoles) }

// givesEverywhere reports whether the person may give every role on every profile, as the policies ask: whether they may make a Manager.
func (s *scene) givesEverywhere() bool {
	return slices.Contains(s.roles.Grantable(s.holds.Permissions), string(rosterv1alpha1.RoleManager))
}

func (s *scene) has(f rosterv1alpha1.Feature) bool {
	return access.HasFeature(s.Organization.Status.Plan, f)
}

// lacks says that the plan does not have a feature, and whom to ask; empty where it has it.
func (s *scene) lacks(w web.Words, f rosterv1alpha1.Feature, what string) string {
	if s.has(f) {
		return ""
	}
	return w.T("groups.notInPlan", "What", what, "Plan", s.Organization.Status.Plan.Name, "Contact", s.Organization.Status.Plan.Contact)
}

// fact is something about an object, in words.
type fact struct{ Label, Value string }

// above stands above the forms: who keeps the object in Git, and who else has changed it since the form was shown, to what.
type above struct {
	Kept    *console.KeptView
	Changed *console.ChangedView
	Now     []fact
}

// fields are those of the forms, by what they write.
func fields() console.Fields {
	return console.Fields{
		"spec.displayName": web.FieldDisplayName, "spec.role": fieldRole, "spec.description": fieldDescription,
		"spec.permissions": fieldPermission,
	}
}

// checkName corrects what people call a group or a role.
func checkName(w web.Words, name string, most int) []web.Problem {
	wrong := func(text string) []web.Problem { return []web.Problem{{Field: web.FieldDisplayName, Text: text}} }
	switch {
	case !web.IsVisible(name):
		return wrong(w.T("groups.error.name"))
	case !web.IsLine(name):
		return wrong(w.T("groups.error.line"))
	case len([]rune(name)) > most:
		return wrong(w.N("groups.error.long", most))
	}
	return nil
}

// stateOf puts the conditions of an object into words.
func stateOf(w web.Words, conditions []metav1.Condition, generation, observed int64) console.Badge {
	return console.StateOf(w, conditions, generation, observed, "groups.state.")
}

// save writes an object as a form wants it, unless somebody else has changed it since the form was shown, or something in it is wrong.
func save(
	v *console.Visit, was, wanted client.Object, list, name string, wrong []web.Problem, show func([]web.Problem, *console.ChangedView) error,
) error {
	if changed, problems := v.Changed(was, nil); changed != nil {
		return show(problems, changed)
	}
	again := func(problems []web.Problem) error { return show(problems, nil) }
	if len(wrong) > 0 {
		return again(wrong)
	}
	done := func() error { return v.Done(list+"/"+was.GetName(), "groups.saved", "Name", name) }
	return v.Wrote(v.Update(wanted), done, again, fields())
}

// askDelete says what it means to delete an object, and asks for it once.
func askDelete(v *console.Visit, o client.Object, here, heading string, lines []string, problems []web.Problem) error {
	return v.AskAbout(o, console.Sure{
		Heading: heading, Points: lines, Submit: v.Words.T("groups.delete.submit"), Action: v.To(here + "/delete"), Back: v.To(here),
	}, problems)
}

// deleted is the page by which an object is deleted, which leads back to the list.
func deleted[T any, O console.Object[T]](
	h *Handler, list string, called func(O) string, ask func(*console.Visit, O, []web.Problem) error,
) web.Route {
	get, post := console.Deletion(ask, func(v *console.Visit, o O) error {
		return v.Done(list, "groups.deleted", "Name", called(o))
	}, fields())
	path := "/organizations/{namespace}" + list + "/{name}/delete"
	return web.Route{Path: path, Get: h.Desk.Open(get), Post: h.Desk.Open(post), Returnable: true}
}

// withTeam is a snapshot with a team as it is to be.
func withTeam(s *membership.Snapshot, t *rosterv1alpha1.Team) *membership.Snapshot {
	next := *s
	next.Teams = append(without(s.Teams, t.Name), t)
	return &next
}

// withoutTeam is one without it.
func withoutTeam(s *membership.Snapshot, name string) *membership.Snapshot {
	next := *s
	next.Teams = without(s.Teams, name)
	return &next
}

// withWorkspace and withoutWorkspace are the same for a workspace.
func withWorkspace(s *membership.Snapshot, w *rosterv1alpha1.Workspace) *membership.Snapshot {
	next := *s
	next.Workspaces = append(without(s.Workspaces, w.Name), w)
	return &next
}

func withoutWorkspace(s *membership.Snapshot, name string) *membership.Snapshot {
	next := *s
	next.Workspaces = without(s.Workspaces, name)
	return &next
}

func without[T client.Object](all []T, name string) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return o.GetName() == name })
}
