// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The most that a team names, as in its schema.
const (
	maxMembers  = 5000
	maxProfiles = 500
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
	Title, Heading, Lead    string
	In, Found               slice
	InCaption, FoundCaption string
	InEmpty, FoundEmpty     string
	SearchLabel, Query      string
	May                     bool
	BeforeHref, BehindHref  string
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
		return boxes{field, p.FoundCaption, p.Found.Shown, p.May}
	}
	return boxes{field, p.InCaption, p.In.Shown, p.May}
}

// From is where the list of what is in the group begins.
func (p choosePage) From() int { return p.In.First - 1 }

// show writes the page, with what was ticked.
func (c *choosing) show(v *console.Visit, problems []web.Problem) error {
	w, page, asked := v.Words, c.view, v.R.URL.Query()
	if v.R.PostForm != nil {
		asked = url.Values{fieldSearch: v.R.PostForm[fieldSearch], fieldFrom: v.R.PostForm[fieldFrom]}
	}
	page.Frame, page.Fields, page.May, page.Query = v.Frame(), web.Fields{Problems: problems}, c.may, web.Tidy(asked.Get(fieldSearch))
	from, _ := strconv.Atoi(asked.Get(fieldFrom))
	page.In = sliceOf(chosen(c.all, *c.list, c.missing), from)
	if c.may {
		page.Found = sliceOf(search(c.offers, page.Query, *c.list), 0)
		if rest := page.Found.Of - len(page.Found.Shown); rest > 0 {
			page.More = w.N("groups.choose.more", rest)
		}
	}
	tick(page.In.Shown, v.R.PostForm[fieldRemove])
	tick(page.Found.Shown, v.R.PostForm[fieldAdd])
	link := func(at int) string {
		if at < 0 {
			return ""
		}
		return v.PathWith("/organizations/"+v.Namespace()+c.here, url.Values{fieldFrom: {strconv.Itoa(at)}, fieldSearch: {page.Query}})
	}
	page.BeforeHref, page.BehindHref, page.Action = link(page.In.Before), link(page.In.Behind), v.To(c.here)
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
	return wrote(v, v.Update(c.object), again, func() error {
		if len(remove) > 0 {
			return v.Done(c.here, "groups.choose.removed")
		}
		return v.Done(c.here, "groups.choose.added")
	})
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
	lines = append([]string{listed(v.Words, names)}, lines...)
	return sure(v, problems, surePage{
		Heading: c.sure(len(remove)), Lines: lines, Removed: remove, Submit: v.Words.T("groups.choose.remove"),
		Action: v.To(c.here), Back: v.To(c.here),
	})
}

// people are the candidates for a team, and those of them that it can have: teams give nothing to people who only connect profiles.
func people(all []*rosterv1alpha1.Member) (known, offers []candidate) {
	for _, m := range all {
		c := candidate{ID: m.Name, Name: organization.MemberName(m), Detail: m.Spec.Email}
		if c.Name == c.Detail {
			c.Detail = ""
		}
		known = append(known, c)
		if m.DeletionTimestamp == nil && m.Spec.Role != rosterv1alpha1.RoleProfileConnector {
			offers = append(offers, c)
		}
	}
	return known, offers
}

// profiles are the candidates for a group, and those of them that the person may give a role on.
func (s *scene) profiles(w web.Words, may func(profile string) bool) (known, offers []candidate) {
	for _, p := range s.Profiles {
		c := candidate{ID: p.Name, Name: cmp.Or(p.Spec.Handle, p.Name), Detail: organization.NetworkName(w, p)}
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
