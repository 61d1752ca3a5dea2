// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of a change, besides those that console has for what somebody is given.
const (
	fieldPeople  = "people"
	fieldAction  = web.FieldAction
	fieldEndless = "endless"
	prefixTeam   = "team."
)

// What a field says besides the names of roles, none of which is like that.
const (
	valueTake  = "!take"
	valueShown = "-" // a workspace without a role, as console.Choices has it
	valueJoin  = "join"
	valueLeave = "leave"
)

// fewFields are so many that they are not folded away.
const fewFields = 12

// menu is what can be changed: fields, each with the values that it may have.
type menu struct {
	roles                       []console.Choice
	profiles, workspaces, teams []console.Target
	// confirm: to give more roles, the person has to prove first who they are.
	confirm bool
}

// menuOf are the changes that the person may make. Roles are those that they may give; whatever is given can be taken away.
func menuOf(v *console.Visit, t *team) (*menu, error) {
	offered, err := v.Choices()
	if err != nil {
		return nil, err
	}
	m := &menu{roles: offered.Roles, teams: offered.Teams}
	if !v.Person.Session.Fresh(v.Now()) {
		before := len(m.roles)
		m.roles = slices.DeleteFunc(m.roles, func(c console.Choice) bool { return c.Value == string(rosterv1alpha1.RoleCoOwner) })
		m.confirm = len(m.roles) < before
	}
	if !t.managesMembers() {
		return m, nil
	}
	for _, sp := range t.seen {
		m.profiles = append(m.profiles, console.Target{
			Name: sp.Name, Title: sp.Spec.Handle, Kind: v.Words.Network(sp), Roles: rolesOn(offered.Profiles, sp.Name),
		})
	}
	for _, ws := range t.Workspaces {
		m.workspaces = append(m.workspaces, console.Target{
			Name: ws.Name, Title: console.WorkspaceName(ws), Roles: rolesOn(offered.Workspaces, ws.Name),
		})
	}
	slices.SortFunc(m.workspaces, func(a, b console.Target) int {
		return console.CompareNames(a.Title, a.Name, b.Title, b.Name)
	})
	return m, nil
}

func rolesOn(targets []console.Target, name string) []console.Choice {
	for _, t := range targets {
		if t.Name == name {
			return t.Roles
		}
	}
	return nil
}

// changeParser reads a change from a form. What cannot be chosen is told of.
type changeParser struct {
	*menu
	words    web.Words
	now      time.Time
	form     url.Values
	change   change
	problems []web.Problem
}

func (p *changeParser) problem(field, text string, pairs ...any) {
	p.problems = append(p.problems, web.Problem{Field: field, Text: p.words.T(text, pairs...)})
}

// parse reads the change. Only the action of the button that was pressed counts.
func (m *menu) parse(w web.Words, form url.Values, now time.Time) (change, []web.Problem) {
	p := &changeParser{menu: m, words: w, now: now, form: form, change: change{Action: action(form.Get(fieldAction))}}
	switch p.change.Action {
	case actionSuspend, actionResume, actionRemove:
		return p.change, nil
	case actionChange:
	default:
		p.change.Action = actionChange
	}
	if role := form.Get(console.FieldRole); role != "" {
		if offers(m.roles, role) {
			p.change.Role = rosterv1alpha1.OrganizationRole(role)
		} else {
			p.problem(console.FieldRole, "bulk.what.role.unknown", "Role", role)
		}
	}
	p.targets()
	p.end()
	if len(p.problems) == 0 && p.change.isNothing() {
		p.problem("", "bulk.what.nothing")
	}
	return p.change, p.problems
}

func (p *changeParser) targets() {
	c := &p.change
	for _, t := range p.profiles {
		switch value := p.form.Get(console.PrefixProfile + t.Name); {
		case value == "":
		case value == valueTake:
			c.Take = append(c.Take, t.Name)
		case offers(t.Roles, value):
			c.Give = append(c.Give, rosterv1alpha1.ProfileGrant{Name: t.Name, Role: rosterv1alpha1.ProfileRole(value)})
		default:
			p.problem(console.PrefixProfile+t.Name, "bulk.what.on.unknown", "Name", t.Title, "Role", value)
		}
	}
	for _, t := range p.workspaces {
		switch value := p.form.Get(console.PrefixWorkspace + t.Name); {
		case value == "":
		case value == valueTake:
			c.TakeWorkspaces = append(c.TakeWorkspaces, t.Name)
		case offers(t.Roles, value):
			g := rosterv1alpha1.WorkspaceGrant{Name: t.Name, Role: rosterv1alpha1.ProfileRole(strings.TrimPrefix(value, valueShown))}
			c.GiveWorkspaces = append(c.GiveWorkspaces, g)
		default:
			p.problem(console.PrefixWorkspace+t.Name, "bulk.what.on.unknown", "Name", t.Title, "Role", value)
		}
	}
	for _, t := range p.teams {
		switch p.form.Get(prefixTeam + t.Name) {
		case valueJoin:
			c.Join = append(c.Join, t.Name)
		case valueLeave:
			c.Leave = append(c.Leave, t.Name)
		}
	}
}

