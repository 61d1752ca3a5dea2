// SPDX-License-Identifier: Apache-2.0

// Package applications has the pages about the tools that members sign in to with their account.
package applications

import (
	"embed"
	"net/http"
	"net/url"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
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
	pageList   web.PageName = "applications"
	pageOne    web.PageName = "applications-one"
	pageSecret web.PageName = "applications-secret"
)

// Path behind that of the organisation.
const Path = "/team/applications"

// newPath is that of the form for a new application: behind Path, it would be that of one called new.
const newPath = "/team/new-application"

// Handler of the pages.
type Handler struct {
	Desk *console.Desk
	// Issuer of tokens; empty where the portal is no OpenID provider.
	Issuer string
}

// Tab leads to the list.
func Tab() console.Tab { return console.Tab{Page: Path, Text: "applications.tab"} }

// Routes are the pages. What sends people elsewhere with their account takes a proof of who somebody is that is not old.
func (h *Handler) Routes() []web.Route {
	const list = "/organizations/{namespace}" + Path
	const one = list + "/{name}"
	open, recent := h.Desk.Open, h.Desk.OpenRecent
	getDelete, postDelete := console.Deletion(askDelete, func(v *console.Visit, a *rosterv1alpha1.Application) error {
		return v.Done(Path, "applications.deleted", "Name", a.Title())
	}, fields())
	return []web.Route{
		{Path: list, Get: open(h.getList), Returnable: true},
		{Path: "/organizations/{namespace}" + newPath, Get: recent(h.getNew), Post: recent(h.postNew), Returnable: true},
		{Path: one, Get: recent(console.Named(h.getOne)), Post: recent(console.Named(h.postOne)), Returnable: true},
		{Path: one + "/secret", Get: recent(h.getSecret(false)), Post: recent(h.postSecret(false)), Returnable: true},
		{Path: one + "/stolen", Get: recent(h.getSecret(true)), Post: recent(h.postSecret(true)), Returnable: true},
		{Path: one + "/delete", Get: recent(getDelete), Post: recent(postDelete), Returnable: true},
	}
}

// may reports whether the person is shown forms. The API server decides whether they may.
func may(v *console.Visit) bool { return v.Holds().May(rosterv1alpha1.PermissionManageSettings) }

type listPage struct {
	Frame console.Frame
	Rows  []row
	May   bool
	// Off: nobody can sign in to any of them.
	Off               bool
	NewWeb, NewNative string
}

type row struct {
	Name, Href, Type, Who, URL string
	State                      console.Badge
}

func (h *Handler) getList(v *console.Visit) error {
	var all rosterv1alpha1.ApplicationList
	if err := v.Cache().List(v.R.Context(), &all, client.InNamespace(v.Namespace()), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	names, err := h.names(v)
	if err != nil {
		return err
	}
	w := v.Words
	page := listPage{Frame: v.Frame(), May: may(v), Off: h.Issuer == ""}
	if page.May {
		page.NewWeb, page.NewNative = newOne(v, rosterv1alpha1.ApplicationWeb), newOne(v, rosterv1alpha1.ApplicationNative)
	}
	for i := range all.Items {
		a := &all.Items[i]
		page.Rows = append(page.Rows, row{
			Name: a.Title(), Href: v.To(Path + "/" + a.Name), Type: w.T("applications.type." + string(a.Spec.Type)), Who: who(w, names, a),
			URL: a.Spec.URL, State: stateOf(w, a),
		})
	}
	slices.SortFunc(page.Rows, func(a, b row) int { return console.CompareNames(a.Name, a.Href, b.Name, b.Href) })
	return v.Show(http.StatusOK, pageList, w.T("applications.title", "Org", page.Frame.Org), page)
}

// newOne is the page with the form for an application of that type.
func newOne(v *console.Visit, kind rosterv1alpha1.ApplicationType) string {
	return v.PathWith("/organizations/"+v.Namespace()+newPath, url.Values{fieldType: {string(kind)}})
}

// names put the roles and teams of the organisation into words.
func (h *Handler) names(v *console.Visit) (console.Names, error) {
	all, err := v.Snapshot()
	return console.Names{Words: v.Words, All: all}, err
}

// who says who may sign in.
func who(w web.Words, names console.Names, a *rosterv1alpha1.Application) string {
	m := a.Spec.Members
	if m == nil {
		return w.T("applications.everybody")
	}
	var parts []string
	for _, role := range m.Roles {
		parts = append(parts, names.Role(rosterv1alpha1.OrganizationRole(role), false))
	}
	for _, team := range m.Teams {
		parts = append(parts, w.T("applications.team", "Team", names.Team(team)))
	}
	return console.Listed(w, parts)
}

// stateOf puts the conditions of an Application into words.
func stateOf(w web.Words, a *rosterv1alpha1.Application) console.Badge {
	return console.StateOf(w, a.Status.Conditions, a.Generation, a.Status.ObservedGeneration, "applications.state.")
}

// choices are the roles and the teams to tick.
func choices(names console.Names, f form) (roles, teams []box) {
	custom := membership.CustomRoles(names.All.Roles)
	var all []string
	for _, role := range console.BuiltInRoles() {
		all = append(all, string(role))
	}
	for _, r := range names.All.Roles {
		if custom[r.Name].Scope == rosterv1alpha1.ScopeOrganization {
			all = append(all, r.Name)
		}
	}
	for _, role := range withTicked(all, f.Roles) {
		roles = append(roles, box{role, names.Role(rosterv1alpha1.OrganizationRole(role), false), slices.Contains(f.Roles, role)})
	}
	var existing []string
	for _, t := range names.All.Teams {
		existing = append(existing, t.Name)
	}
	for _, team := range withTicked(existing, f.Teams) {
		teams = append(teams, box{team, names.Team(team), slices.Contains(f.Teams, team)})
	}
	return roles, teams
}

// withTicked are all, and what is ticked and is not there any more: a form takes nothing out by itself.
func withTicked(all, ticked []string) []string {
	for _, name := range ticked {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
