// SPDX-License-Identifier: Apache-2.0

// Package settings has the pages about an organisation as a whole: its settings, its plan, and who owns it.
package settings

import (
	"context"
	"embed"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// The pages.
const (
	pageSettings web.PageName = "settings"
	pageSection  web.PageName = "settings-section"
	pagePlan     web.PageName = "settings-plan"
	pageOwner    web.PageName = "settings-owner"
)

// Paths behind that of the organisation.
const (
	Path      = "/team/settings"
	PlanPath  = "/team/plan"
	OwnerPath = "/team/owner"
)

// Handler of the pages.
type Handler struct {
	Desk *console.Desk
}

// Tab leads to the settings.
func Tab() console.Tab { return console.Tab{Page: Path, Text: "settings.tab"} }

// Routes are the pages. What decides who gets in takes a proof of who somebody is that is not old.
func (h *Handler) Routes() []web.Route {
	const organization = "/organizations/{namespace}"
	open, recent := h.Desk.Open, h.Desk.OpenRecent
	routes := []web.Route{
		{Path: organization + Path, Get: open(h.getSettings), Returnable: true},
		{Path: organization + PlanPath, Get: open(h.getPlan), Returnable: true},
		{Path: organization + OwnerPath, Get: recent(h.getOwner), Post: recent(h.postOwner), Returnable: true},
	}
	for _, name := range sectionNames() {
		guard := open
		if name == sectionPasswords || name == sectionSignIn {
			guard = recent
		}
		routes = append(routes, web.Route{
			Path: organization + Path + "/" + name, Returnable: true,
			Get:  guard(func(v *console.Visit) error { return h.getSection(v, name) }),
			Post: guard(func(v *console.Visit) error { return h.postSection(v, name) }),
		})
	}
	return routes
}

// may reports whether the person is shown forms. The API server decides whether they may.
func may(v *console.Visit) bool { return v.Holds().May(rosterv1alpha1.PermissionManageSettings) }

// fresh is the organisation as it is now, read as the person.
func fresh(v *console.Visit) (*rosterv1alpha1.Organization, error) {
	o := &rosterv1alpha1.Organization{}
	return o, v.Get(v.Organization.Name, o)
}

// settingsPage is what the organisation has set, section by section.
type settingsPage struct {
	Frame    console.Frame
	Sections []sectionView
	// Kept says what the people who run Roster set, and how.
	Kept                []fact
	PlanHref, OwnerHref string
}

// fact is something in words.
type fact struct{ Label, Value string }

type sectionView struct {
	ID, Title string
	Facts     []fact
	// Wrong is what is the matter with what is set; empty for nothing.
	Wrong string
	// Href is where to change it; empty for people who may not.
	Href string
}

func (h *Handler) getSettings(v *console.Visit) error {
	w, o, may := v.Words, v.Organization, may(v)
	page := settingsPage{Frame: v.Frame(), PlanHref: v.To(PlanPath), OwnerHref: v.To(OwnerPath)}
	names := h.names(v)
	for _, s := range sections(w, o, names) {
		view := sectionView{ID: s.Name, Title: s.Title, Facts: s.facts(w), Wrong: wrong(w, s.Name, o)}
		if may {
			view.Href = v.To(Path + "/" + s.Name)
		}
		page.Sections = append(page.Sections, view)
	}
	page.Kept = []fact{
		{w.T("settings.kept.plan"), "kubectl patch organization " + o.Name + " -n " + o.Namespace +
			` --type merge -p '{"spec":{"planRef":{"name":"…"}}}'`},
	}
	return v.Show(http.StatusOK, pageSettings, w.T("settings.title", "Org", page.Frame.Org), page)
}

// book finds people of the organisation for forms that name one.
type book interface {
	// address of a Member by its name; empty where there is none.
	address(name string) string
	// member of an address; empty where there is none.
	member(address string) string
}

// names is the book of the portal's cache.
func (h *Handler) names(v *console.Visit) book {
	return cachedBook{v.R.Context(), v.Cache(), v.Namespace()}
}

type cachedBook struct {
	ctx       context.Context
	cache     web.Cache
	namespace string
}

func (b cachedBook) address(name string) string {
	m := &rosterv1alpha1.Member{}
	b.cache.Look(b.ctx, client.ObjectKey{Namespace: b.namespace, Name: name}, m)
	return m.Spec.Email
}

func (b cachedBook) member(wanted string) string {
	var list rosterv1alpha1.MemberList
	if err := b.cache.List(b.ctx, &list, client.InNamespace(b.namespace), client.UnsafeDisableDeepCopy); err != nil {
		b.cache.Log.Error(err, "Cannot look for a member")
	}
	for i := range list.Items {
		if m := &list.Items[i]; address.Same(m.Spec.Email, wanted) {
			return m.Name
		}
	}
	return ""
}
