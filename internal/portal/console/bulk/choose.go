// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	// mostTicked is how many can be ticked one by one: an address has room for so many.
	mostTicked = 500
	// paramTickPage ticks all people on a page.
	paramTickPage = "tickPage"
)

// choosePage is where people are chosen.
type choosePage struct {
	web.Fields
	Frame                console.Frame
	Action, What, Untick string
	Finder               console.FinderView
	Rows                 []personRow
	// Found are all people who match, and Ticked those who are ticked, on other pages too.
	Found, Ticked int
	// Elsewhere are those who are ticked and not on this page.
	Elsewhere string
	Pager     console.Pager
}

type personRow struct {
	console.PersonView
	ID     string
	Ticked bool
}

func (h *Handler) getChoose(v *console.Visit) error { return h.chooseForm(v, nil) }

func (h *Handler) chooseForm(v *console.Visit, problems []web.Problem) error {
	t, err := h.load(v)
	if err != nil {
		return err
	}
	if !t.changes() {
		return v.NotFound()
	}
	query, everybody := v.R.URL.Query(), t.People()
	c, ticking := readChoice(query), query.Get(paramTickPage)
	found := c.found(t, everybody)
	page := choosePage{
		Fields: web.Fields{Problems: problems}, Frame: frame(v), Action: v.To(Path), What: v.To(pathWhat), Found: len(found),
		Untick: v.PathWith("/organizations/"+v.Namespace()+Path, choice{Query: c.Query}.values()),
		Finder: v.PeopleFinder(c.Query, t.Crowd, everybody),
	}
	shown, pager := console.PageOf(found, console.PageNumber(cmp.Or(ticking, query.Get(console.FindPage))))
	page.Pager = pager
	here, names := map[id]bool{}, t.names(v.Words)
	for _, p := range shown {
		i := idOf(p.Member.UID)
		here[i] = true
		if ticking != "" {
			c.Ticked[i] = true
		}
		page.Rows = append(page.Rows, personRow{PersonView: names.Show(p), ID: i.String(), Ticked: c.Ticked[i]})
	}
	if page.Ticked = len(c.Ticked); page.Ticked > mostTicked {
		page.Problems = append(page.Problems, web.Problem{Text: v.Words.N("bulk.choose.tooMany", mostTicked)})
	}
	page.Elsewhere = encodeIDs(c.except(here))
	return v.Form(pageChoose, v.Words.T("bulk.choose.title", "Org", page.Frame.Org), page.Problems, page)
}

// called is the name of somebody and, where that is another, their address.
func called(m *rosterv1alpha1.Member) (name, address string) {
	if name = membership.NameOf(m); name != m.Spec.Email {
		address = m.Spec.Email
	}
	return name, address
}
