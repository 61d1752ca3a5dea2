// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// option of a list that one is chosen from.
type option struct{ Value, Text string }

type teamsPage struct {
	Frame console.Frame
	web.Fields
	Rows   []teamRow
	May    bool
	Form   teamForm
	Roles  []option
	Action string
}

type teamRow struct {
	Name, Href, Role string
	People, Profiles string
	State            console.Badge
}

// teamForm is what people type about a team.
type teamForm struct{ Name, Role string }

func readTeam(values url.Values) teamForm {
	return teamForm{Name: web.Tidy(values.Get(web.FieldDisplayName)), Role: values.Get(fieldRole)}
}

func (f teamForm) check(w web.Words) []web.Problem {
	problems := checkName(w, f.Name, web.MaxName)
	if f.Role == "" {
		problems = append(problems, web.Problem{Field: fieldRole, Text: w.T("groups.error.role")})
	}
	return problems
}

// teamRoles are the roles that the person may give by a team: those who may give every role everywhere give any, others what they hold
// somewhere. The role that the team has is among them.
func teamRoles(w web.Words, s *scene, has string) []option {
	var options []option
	add := func(role string) {
		term := w.Roles.OnProfile(rosterv1alpha1.ProfileRole(role), s.roles)
		text := term.Name
		if term.Words != "" {
			text += " – " + term.Words
		}
		options = append(options, option{role, text})
	}
	for _, role := range access.ProfileRoles() {
		if s.givesEverywhere() || s.holdsSomewhere(access.ProfilePermissions(role)) || has == string(role) {
			add(string(role))
		}
	}
	for _, r := range s.Roles {
		usable := r.Spec.Scope == rosterv1alpha1.ScopeProfile && s.givesEverywhere() && s.has(rosterv1alpha1.FeatureCustomRoles)
		if r.DeletionTimestamp == nil && (usable || has == r.Name) {
			add(r.Name)
		}
	}
	if has != "" && !slices.ContainsFunc(options, func(o option) bool { return o.Value == has }) {
		options = append(options, option{has, has})
	}
	return options
}

func (s *scene) holdsSomewhere(set access.Set) bool {
	return slices.ContainsFunc(s.holds.Grants, func(g access.Grant) bool { return s.holds.On(g.Profile).Contains(set) })
}

func (h *Handler) getTeams(v *console.Visit) error { return h.teamsForm(v, teamForm{}, nil) }

func (h *Handler) teamsForm(v *console.Visit, form teamForm, problems []web.Problem) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	w := v.Words
	page := teamsPage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, May: s.mayWriteGroups(), Form: form, Action: v.To(TeamsPath),
		Roles: teamRoles(w, s, ""),
	}
	for _, t := range s.Teams {
		page.Rows = append(page.Rows, teamRow{
			Name: console.TeamName(t), Href: v.To(TeamsPath + "/" + t.Name), Role: w.Roles.OnProfile(t.Spec.Role, s.roles).Name,
			People:   w.N("groups.people.count", len(t.Spec.Members)),
			Profiles: w.N("groups.profiles.count", int(ptr.Deref(t.Status.Profiles, int32(len(t.Spec.Profiles))))),
			State:    stateOf(w, t.Status.Conditions, t.Generation, t.Status.ObservedGeneration),
		})
	}
	slices.SortFunc(page.Rows, func(a, b teamRow) int {
		return console.CompareNames(a.Name, a.Href, b.Name, b.Href)
	})
	return v.Form(pageTeams, w.T("groups.teams.title", "Org", page.Frame.Org), problems, page)
}

