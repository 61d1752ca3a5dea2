// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"slices"

	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	// PathSignIns is the page on which people see what they are signed in to from here, and sign out of it.
	PathSignIns = "/account/applications"
	// fieldGrant names a sign-in in the form.
	fieldGrant = "grant"
)

const pageSignIns web.PageName = "openid-sign-ins"

// signInsPage lists what a person is signed in to.
type signInsPage struct {
	SignIns      []signInView
	Action, Back string
}

// signInView is one sign-in: to an application, in an organisation unless the application serves the person alone, from a device.
type signInView struct {
	ID, Application, Organization, Device string
	Began, Used                           web.MomentView
}

// getSignIns answers GET /account/applications.
func (h *Handler) getSignIns(v *session.Visit) error {
	d, err := grant.Of(v.Person.Credentials)
	if err != nil {
		return err
	}
	page := signInsPage{Action: v.Path(PathSignIns), Back: v.Path("/account")}
	for _, g := range slices.Backward(d.Grants) {
		if g.Code != nil || !h.inForce(v, &g) {
			continue
		}
		view, err := h.signInView(v, g)
		if err != nil {
			return err
		}
		page.SignIns = append(page.SignIns, view)
	}
	return v.Show(http.StatusOK, pageSignIns, v.Words.T("openid.signIns.title"), page)
}

// inForce reports whether a person is signed in by a grant. Of an organisation that the session does not open, nothing is said.
func (h *Handler) inForce(v *session.Visit, g *grant.Grant) bool {
	opened := slices.ContainsFunc(v.Memberships, func(m session.Membership) bool { return m.Member.Namespace == g.Namespace })
	return (opened || g.Namespace == "") && g.Ending == nil && v.Now().Before(g.Until())
}

func (h *Handler) signInView(v *session.Visit, g grant.Grant) (signInView, error) {
	view := signInView{
		ID: g.ID, Application: g.Client, Device: v.BrowserName(g.Device), Began: v.Words.Time(g.Began), Used: v.Words.Time(g.Used),
	}
	app, err := h.application(v.R.Context(), g.Client)
	if err != nil {
		return view, err
	}
	if app != nil {
		view.Application = app.name
		there := *app
		there.namespace = g.Namespace
		view.Organization = h.organizationName(v, &there)
	}
	return view, nil
}

// postSignIns answers POST /account/applications: it ends one sign-in, or all of them. The applications are told.
func (h *Handler) postSignIns(v *session.Visit) error {
	id, all := v.R.PostForm.Get(fieldGrant), v.R.PostForm.Get(web.FieldAction) == everywhere
	err := h.end(v.R.Context(), v.Visit, v.Person.Account, grant.ReasonSignedOut, func(g *grant.Grant) bool { return all || g.ID == id })
	if err != nil {
		return err
	}
	return v.SeeOther(PathSignIns, "")
}
