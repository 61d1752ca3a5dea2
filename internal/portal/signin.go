// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/web"
)

// fieldLogin is the address or the user name.
const fieldLogin = "login"

// signInPage asks for address or user name and password, or, of somebody who is signed in, for the password alone. A passkey does instead.
type signInPage struct {
	web.Fields
	Login     string
	Action    string
	Forgotten string
	// Company is where to sign in with the account of a company; empty if no company is known.
	Company string
	// Passkey is what a browser needs to sign in with a passkey, PasskeyAction where its answer goes; empty if that is not offered.
	Passkey, PasskeyAction string
	// Confirm says that it is the person who is signed in.
	Confirm bool
}

// signInRoutes are the pages on which people show who they are.
func (p *Portal) signInRoutes() []web.Route {
	underway, signedIn := p.requirePendingSession, p.requireSessionOnly
	return []web.Route{
		{Path: "/sign-in", Get: p.getSignIn, Post: p.postSignIn},
		{Path: "/sign-in/passkey", Post: p.postSignInPasskey},
		{Path: "/sign-in/second", Get: underway(p.getSecondFactor), Post: underway(p.postSecondFactor)},
		{Path: "/sign-in/confirm", Get: signedIn(p.getConfirm), Post: signedIn(p.postConfirm)},
		{Path: "/sign-in/company", Get: p.getCompany, Post: p.postCompany},
		{Path: "/sign-in/company/{issuer}", Get: p.goToCompany},
		{Path: "/sign-in/company/{issuer}/callback", Get: p.backFromCompany},
		{Path: "/sign-out", Post: p.postSignOut},
		{Path: "/forgotten", Get: p.getForgotten, Post: p.postForgotten},
		{Path: "/reset/{token}", Get: p.getReset, Post: p.postReset},
	}
}

// getSignIn answers GET /sign-in.
func (p *Portal) getSignIn(v *web.Visit) {
	who, err := p.current(v)
	switch next := v.Destination(v.Next()); {
	case err != nil:
		v.Fault(err)
	case who != nil:
		v.SeeOther(next, "")
	default:
		p.signInForm(v, http.StatusOK, "", nil)
	}
}

func (p *Portal) signInForm(v *web.Visit, status int, login string, problems []web.Problem) {
	page := signInPage{
		Fields: web.Fields{Problems: problems}, Login: login, Action: v.Again("/sign-in"), Forgotten: v.Path("/forgotten"),
		PasskeyAction: v.Again("/sign-in/passkey"),
	}
	if len(p.companies) > 0 {
		page.Company = v.Again("/sign-in/company")
	}
	var err error
	if page.Passkey, err = p.offerPasskey(v); err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PageSignIn, v.Words.ErrorTitle(v.Words.T("signInPage.title"), problems), page)
}

// postSignIn answers POST /sign-in.
func (p *Portal) postSignIn(v *web.Visit) {
	if !v.ReadPost() {
		return
	}
	typed, password := strings.TrimSpace(v.R.PostForm.Get(fieldLogin)), v.R.PostForm.Get(web.FieldPassword)
	if problems := missing(v.Words, typed, password); len(problems) > 0 {
		p.signInForm(v, http.StatusUnprocessableEntity, typed, problems)
		return
	}
	if problems := loginProblems(v.Words, typed); len(problems) > 0 {
		p.signInForm(v, http.StatusUnprocessableEntity, typed, problems)
		return
	}
	login := canonicalLogin(typed)
	d, err := p.browser(v)
	if err != nil {
		v.Fault(err)
		return
	}
	tried, wait := p.limits.Take(p.limits.Tries(login, d, "", v.Client)...)
	if wait > 0 {
		v.Audit(web.EventSignIn, web.ResultThrottled, "", "login", web.LoginHash(login))
		v.Locked(wait)
		return
	}
	acct, c, err := p.accounts.SignIn(v.R.Context(), typed, password)
	if !errors.Is(err, account.ErrWrongPassword) {
		tried.GiveBack()
	}
	switch {
	case errors.Is(err, account.ErrWrongPassword):
		v.Audit(web.EventSignIn, web.ResultFailure, "", "login", web.LoginHash(login))
		p.signInForm(v, http.StatusUnprocessableEntity, typed, []web.Problem{{Text: v.Words.T("error.login.wrong")}})
		return
	case errors.Is(err, account.ErrSuspended):
		v.Audit(web.EventSignIn, web.ResultRefused, "", "login", web.LoginHash(login))
		suspended(v)
		return
	case err != nil:
		v.Fault(err)
		return
	}
	s := account.NewSession(acct, c, account.MethodPassword, p.clock.Now())
	if err := p.proceed(v, acct, c, s, d, v.Next()); err != nil {
		v.Fault(err)
	}
}

func missing(w web.Words, login, password string) []web.Problem {
	var problems []web.Problem
	if login == "" {
		problems = append(problems, web.Problem{Field: fieldLogin, Text: w.T("error.login.missing")})
	}
	if password == "" {
		problems = append(problems, web.Problem{Field: web.FieldPassword, Text: w.T("error.signIn.missing")})
	}
	return problems
}

// addressProblem says what is wrong with an address, by its text alone.
func addressProblem(w web.Words, err error) web.Problem {
	e := (*address.Error)(nil)
	text := w.T("error.address.none")
	if errors.As(err, &e) {
		switch e.Fault {
		case address.BadCharacter, address.HiddenInDomain:
			text = w.T("error.address.character", "Character", e.Name())
		case address.StandsForAnother:
			text = w.T("error.address.form", "Character", e.Name(), "Plain", e.Instead())
		case address.UpperCase:
			text = w.T("error.address.upper", "Character", e.Name())
		case address.Quoted:
			text = w.T("error.address.quoted")
		case address.Dots:
			text = w.T("error.address.dots")
		case address.BadDomain:
			text = w.T("error.address.domain")
		case address.NoAddress, address.MoreThanAddress, address.NotUTF8, address.TooLong:
		}
	}
	return web.Problem{Field: fieldLogin, Text: text}
}

// loginProblems are those of a field that takes an address or a user name: of what the person cannot see or did not mean to type. Letters
// in upper case are let through to where Accounts are looked up: one may be named by a former form.
func loginProblems(w web.Words, typed string) []web.Problem {
	_, err := address.Parse(typed)
	e := (*address.Error)(nil)
	unseen := []address.Fault{address.BadCharacter, address.HiddenInDomain, address.StandsForAnother, address.Quoted}
	if !strings.Contains(typed, "@") || !errors.As(err, &e) || !slices.Contains(unseen, e.Fault) {
		return nil
	}
	return []web.Problem{addressProblem(w, err)}
}

// postSignOut answers POST /sign-out.
func (p *Portal) postSignOut(v *web.Visit) {
	if _, err := p.end(v); err != nil {
		v.Fault(err)
		return
	}
	p.dropSession(v)
	v.SeeOther("/sign-in", "")
}

// canonicalLogin is a login in the form in which tries at it are counted. The address and the user name of an account are counted apart:
// who tries must not learn that they belong together.
func canonicalLogin(typed string) string {
	if a, err := address.Parse(typed); err == nil {
		return string(a)
	}
	if a := address.Former(typed); a != "" {
		return string(a)
	}
	return strings.ToLower(typed)
}

// suspended is for somebody who gave the right password of an Account that is suspended.
func suspended(v *web.Visit) {
	w := v.Words
	v.Notice(http.StatusForbidden, web.Notice{Symbol: web.SymbolStop, Heading: w.T("problem.suspended.title"),
		Paragraphs: []string{w.T("problem.suspended.text")}})
}
