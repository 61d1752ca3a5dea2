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
	Action, Assign string
	Untick         string
	Finder         console.FinderView
	Rows           []profileRow
	Found, Ticked  int
	Elsewhere      string
	// Waiting is how many profiles wait for their first team.
	Waiting int
	// Assigns: the person may change Teams. Connect is where to connect another profile; Full says why there is no place.
	Assigns       bool
	Connect, Full string
	Pager         console.Pager
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
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Action: v.To(pathProfiles), Assign: v.To(pathAssign), Finder: find.finder(v, t),
		Found: len(found), Assigns: t.managesTeams(),
		Untick: v.PathWith("/organizations/"+v.Namespace()+pathProfiles, find.values()),
	}
	shown, pager := console.PageOf(found, console.PageNumber(cmp.Or(query.Get(paramTickPage), query.Get(console.FindPage))))
	page.Pager = pager
	here := map[id]bool{}
	for _, sp := range shown {
		i := idOf(sp.UID)
		here[i] = true
		if query.Get(paramTickPage) != "" {
			c.Ticked[i] = true
		}
		page.Rows = append(page.Rows, t.profileRow(v, g, sp, c.Ticked[i]))
	}
	page.Ticked, page.Elsewhere = len(c.Ticked), encodeIDs(c.except(here))
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
		return console.CompareNames(console.TeamName(a.Team), a.Name, console.TeamName(b.Team), b.Name)
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

// The fields by which profiles are found, besides words.
const (
	findNetwork = "network"
	findNeed    = "need"
)

// profileFilter is which profiles are looked for.
type profileFilter struct{ Search, Network, Need string }

func readProfileFilter(v url.Values) profileFilter {
	return profileFilter{Search: web.Tidy(v.Get(console.FindSearch)), Network: v.Get(findNetwork), Need: v.Get(findNeed)}
}

func (f profileFilter) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{console.FindSearch: f.Search, findNetwork: f.Network, findNeed: f.Need} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// finder is the form.
func (f profileFilter) finder(v *console.Visit, t *team) console.FinderView {
	var networks []console.Option
	for _, n := range rosterv1alpha1.Networks() {
		if slices.ContainsFunc(t.seen, func(sp *rosterv1alpha1.SocialProfile) bool { return sp.Spec.Network == n }) {
			networks = append(networks, console.Option{Value: string(n), Text: string(n)})
		}
	}
	form := v.Finder("bulk.profiles.search", f.Search)
	form.Filter(v.Words, findNetwork, "bulk.profiles.network", f.Network, networks)
	form.Filter(v.Words, findNeed, "bulk.profiles.needs", f.Need, []console.Option{
		{Value: needReconnect, Text: v.Words.T("bulk.profiles.needsReconnect")}, {Value: needTeam, Text: v.Words.T("bulk.profiles.needsTeam")},
	})
	return form
}

func (f profileFilter) find(w web.Words, t *team, g groups) []*rosterv1alpha1.SocialProfile {
	words := console.SearchFor(f.Search)
	var found []*rosterv1alpha1.SocialProfile
	for _, sp := range t.seen {
		if f.Network != "" && f.Network != string(sp.Spec.Network) || !words.In(console.Fold(sp.Spec.Handle+"\n"+sp.Name)) {
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
		ID: idOf(sp.UID).String(), Handle: sp.Spec.Handle, Network: v.Words.Network(sp),
		Href:  v.To(pathProfiles + "/" + sp.Name),
		Waits: membership.RequiresTeam(v.Organization) && len(teams) == 0, Ticked: ticked, Responsible: t.responsible(sp),
	}
	row.Connection, row.Bad = organization.ConnectionState(v.Words, sp)
	var titles []string
	for _, of := range teams {
		titles = append(titles, console.TeamName(of))
	}
	row.Teams = strings.Join(titles, ", ")
	return row
}

// responsible is what the person is called who looks after a profile; empty for nobody.
func (t *team) responsible(sp *rosterv1alpha1.SocialProfile) string {
	if m := t.responsibleMember(sp); m != nil {
		return membership.NameOf(m)
	}
	return ""
}

func (t *team) responsibleMember(sp *rosterv1alpha1.SocialProfile) *rosterv1alpha1.Member {
	if sp.Spec.ResponsibleRef == nil {
		return nil
	}
	for _, m := range t.Members {
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
