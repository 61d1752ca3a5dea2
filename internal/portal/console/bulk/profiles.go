// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

// What profiles are found by.
const (
	needTeam      = "team"
	needReconnect = "reconnect"
)

// profilesPage lists the social profiles.
type profilesPage struct {
	web.Fields
	Frame          console.Frame
	Lang           string
	Action, Assign string
	Untick         string
	Query          string
	Networks       []option
	Needs          []option
	Rows           []profileRow
	Found, Ticked  int
	Elsewhere      string
	// Waiting is how many profiles wait for their first team.
	Waiting int
	// Assigns: the person may change Teams. Connect is where to connect another profile; Full says why there is no place.
	Assigns       bool
	Connect, Full string
	pager
}

type profileRow struct {
	ID, Handle, Network, Href string
	Connection                string
	// Bad: somebody has to connect it again. Waits: no Team works on it, and the organisation asks for one.
	Bad, Waits, Ticked bool
	Responsible        string
	Teams              string
}

func (h *Handler) getProfiles(v *console.Visit) error { return h.profilesForm(v, nil) }

func (h *Handler) profilesForm(v *console.Visit, problems []web.Problem) error {
	t, err := h.load(v)
	if err != nil {
		return err
	}
	query := v.R.URL.Query()
	c, find := readChoice(query), readProfileFilter(query)
	g := groupsOf(t.Teams)
	found := find.find(v.Words, t, g)
	page := profilesPage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Action: v.To(pathProfiles), Assign: v.To(pathAssign), Query: find.Query,
		Found: len(found), Assigns: t.managesTeams(),
		Untick: v.PathWith("/organizations/"+v.Namespace()+pathProfiles, find.query()),
	}
	if v.Words.Chosen {
		page.Lang = string(v.Words.Locale)
	}
	page.options(v.Words, t, find)
	page.pager = pages(len(found), cmp.Or(query.Get(paramTickPage), query.Get(paramPage)))
	here := map[id]bool{}
	for _, sp := range found[(page.Page-1)*onPage : min(page.Page*onPage, len(found))] {
		i := idOf(sp.UID)
		here[i] = true
		if query.Get(paramTickPage) != "" {
			c.Ticked[i] = true
		}
		page.Rows = append(page.Rows, t.profileRow(v, g, sp, c.Ticked[i]))
	}
	page.Ticked, page.Elsewhere = len(c.Ticked), encodeIDs(c.sorted(here))
	if membership.RequiresTeam(v.Organization) {
		page.Waiting = len(profileFilter{Need: needTeam}.find(v.Words, t, g))
	}
	page.place(v, t)
	return v.Form(pageProfiles, v.Words.T("bulk.profiles.title", "Org", page.Frame.Org), problems, page)
}

// place says where another profile can be connected, or why not.
func (p *profilesPage) place(v *console.Visit, t *team) {
	contact, full := organization.PlanFull(v.Organization)
	switch {
	case full:
		p.Full = v.Words.T("connect.full.text", "Org", p.Frame.Org) + " " + v.Words.T("connect.full.next", "Contact", contact)
	case t.holds.MayAddProfiles():
		p.Connect = v.To("/profiles")
	}
}

func (p *profilesPage) options(w web.Words, t *team, f profileFilter) {
	for _, n := range rosterv1alpha1.Networks() {
		if slices.ContainsFunc(t.seen, func(sp *rosterv1alpha1.SocialProfile) bool { return sp.Spec.Network == n }) {
			p.Networks = append(p.Networks, option{string(n), string(n), f.Network == string(n)})
		}
	}
	p.Needs = []option{
		{needReconnect, w.T("bulk.profiles.needsReconnect"), f.Need == needReconnect},
		{needTeam, w.T("bulk.profiles.needsTeam"), f.Need == needTeam},
	}
}

// groups are Teams with the profiles that they work on.
type groups []group

type group struct {
	*rosterv1alpha1.Team
	membership.Group
}

func groupsOf(teams []*rosterv1alpha1.Team) groups {
	var all groups
	for _, t := range teams {
		if t.DeletionTimestamp == nil {
			all = append(all, group{t, membership.GroupOfTeam(t)})
		}
	}
	slices.SortFunc(all, func(a, b group) int {
		return cmp.Or(cmp.Compare(strings.ToLower(teamName(a.Team)), strings.ToLower(teamName(b.Team))), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// of are the Teams that work on a profile.
func (g groups) of(sp *rosterv1alpha1.SocialProfile) []*rosterv1alpha1.Team {
	var all []*rosterv1alpha1.Team
	for _, one := range g {
		if one.Has(sp) {
			all = append(all, one.Team)
		}
	}
	return all
}

// profileFilter is which profiles are looked for.
type profileFilter struct{ Query, Network, Need string }

func readProfileFilter(v url.Values) profileFilter {
	return profileFilter{Query: strings.TrimSpace(v.Get(paramQuery)), Network: v.Get("network"), Need: v.Get("need")}
}

func (f profileFilter) query() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{paramQuery: f.Query, "network": f.Network, "need": f.Need} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

func (f profileFilter) find(w web.Words, t *team, g groups) []*rosterv1alpha1.SocialProfile {
	query := strings.ToLower(f.Query)
	var found []*rosterv1alpha1.SocialProfile
	for _, sp := range t.seen {
		if query != "" && !strings.Contains(strings.ToLower(sp.Spec.Handle), query) && !strings.Contains(sp.Name, query) ||
			f.Network != "" && f.Network != string(sp.Spec.Network) {
			continue
		}
		_, bad := organization.ConnectionState(w, sp)
		if f.Need == needReconnect && !bad || f.Need == needTeam && len(g.of(sp)) > 0 {
			continue
		}
		found = append(found, sp)
	}
	return found
}

func (t *team) profileRow(v *console.Visit, g groups, sp *rosterv1alpha1.SocialProfile, ticked bool) profileRow {
	teams := g.of(sp)
	row := profileRow{
		ID: idOf(sp.UID).String(), Handle: sp.Spec.Handle, Network: organization.NetworkName(v.Words, sp),
		Href:  v.To(pathProfiles + "/" + sp.Name),
		Waits: membership.RequiresTeam(v.Organization) && len(teams) == 0, Ticked: ticked, Responsible: t.responsible(sp),
	}
	row.Connection, row.Bad = organization.ConnectionState(v.Words, sp)
	var titles []string
	for _, of := range teams {
		titles = append(titles, teamName(of))
	}
	row.Teams = strings.Join(titles, ", ")
	return row
}

// responsible is what the person is called who looks after a profile; empty for nobody.
func (t *team) responsible(sp *rosterv1alpha1.SocialProfile) string {
	if m := t.responsibleMember(sp); m != nil {
		return organization.MemberName(m)
	}
	return ""
}

func (t *team) responsibleMember(sp *rosterv1alpha1.SocialProfile) *rosterv1alpha1.Member {
	if sp.Spec.ResponsibleRef == nil {
		return nil
	}
	for _, m := range t.members {
		if m.Name == sp.Spec.ResponsibleRef.Name {
			return m
		}
	}
	return nil
}

// chosenProfiles are those that are ticked, or all that are found.
func (t *team) chosenProfiles(w web.Words, v url.Values) []*rosterv1alpha1.SocialProfile {
	if v.Get(paramWho) == whoAll {
		return readProfileFilter(v).find(w, t, groupsOf(t.Teams))
	}
	ticked := readChoice(v).Ticked
	var found []*rosterv1alpha1.SocialProfile
	for _, sp := range t.seen {
		if ticked[idOf(sp.UID)] {
			found = append(found, sp)
		}
	}
	return found
}
