// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// FinderView is the form above a list by which something in it is found: the template console-finder takes it as .Content.Finder.
type FinderView struct {
	// Label of the field for words, and what was typed there.
	Label, Search string
	Filters       []Filter
	// Hidden is what the form carries unseen.
	Hidden []Hidden
}

// Filter is a list to choose from.
type Filter struct {
	ID, Label string
	Options   []Option
}

// Option of a field to select from.
type Option struct {
	Value, Text string
	Selected    bool
}

// Hidden is a field that a form carries unseen.
type Hidden struct{ Name, Value string }

// Finder is a form for words alone.
func (v *Visit) Finder(label, search string) FinderView {
	f := FinderView{Label: v.Words.T(label), Search: search}
	if v.Words.Chosen {
		f.Hide(web.LangParameter, string(v.Words.Locale))
	}
	return f
}

// Hide adds a field that the form carries, unless it is empty.
func (f *FinderView) Hide(name, value string) {
	if value != "" {
		f.Hidden = append(f.Hidden, Hidden{name, value})
	}
}

// Filter adds a list to choose from, unless there is nothing to choose.
func (f *FinderView) Filter(w web.Words, id, label, chosen string, options []Option) {
	if len(options) == 0 {
		return
	}
	options = append([]Option{{Text: w.T("console.find.any")}}, options...)
	for i := range options {
		options[i].Selected = options[i].Value == chosen
	}
	f.Filters = append(f.Filters, Filter{id, w.T(label), options})
}

// PeopleFinder is the form by which people are found. What an organisation does not have is not offered, and of profiles those that the
// person may look at: to look at the team does not allow that.
func (v *Visit) PeopleFinder(q Query, c *Crowd, everybody []Person) FinderView {
	w, names, f := v.Words, Names{v.Words, c.Snapshot}, v.Finder("console.find.people", q.Search)
	var states, profiles []Option
	for _, s := range standings() {
		states = append(states, Option{Value: string(s), Text: s.Badge(w).Text})
	}
	for _, p := range c.Profiles {
		if Seen(p) {
			profiles = append(profiles, Option{Value: p.Name, Text: ProfileName(w, p)})
		}
	}
	f.Filter(w, FindStanding, "console.find.state", q.Standing, states)
	f.Filter(w, FindRole, "console.find.role", q.Role, names.rolesOf(everybody))
	f.Filter(w, FindTeam, "console.find.team", q.Team, optionsOf(c.Teams, TeamName))
	f.Filter(w, FindWorkspace, "console.find.workspace", q.Workspace, optionsOf(c.Workspaces, WorkspaceName))
	f.Filter(w, FindProfile, "console.find.profile", q.Profile, sorted(profiles))
	f.Filter(w, FindFactor, "console.find.factor", q.Factor, []Option{
		{Value: WithFactor, Text: w.T("console.factor.with")}, {Value: WithoutFactor, Text: w.T("console.factor.without")},
	})
	if q.Sort != ByName {
		f.Hide(FindSort, q.Sort)
	}
	return f
}

func optionsOf[O client.Object](all []O, called func(O) string) []Option {
	var options []Option
	for _, o := range all {
		options = append(options, Option{Value: o.GetName(), Text: called(o)})
	}
	return sorted(options)
}

func sorted(options []Option) []Option {
	slices.SortFunc(options, func(a, b Option) int { return CompareNames(a.Text, a.Value, b.Text, b.Value) })
	return options
}

// CompareNames sorts by what things are called, and those that are called the same by the names of their objects.
func CompareNames(a, nameA, b, nameB string) int {
	return cmp.Or(cmp.Compare(Fold(a), Fold(b)), cmp.Compare(nameA, nameB))
}

// rolesOf are the roles that somebody has, strongest first.
func (n Names) rolesOf(everybody []Person) []Option {
	seen := map[rosterv1alpha1.OrganizationRole]bool{}
	var options []Option
	for i := range everybody {
		if role := everybody[i].Role; !seen[role] {
			seen[role] = true
			options = append(options, Option{Value: string(role), Text: n.Role(role, false)})
		}
	}
	slices.SortFunc(options, func(a, b Option) int {
		roleA, roleB := rosterv1alpha1.OrganizationRole(a.Value), rosterv1alpha1.OrganizationRole(b.Value)
		return cmp.Or(cmp.Compare(Rank(roleA), Rank(roleB)), cmp.Compare(a.Value, b.Value))
	})
	return options
}

// PersonView is the row of somebody in a list.
type PersonView struct {
	Name, Address, Role string
	Owner               bool
	State               Badge
	Ends                web.MomentView
}

// Show puts somebody into words.
func (n Names) Show(p *Person) PersonView {
	adds := p.Member != nil && p.Member.Spec.CanManageProfiles != nil && *p.Member.Spec.CanManageProfiles
	view := PersonView{Name: p.Name, Role: n.Role(p.Role, adds), Owner: p.Owner, State: p.Standing.Badge(n.Words), Ends: n.Day(p.Ends)}
	if p.Address != p.Name {
		view.Address = p.Address
	}
	return view
}

// Day is a day in words; empty for none.
func (n Names) Day(t *metav1.Time) web.MomentView {
	if t == nil {
		return web.MomentView{}
	}
	return n.Words.Day(t.Time)
}
