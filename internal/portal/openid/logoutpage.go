// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"net/url"

	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// farewell is that somebody signs out at an application, which has sent them here (OpenID Connect RP-Initiated Logout 1.0).
type farewell struct {
	// Client is empty if nobody knows which application it is.
	Client string `json:"c,omitempty"`
	// Redirect is one of the application's, or empty.
	Redirect string `json:"r,omitempty"`
	State    string `json:"s,omitempty"`
	// Subject that an ID token of the application named; empty if it showed none.
	Subject string `json:"u,omitempty"`
	Asked   int64  `json:"t"`
}

const (
	farewellUse              = "roster.dev openid sign-out v1"
	pathSignOut              = "/openid/sign-out/"
	pageSignOut web.PageName = "openid-sign-out"
	everywhere               = "everything"
)

// signOutPage asks whether to sign out.
type signOutPage struct {
	Heading, Text, Action string
	// Application to sign out of; empty if it is the portal alone.
	Application string
	Stay        string
}

// logout answers GET and POST /openid/logout: it reads what is asked for, and leads to the page on which it is done.
func (h *Handler) logout(v *web.Visit) error {
	form := v.R.URL.Query()
	if v.R.Method == http.MethodPost {
		form = v.R.PostForm
	}
	f := farewell{Client: form.Get("client_id"), State: form.Get("state"), Asked: v.Now().Unix()}
	if hint := form.Get("id_token_hint"); hint != "" {
		if claims, err := h.hint(v, hint); err == nil && (f.Client == "" || f.Client == claims.Client) {
			f.Client, f.Subject = claims.Client, claims.Subject
		}
	}
	redirect := form.Get("post_logout_redirect_uri")
	app, err := h.usable(v, f.Client, func(a *application) bool { return redirect == "" || a.leavesTo(redirect) })
	switch {
	case err != nil:
		return err
	case app == nil:
		f.Client, f.Subject = "", ""
	case app.leavesTo(redirect):
		f.Redirect = redirect
	}
	sealed, err := v.Seal(farewellUse, f)
	if err != nil {
		return err
	}
	if len(sealed) > web.MaxRequest {
		return v.BadRequest()
	}
	return v.Redirect(v.Path(pathSignOut + sealed))
}

// leaving opens what a page is about; it answers by itself if that is nothing.
func (h *Handler) leaving(v *web.Visit) (f farewell, app *application, who *session.Person, err error) {
	sealed := v.R.PathValue("request")
	ok, err := v.Open(farewellUse, sealed, &f)
	if err != nil || !ok || len(sealed) > web.MaxRequest || !(ask{Asked: f.Asked}).lasts(v.Now()) {
		return f, nil, nil, cmpErr(err, v.NotFound)
	}
	app, err = h.usable(v, f.Client, func(a *application) bool { return f.Redirect == "" || a.leavesTo(f.Redirect) })
	if err != nil {
		return f, nil, nil, err
	}
	if app == nil || !app.leavesTo(f.Redirect) {
		f.Redirect = ""
	}
	who, err = h.Sessions.Current(v)
	return f, app, who, err
}

// getSignOut answers GET /openid/sign-out/{request}. Only the application that somebody signed in to has an ID token of theirs: with it
// they are signed out of that at once. Everybody else, such as a site that wants to annoy people, has them asked.
func (h *Handler) getSignOut(v *web.Visit) error {
	f, app, who, err := h.leaving(v)
	if err != nil {
		return err
	}
	switch {
	case who == nil:
		return h.left(v, f, app, true)
	case app != nil && f.Subject != "" && f.Subject == app.subject(who.Account):
		if err := h.signOutOf(v, who, app); err != nil {
			return err
		}
		return h.left(v, f, app, true)
	}
	w := v.Words
	page := signOutPage{
		Heading: w.T("openid.signOut.title"), Text: w.T("openid.signOut.text", "Email", who.Account.Spec.Email),
		Action: v.Path(v.Page()), Stay: v.Path("/account"),
	}
	if app != nil {
		page.Application = app.name
	}
	return v.Show(http.StatusOK, pageSignOut, page.Heading, page)
}

// postSignOut answers POST /openid/sign-out/{request}.
func (h *Handler) postSignOut(v *web.Visit) error {
	f, app, who, err := h.leaving(v)
	if err != nil {
		return err
	}
	if who == nil {
		return h.left(v, f, app, false)
	}
	if app == nil || v.R.PostForm.Get(web.FieldAction) == everywhere {
		if _, err := h.Sessions.End(v); err != nil {
			return err
		}
		h.Sessions.Drop(v)
		return h.left(v, f, app, false)
	}
	if err := h.signOutOf(v, who, app); err != nil {
		return err
	}
	return h.left(v, f, app, false)
}

// signOutOf ends the sign-ins to an application that began in this browser.
func (h *Handler) signOutOf(v *web.Visit, who *session.Person, app *application) error {
	return h.end(v.R.Context(), v, who.Account, grant.ReasonLoggedOut, func(g *grant.Grant) bool {
		return g.Client == app.id && g.Device == who.Session.Device
	})
}

// left leads back to the application, at once or, after a form, by a link: forms may lead to no other site.
func (h *Handler) left(v *web.Visit, f farewell, app *application, atOnce bool) error {
	w := v.Words
	notice := web.Notice{Symbol: web.SymbolCheck, Heading: w.T("openid.signOut.done")}
	if f.Redirect == "" {
		return v.Notice(http.StatusOK, notice)
	}
	to := f.Redirect
	if f.State != "" {
		to = rules.Answer(to, url.Values{"state": {f.State}})
	}
	if atOnce {
		return handOver(v, to)
	}
	notice.Go = web.Action{Text: w.T("openid.signOut.go", "Application", app.name), Href: to}
	return v.Notice(http.StatusOK, notice)
}
