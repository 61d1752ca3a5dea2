// SPDX-License-Identifier: Apache-2.0

// Package activity has the page that tells what has happened in an organisation, as far as its objects tell: who invited and changed whom,
// and when.
package activity

import (
	"embed"
	"net/http"

	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

const pageActivity web.PageName = "activity"

// Handler of the page.
type Handler struct {
	Desk *console.Desk
}

// Path of the room behind that of the organisation.
const Path = "/team/activity"

// Tab leads to the page.
func Tab() console.Tab { return console.Tab{Page: Path, Text: "activity.tab"} }

// Routes are the one page.
func (h *Handler) Routes() []web.Route {
	return []web.Route{{Path: "/organizations/{namespace}" + Path, Get: h.Desk.Open(getActivity), Returnable: true}}
}

type activityPage struct {
	Frame  console.Frame
	Action string
	Finder console.FinderView
	Count  int
	Rows   []row
	Pager  console.Pager
}

type row struct {
	When   web.MomentView
	What   string
	Who    string
	Fields string
}

func getActivity(v *console.Visit) error {
	everything, err := v.Crowd()
	if err != nil {
		return err
	}
	all, speak := happened(everything), newSpeech(v, everything.Members)
	query := v.R.URL.Query()
	search := web.Tidy(query.Get(console.FindSearch))
	all = speak.about(all, search)
	newestFirst(all)
	shown, pager := console.PageOf(all, console.PageNumber(query.Get(console.FindPage)))
	page := activityPage{
		Frame: v.Frame(), Action: v.To(Path), Finder: v.Finder("console.find.people", search), Count: len(all),
		Pager: pager.Link(func(number int) string {
			return v.PathWith("/organizations/"+v.Namespace()+Path, console.Query{Search: search, Page: number}.Values())
		}),
	}
	page.Rows = speak.rows(shown, readOwners(v, shown))
	return v.Show(http.StatusOK, pageActivity, v.Words.T("activity.title", "Org", page.Frame.Org), page)
}

// happened is all that the objects of the organisation tell: those that people who may look at the team may read.
func happened(everything *console.Crowd) []happening {
	t := &teller{}
	for _, m := range everything.Members {
		t.member(m)
	}
	for _, inv := range everything.Invitations {
		t.invitation(inv)
	}
	for _, o := range everything.Teams {
		t.thing(o, o.Spec.DisplayName, aboutTeam)
	}
	for _, o := range everything.Workspaces {
		t.thing(o, o.Spec.DisplayName, aboutWorkspace)
	}
	for _, o := range everything.Roles {
		t.thing(o, o.Spec.DisplayName, aboutRole)
	}
	t.thing(everything.Organization, everything.Organization.Spec.DisplayName, aboutOrganization)
	return t.all
}
