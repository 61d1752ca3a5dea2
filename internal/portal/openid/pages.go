// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The pages of this room.
const (
	pageContinue web.PageName = "openid-continue"
	pageRedirect web.PageName = "openid-redirect"
)

// continuePage is what somebody sees on the way to an application.
type continuePage struct {
	Heading string
	// Texts, and the Points of a list after them, Note under it.
	Texts, Points []string
	Note          string
	// Go leads on, and so does each of Choices, of which the person takes one. Others lead to other ways, with More to say about them, Cancel
	// back to the application.
	Go      web.Action
	Choices []web.Action
	More    string
	Others  []web.Action
	Cancel  string
	// Switch is where to say that it should be another account.
	Switch string
}

// redirectPage says that an application wants to have people back at an address that is not its own.
type redirectPage struct{ Heading, Text, Advice, Address string }

// yes is what the link says by which somebody goes on: it is theirs, and for this request, so that no other site can make it up.
type yes struct {
	Session string `json:"s"`
	Request string `json:"r"`
}

const (
	yesUse       = "roster.dev openid yes v1"
	yesParameter = "yes"
)

// yesTo is the yes of the person to a request.
func yesTo(v *session.Visit, request string) yes {
	sum := sha256.Sum256([]byte(request))
	return yes{Session: v.Person.Session.ID, Request: base64.RawURLEncoding.EncodeToString(sum[:])}
}

// goOn is a link by which the person says yes to a request.
func (h *Handler) goOn(v *session.Visit, a ask) (string, error) {
	request, err := v.Seal(askUse, a)
	if err != nil {
		return "", err
	}
	sealed, err := v.Seal(yesUse, yesTo(v, request))
	return v.PathWith(pathContinue+request, url.Values{yesParameter: {sealed}}), err
}

// saidYes reports whether the person has followed the link of askYes.
func (h *Handler) saidYes(v *session.Visit) bool {
	var said yes
	ok, err := v.Open(yesUse, v.R.URL.Query().Get(yesParameter), &said)
	return err == nil && ok && said == yesTo(v, v.R.PathValue("request"))
}

// askYes asks whether the person wants to go on. They do by a link, since a form may lead to no other site (form-action).
func (h *Handler) askYes(v *session.Visit, a ask, app *application) error {
	to, err := h.goOn(v, a)
	if err != nil {
		return err
	}
	w := v.Words
	page := h.page(v, a, w.T("openid.ask.title", "Application", app.name), w.T("openid.ask.text", "Email", v.Person.Account.Spec.Email))
	page.Points = learns(w, app, a.Scopes, h.organizationName(v, app))
	page.Go = web.Action{Text: w.T("openid.ask.go"), Href: to}
	if app.native {
		page.Note = w.T("openid.ask.device", "Application", app.name)
	}
	return v.Show(http.StatusOK, pageContinue, page.Heading, page)
}

// page is one that offers to sign in with another account, and to go back to the application.
func (h *Handler) page(v *session.Visit, a ask, heading string, texts ...string) continuePage {
	page := continuePage{Heading: heading, Texts: texts}
	if a.Redirect != "" { // a device has none
		page.Switch, page.Cancel = v.Path(v.Page()), rules.Answer(a.Redirect, h.denied(a))
	}
	return page
}

// denied is what an application is told when the person does not go on.
func (h *Handler) denied(a ask) url.Values {
	parameters := url.Values{"error": {"access_denied"}, "iss": {h.Config.Issuer}}
	if a.State != "" {
		parameters.Set("state", a.State)
	}
	return parameters
}

// organizationName is that of the organisation of an application, for its members; empty where there is none.
func (h *Handler) organizationName(v *session.Visit, app *application) string {
	if m := standingOf(v, app).In(app.namespace); m != nil && m.Organization != nil {
		return m.Organization.Spec.DisplayName
	}
	return ""
}

// learns is what an application gets to know.
func learns(w web.Words, app *application, scopes []string, organization string) []string {
	var points []string
	add := func(scope, text string, pairs ...any) {
		if slices.Contains(scopes, scope) {
			points = append(points, w.T(text, pairs...))
		}
	}
	add(rules.ScopeEmail, "openid.scope.email")
	add(rules.ScopeProfile, "openid.scope.profile")
	if app.namespace != "" || app.undecided {
		add(rules.ScopeOrganization, "openid.scope.organization", "Org", organization)
	}
	add(rules.ScopeOffline, "openid.scope.offline")
	return points
}

// otherPerson is for an application that expects somebody else.
func (h *Handler) otherPerson(v *session.Visit, a ask, app *application) error {
	w := v.Words
	page := h.page(v, a, w.T("openid.other.title"),
		w.T("openid.other.text", "Application", app.name, "Email", v.Person.Account.Spec.Email))
	return v.Show(http.StatusOK, pageContinue, page.Heading, page)
}

