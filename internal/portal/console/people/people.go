// SPDX-License-Identifier: Apache-2.0

// Package people has the pages about the people of an organisation: the list of members and open invitations, and the page of a person.
package people

import (
	"embed"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// The pages.
const pagePeople web.PageName = "people"

// Handler of the pages about people.
type Handler struct {
	Desk          *console.Desk
	Organizations *organization.Handler
}

// Path of the room behind that of the organisation.
const Path = "/team/people"

// Tab leads to the list.
func Tab() console.Tab { return console.Tab{Page: Path, Text: "people.tab"} }

// Routes are the pages about people.
func (h *Handler) Routes() []web.Route {
	const room = "/organizations/{namespace}" + Path
	return []web.Route{
		{Path: room, Get: h.Desk.Open(h.getPeople), Returnable: true},
	}
}

type peoplePage struct {
	Frame console.Frame
	Rows  []row
}

type row struct{ Name, Address, Role string }

func (h *Handler) getPeople(v *console.Visit) error {
	var members rosterv1alpha1.MemberList
	if err := v.Cache().List(v.R.Context(), &members, client.InNamespace(v.Namespace())); err != nil {
		return err
	}
	page := peoplePage{Frame: v.Frame()}
	for i := range members.Items {
		m := &members.Items[i]
		page.Rows = append(page.Rows, row{
			Name: organization.MemberName(m), Address: m.Spec.Email, Role: h.Organizations.RoleTerm(v.R.Context(), v.Words, m).Name,
		})
	}
	return v.Show(http.StatusOK, pagePeople, v.Words.T("people.title", "Org", page.Frame.Org), page)
}
