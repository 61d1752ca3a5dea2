// SPDX-License-Identifier: Apache-2.0

// Package bulk has the pages by which many people are changed together, and many social profiles given to teams.
package bulk

import (
	"cmp"
	"embed"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// The pages.
const (
	pageChoose   web.PageName = "bulk-choose"
	pageWhat     web.PageName = "bulk-what"
	pagePreview  web.PageName = "bulk-preview"
	pageResult   web.PageName = "bulk-result"
	pageProfiles web.PageName = "team-profiles"
	pageProfile  web.PageName = "team-profile"
	pageAssign   web.PageName = "team-profiles-assign"
)

// Paths of the rooms behind that of the organisation.
const (
	// Path is where people are chosen. It takes the parameters by which they are found: q, role, state and team.
	Path         = "/team/change"
	pathWhat     = Path + "/what"
	pathPreview  = Path + "/preview"
	pathDo       = Path + "/do"
	pathProfiles = "/team/profiles"
	// No profile is called "-".
	pathAssign = pathProfiles + "/-/teams"
)

// maxBody is the largest form: 10,000 people who are chosen, and those of them who were refused.
const maxBody = 512 << 10

// mostAtOnce is how many people are changed by one request. How many it comes to, its time decides.
const mostAtOnce = 1000

// Handler of the pages.
type Handler struct {
	Desk *console.Desk
	// AtOnce is how many people are changed by one request; 0 for as many as there is time for.
	AtOnce int
}

// Tab leads to the profiles.
func Tab() console.Tab { return console.Tab{Page: pathProfiles, Text: "bulk.profiles.tab"} }

// Routes are the pages of the room.
func (h *Handler) Routes() []web.Route {
	const organization = "/organizations/{namespace}"
	open := h.Desk.Open
	return []web.Route{
		{Path: organization + Path, Get: open(h.getChoose), Returnable: true},
		{Path: organization + pathWhat, Get: open(h.getWhat), Returnable: true},
		{Path: organization + pathPreview, Get: open(backTo(Path)), Post: open(h.postPreview)},
		{Path: organization + pathDo, Get: open(backTo(Path)), Post: open(h.postDo), MaxBody: maxBody},
		{Path: organization + pathProfiles, Get: open(h.getProfiles), Returnable: true},
		{Path: organization + pathAssign, Get: open(h.getAssign), Post: open(h.postAssign), Returnable: true},
		{Path: organization + pathProfiles + "/{name}", Get: open(h.getProfile), Post: open(h.postProfile), Returnable: true},
		{Path: organization + pathProfiles + "/{name}/remove", Get: open(h.getRemove), Post: open(h.postRemove), Returnable: true},
	}
}

// backTo sends those who open a page by its address, which only a form leads to, to where that begins.
func backTo(page string) func(*console.Visit) error {
	return func(v *console.Visit) error { return v.Redirect(v.To(page)) }
}

// frame stands around the pages about people: they belong to the list of people.
func frame(v *console.Visit) console.Frame {
	f := v.Frame()
	for i := range f.Tabs {
		f.Tabs[i].Current = f.Tabs[i].Href == v.To("/team/people")
	}
	return f
}

// team is everything in an organisation that the pages are made of. It belongs to the cache and is not changed.
type team struct {
	*console.Crowd
	// holds is what the person holds, and seen are the profiles that they may look at: to look at the team does not allow that.
	holds access.Effective
	seen  []*rosterv1alpha1.SocialProfile
}

func (h *Handler) load(v *console.Visit) (*team, error) {
	all, err := v.Crowd()
	if err != nil {
		return nil, err
	}
	t := &team{Crowd: all, holds: all.Sums().Holds(v.Member)}
	for _, sp := range all.Profiles {
		if sp.DeletionTimestamp == nil && t.may(access.Get, sp.Name) {
			t.seen = append(t.seen, sp)
		}
	}
	slices.SortFunc(t.seen, func(a, b *rosterv1alpha1.SocialProfile) int {
		return cmp.Or(cmp.Compare(a.Spec.Network, b.Spec.Network), cmp.Compare(strings.ToLower(a.Spec.Handle), strings.ToLower(b.Spec.Handle)),
			cmp.Compare(a.Name, b.Name))
	})
	return t, nil
}

func (t *team) names(w web.Words) console.Names { return console.Names{Words: w, All: t.Snapshot} }

// changes reports whether there is anything about people that the person may change.
func (t *team) changes() bool { return t.managesMembers() || t.managesTeams() }

func (t *team) managesMembers() bool { return t.holds.May(rosterv1alpha1.PermissionManageMembers) }

func (t *team) managesTeams() bool { return t.holds.May(rosterv1alpha1.PermissionManageTeams) }

// may reports whether the person may do something on a profile, by the rules that Roles are compiled by.
func (t *team) may(p access.Permission, profile string) bool {
	return t.holds.On(profile).Contains(access.NewSet(p))
}
