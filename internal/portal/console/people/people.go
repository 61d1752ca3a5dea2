// SPDX-License-Identifier: Apache-2.0

// Package people has the pages about the people of an organisation: the list of members and open invitations, and the page of a person.
package people

import (
	"embed"

	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// The pages.
const (
	pagePeople web.PageName = "people"
	pagePerson web.PageName = "people-person"
	pageEnd    web.PageName = "people-end"
	pageChange web.PageName = "people-change"
	pageTeams  web.PageName = "people-teams"
)

// Handler of the pages about people.
type Handler struct {
	Desk *console.Desk
}

// Path of the room behind that of the organisation.
const Path = "/team/people"

// Tab leads to the list.
func Tab() console.Tab { return console.Tab{Page: Path, Text: "people.tab"} }

// Routes are the pages about people.
func (h *Handler) Routes() []web.Route {
	const room = "/organizations/{namespace}" + Path
	open := h.Desk.Open
	routes := []web.Route{{Path: room, Get: open(h.getPeople), Returnable: true}}
	for kind, deeds := range map[string][]deed{
		console.KindMembers: {resend, withdraw, suspend, resume, remove}, console.KindInvitations: {resend, withdraw},
	} {
		person := room + "/" + kind + "/{name}"
		routes = append(routes,
			web.Route{Path: person, Get: open(h.getPerson(kind)), Returnable: true},
			web.Route{Path: person + "/" + string(change), Get: open(h.getChange(kind)), Post: open(h.postChange(kind)), Returnable: true},
			web.Route{Path: person + "/" + string(teams), Get: open(h.getTeams(kind)), Post: open(h.postTeams(kind)), Returnable: true},
		)
		for _, d := range deeds {
			routes = append(routes, web.Route{
				Path: person + "/" + string(d), Get: open(h.getSure(kind, d)), Post: open(h.postSure(kind, d)), Returnable: true,
			})
		}
	}
	return append(routes, web.Route{
		Path: room + "/" + console.KindMembers + "/{name}/" + string(end), Get: open(h.getEnd), Post: open(h.postEnd), Returnable: true,
	})
}
