// SPDX-License-Identifier: Apache-2.0

package console

import (
	"strconv"

	"github.com/roster-dev/roster/internal/portal/web"
)

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
