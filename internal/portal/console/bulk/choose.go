// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	// onPage is how many people stand on a page.
	onPage = 50
	// mostTicked is how many can be ticked one by one: an address has room for so many.
	mostTicked = 500
	// paramTickPage ticks all people on a page.
	paramTickPage = "tickPage"
)

// choosePage is where people are chosen.
type choosePage struct {
	web.Fields
	Frame console.Frame
	// Lang is the language that was chosen; empty where none was.
	Lang                 string
	Action, What, Untick string
	Query                string
	Roles, States, Teams []option
	Workspaces, Profiles []option
	Rows                 []personRow
	// Found are all people who match, and Ticked those who are ticked, on other pages too.
	Found, Ticked int
	// Elsewhere are those who are ticked and not on this page.
	Elsewhere string
	pager
}

// option of a field to select from.
type option struct {
	Value, Text string
	Selected    bool
}

type personRow struct {
	ID, Name, Address, Role, State string
	// Off: they hold nothing.
	Off, Ticked bool
}

// pager leads to other pages; 0 where there is none.
type pager struct{ Page, Pages, Before, After int }

func (h *Handler) getChoose(v *console.Visit) error { return h.chooseForm(v, nil) }

func (h *Handler) chooseForm(v *console.Visit, problems []web.Problem) error {
	t, err := h.load(v)
	if err != nil {
		return err
	}
	if !t.changes() {
		return v.NotFound()
	}
	query := v.R.URL.Query()
	c := readChoice(query)
	found := c.find(t, v.Organization, v.Now())
	page := choosePage{
		Fields: web.Fields{Problems: problems}, Frame: frame(v), Action: v.To(Path), What: v.To(pathWhat), Query: c.Query, Found: len(found),
		Untick: v.PathWith("/organizations/"+v.Namespace()+Path, choice{filter: c.filter}.query()),
	}
	if v.Words.Chosen {
		page.Lang = string(v.Words.Locale)
	}
	ticking := query.Get(paramTickPage)
	page.pager = pages(len(found), cmp.Or(ticking, query.Get(paramPage)))
	shown := found[(page.Page-1)*onPage : min(page.Page*onPage, len(found))]
	here := map[id]bool{}
	for _, m := range shown {
		i := idOf(m.UID)
		here[i] = true
		if ticking != "" {
			c.Ticked[i] = true
		}
		page.Rows = append(page.Rows, h.personRow(v, m, c.Ticked[i]))
	}
	if page.Ticked = len(c.Ticked); page.Ticked > mostTicked {
		page.Problems = append(page.Problems, web.Problem{Text: v.Words.N("bulk.choose.tooMany", mostTicked)})
	}
	page.Elsewhere = encodeIDs(c.sorted(here))
	page.options(v, t, c.filter)
	return v.Form(pageChoose, v.Words.T("bulk.choose.title", "Org", page.Frame.Org), page.Problems, page)
}

// pages finds the one that is asked for among those of so many rows.
func pages(rows int, asked string) pager {
	p := pager{Pages: max(1, (rows+onPage-1)/onPage)}
	n, _ := strconv.Atoi(asked)
	p.Page = min(max(n, 1), p.Pages)
	p.Before = p.Page - 1
	if p.Page < p.Pages {
		p.After = p.Page + 1
	}
	return p
}

func (h *Handler) personRow(v *console.Visit, m *rosterv1alpha1.Member, ticked bool) personRow {
	s := stateOf(v.Organization, m, v.Now())
	name, address := called(m)
	return personRow{
		ID: idOf(m.UID).String(), Name: name, Address: address,
		Role:  h.Organizations.RoleTerm(v.R.Context(), v.Words, m).Name,
		State: stateText(v.Words, s), Off: s != stateActive, Ticked: ticked,
	}
}

// called is the name of somebody and, where that is another, their address.
func called(m *rosterv1alpha1.Member) (name, address string) {
	if name = organization.MemberName(m); name != m.Spec.Email {
		address = m.Spec.Email
	}
	return name, address
}

func stateText(w web.Words, s state) string {
	switch s {
	case stateActive:
		return w.T("bulk.state.active")
	case stateInvited:
		return w.T("bulk.state.invited")
	case stateSuspended:
		return w.T("bulk.state.suspended")
	case stateEnded:
		return w.T("bulk.state.ended")
	}
	return string(s)
}

// options are what people can be found by.
func (p *choosePage) options(v *console.Visit, t *team, f filter) {
	custom := membership.CustomRoles(t.Roles)
	for _, role := range organizationRoles() {
		p.Roles = append(p.Roles, option{string(role), roleName(v.Words, custom, role), f.Role == string(role)})
	}
	for _, name := range slices.Sorted(maps.Keys(custom)) {
		if custom[name].Scope == rosterv1alpha1.ScopeOrganization {
			p.Roles = append(p.Roles, option{name, roleName(v.Words, custom, rosterv1alpha1.OrganizationRole(name)), f.Role == name})
		}
	}
	for _, s := range states() {
		p.States = append(p.States, option{string(s), stateText(v.Words, s), f.State == s})
	}
	for _, of := range t.Teams {
		p.Teams = append(p.Teams, option{of.Name, teamName(of), f.Team == of.Name})
	}
	for _, ws := range t.Workspaces {
		p.Workspaces = append(p.Workspaces, option{ws.Name, cmp.Or(ws.Spec.DisplayName, ws.Name), f.Workspace == ws.Name})
	}
	for _, sp := range t.seen {
		p.Profiles = append(p.Profiles, option{sp.Name, profileTitle(v.Words, sp), f.Profile == sp.Name})
	}
	for _, options := range [][]option{p.Teams, p.Workspaces} {
		slices.SortFunc(options, func(a, b option) int { return cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Value, b.Value)) })
	}
}

func organizationRoles() []rosterv1alpha1.OrganizationRole {
	return []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember,
		rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector,
	}
}

func roleName(w web.Words, custom map[string]rosterv1alpha1.CustomRoleSpec, role rosterv1alpha1.OrganizationRole) string {
	return w.Roles.InOrganization(cmp.Or(role, rosterv1alpha1.RoleMember), false, custom).Name
}

func teamName(t *rosterv1alpha1.Team) string { return cmp.Or(t.Spec.DisplayName, t.Name) }