// proveAgain has the person prove again who they are: by a password or a passkey, or, if they have neither, at their company.
func (h *Handler) proveAgain(v *session.Visit, a ask, app *application) error {
	f, err := account.Factors(v.Person.Account, v.Person.Credentials, v.Now())
	if err != nil {
		return err
	}
	c := h.Companies.For(address.Address(v.Person.Account.Spec.Email))
	if v.Person.Credentials.PasswordHash != "" || len(f.Passkeys) > 0 || c == nil {
		return v.SeeOther("/sign-in/confirm", v.Wanted())
	}
	w := v.Words
	page := h.page(v, a, w.T("openid.again.title"), w.T("openid.again.text", "Application", app.name))
	page.Go = web.Action{Text: w.T("openid.company.go", "Company", c.DisplayName), Href: v.Forward("/sign-in/company/"+c.Name, v.Wanted())}
	return v.Show(http.StatusOK, pageContinue, page.Heading, page)
}

// cannot says why an application stays closed, and how to open it if there is a way. Of an organisation that the session does not open, it
// says as much to its members as to everybody else: nothing.
func (h *Handler) cannot(v *session.Visit, a ask, app *application, why grant.Reason) error {
	w := v.Words
	heading := w.T("openid.closed.title", "Application", app.name)
	switch why {
	case grant.ReasonSecondFactor, grant.ReasonPasskey:
		return h.stepUp(v, a, app, why)
	case grant.ReasonNotAdmitted:
		text := w.T("openid.notAdmitted.anywhere", "Application", app.name)
		if organization := h.organizationName(v, app); organization != "" {
			text = w.T("openid.notAdmitted", "Application", app.name, "Org", organization)
		}
		page := h.page(v, a, heading, text)
		return v.Show(http.StatusForbidden, pageContinue, page.Heading, page)
	}
	page := h.page(v, a, heading, w.T("openid.closed.text", "Application", app.name, "Email", v.Person.Account.Spec.Email),
		w.T("openid.closed.ways"))
	switch {
	case app.object == nil && app.namespace != "":
		page.Texts[0] = w.T("openid.closed.chosen", "Application", app.name, "Email", v.Person.Account.Spec.Email)
	case app.object == nil:
		page.Texts = []string{w.T("openid.closed.platform", "Application", app.name, "Email", v.Person.Account.Spec.Email),
			w.T("openid.closed.platformWays")}
	}
	page.Others = h.otherWays(v)
	return v.Show(http.StatusForbidden, pageContinue, page.Heading, page)
}

// otherWays are the ways to sign in that the session has not gone.
func (h *Handler) otherWays(v *session.Visit) []web.Action {
	var ways []web.Action
	w, s := v.Words, v.Person.Session
	if s.Proved(account.MethodPassword, account.MethodPasskeyAlone).IsZero() {
		ways = append(ways, web.Action{Text: w.T("openid.password.go"), Href: v.Forward("/sign-in/confirm", v.Wanted())})
	}
	c := h.Companies.For(address.Address(v.Person.Account.Spec.Email))
	if c != nil && s.Proved(account.MethodCompany(c.Name)).IsZero() {
		ways = append(ways, web.Action{
			Text: w.T("openid.company.go", "Company", c.DisplayName), Href: v.Forward("/sign-in/company/"+c.Name, v.Wanted()),
		})
	}
	return ways
}

// stepUp has the person give a second factor, or set one up.
func (h *Handler) stepUp(v *session.Visit, a ask, app *application, why grant.Reason) error {
	f, err := account.Factors(v.Person.Account, v.Person.Credentials, v.Now())
	if err != nil {
		return err
	}
	w := v.Words
	heading := w.T("openid.closed.title", "Application", app.name)
	switch {
	case why == grant.ReasonPasskey && len(f.Passkeys) > 0:
		page := h.page(v, a, w.T("openid.passkey.title"), w.T("openid.passkey.text", "Application", app.name))
		page.Go = web.Action{Text: w.T("openid.passkey.go"), Href: v.Forward("/sign-in/second", v.Wanted())}
		return v.Show(http.StatusOK, pageContinue, page.Heading, page)
	case why == grant.ReasonPasskey:
		page := h.page(v, a, heading, w.T("openid.passkey.none", "Application", app.name))
		page.Go = web.Action{Text: w.T("openid.passkey.add"), Href: v.Forward("/account/factors", v.Wanted())}
		return v.Show(http.StatusOK, pageContinue, page.Heading, page)
	case f.Enrolled():
		return v.SeeOther("/sign-in/second", v.Wanted())
	}
	page := h.page(v, a, heading, w.T("openid.factor.none", "Application", app.name))
	page.Go = web.Action{Text: w.T("openid.factor.add"), Href: v.Forward("/account/factors", v.Wanted())}
	return v.Show(http.StatusOK, pageContinue, page.Heading, page)
}