// postTeams makes a team without people and profiles: they are chosen next.
func (h *Handler) postTeams(v *console.Visit) error {
	form := readTeam(v.R.PostForm)
	if problems := form.check(v.Words); len(problems) > 0 {
		return h.teamsForm(v, form, problems)
	}
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	t := &rosterv1alpha1.Team{
		ObjectMeta: metav1.ObjectMeta{Name: console.ObjectName(form.Name, "team", console.Taken(s.Teams))},
		Spec:       rosterv1alpha1.TeamSpec{DisplayName: form.Name, Role: rosterv1alpha1.ProfileRole(form.Role)},
	}
	again := func(problems []web.Problem) error { return h.teamsForm(v, form, problems) }
	return v.Wrote(v.Create(t), func() error { return v.Done(TeamsPath+"/"+t.Name, "groups.teams.made", "Name", form.Name) }, again, fields())
}

type teamPage struct {
	Frame console.Frame
	web.Fields
	Name  string
	State console.Badge
	May   bool
	Form  teamForm
	Roles []option
	above
	Generation int64
	// Selector finds profiles besides those by name; empty for none.
	Selector                     string
	Role, People, Profiles       string
	PeopleHref, ProfilesHref     string
	Action, DeleteHref, BackHref string
}

func (h *Handler) getTeam(v *console.Visit, t *rosterv1alpha1.Team) error {
	return h.teamForm(v, t, teamForm{t.Spec.DisplayName, string(t.Spec.Role)}, nil, nil)
}

func (h *Handler) teamForm(
	v *console.Visit, t *rosterv1alpha1.Team, form teamForm, problems []web.Problem, changed *console.ChangedView,
) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	w, here := v.Words, TeamsPath+"/"+t.Name
	page := teamPage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, Name: console.TeamName(t), May: s.mayWriteGroups(), Form: form,
		Roles: teamRoles(w, s, string(t.Spec.Role)), Generation: t.Generation, Selector: selectorWords(w, t.Spec.ProfileSelector),
		State: stateOf(w, t.Status.Conditions, t.Generation, t.Status.ObservedGeneration),
		Role:  w.Roles.OnProfile(t.Spec.Role, s.roles).Name, People: w.N("groups.people.count", len(t.Spec.Members)),
		Profiles:   w.N("groups.profiles.count", len(t.Spec.Profiles)),
		PeopleHref: v.To(here + "/people"), ProfilesHref: v.To(here + "/profiles"),
		Action: v.To(here), DeleteHref: v.To(here + "/delete"), BackHref: v.To(TeamsPath),
	}
	page.Kept, page.Changed = v.KeptView(t), changed
	if changed != nil {
		page.Now = []fact{{w.T("groups.name"), page.Name}, {w.T("groups.role"), page.Role}}
	}
	return v.Form(pageTeam, w.T("groups.team.title", "Name", page.Name), problems, page)
}

// selectorWords say what a label selector finds; empty where there is none.
func selectorWords(w web.Words, selector *metav1.LabelSelector) string {
	if selector == nil {
		return ""
	}
	if len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return w.T("groups.selector.all")
	}
	return w.T("groups.selector.some", "Labels", strings.ReplaceAll(metav1.FormatLabelSelector(selector), ",", ", "))
}

func (h *Handler) postTeam(v *console.Visit, t *rosterv1alpha1.Team) error {
	form := readTeam(v.R.PostForm)
	wanted := t.DeepCopy()
	wanted.Spec.DisplayName, wanted.Spec.Role = form.Name, rosterv1alpha1.ProfileRole(form.Role)
	show := func(problems []web.Problem, changed *console.ChangedView) error {
		return h.teamForm(v, t, form, problems, changed)
	}
	return save(v, t, wanted, TeamsPath, form.Name, form.check(v.Words), show)
}

// deleteTeamForm says what people lose with a team (FL-12).
func (h *Handler) deleteTeamForm(v *console.Visit, t *rosterv1alpha1.Team, problems []web.Problem) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	meaning, err := s.meaning(v, withTeam(s.Snapshot, t), withoutTeam(s.Snapshot, t.Name))
	if err != nil {
		return err
	}
	w, here := v.Words, TeamsPath+"/"+t.Name
	return askDelete(v, t, here, w.T("groups.delete.team", "Name", console.TeamName(t)), meaning, problems)
}
