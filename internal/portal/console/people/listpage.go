// SPDX-License-Identifier: Apache-2.0

package people

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
	"github.com/roster-dev/roster/internal/rights"
)

// peoplePage is the list.
type peoplePage struct {
	Frame console.Frame
	// Seats says how many are taken.
	Seats string
	// Action of the form that filters, and what it carries unseen.
	Action  string
	Hidden  []hidden
	Search  string
	Filters []filterView
	// Several leads to where the people who are found can be changed together; empty for somebody who may not.
	Several string
	// Everybody leads to the list without filters; empty where there are none.
	Everybody string
	Columns   []columnView
	Rows      []rowView
	Count     string
	// Page says which of how many; Before and After lead to the next ones, or are empty.
	Page, Before, After string
}

// filterView is a list to choose from.
type filterView struct {
	ID, Label string
	Options   []optionView
}

type optionView struct {
	Value, Text string
	Selected    bool
}

// columnView is the head of a column. Sorted is what aria-sort says.
type columnView struct{ Text, Href, Sorted string }

type rowView struct {
	Href, Name, Address, Role string
	Owner                     bool
	State                     badgeView
	Joined, SignedIn, Ends    web.MomentView
}

func (h *Handler) getPeople(v *console.Visit) error {
	all, err := h.read(v)
	if err != nil {
		return err
	}
	var members rosterv1alpha1.MemberList
	if err := v.Cache().List(v.R.Context(), &members, client.InNamespace(v.Namespace()), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range members.Items {
		all.Members = append(all.Members, &members.Items[i])
	}
	q := parse(v.R.URL.Query())
	everybody := crowd{all.Organization, all.Members, all.Invitations, all.Now}.people()
	found := q.choose(everybody, teamMembers(all, q.Team), holding(all))
	part, at, of := page(found, q.Page)
	q.Page = at
	w := speech{v.Words, all}
	list := peoplePage{
		Frame: v.Frame(), Seats: w.seats(), Action: v.PathWith(here(v), url.Values{}), Search: q.Search, Filters: w.filters(q, everybody),
		Columns: columns(v, q), Count: w.N("people.count", len(found)),
	}
	list.links(v, q, of)
	if h.holds(v).May(rosterv1alpha1.PermissionManageMembers) {
		list.Several = v.PathWith("/organizations/"+v.Namespace()+"/team/change", query{
			Search: q.Search, Standing: q.Standing, Role: q.Role, Team: q.Team, Workspace: q.Workspace, Profile: q.Profile, Sort: sortName,
		}.values())
	}
	for _, p := range part {
		list.Rows = append(list.Rows, w.row(v, p))
	}
	return v.Show(http.StatusOK, pagePeople, w.T("people.title", "Org", list.Frame.Org), list)
}

// links lead from one view of the list to others.
func (p *peoplePage) links(v *console.Visit, q query, of int) {
	if v.Words.Chosen {
		p.Hidden = append(p.Hidden, hidden{web.LangParameter, string(v.Words.Locale)})
	}
	if q.Sort != sortName {
		p.Hidden = append(p.Hidden, hidden{fieldSort, q.Sort})
	}
	if q.filtered() {
		p.Everybody = v.PathWith(here(v), query{Sort: q.Sort}.values())
	}
	if q.Page > 1 {
		p.Before = v.PathWith(here(v), q.turned(q.Page-1).values())
	}
	if q.Page < of {
		p.After = v.PathWith(here(v), q.turned(q.Page+1).values())
	}
	if of > 1 {
		p.Page = v.Words.T("people.page", "Page", q.Page, "Of", of)
	}
}

// teamMembers are the names that a Team has; none for no such team.
func teamMembers(all *rights.Organization, team string) []string {
	for _, t := range all.Teams {
		if t.Name == team {
			return t.Spec.Members
		}
	}
	return nil
}

// holding tells what people hold, or will. It adds up what gives rights when it is asked for the first time.
func holding(all *rights.Organization) func(*person) access.Effective {
	var sums interface {
		Of(m *rosterv1alpha1.Member) access.Effective
	}
	return func(p *person) access.Effective {
		if sums == nil {
			sums = all.Sums()
		}
		if p.member != nil {
			return sums.Of(p.member)
		}
		return sums.Of(rights.Future(p.invitation))
	}
}

// seats tells how many of the plan's are taken.
func (w speech) seats() string {
	u := w.all.Organization.Status.Plan.Seats
	left, limited := quota.Left(u)
	if !limited {
		return ""
	}
	taken := w.T("people.seats", "Taken", min(*u.Wanted, *u.Limit), "Limit", *u.Limit)
	if over := *u.Wanted - *u.Limit; over > 0 {
		return taken + " " + w.N("people.seats.waiting", int(over))
	}
	return taken + " " + w.N("people.seats.left", int(left))
}

func columns(v *console.Visit, q query) []columnView {
	var all []columnView
	for _, c := range []struct{ by, text string }{
		{sortName, "people.name"}, {sortRole, "people.role"}, {sortStanding, "people.state"}, {sortJoined, "people.joined"},
		{sortSignedIn, "people.signedIn"},
	} {
		column := columnView{Text: v.Words.T(c.text), Href: v.PathWith(here(v), q.sorted(c.by).values())}
		switch q.Sort {
		case c.by:
			column.Sorted = "ascending"
		case "-" + c.by:
			column.Sorted = "descending"
		}
		all = append(all, column)
	}
	return all
}

func (w speech) row(v *console.Visit, p *person) rowView {
	kind, name := p.object()
	adds := p.member != nil && p.member.Spec.CanManageProfiles != nil && *p.member.Spec.CanManageProfiles
	return rowView{
		Href: v.To(Path + "/" + kind + "/" + name), Name: p.name, Address: p.address, Owner: p.owner,
		Role: w.role(p.role, adds).Name, State: badgeView{w.standing(p.standing), p.standing.badge()},
		Joined: w.day(p.joined()), SignedIn: w.day(p.signedIn()), Ends: w.day(p.ends),
	}
}

func (w speech) day(t *metav1.Time) web.MomentView {
	if t == nil {
		return web.MomentView{}
	}
	return w.Day(t.Time)
}

// filters are the lists to choose from. What an organisation does not have is not offered.
func (w speech) filters(q query, everybody []person) []filterView {
	var all []filterView
	add := func(id, label, chosen string, options []optionView) {
		if len(options) == 0 {
			return
		}
		options = append([]optionView{{Text: w.T("people.any")}}, options...)
		for i := range options {
			options[i].Selected = options[i].Value == chosen
		}
		all = append(all, filterView{id, w.T(label), options})
	}
	var states []optionView
	for _, s := range standings() {
		states = append(states, optionView{Value: string(s), Text: w.standing(s)})
	}
	add(fieldStanding, "people.state", q.Standing, states)
	add(fieldRole, "people.role", q.Role, w.rolesOf(everybody))
	var teams, workspaces, profiles []optionView
	for _, t := range w.all.Teams {
		teams = append(teams, optionView{Value: t.Name, Text: w.team(t.Name)})
	}
	for _, ws := range w.all.Workspaces {
		workspaces = append(workspaces, optionView{Value: ws.Name, Text: w.workspace(ws.Name)})
	}
	for _, p := range w.all.Profiles {
		if !console.Seen(p) {
			continue
		}
		profiles = append(profiles, optionView{Value: p.Name, Text: w.profile(p.Name)})
	}
	for _, options := range [][]optionView{teams, workspaces, profiles} {
		slices.SortFunc(options, func(a, b optionView) int {
			return cmp.Or(strings.Compare(fold(a.Text), fold(b.Text)), strings.Compare(a.Value, b.Value))
		})
	}
	add(fieldTeam, "people.team", q.Team, teams)
	add(fieldWorkspace, "people.workspace", q.Workspace, workspaces)
	add(fieldProfile, "people.profileLabel", q.Profile, profiles)
	return all
}

// rolesOf are the roles that somebody has, strongest first.
func (w speech) rolesOf(everybody []person) []optionView {
	seen := map[rosterv1alpha1.OrganizationRole]bool{}
	var found []rosterv1alpha1.OrganizationRole
	for i := range everybody {
		if role := everybody[i].role; !seen[role] {
			seen[role] = true
			found = append(found, role)
		}
	}
	slices.SortFunc(found, func(a, b rosterv1alpha1.OrganizationRole) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	var options []optionView
	for _, role := range found {
		options = append(options, optionView{Value: string(role), Text: w.role(role, false).Name})
	}
	return options
}

// here is the path of the list.
func here(v *console.Visit) string { return "/organizations/" + v.Namespace() + Path }
