// SPDX-License-Identifier: Apache-2.0

// Package signin has the pages on which people show who they are: by password, passkey, second factor or company, and by a mail where the
// password is forgotten.
package signin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Handler of the pages on which people sign in.
type Handler struct {
	Sessions *session.Manager
	Links    *link.Store
	Accounts *account.Store
	// Companies are the issuers that people can sign in with.
	Companies oidc.Directory
	// Passkeys is nil where browsers offer none.
	Passkeys *factor.RelyingParty
	// LinkKeys sign links to choose a new password, FactorKeys seal the seeds of apps.
	LinkKeys, FactorKeys *web.KeySource
	// Common passwords, which nobody may choose.
	Common     *common.Passwords
	Limits     *web.Limiters
	Background *web.Background
}

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

// Routes are the pages on which people show who they are.
func (h *Handler) Routes() []web.Route {
	underway, signedIn := h.Sessions.RequirePending, h.Sessions.RequireOnly
	return []web.Route{
		{Path: "/sign-in", Get: h.getSignIn, Post: h.postSignIn},
		{Path: "/sign-in/passkey", Post: h.postSignInPasskey},
		{Path: "/sign-in/second", Get: underway(h.getSecondFactor), Post: underway(h.postSecondFactor)},
		{Path: "/sign-in/confirm", Get: signedIn(h.getConfirm), Post: signedIn(h.postConfirm)},
		{Path: "/sign-in/company", Get: h.getCompany, Post: h.postCompany},
		{Path: "/sign-in/company/{issuer}", Get: h.goToCompany},
		{Path: "/sign-in/company/{issuer}/callback", Get: h.backFromCompany},
		{Path: "/sign-out", Post: h.postSignOut},
		{Path: "/forgotten", Get: h.getForgotten, Post: h.postForgotten},
		{Path: "/reset/{token}", Get: h.getReset, Post: h.postReset},
	}
}

func (h *Handler) getSignIn(v *web.Visit) error {
	who, err := h.Sessions.Current(v)
	switch next := v.Destination(v.Next()); {
	case err != nil:
		return err
	case who != nil:
		return v.SeeOther(next, "")
	default:
		return h.signInForm(v, "", nil)
	}
}

func (h *Handler) signInForm(v *web.Visit, login string, problems []web.Problem) error {
	page := signInPage{
		Fields: web.Fields{Problems: problems}, Login: login, Action: v.Again("/sign-in"), Forgotten: v.Path("/forgotten"),
		PasskeyAction: v.Again("/sign-in/passkey"),
	}
	if len(h.Companies) > 0 {
		page.Company = v.Again("/sign-in/company")
	}
	var err error
	if page.Passkey, err = h.offerPasskey(v); err != nil {
		return err
	}
	return v.Form(web.PageSignIn, v.Words.T("signInPage.title"), problems, page)
}

func (h *Handler) postSignIn(v *web.Visit) error {
	typed, password := strings.TrimSpace(v.R.PostForm.Get(fieldLogin)), v.R.PostForm.Get(web.FieldPassword)
	if problems := missing(v.Words, typed, password); len(problems) > 0 {
		return h.signInForm(v, typed, problems)
	}
	if problems := loginProblems(v.Words, typed); len(problems) > 0 {
		return h.signInForm(v, typed, problems)
	}
	login := canonicalLogin(typed)
	d, err := h.Sessions.Browser(v)
	if err != nil {
		return err
	}
	tried, wait := h.Limits.Take(h.Limits.Tries(login, d, "", v.Client)...)
	if wait > 0 {
		v.Audit(web.EventSignIn, web.ResultThrottled, "", "login", web.LoginHash(login))
		return v.Locked(wait)
	}
	acct, c, err := h.Accounts.SignIn(v.R.Context(), typed, password)
	if !errors.Is(err, account.ErrWrongPassword) {
		tried.GiveBack()
	}
	switch {
	case errors.Is(err, account.ErrWrongPassword):
		v.Audit(web.EventSignIn, web.ResultFailure, "", "login", web.LoginHash(login))
		return h.signInForm(v, typed, []web.Problem{{Text: v.Words.T("error.login.wrong")}})
	case errors.Is(err, account.ErrSuspended):
		v.Audit(web.EventSignIn, web.ResultRefused, "", "login", web.LoginHash(login))
		return Suspended(v)
	case err != nil:
		return err
	}
	s := account.NewSession(acct, c, account.MethodPassword, v.Now())
	return h.Proceed(v, session.Login{Account: acct, Credentials: c, Session: s, Device: d}, v.Next())
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

func (h *Handler) postSignOut(v *web.Visit) error {
	if _, err := h.Sessions.End(v); err != nil {
		return err
	}
	h.Sessions.Drop(v)
	return v.SeeOther("/sign-in", "")
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

// Suspended is for somebody who gave the right password of an Account that is suspended.
func Suspended(v *web.Visit) error {
	w := v.Words
	return v.Say(http.StatusForbidden, web.SymbolStop, w.T("problem.suspended.title"), w.T("problem.suspended.text"))
}
