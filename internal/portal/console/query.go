// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields by which people are found, wherever that is. All of it stands in the address, so that the back button and bookmarks work.
const (
	FindSearch    = "q"
	FindStanding  = "state"
	FindRole      = "role"
	FindTeam      = "team"
	FindWorkspace = "workspace"
	FindProfile   = "profile"
	FindFactor    = "factor"
	FindSort      = "sort"
	FindPage      = "page"
)

// The columns to sort by; with a hyphen before it, the other way round.
const (
	ByName     = "name"
	ByRole     = "role"
	ByStanding = "state"
	ByJoined   = "joined"
	BySignedIn = "sign-in"
)

// What is asked for of second factors. Somebody for whom that is not known has neither.
const (
	WithFactor    = "with"
	WithoutFactor = "without"
)

// Query is what of the list is asked for.
type Query struct {
	Search, Standing, Role, Team, Workspace, Profile, Factor string
	Sort                                                     string
	Page                                                     int
}

// ParseQuery reads an address. What nobody could have chosen on the page counts as nothing.
func ParseQuery(values url.Values) Query {
	q := Query{
		Search: web.Tidy(values.Get(FindSearch)), Standing: values.Get(FindStanding), Role: values.Get(FindRole), Team: values.Get(FindTeam),
		Workspace: values.Get(FindWorkspace), Profile: values.Get(FindProfile), Factor: values.Get(FindFactor),
		Sort: values.Get(FindSort),
	}
	if q.Factor != WithFactor && q.Factor != WithoutFactor {
		q.Factor = ""
	}
	if !slices.Contains(standings(), Standing(q.Standing)) {
		q.Standing = ""
	}
	switch strings.TrimPrefix(q.Sort, "-") {
	case ByName, ByRole, ByStanding, ByJoined, BySignedIn:
	default:
		q.Sort = ByName
	}
	q.Page = PageNumber(values.Get(FindPage))
	return q
}

// Values are the address again, without what goes without saying.
func (q Query) Values() url.Values {
	values := url.Values{}
	for field, value := range map[string]string{
		FindSearch: q.Search, FindStanding: q.Standing, FindRole: q.Role, FindTeam: q.Team, FindWorkspace: q.Workspace,
		FindProfile: q.Profile, FindFactor: q.Factor,
	} {
		if value != "" {
			values.Set(field, value)
		}
	}
	if q.Sort != ByName && q.Sort != "" {
		values.Set(FindSort, q.Sort)
	}
	if q.Page > 1 {
		values.Set(FindPage, strconv.Itoa(q.Page))
	}
	return values
}

// Filtered reports whether not everybody is asked for.
func (q Query) Filtered() bool {
	return q.Search+q.Standing+q.Role+q.Team+q.Workspace+q.Profile+q.Factor != ""
}

// Sorted is the query by another column, from its first page. Choosing the same one turns it round. Times begin with the newest.
func (q Query) Sorted(column string) Query {
	first := column
	if column == ByJoined || column == BySignedIn {
		first = "-" + column
	}
	second := "-" + strings.TrimPrefix(column, "-")
	if first == second {
		second = column
	}
	if q.Sort == first {
		first = second
	}
	q.Sort, q.Page = first, 1
	return q
}

// Turned is the query with another page.
func (q Query) Turned(to int) Query {
	q.Page = to
	return q
}

// PerPage is how many rows stand on a page of a list.
const PerPage = 50

// Pager leads from one page of a list to the others.
type Pager struct {
	// Page of so many Pages; Before and After are 0 where there is none.
	Page, Pages, Before, After int
	// BeforeHref and AfterHref lead there by links; empty where forms do.
	BeforeHref, AfterHref string
}

// PageOf is a part of a list with its pager: the last one where there are not as many.
func PageOf[T any](all []T, asked int) ([]T, Pager) {
	p := Pager{Pages: max((len(all)+PerPage-1)/PerPage, 1)}
	p.Page = min(max(asked, 1), p.Pages)
	p.Before = p.Page - 1
	if p.Page < p.Pages {
		p.After = p.Page + 1
	}
	return all[(p.Page-1)*PerPage : min(p.Page*PerPage, len(all))], p
}

// PageNumber reads the page that is asked for.
func PageNumber(text string) int {
	n, _ := strconv.Atoi(text)
	return max(n, 1)
}

// Link makes the pager lead to pages by their number.
func (p Pager) Link(to func(page int) string) Pager {
	if p.Before > 0 {
		p.BeforeHref = to(p.Before)
	}
	if p.After > 0 {
		p.AfterHref = to(p.After)
	}
	return p
}

// Text says which page of how many.
func (p Pager) Text(w web.Words) string {
	return w.T("console.pages.page", "Page", p.Page, "Of", p.Pages)
}