func (p *changeParser) end() {
	text := web.Tidy(p.form.Get(console.FieldEndTime))
	p.change.Endless = p.form.Get(fieldEndless) != ""
	end, err := membership.ParseEnd(text)
	switch {
	case err != nil:
		p.problem(console.FieldEndTime, "bulk.what.end.invalid", "Text", text)
	case end != nil && p.change.Endless:
		p.problem(console.FieldEndTime, "bulk.what.end.both")
	case end != nil && !p.now.Before(end.Time):
		p.problem(console.FieldEndTime, "bulk.what.end.passed", "Today", p.now.UTC().Format(time.DateOnly))
	default:
		p.change.End = end
	}
}

func offers(choices []console.Choice, value string) bool {
	return slices.ContainsFunc(choices, func(c console.Choice) bool { return c.Value == value })
}

// whatPage asks what to change.
type whatPage struct {
	web.Fields
	Frame        console.Frame
	Action, Back string
	// People is who is chosen, as the forms carry it; Count how many they are, and Names the first of them.
	People string
	Count  int
	Names  []string
	More   int
	// Members: the person may change more than who is in a team.
	Members bool
	Role    fieldView
	Groups  []groupView
	End     string
	Endless bool
	// Confirm is where to prove who one is, to give more roles; empty where that is not needed.
	Confirm string
}

// groupView are fields of one kind.
type groupView struct {
	Legend, Hint string
	Folded       bool
	Fields       []fieldView
}

type fieldView struct {
	web.FieldView
	Title, Kind string
	Options     []console.Option
}

func (h *Handler) getWhat(v *console.Visit) error {
	return h.whatForm(v, readChoice(v.R.URL.Query()), url.Values{}, nil)
}

func (h *Handler) whatForm(v *console.Visit, c choice, form url.Values, problems []web.Problem) error {
	t, err := h.load(v)
	if err != nil {
		return err
	}
	if !t.changes() {
		return v.NotFound()
	}
	chosen := c.people(t)
	if len(chosen) == 0 {
		if v.R.Method == http.MethodPost {
			return v.Redirect(v.PathWith("/organizations/"+v.Namespace()+Path, choice{Query: c.Query}.values()))
		}
		return h.chooseForm(v, []web.Problem{{Text: v.Words.T("bulk.choose.nobodyChosen")}})
	}
	m, err := menuOf(v, t)
	if err != nil {
		return err
	}
	back := c
	back.All = false
	page := whatPage{
		Fields: web.Fields{Problems: problems}, Frame: frame(v), Action: v.To(pathPreview), People: c.values().Encode(), Count: len(chosen),
		Back:    v.PathWith("/organizations/"+v.Namespace()+Path, back.values()),
		Members: t.managesMembers(), End: form.Get(console.FieldEndTime), Endless: form.Get(fieldEndless) != "",
	}
	for _, m := range chosen[:min(len(chosen), fewFields)] {
		page.Names = append(page.Names, membership.NameOf(m))
	}
	page.More = len(chosen) - len(page.Names)
	if m.confirm {
		page.Confirm = v.Forward("/sign-in/confirm", "/organizations/"+v.Namespace()+Path)
	}
	page.fields(v.Words, m, form)
	return v.Form(pageWhat, v.Words.T("bulk.what.title", "Org", page.Frame.Org), problems, page)
}

func (p *whatPage) fields(w web.Words, m *menu, form url.Values) {
	asIs := console.Option{Text: w.T("bulk.what.asIs")}
	take := console.Option{Value: valueTake, Text: w.T("bulk.what.take")}
	role := console.Target{Title: w.T("console.find.role")}
	p.Role = p.field(form, console.FieldRole, role, append([]console.Option{asIs}, optionsOf(m.roles)...))
	group := func(legend, hint, prefix string, targets []console.Target, options func(console.Target) []console.Option) {
		if len(targets) == 0 {
			return
		}
		g := groupView{Legend: legend, Hint: hint, Folded: len(targets) > fewFields}
		for _, t := range targets {
			f := p.field(form, prefix+t.Name, t, append([]console.Option{asIs}, options(t)...))
			g.Folded = g.Folded && len(f.Problems) == 0 && form.Get(prefix+t.Name) == ""
			g.Fields = append(g.Fields, f)
		}
		p.Groups = append(p.Groups, g)
	}
	given := func(t console.Target) []console.Option { return append(optionsOf(t.Roles), take) }
	group(w.T("bulk.what.profiles"), w.T("bulk.what.profiles.hint"), console.PrefixProfile, m.profiles, given)
	group(w.T("bulk.what.workspaces"), w.T("bulk.what.workspaces.hint"), console.PrefixWorkspace, m.workspaces, given)
	group(w.T("bulk.what.teams"), w.T("bulk.what.teams.hint"), prefixTeam, m.teams, func(console.Target) []console.Option {
		return []console.Option{{Value: valueJoin, Text: w.T("bulk.what.join")}, {Value: valueLeave, Text: w.T("bulk.what.leave")}}
	})
}

// field shows one with what is chosen in it.
func (p *whatPage) field(form url.Values, name string, t console.Target, options []console.Option) fieldView {
	for i := range options {
		options[i].Selected = options[i].Value == form.Get(name)
	}
	return fieldView{FieldView: p.Field(name), Title: t.Title, Kind: t.Kind, Options: options}
}

func optionsOf(choices []console.Choice) []console.Option {
	all := make([]console.Option, len(choices))
	for i, c := range choices {
		all[i] = console.Option{Value: c.Value, Text: c.Name}
	}
	return all
}
