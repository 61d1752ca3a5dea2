// SPDX-License-Identifier: Apache-2.0

package people

import (
	"net/url"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
)

// The fields of the form about teams: those that are ticked, and those that were when the form was made. Only what differs is written, so
// that nothing of what others do in the meantime is undone.
const (
	fieldIn  = "in"
	fieldWas = "was"
)

// teamsPage is for the teams that somebody belongs to.
type teamsPage struct {
	web.Fields
	Frame        console.Frame
	Heading      string
	Teams        []teamView
	Action, Back string
}

type teamView struct {
	Name, Title, Role, Works string
	In, Was                  bool
}

func (h *Handler) getTeams(kind string) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		switch {
		case err != nil:
			return err
		case !v.Holds().May(rosterv1alpha1.PermissionManageTeams):
			return v.NotFound()
		}
		was := s.teamNames()
		return h.teamsForm(v, s, was, was, nil)
	}
}

func (s *subject) teamNames() []string {
	var names []string
	for _, t := range s.teams() {
		names = append(names, t.Name)
	}
	return names
}

func (h *Handler) teamsForm(v *console.Visit, s *subject, in, was []string, problems []web.Problem) error {
	w := speech{v.Words, s.all}
	page := teamsPage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Heading: w.T("people.heading.teams", "Name", s.name),
		Action: v.To(s.path(string(teams))), Back: v.To(s.path("")),
	}
	for _, t := range s.all.Teams {
		page.Teams = append(page.Teams, teamView{
			Name: t.Name, Title: w.names().Team(t.Name), Role: w.roleOnProfile(string(t.Spec.Role)),
			Works: w.N("people.profiles", len(s.all.ProfilesOf(t.Spec.Profiles, t.Spec.ProfileSelector))),
			In:    slices.Contains(in, t.Name), Was: slices.Contains(was, t.Name),
		})
	}
	slices.SortFunc(page.Teams, func(a, b teamView) int {
		return console.CompareNames(a.Title, a.Name, b.Title, b.Name)
	})
	return v.Form(pageTeams, page.Heading, problems, page)
}

func (h *Handler) postTeams(kind string) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		if err != nil {
			return err
		}
		in, was := v.R.PostForm[fieldIn], v.R.PostForm[fieldWas]
		joins, leaves := without(in, was), s.known(without(was, in))
		if v.R.PostForm.Get(fieldSure) == "" && len(leaves) > 0 {
			points := speech{v.Words, s.all}.means(s.name, s.all.Consequences(s.person, s.withTeams(joins, leaves)))
			return h.sureOfChange(v, s, teams, points, url.Values{fieldIn: in, fieldWas: was})
		}
		for _, team := range slices.Concat(joins, leaves) {
			to := joinTeam
			if slices.Contains(leaves, team) {
				to = leaveTeam
			}
			if err := to(v, team, s.object().GetName()); err != nil {
				return v.Failed(err, func(problems []web.Problem) error {
					for i := range problems {
						problems[i].Text = v.Words.T("people.teams.problem", "Team", speech{v.Words, s.all}.names().Team(team), "Why", problems[i].Text)
					}
					return h.teamsForm(v, s, in, s.teamNames(), problems)
				})
			}
		}
		return v.Done(s.path(""), "people.done.teams", "Name", s.name)
	}
}

// known are the names of Teams that are there: whatever a form names, the API server is asked about no others.
func (s *subject) known(names []string) []string {
	there := make(map[string]bool, len(s.all.Teams))
	for _, t := range s.all.Teams {
		there[t.Name] = true
	}
	return slices.DeleteFunc(names, func(name string) bool { return !there[name] })
}

// without are the names, each once, that are not among some others.
func without(all, some []string) []string {
	seen := make(map[string]bool, len(all)+len(some))
	for _, name := range some {
		seen[name] = true
	}
	var left []string
	for _, name := range all {
		if !seen[name] {
			seen[name] = true
			left = append(left, name)
		}
	}
	return left
}

// withTeams is the person as they will be in other teams.
func (s *subject) withTeams(joins, leaves []string) *rights.Person {
	other, name := *s.all, s.object().GetName()
	other.Teams = nil
	for _, t := range s.all.Teams {
		if in := slices.Contains(joins, t.Name); in || slices.Contains(leaves, t.Name) {
			t = t.DeepCopy()
			t.Spec.Members = slices.DeleteFunc(t.Spec.Members, func(member string) bool { return member == name })
			if in {
				t.Spec.Members = append(t.Spec.Members, name)
			}
		}
		other.Teams = append(other.Teams, t)
	}
	if s.member == nil {
		return other.Offered(s.invitation)
	}
	return other.Person(s.member)
}
