// SPDX-License-Identifier: Apache-2.0

package people

import (
	"net/http"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
)

// peoplePage is the list.
type peoplePage struct {
	Frame console.Frame
	// Seats says how many are taken.
	Seats  string
	Action string
	Finder console.FinderView
	// Several leads to where the people who are found can be changed together; empty for somebody who may not.
	Several string
	// Everybody leads to the list without filters; empty where there are none.
	Everybody string
	Columns   []columnView
	Rows      []rowView
	Count     string
	Pager     console.Pager
}

// columnView is the head of a column. Sorted is what aria-sort says; Href is empty where the list is not sorted by it.
type columnView struct{ Text, Href, Sorted string }

type rowView struct {
	console.PersonView
	Href             string
	Joined, SignedIn web.MomentView
	// Factor tells of a second factor: set up, or none yet; empty where that is not known.
	Factor string
}

func (h *Handler) getPeople(v *console.Visit) error {
	all, err := v.Crowd()
	if err != nil {
		return err
	}
	q, everybody, held := console.ParseQuery(v.R.URL.Query()), all.People(), all.Sums().Holds(v.Member)
	found := all.Find(q, everybody)
	part, pager := console.PageOf(found, q.Page)
	w, to := v.Words, func(q console.Query) string { return v.PathWith(here(v), q.Values()) }
	list := peoplePage{
		Frame: v.Frame(), Seats: seats(w, v.Organization), Action: v.To(Path), Finder: v.PeopleFinder(q, all, everybody),
		Columns: columns(w, q, to), Count: w.N("people.count", len(found)),
		Pager: pager.Link(func(page int) string { return to(q.Turned(page)) }),
	}
	if q.Filtered() {
		list.Everybody = to(console.Query{Sort: q.Sort})
	}
	if held.May(rosterv1alpha1.PermissionManageMembers) {
		list.Several = v.PathWith("/organizations/"+v.Namespace()+"/team/change", q.Turned(1).Values())
	}
	names := console.Names{Words: w, All: all.Snapshot}
	for _, p := range part {
		kind, name := p.Object()
		list.Rows = append(list.Rows, rowView{
			PersonView: names.Show(p), Href: v.To(Path + "/" + kind + "/" + name), Joined: names.Day(p.Joined()), SignedIn: names.Day(p.SignedIn()),
			Factor: factor(w, p.Factor()),
		})
	}
	return v.Show(http.StatusOK, pagePeople, w.T("people.title", "Org", list.Frame.Org), list)
}

// seats tells how many of the plan's are taken.
func seats(w web.Words, o *rosterv1alpha1.Organization) string {
	u := o.Status.Plan.Seats
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

func columns(w web.Words, q console.Query, to func(console.Query) string) []columnView {
	var all []columnView
	for _, c := range []struct{ by, text string }{
		{console.ByName, "people.name"}, {console.ByRole, "people.role"}, {console.ByStanding, "people.state"},
		{console.ByJoined, "people.joined"}, {console.BySignedIn, "people.signedIn"},
	} {
		column := columnView{Text: w.T(c.text), Href: to(q.Sorted(c.by))}
		switch q.Sort {
		case c.by:
			column.Sorted = "ascending"
		case "-" + c.by:
			column.Sorted = "descending"
		}
		all = append(all, column)
	}
	return append(all, columnView{Text: w.T("people.factor")})
}

// factor puts into words that somebody has a second factor or none; empty where that is not known.
func factor(w web.Words, has *bool) string {
	switch {
	case has == nil:
		return ""
	case *has:
		return w.T("console.factor.with")
	}
	return w.T("console.factor.without")
}

// here is the path of the list.
func here(v *console.Visit) string { return "/organizations/" + v.Namespace() + Path }
