// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// need is what has to be done before somebody can go on to an application.
type need int

const (
	needNothing need = iota
	// needPerson: the application expects somebody else.
	needPerson
	// needProof: the person has to prove again who they are.
	needProof
	// needOrganization: the person has to choose one.
	needOrganization
	// needMore: what is missing is a reason of grant.
	needMore
	// needYes: the person has to say yes.
	needYes
)

// standingOf is what a grant of the person who is signed in would rest on.
func standingOf(v *session.Visit, app *application) grant.Facts {
	f := grant.Facts{
		Account: v.Person.Account, Credentials: v.Person.Credentials, Application: app.object, Platform: app.platform,
	}
	for _, m := range slices.Concat(v.Memberships, v.Closed) {
		f.Memberships = append(f.Memberships, grant.Membership{Member: m.Member, Organization: m.Organization})
	}
	return f
}

// needs tells what is missing, the first thing first.
func (h *Handler) needs(v *session.Visit, a ask, app *application) (need, grant.Reason) {
	s, f := v.Person.Session, standingOf(v, app)
	if a.Subject != "" && a.Subject != app.subject(v.Person.Account) {
		return needPerson, ""
	}
	if proved := s.Proved(); a.wants(promptLogin) && proved.Before(time.Unix(a.Asked, 0)) || a.tooOld(proved, v.Now()) {
		return needProof, ""
	}
	if app.undecided {
		return needOrganization, ""
	}
	if why := grant.Opens(f, app.namespace, s, v.Now()); why != "" {
		return needMore, why
	}
	if why := lacks(a.Classes, s); why != "" {
		return needMore, why
	}
	expected := a.LoginHint == "" || a.LoginHint == v.Person.Account.Spec.Email
	if app.native || !expected || a.wants(promptConsent) || a.wants(promptSelect) {
		return needYes, ""
	}
	return needNothing, ""
}

// judge tells what is missing, for the application in the organisation that its tokens are to speak of. Nobody is refused for what the
// cache does not know yet of the application.
func (h *Handler) judge(v *session.Visit, a ask, app *application) (*application, need, grant.Reason, error) {
	app = app.in(v, a)
	missing, why := h.needs(v, a, app)
	if missing != needMore || !why.OfApplication() {
		return app, missing, why, nil
	}
	now, err := h.usable(v.Visit, app.id, func(*application) bool { return false })
	if err != nil || now == nil { // the latter where it has just been deleted
		return app, missing, why, err
	}
	now = now.in(v, a)
	missing, why = h.needs(v, a, now)
	return now, missing, why, nil
}

// tooOld reports whether the person has proved who they are too long ago for the application.
func (a ask) tooOld(proved, now time.Time) bool {
	if a.MaxAge == nil {
		return false
	}
	// A proof that was given for this very request is new enough, however little the application allows: with max_age=0 there would be no end
	// of proving.
	since := min(now.Unix()-proved.Unix(), now.Unix()-a.Asked)
	return proved.Before(time.Unix(a.Asked, 0)) && now.Unix()-proved.Unix() > *a.MaxAge && since >= 0
}

// lacks returns what a session lacks of the least of the context classes that an application asks for.
func lacks(classes []string, s account.Session) grant.Reason {
	order := []string{rules.ClassOneFactor, rules.ClassTwoFactors, rules.ClassPhishingResistant}
	least := len(order)
	for _, c := range classes {
		if i := slices.Index(order, c); i >= 0 {
			least = min(least, i)
		}
	}
	switch {
	case least == len(order) || least <= slices.Index(order, rules.Class(s)):
		return ""
	case order[least] == rules.ClassPhishingResistant:
		return grant.ReasonPasskey
	}
	return grant.ReasonSecondFactor
}

// subject is what tokens for the application call a person.
func (a *application) subject(of *rosterv1alpha1.Account) string {
	if a.object != nil && a.object.Spec.SubjectType == rosterv1alpha1.SubjectPairwise {
		return rules.Subject(of, a.namespace)
	}
	return rules.Subject(of, "")
}

// open finds what the page is about. It answers by itself, and returns nil, if that is nothing, or not any more.
func (h *Handler) open(v *web.Visit) (ask, *application, error) {
	var a ask
	sealed := v.R.PathValue("request")
	if ok, err := v.Open(askUse, sealed, &a); err != nil || !ok || len(sealed) > web.MaxRequest {
		return a, nil, cmpErr(err, v.NotFound)
	}
	app, err := h.usable(v, a.Client, func(app *application) bool { return app.returnsTo(a.Redirect) })
	switch {
	case err != nil:
		return a, nil, err
	case app == nil:
		return a, nil, web.Answered(h.unknownApplication(v))
	case !app.returnsTo(a.Redirect):
		return a, nil, web.Answered(h.unknownRedirect(v, app, a.Redirect))
	case !a.lasts(v.Now()):
		w := v.Words
		return a, nil, web.Answered(v.Say(http.StatusGone, web.SymbolClock, w.T("openid.late.title"),
			w.T("openid.late.text", "Application", app.name)))
	}
	return a, app, nil
}

