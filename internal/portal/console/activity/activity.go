// SPDX-License-Identifier: Apache-2.0

// Package activity has the page that tells what has happened in an organisation, as far as its objects tell: who invited and changed whom,
// and when.
package activity

import (
	"embed"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

const pageActivity web.PageName = "activity"

// The fields of the form above the list.
const (
	fieldPerson = "person"
	fieldPage   = "page"
)

// perPage is how much a page shows.
const perPage = 50

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
	Frame         console.Frame
	Action        string
	Person        string
	Count         int
	Rows          []row
	Page          string
	Before, After string
}

type row struct {
	When   web.MomentView
	What   string
	Who    string
	Fields string
}

func getActivity(v *console.Visit) error {
	var members rosterv1alpha1.MemberList
	if err := list(v, &members); err != nil {
		return err
	}
	all, err := happened(v, &members)
	if err != nil {
		return err
	}
	speak := newSpeech(v, &members)
	page := activityPage{Frame: v.Frame(), Action: v.To(Path), Person: web.Tidy(v.R.URL.Query().Get(fieldPerson))}
	all = speak.about(all, page.Person)
	newestFirst(all)
	page.Count = len(all)
	number, pages := pageNumber(v.R.URL.Query().Get(fieldPage), len(all))
	page.Page = v.Words.T("activity.page", "Page", number, "Pages", pages)
	if number > 1 {
		page.Before = pageHref(v, page.Person, number-1)
	}
	if number < pages {
		page.After = pageHref(v, page.Person, number+1)
	}
	shown := all[(number-1)*perPage : min(len(all), number*perPage)]
	page.Rows = speak.rows(shown, readOwners(v, shown))
	return v.Show(http.StatusOK, pageActivity, v.Words.T("activity.title", "Org", page.Frame.Org), page)
}

// pageNumber is the page asked for, if there is one, and how many there are.
func pageNumber(asked string, rows int) (number, pages int) {
	pages = max(1, (rows+perPage-1)/perPage)
	number, err := strconv.Atoi(asked)
	if err != nil {
		return 1, pages
	}
	return min(max(number, 1), pages), pages
}

func pageHref(v *console.Visit, person string, number int) string {
	query := url.Values{fieldPage: {strconv.Itoa(number)}}
	if person != "" {
		query.Set(fieldPerson, person)
	}
	return v.PathWith("/organizations/"+v.Namespace()+Path, query)
}

func list(v *console.Visit, into client.ObjectList) error {
	return v.Cache().List(v.R.Context(), into, client.InNamespace(v.Namespace()), client.UnsafeDisableDeepCopy)
}

// happened is all that the objects of the organisation tell: those that people who may look at the team may read.
func happened(v *console.Visit, members *rosterv1alpha1.MemberList) ([]happening, error) {
	t := &teller{}
	for i := range members.Items {
		t.member(&members.Items[i])
	}
	var invitations rosterv1alpha1.InvitationList
	if err := list(v, &invitations); err != nil {
		return nil, err
	}
	for i := range invitations.Items {
		t.invitation(&invitations.Items[i])
	}
	return t.all, things(v, t)
}

func things(v *console.Visit, t *teller) error {
	var teams rosterv1alpha1.TeamList
	if err := list(v, &teams); err != nil {
		return err
	}
	for i := range teams.Items {
		t.thing(&teams.Items[i], teams.Items[i].Spec.DisplayName, aboutTeam)
	}
	var workspaces rosterv1alpha1.WorkspaceList
	if err := list(v, &workspaces); err != nil {
		return err
	}
	for i := range workspaces.Items {
		t.thing(&workspaces.Items[i], workspaces.Items[i].Spec.DisplayName, aboutWorkspace)
	}
	var roles rosterv1alpha1.CustomRoleList
	if err := list(v, &roles); err != nil {
		return err
	}
	for i := range roles.Items {
		t.thing(&roles.Items[i], roles.Items[i].Spec.DisplayName, aboutRole)
	}
	t.thing(v.Organization, v.Organization.Spec.DisplayName, aboutOrganization)
	return nil
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
