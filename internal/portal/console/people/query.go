// SPDX-License-Identifier: Apache-2.0

package people

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of the form above the list. All of it stands in the address, so that the back button and bookmarks work.
const (
	fieldSearch    = "q"
	fieldStanding  = "state"
	fieldRole      = "role"
	fieldTeam      = "team"
	fieldWorkspace = "workspace"
	fieldProfile   = "profile"
	fieldSort      = "sort"
	fieldPage      = "page"
)

// The columns to sort by; with a hyphen before it, the other way round.
const (
	sortName     = "name"
	sortRole     = "role"
	sortStanding = "state"
	sortJoined   = "joined"
	sortSignedIn = "sign-in"
)

// query is what of the list is asked for.
type query struct {
	Search, Standing, Role, Team, Workspace, Profile string
	Sort                                             string
	Page                                             int
}

// parse reads an address. What nobody could have chosen on the page counts as nothing.
func parse(values url.Values) query {
	q := query{
		Search: web.Tidy(values.Get(fieldSearch)), Standing: values.Get(fieldStanding), Role: values.Get(fieldRole), Team: values.Get(fieldTeam),
		Workspace: values.Get(fieldWorkspace), Profile: values.Get(fieldProfile), Sort: values.Get(fieldSort),
	}
	if !slices.Contains(standings(), standing(q.Standing)) {
		q.Standing = ""
	}
	switch strings.TrimPrefix(q.Sort, "-") {
	case sortName, sortRole, sortStanding, sortJoined, sortSignedIn:
	default:
		q.Sort = sortName
	}
	q.Page, _ = strconv.Atoi(values.Get(fieldPage))
	q.Page = max(q.Page, 1)
	return q
}

// values are the address again, without what goes without saying.
func (q query) values() url.Values {
	values := url.Values{}
	for field, value := range map[string]string{
		fieldSearch: q.Search, fieldStanding: q.Standing, fieldRole: q.Role, fieldTeam: q.Team, fieldWorkspace: q.Workspace,
		fieldProfile: q.Profile,
	} {
		if value != "" {
			values.Set(field, value)
		}
	}
	if q.Sort != sortName {
		values.Set(fieldSort, q.Sort)
	}
	if q.Page > 1 {
		values.Set(fieldPage, strconv.Itoa(q.Page))
	}
	return values
}

// filtered reports whether not everybody is asked for.
func (q query) filtered() bool {
	return q.Search+q.Standing+q.Role+q.Team+q.Workspace+q.Profile != ""
}

// sorted is the query by another column, from its first page. Choosing the same one turns it round. Times begin with the newest.
func (q query) sorted(column string) query {
	first := column
	if column == sortJoined || column == sortSignedIn {
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

// turned is the query with another page.
func (q query) turned(to int) query {
	q.Page = to
	return q
}
