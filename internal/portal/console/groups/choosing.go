// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"cmp"
	"net/url"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// choosing is about what a group has of one kind, its people or its profiles: what is in it, and what could be. Its form carries what is
// ticked and no more, however long the list is, and what it says is done to the list as it is by then: two people who add to a group do
// not get in each other's way.
type choosing struct {
	object client.Object
	// list that the form changes.
	list *[]string
	most int
	all  []candidate
	// offers are the candidates that the person may add.
	offers []candidate
	// missing says of a name in the list that there is nothing of that name.
	missing string
	// searchLabel is the name of the text beside the field for words.
	searchLabel string
	// meaning says what it takes away from people to take these names out.
	meaning func(remove []string) ([]string, error)
	may     bool
	view    choosePage
	here    string
	sure    func(names int) string
}

// choosePage is the page.
type choosePage struct {
	Frame console.Frame
	web.Fields
	Title, Heading, Lead string
	In, Found            []candidate
	// Pager of what is in the group.
	Pager                   console.Pager
	InCaption, FoundCaption string
	InEmpty, FoundEmpty     string
	Finder                  console.FinderView
	May                     bool
	Action, Back, BackText  string
	SubmitAdd, SubmitRemove string
	// More says that only the first of what was found are listed.
	More string
}

// boxes are the rows of one of the two lists.
type boxes struct {
	Field, Caption string
	Rows           []candidate
	May            bool
}

// Boxes are for the template.
func (p choosePage) Boxes(field string) boxes {
	if field == fieldAdd {
		return boxes{field, p.FoundCaption, p.Found, p.May}
	}
	return boxes{field, p.InCaption, p.In, p.May}
}

// chosenFor is the page of a choosing for the object that the path names.
func chosenFor[T any, O console.Object[T]](
	h *Handler, path string, of func(*console.Visit, *scene, O) (*choosing, error),
) web.Route {
	page := func(do func(*choosing, *console.Visit) error) func(*web.Visit) error {
		return h.Desk.Open(console.Named(func(v *console.Visit, o O) error {
			s, err := h.scene(v)
			if err != nil {
				return err
			}
			c, err := of(v, s, o)
			if err != nil {
				return err
			}
			return do(c, v)
		}))
	}
	show := func(c *choosing, v *console.Visit) error { return c.show(v, nil) }
	return web.Route{Path: path, Get: page(show), Post: page((*choosing).post), Returnable: true}
}

// show writes the page, with what was ticked.
func (c *choosing) show(v *console.Visit, problems []web.Problem) error {
	w, page, asked := v.Words, c.view, v.R.URL.Query()
	if v.R.PostForm != nil {
		asked = url.Values{console.FindSearch: v.R.PostForm[console.FindSearch], console.FindPage: v.R.PostForm[console.FindPage]}
	}
	search := web.Tidy(asked.Get(console.FindSearch))
	page.Frame, page.Fields, page.May, page.Finder = v.Frame(), web.Fields{Problems: problems}, c.may, v.Finder(c.searchLabel, search)
	page.In, page.Pager = console.PageOf(chosen(c.all, *c.list, c.missing), console.PageNumber(asked.Get(console.FindPage)))
	if c.may {
		found := searched(c.offers, search, *c.list)
		page.Found, _ = console.PageOf(found, 1)
		if rest := len(found) - len(page.Found); rest > 0 {
			page.More = w.N("groups.choose.more", rest)
		}
	}
	tick(page.In, v.R.PostForm[fieldRemove])
	tick(page.Found, v.R.PostForm[fieldAdd])
	page.Pager = page.Pager.Link(func(number int) string {
		return v.PathWith("/organizations/"+v.Namespace()+c.here, console.Query{Search: search, Page: number}.Values())
	})
	page.Action = v.To(c.here)
	return v.Form(pageChoose, page.Title, problems, page)
}

// post adds what is ticked, or takes it out once the person has seen what that means.
func (c *choosing) post(v *console.Visit) error {
	w, form := v.Words, v.R.PostForm
	add, remove := form[fieldAdd], form[fieldRemove]
	if len(add)+len(remove) == 0 {
		return c.show(v, []web.Problem{{Text: w.T("groups.error.none")}})
	}
	can := func(name string) bool {
		return slices.ContainsFunc(c.offers, func(o candidate) bool { return o.ID == name })
	}
	next := changed(*c.list, add, remove, can)
	if len(next) > c.most {
		return c.show(v, []web.Problem{{Text: w.N("groups.error.most", c.most)}})
	}
	if len(remove) > 0 && form.Get(web.FieldConfirm) == "" {
		return c.confirm(v, remove, nil)
	}
	before := *c.list
	*c.list = next
	again := func(problems []web.Problem) error {
		if len(remove) > 0 {
			return c.confirm(v, remove, problems)
		}
		*c.list = before
		return c.show(v, problems)
	}
	return v.Wrote(v.Update(c.object), func() error {
		if len(remove) > 0 {
			return v.Done(c.here, "groups.choose.removed")
		}
		return v.Done(c.here, "groups.choose.added")
	}, again, fields())
}

func (c *choosing) confirm(v *console.Visit, remove []string, problems []web.Problem) error {
	lines, err := c.meaning(remove)
	if err != nil {
		return err
	}
	var names []string
	for _, one := range chosen(c.all, remove, "") {
		names = append(names, one.Name)
	}
	hidden := []console.Hidden{{Name: web.FieldConfirm, Value: "yes"}}
	for _, name := range remove {
		hidden = append(hidden, console.Hidden{Name: fieldRemove, Value: name})
	}
	return v.Ask(console.Sure{
		Kept: v.KeptView(c.object), Heading: c.sure(len(remove)), Lead: console.Listed(v.Words, names), Points: lines, Hidden: hidden,
		Submit: v.Words.T("groups.choose.remove"), Action: v.To(c.here), Back: v.To(c.here),
	}, problems)
}