func cmpErr(err error, otherwise func() error) error {
	if err != nil {
		return err
	}
	return web.Answered(otherwise())
}

// getContinue answers GET /openid/continue/{request}: somebody is on the way to an application. That the page gives out a code, although it
// is opened with GET and other sites may lead to it, does no harm: the code goes to an address of the application alone, which has asked
// for it with a state and a verifier that nobody else knows.
func (h *Handler) getContinue(v *web.Visit) error {
	a, app, err := h.open(v)
	if err != nil {
		return err
	}
	if a.wants(promptNone) {
		return h.silently(v, a, app)
	}
	return h.Sessions.Require(func(v *session.Visit) error { return h.proceed(v, a, app) })(v)
}

// postContinue answers the same with a form: the person wants to sign in with another account.
func (h *Handler) postContinue(v *web.Visit) error {
	if _, _, err := h.open(v); err != nil {
		return err
	}
	if _, err := h.Sessions.End(v); err != nil {
		return err
	}
	h.Sessions.Drop(v)
	return v.ToSignIn()
}

// silently answers without a page (prompt=none, OpenID Connect Core 1.0, 3.1.2.1).
func (h *Handler) silently(v *web.Visit, a ask, app *application) error {
	refuse := func(code string) error {
		return h.refuse(v, a.Redirect, a.State, problem{code, "the person has to see a page first"})
	}
	who, err := h.Sessions.Current(v)
	if err != nil {
		return err
	}
	if who == nil {
		return refuse("login_required")
	}
	by, err := h.Sessions.VisitBy(who, v)
	if err != nil {
		return err
	}
	app, missing, why, err := h.judge(by, a, app)
	if err != nil {
		return err
	}
	switch {
	case missing == needPerson, missing == needProof, why == grant.ReasonSignInMethod:
		return refuse("login_required")
	case why == grant.ReasonNoMember, why == grant.ReasonNotAdmitted:
		return h.refuse(v, a.Redirect, a.State, problem{"access_denied", "the application is not for this person"})
	case missing == needYes:
		return refuse("consent_required")
	case missing == needMore, missing == needOrganization, len(by.Demanding()) > 0:
		return refuse("interaction_required")
	}
	return h.hand(by, a, app)
}

// proceed goes on with somebody who is signed in.
func (h *Handler) proceed(v *session.Visit, a ask, app *application) error {
	app, missing, why, err := h.judge(v, a, app)
	if err != nil {
		return err
	}
	switch missing {
	case needPerson:
		return h.otherPerson(v, a, app)
	case needProof:
		return h.proveAgain(v, a, app)
	case needOrganization:
		return h.chooseOrganization(v, a, app)
	case needMore:
		v.Audit(web.EventApplication, web.ResultRefused, v.Person.Account.Name, "application", app.id, "why", why)
		return h.cannot(v, a, app, why)
	case needYes:
		if !h.saidYes(v) {
			return h.askYes(v, a, app)
		}
	case needNothing:
	}
	return h.hand(v, a, app)
}

// hand gives the application a code.
func (h *Handler) hand(v *session.Visit, a ask, app *application) error {
	code, hash, g := h.begin(v, app, a.Scopes)
	g.Code = a.code(hash, g.Began)
	if ended, err := h.add(v, g); err != nil || ended {
		if ended {
			return v.ToSignIn()
		}
		return err
	}
	v.Audit(web.EventApplication, web.ResultSuccess, v.Person.Account.Name, "application", app.id, "grant", g.ID)
	return h.answer(v.Visit, a.Redirect, a.State, url.Values{"code": {code}})
}

// begin begins a grant of the person to an application.
func (h *Handler) begin(v *session.Visit, app *application, scopes []string) (code, hash string, _ grant.Grant) {
	who, now := v.Person, v.Now()
	g := grant.Grant{
		ID: rand.Text(), SID: rand.Text(), Client: app.id, Namespace: app.namespace, Subject: app.subject(who.Account), Scopes: scopes,
		Device: who.Session.Device, Epoch: who.Session.Epoch, Generation: who.Account.Generation, Proofs: who.Session.Proofs,
		Began: now, Used: now,
	}
	if app.object != nil {
		g.ApplicationUID = app.object.UID
	}
	f := standingOf(v, app)
	if m := f.In(app.namespace); m != nil {
		g.MemberUID = m.Member.UID
	}
	g.Note(f)
	code, hash = grant.NewToken(handle(prefixCode, who.Account.Name, g.ID))
	return code, hash, g
}

// add writes a grant down. It returns true if the person has been signed out meanwhile.
func (h *Handler) add(v *session.Visit, g grant.Grant) (ended bool, _ error) {
	who := v.Person
	_, err := h.Accounts.UpdateCredentialsFrom(v.R.Context(), who.Account, who.Credentials, func(c *account.Credentials) error {
		if !who.Session.Counts(who.Account, *c, v.Now()) {
			return account.ErrSignedOut
		}
		return grant.Change(c, func(d *grant.Document) error {
			d.Add(g, g.Began)
			return nil
		})
	})
	if errors.Is(err, account.ErrSignedOut) || errors.Is(err, account.ErrNoCredentials) {
		return true, nil
	}
	return false, err
}
