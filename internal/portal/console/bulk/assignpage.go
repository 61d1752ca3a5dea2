// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"net/http"
	"net/url"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// assignPage gives profiles to teams.
type assignPage struct {
	web.Fields
	Frame        console.Frame
	Action, Back string
	Profiles     string
	Count        int
	Names        []string
	More         int
	Teams        []assignRow
	// Waiting is how many of the profiles wait for their first team.
	Waiting int
	// Confirms: something is taken away, which is asked about once.
	Confirms     bool
	Consequences []string
	Hidden       []console.Hidden
}

// assignRow is a Team, and how many of the profiles it has.
type assignRow struct {
	fieldView
	Role  string
	State string
	// Some: it has some of them and not all.
	Some bool
	// ByLabel: it finds its profiles by their labels.
	ByLabel bool
}

func (h *Handler) getAssign(v *console.Visit) error {
	t, err := h.load(v)
	if err != nil {
		return err
	}
	if !t.managesTeams() {
		return v.NotFound()
	}
	query := v.R.URL.Query()
	chosen := t.chosenProfiles(v.Words, query)
	if len(chosen) == 0 {
		return h.profilesForm(v, []web.Problem{{Text: v.Words.T("bulk.profiles.noneChosen")}})
	}
	return h.assignForm(v, t, chosen, url.Values{}, nil)
}

// profileIDs write which profiles are chosen.
func profileIDs(chosen []*rosterv1alpha1.SocialProfile) string {
	ids := make([]id, len(chosen))
	for i, sp := range chosen {
		ids[i] = idOf(sp.UID)
	}
	return encodeIDs(ids)
}

func (h *Handler) newAssignPage(v *console.Visit, chosen []*rosterv1alpha1.SocialProfile, problems []web.Problem) assignPage {
	page := assignPage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Action: v.To(pathAssign), Profiles: profileIDs(chosen), Count: len(chosen),
		Back: v.To(pathProfiles),
	}
	for _, sp := range chosen[:min(len(chosen), fewFields)] {
		page.Names = append(page.Names, console.ProfileName(v.Words, sp))
	}
	page.More = len(chosen) - len(page.Names)
	return page
}

func (h *Handler) assignForm(
	v *console.Visit, t *team, chosen []*rosterv1alpha1.SocialProfile, form url.Values, problems []web.Problem,
) error {
	w := v.Words
	page := h.newAssignPage(v, chosen, problems)
	g := groupsOf(t.Teams)
	if membership.RequiresTeam(v.Organization) {
		for _, sp := range chosen {
			if len(g.of(sp)) == 0 {
				page.Waiting++
			}
		}
	}
	custom := membership.CustomRoles(t.Roles)
	for _, one := range g {
		have := one.have(chosen)
		row := assignRow{
			fieldView: fieldView{FieldView: page.Field(prefixTeam + one.Name), Title: console.TeamName(one.Team)},
			Role:      w.Roles.OnProfile(one.Spec.Role, custom).Name, Some: have > 0 && have < len(chosen), ByLabel: one.Spec.ProfileSelector != nil,
			State: haveText(w, have, len(chosen)),
		}
		row.Options = []console.Option{
			{Text: w.T("bulk.what.asIs")}, {Value: valueAll, Text: w.T("bulk.assign.all")}, {Value: valueNone, Text: w.T("bulk.assign.none")},
		}
		for i := range row.Options {
			row.Options[i].Selected = form.Get(row.ID) == row.Options[i].Value
		}
		page.Teams = append(page.Teams, row)
	}
	return v.Form(pageAssign, w.T("bulk.assign.title", "Org", page.Frame.Org), problems, page)
}

func haveText(w web.Words, have, of int) string {
	switch have {
	case 0:
		return w.T("bulk.assign.hasNone")
	case of:
		return w.N("bulk.assign.hasAll", of)
	}
	return w.T("bulk.assign.hasSome", "Have", have, "Of", of)
}

// postAssign answers POST /organizations/{namespace}/team/profiles/teams: one write for each Team.
func (h *Handler) postAssign(v *console.Visit) error {
	t, err := h.load(v)
	if err != nil {
		return err
	}
	form := v.R.PostForm
	chosen := t.chosenProfiles(v.Words, url.Values{paramChosen: {form.Get("profiles")}})
	if len(chosen) == 0 {
		return v.Redirect(v.To(pathProfiles))
	}
	a := readAssignment(t.Teams, form, chosen)
	switch {
	case len(a.All)+len(a.None) == 0:
		return h.assignForm(v, t, chosen, form, []web.Problem{{Text: v.Words.T("bulk.assign.nothing")}})
	case a.takes(t.Teams) && form.Get(web.FieldConfirm) == "":
		return h.confirmAssign(v, t, chosen, a)
	}
	problems, err := h.assign(v, t, a)
	again := func(problems []web.Problem) error { return h.assignForm(v, t, chosen, form, problems) }
	if len(problems) > 0 {
		return again(problems)
	}
	return v.Wrote(err, func() error { return v.Done(pathProfiles, "bulk.assign.done") }, again)
}

// assign writes each Team once. Teams that could be written stay so where others could not.
func (h *Handler) assign(v *console.Visit, t *team, a assignment) ([]web.Problem, error) {
	var problems []web.Problem
	r := &run{Visit: v}
	for _, name := range slices.Concat(a.All, a.None) {
		_, err := console.UpdateFresh(v, name, &rosterv1alpha1.Team{}, func(of *rosterv1alpha1.Team) bool {
			profiles, changed := a.apply(name, of.Spec.Profiles)
			of.Spec.Profiles = profiles
			return changed
		})
		switch {
		case err == nil:
			continue
		case len(a.All)+len(a.None) == 1:
			return nil, err // There is a page for what one of them says.
		}
		why, err := r.refused(err)
		if err != nil {
			return nil, err
		}
		problems = append(problems, web.Problem{Field: prefixTeam + name, Text: t.names(v.Words).Team(name) + " – " + why})
	}
	return problems, nil
}

func (h *Handler) confirmAssign(v *console.Visit, t *team, chosen []*rosterv1alpha1.SocialProfile, a assignment) error {
	page := h.newAssignPage(v, chosen, nil)
	page.Confirms = true
	page.Consequences = tell(t.names(v.Words), a.weigh(t.Snapshot, t.Members, circumstances{Organization: v.Organization, Now: v.Now()}))
	for _, name := range a.All {
		page.Hidden = append(page.Hidden, console.Hidden{Name: prefixTeam + name, Value: valueAll})
		page.Teams = append(page.Teams, assignRow{fieldView: fieldView{Title: t.names(v.Words).Team(name)}, State: v.Words.T("bulk.assign.all")})
	}
	for _, name := range a.None {
		page.Hidden = append(page.Hidden, console.Hidden{Name: prefixTeam + name, Value: valueNone})
		page.Teams = append(page.Teams, assignRow{fieldView: fieldView{Title: t.names(v.Words).Team(name)}, State: v.Words.T("bulk.assign.none")})
	}
	return v.Show(http.StatusOK, pageAssign, v.Words.T("bulk.assign.title", "Org", page.Frame.Org), page)
}