// people are the candidates for a team, and those of them that it can have: teams give nothing to people who only connect profiles.
func people(w web.Words, all *console.Crowd) (known, offers []candidate) {
	everybody := all.People()
	for i := range everybody {
		p := &everybody[i]
		if p.Member == nil {
			continue
		}
		c := candidate{ID: p.Member.Name, Name: p.Name}
		if p.Address != p.Name {
			c.Detail = p.Address
		}
		if p.Standing != console.StandingActive {
			badge := p.Standing.Badge(w)
			c.State = &badge
		}
		known = append(known, c)
		if p.Role != rosterv1alpha1.RoleProfileConnector {
			offers = append(offers, c)
		}
	}
	return known, offers
}

// profiles are the candidates for a group, and those of them that the person may give a role on.
func (s *scene) profiles(w web.Words, may func(profile string) bool) (known, offers []candidate) {
	for _, p := range s.Profiles {
		c := candidate{ID: p.Name, Name: cmp.Or(p.Spec.Handle, p.Name), Detail: w.Network(p)}
		known = append(known, c)
		if p.DeletionTimestamp == nil && may(p.Name) {
			offers = append(offers, c)
		}
	}
	return known, offers
}

// gives reports whether the person may give a role on a profile: to those who may not give every one, what they hold themselves.
func (s *scene) gives(role rosterv1alpha1.ProfileRole) func(profile string) bool {
	set := access.ProfilePermissions(role)
	return func(profile string) bool { return s.givesEverywhere() || set != 0 && s.holds.On(profile).Contains(set) }
}

// teamPeople is about the people of the team that the path names.
func (h *Handler) teamPeople(v *console.Visit, s *scene, t *rosterv1alpha1.Team) (*choosing, error) {
	all, err := v.Crowd()
	if err != nil {
		return nil, err
	}
	w, before := v.Words, t.DeepCopy()
	c := &choosing{
		object: t, list: &t.Spec.Members, most: rosterv1alpha1.MaxTeamMembers,
		may: s.mayWriteGroups(), here: TeamsPath + "/" + t.Name + "/people",
		missing: w.T("groups.choose.nobody"), searchLabel: "console.find.people",
		sure: func(n int) string { return w.N("groups.sure.people", n) },
		meaning: func(remove []string) ([]string, error) {
			after := before.DeepCopy()
			after.Spec.Members = changed(after.Spec.Members, nil, remove, nil)
			return s.meaning(v, withTeam(s.Snapshot, before), withTeam(s.Snapshot, after))
		},
		view: choosePage{
			Title: w.T("groups.team.people", "Name", console.TeamName(t)), Heading: w.T("groups.team.people", "Name", console.TeamName(t)),
			Lead:      w.T("groups.team.gives", "Role", w.Roles.OnProfile(t.Spec.Role, s.roles).Name),
			InCaption: w.N("groups.people.in", len(t.Spec.Members)), InEmpty: w.T("groups.people.empty"),
			FoundCaption: w.T("groups.people.found"), FoundEmpty: w.T("groups.people.notFound"),
			Back: v.To(TeamsPath + "/" + t.Name), BackText: console.TeamName(t), SubmitAdd: w.T("groups.choose.addPeople"),
			SubmitRemove: w.T("groups.choose.takeOut"),
		},
	}
	c.all, c.offers = people(w, all)
	return c, nil
}

// teamProfiles is about the profiles that the team names.
func (h *Handler) teamProfiles(v *console.Visit, s *scene, t *rosterv1alpha1.Team) (*choosing, error) {
	w, before := v.Words, t.DeepCopy()
	c := h.profileChoosing(v, s, console.TeamName(t), TeamsPath+"/"+t.Name, selectorWords(w, t.Spec.ProfileSelector), len(t.Spec.Profiles))
	c.object, c.list = t, &t.Spec.Profiles
	c.all, c.offers = s.profiles(w, s.gives(t.Spec.Role))
	c.meaning = func(remove []string) ([]string, error) {
		after := before.DeepCopy()
		after.Spec.Profiles = changed(after.Spec.Profiles, nil, remove, nil)
		return s.meaning(v, withTeam(s.Snapshot, before), withTeam(s.Snapshot, after))
	}
	return c, nil
}

// profileChoosing is what teams and workspaces have in common.
func (h *Handler) profileChoosing(v *console.Visit, s *scene, name, group, selector string, n int) *choosing {
	w := v.Words
	return &choosing{
		most: rosterv1alpha1.MaxGroupProfiles, may: s.mayWriteGroups(), here: group + "/profiles", missing: w.T("groups.choose.noProfile"),
		searchLabel: "groups.profiles.search",
		sure:        func(n int) string { return w.N("groups.sure.profiles", n) },
		view: choosePage{
			Title: w.T("groups.profiles.of", "Name", name), Heading: w.T("groups.profiles.of", "Name", name), Lead: selector,
			InCaption: w.N("groups.profiles.in", n), InEmpty: w.T("groups.profiles.empty"),
			FoundCaption: w.T("groups.profiles.found"), FoundEmpty: w.T("groups.profiles.notFound"),
			Back: v.To(group), BackText: name, SubmitAdd: w.T("groups.choose.addProfiles"),
			SubmitRemove: w.T("groups.choose.takeOut"),
		},
	}
}
