// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getConfirm answers GET /sign-in/confirm: what is sensitive asks for the password again, or for a passkey.
func (p *Portal) getConfirm(v *sessionVisit) { p.confirmForm(v, http.StatusOK, nil) }

func (p *Portal) confirmForm(v *sessionVisit, status int, problems []web.Problem) {
	page := signInPage{
		Fields: web.Fields{Problems: problems}, Login: v.person.account.Spec.Email, Action: v.Again("/sign-in/confirm"), Confirm: true,
		PasskeyAction: v.Again("/sign-in/confirm"), Forgotten: v.Path("/forgotten"),
	}
	var err error
	if page.Passkey, err = p.askForPasskey(v); err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PageSignIn, v.Words.ErrorTitle(v.Words.T("confirmPage.title"), problems), page)
}

// askForPasskey begins a ceremony with the passkeys of whoever is signed in. It returns nothing if there are none.
func (p *Portal) askForPasskey(v *sessionVisit) (string, error) {
	who, now := v.person, p.clock.Now()
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil || p.passkeys == nil || len(f.Passkeys) == 0 {
		return "", err
	}
	options, c, err := p.passkeys.BeginAgain(account.PersonOf(who.account, f), who.account.Name, now)
	if err == nil {
		err = p.keepCeremony(v.Visit, c)
	}
	return string(options), err
}

// signedInOn is the device that somebody is signed in on.
func signedInOn(who *person) web.Device {
	return web.Device{ID: who.session.Device, Logins: []string{web.LoginHash(who.account.Spec.Email)}}
}

// postConfirm answers POST /sign-in/confirm.
func (p *Portal) postConfirm(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	who, form := v.person, v.R.PostForm
	if form.Get(web.FieldPassword) == "" && form.Get(web.FieldAnswer) == "" {
		p.confirmForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: web.FieldPassword, Text: v.Words.T("error.signIn.missing")}})
		return
	}
	tried, wait := p.limits.Take(p.limits.Tries(who.account.Spec.Email, signedInOn(who), "", v.Client)...)
	if wait > 0 {
		v.Audit(web.EventConfirm, web.ResultThrottled, who.account.Name)
		v.Throttled(wait)
		return
	}
	if form.Get(web.FieldAnswer) != "" {
		p.confirmByPasskey(v, tried)
		return
	}
	p.confirmByPassword(v, form.Get(web.FieldPassword), tried)
}

func (p *Portal) confirmByPassword(v *sessionVisit, password string, tried web.Try) {
	who := v.person
	s, err := p.accounts.Confirm(v.R.Context(), who.account, who.session, password, p.clock.Now())
	switch {
	case errors.Is(err, account.ErrNoCredentials):
		p.confirmForm(v, http.StatusUnprocessableEntity, []web.Problem{{Text: v.Words.T("error.confirm.noPassword")}})
	case errors.Is(err, account.ErrWrongPassword):
		v.Audit(web.EventConfirm, web.ResultFailure, who.account.Name, "method", account.MethodPassword)
		p.confirmForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: web.FieldPassword, Text: v.Words.T("error.signIn.wrong")}})
	default:
		tried.GiveBack()
		p.confirmed(v, s, account.MethodPassword, err)
	}
}

// confirmByPasskey takes a passkey instead of the password. It has verified the person, so it counts as one that somebody signs in with
// alone.
func (p *Portal) confirmByPasskey(v *sessionVisit, tried web.Try) {
	who, now := v.person, p.clock.Now()
	err := p.usePasskey(v.Visit, who.account, factor.CeremonyAgain, who.account.Name)
	if isWrongFactor(err) {
		v.Audit(web.EventConfirm, web.ResultFailure, who.account.Name, "method", account.MethodPasskeyAlone)
		p.log.Info("A passkey was refused", "account", who.account.Name, "why", err.Error())
		p.confirmForm(v, http.StatusUnprocessableEntity, []web.Problem{{Text: v.Words.T("error.passkey")}})
		return
	}
	tried.GiveBack()
	s := who.session
	if err == nil {
		s.Prove(account.MethodPasskeyAlone, now)
		s, err = p.accounts.Renew(v.R.Context(), who.account, s, now)
	}
	p.confirmed(v, s, account.MethodPasskeyAlone, err)
}

// confirmed hands the browser the session that a new proof has brought.
func (p *Portal) confirmed(v *sessionVisit, s account.Session, method account.Method, err error) {
	if errors.Is(err, account.ErrSuspended) || errors.Is(err, account.ErrSignedOut) {
		v.ToSignIn()
		return
	}
	if err == nil {
		err = p.setSession(v.Visit, s)
	}
	if err != nil {
		v.Fault(err)
		return
	}
	v.Audit(web.EventConfirm, web.ResultSuccess, v.person.account.Name, "session", s.ID, "method", method)
	v.SeeOther(v.Destination(v.Next()), "")
}
