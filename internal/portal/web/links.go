// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"net/url"
	"strings"
)

// nextParameter names where somebody wanted to go before they had to sign in.
const nextParameter = "next"

// Path of a page, in the language that was chosen.
func (v *Visit) Path(page string) string { return v.site.Root + page + v.Words.Query() }

// URL of a page, for other sites to lead back to.
func (v *Visit) URL(page string) string { return strings.TrimRight(v.site.BaseURL, "/") + page }

// OrganizationPath is a page about an organisation.
func (v *Visit) OrganizationPath(namespace, page string) string {
	return v.Path("/organizations/" + namespace + page)
}

// PathWith is a page with parameters.
func (v *Visit) PathWith(page string, query url.Values) string {
	if v.Words.Chosen {
		query.Set(LangParameter, string(v.Words.Locale))
	}
	if len(query) > 0 {
		page += "?" + query.Encode()
	}
	return v.site.Root + page
}

// Forward is a page that leads on to another.
func (v *Visit) Forward(page, next string) string {
	return v.PathWith(page, url.Values{nextParameter: {next}})
}

// Again is the page that a form is sent to, with what it has to go on to.
func (v *Visit) Again(page string) string {
	query := v.Words.Query()
	if next := v.Next(); v.site.destinations.MatchString(next) {
		separator := "?"
		if query != "" {
			separator = "&"
		}
		query += separator + nextParameter + "=" + next
	}
	return v.site.Root + page + query
}

// Next is where the person wants to go on to, as the address says. Not all of it is a Destination.
func (v *Visit) Next() string { return v.R.URL.Query().Get(nextParameter) }

// Destination is the page to go on to, without the path of the portal's address.
func (v *Visit) Destination(next string) string {
	if v.site.destinations.MatchString(next) {
		return next
	}
	return "/account"
}

// Page that was asked for, without the path of the portal's address.
func (v *Visit) Page() string { return strings.TrimPrefix(v.R.URL.Path, v.site.Root) }

// Wanted is the page that was asked for, if people can be sent on to it.
func (v *Visit) Wanted() string {
	next := v.Page()
	if v.Destination(next) != next {
		return ""
	}
	return next
}

// SeeOther sends the browser to a page, which it opens with GET. The page may be told where to go on to.
func (v *Visit) SeeOther(page, next string) error {
	query := url.Values{}
	if next != "" {
		query.Set(nextParameter, next)
	}
	return v.Redirect(v.PathWith(page, query))
}

// ToSignIn sends the browser to the sign-in page, which leads back here.
func (v *Visit) ToSignIn() error { return v.SeeOther("/sign-in", v.Wanted()) }

// Redirect sends the browser to an address, which it opens with GET.
func (v *Visit) Redirect(to string) error {
	v.W.Header().Set("Location", to)
	v.W.WriteHeader(http.StatusSeeOther)
	return nil
}
