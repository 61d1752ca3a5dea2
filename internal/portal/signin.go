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

// getSignIn answers GET /sign-in.
func (p *Portal) getSignIn(v *visit) {
	who, err := p.person(v, false)
	switch next := p.destination(v.r.URL.Query().Get(nextParameter)); {
	case err != nil:
		p.fault(v, err)
	case who != nil:
		p.seeOther(v, next, "")
	default:
		p.signInForm(v, http.StatusOK, "", nil)
	}
}

func (p *Portal) toSignIn(v *visit) { p.seeOther(v, "/sign-in", p.wanted(v)) }

// wanted is the page that was asked for, if people can be sent on to it.
func (p *Portal) wanted(v *visit) string {
	next := strings.TrimPrefix(v.r.URL.Path, p.root)
	if p.destination(next) != next {
		return ""
	}
	return next
}

func (p *Portal) signInForm(v *visit, status int, login string, problems []web.Problem) {
	page := signInPage{
		Fields: web.Fields{Problems: problems}, Login: login, Action: p.again(v, "/sign-in"), Forgotten: p.root + "/forgotten" + v.words.Query(),
		PasskeyAction: p.again(v, "/sign-in/passkey"),
	}
	if len(p.companies) > 0 {
		page.Company = p.again(v, "/sign-in/company")
	}
	var err error
	if page.Passkey, err = p.offerPasskey(v); err != nil {
		p.fault(v, err)
		return
	}
	p.show(v, status, web.PageSignIn, errorTitle(v.words, v.words.T("signInPage.title"), problems), page)
}

// again is the page that a form is sent to, with what it has to go on to.
func (p *Portal) again(v *visit, page string) string {
	query := v.words.Query()
	if next := v.r.URL.Query().Get(nextParameter); p.destinations.MatchString(next) {
		separator := "?"
		if query != "" {
			separator = "&"
		}
		query += separator + nextParameter + "=" + next
	}
	return p.root + page + query
}

// postSignIn answers POST /sign-in.
func (p *Portal) postSignIn(v *visit) {
	if !p.readPost(v) {
		return
	}
	typed, password := strings.TrimSpace(v.r.PostForm.Get(fieldLogin)), v.r.PostForm.Get(web.FieldPassword)
	if problems := missing(v.words, typed, password); len(problems) > 0 {
		p.signInForm(v, http.StatusUnprocessableEntity, typed, problems)
		return
	}
	if problems := loginProblems(v.words, typed); len(problems) > 0 {
		p.signInForm(v, http.StatusUnprocessableEntity, typed, problems)
		return
	}
	login := canonicalLogin(typed)
	d, err := p.browser(v)
	if err != nil {
		p.fault(v, err)
		return
	}
	tried, wait := p.limits.Take(p.limits.Tries(login, d, "", v.client)...)
	if wait > 0 {
		p.audit(v, web.EventSignIn, web.ResultThrottled, "", "login", web.LoginHash(login))
		p.locked(v, wait)
		return
	}
	acct, c, err := p.accounts.SignIn(v.r.Context(), typed, password)
	if !errors.Is(err, account.ErrWrongPassword) {
		tried.GiveBack()
	}
	switch {
	case errors.Is(err, account.ErrWrongPassword):
		p.audit(v, web.EventSignIn, web.ResultFailure, "", "login", web.LoginHash(login))
		p.signInForm(v, http.StatusUnprocessableEntity, typed, []web.Problem{{Text: v.words.T("error.login.wrong")}})
		return
	case errors.Is(err, account.ErrSuspended):
		p.audit(v, web.EventSignIn, web.ResultRefused, "", "login", web.LoginHash(login))
		p.suspended(v)
		return
	case err != nil:
		p.fault(v, err)
		return
	}
	s := account.NewSession(acct, c, account.MethodPassword, p.clock.Now())
	if err := p.proceed(v, acct, c, s, d, v.r.URL.Query().Get(nextParameter)); err != nil {
		p.fault(v, err)
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
func (p *Portal) postSignOut(v *visit) {
	if _, err := p.end(v); err != nil {
		p.fault(v, err)
		return
	}
	p.dropSession(v)
	p.seeOther(v, "/sign-in", "")
}
