// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
)

// getConfirm answers GET /sign-in/confirm: what is sensitive asks for the password again, or for a passkey.
func (p *Portal) getConfirm(v *visit) { p.confirmForm(v, http.StatusOK, nil) }

func (p *Portal) confirmForm(v *visit, status int, problems []problem) {
	page := signInPage{
		fields: fields{problems}, Login: v.person.account.Spec.Email, Action: p.again(v, "/sign-in/confirm"), Confirm: true,
		PasskeyAction: p.again(v, "/sign-in/confirm"), Forgotten: p.root + "/forgotten" + v.words.Query(),
	}
	var err error
	if page.Passkey, err = p.askForPasskey(v); err != nil {
		p.fault(v, err)
		return
	}
	p.show(v, status, pageSignIn, errorTitle(v.words, v.words.T("confirmPage.title"), problems), page)
}

// askForPasskey begins a ceremony with the passkeys of whoever is signed in. It returns nothing if there are none.
func (p *Portal) askForPasskey(v *visit) (string, error) {
	who, now := v.person, p.clock.Now()
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil || p.passkeys == nil || len(f.Passkeys) == 0 {
		return "", err
	}
	options, c, err := p.passkeys.BeginAgain(account.PersonOf(who.account, f), who.account.Name, now)
	if err == nil {
		err = p.keepCeremony(v, c)
	}
	return string(options), err
}

// signedInOn is the device that somebody is signed in on.
func signedInOn(who *person) device {
	return device{ID: who.session.Device, Logins: []string{loginHash(who.account.Spec.Email)}}
}

// postConfirm answers POST /sign-in/confirm.
func (p *Portal) postConfirm(v *visit) {
	if !p.readPost(v) {
		return
	}
	who, form := v.person, v.r.PostForm
	if form.Get(fieldPassword) == "" && form.Get(fieldAnswer) == "" {
		p.confirmForm(v, http.StatusUnprocessableEntity, []problem{{Field: fieldPassword, Text: v.words.T("error.signIn.missing")}})
		return
	}
	tried, wait := p.limits.take(p.limits.tries(who.account.Spec.Email, signedInOn(who), "", v.client)...)
	if wait > 0 {
		p.audit(v, eventConfirm, resultThrottled, who.account.Name)
		p.throttled(v, wait)
		return
	}
	if form.Get(fieldAnswer) != "" {
		p.confirmByPasskey(v, tried)
		return
	}
	p.confirmByPassword(v, form.Get(fieldPassword), tried)
}

func (p *Portal) confirmByPassword(v *visit, password string, tried try) {
	who := v.person
	s, err := p.accounts.Confirm(v.r.Context(), who.account, who.session, password, p.clock.Now())
	switch {
	case errors.Is(err, account.ErrNoCredentials):
		p.confirmForm(v, http.StatusUnprocessableEntity, []problem{{Text: v.words.T("error.confirm.noPassword")}})
	case errors.Is(err, account.ErrWrongPassword):
		p.audit(v, eventConfirm, resultFailure, who.account.Name, "method", account.MethodPassword)
		p.confirmForm(v, http.StatusUnprocessableEntity, []problem{{Field: fieldPassword, Text: v.words.T("error.signIn.wrong")}})
	default:
		tried.giveBack()
		p.confirmed(v, s, account.MethodPassword, err)
	}
}

// confirmByPasskey takes a passkey instead of the password. It has verified the person, so it counts as one that somebody signs in with
// alone.
func (p *Portal) confirmByPasskey(v *visit, tried try) {
	who, now := v.person, p.clock.Now()
	err := p.usePasskey(v, who.account, factor.CeremonyAgain, who.account.Name)
	if isWrongFactor(err) {
		p.audit(v, eventConfirm, resultFailure, who.account.Name, "method", account.MethodPasskeyAlone)
		p.log.Info("A passkey was refused", "account", who.account.Name, "why", err.Error())
		p.confirmForm(v, http.StatusUnprocessableEntity, []problem{{Text: v.words.T("error.passkey")}})
		return
	}
	tried.giveBack()
	s := who.session
	if err == nil {
		s.Prove(account.MethodPasskeyAlone, now)
		s, err = p.accounts.Renew(v.r.Context(), who.account, s, now)
	}
	p.confirmed(v, s, account.MethodPasskeyAlone, err)
}

// confirmed hands the browser the session that a new proof has brought.
func (p *Portal) confirmed(v *visit, s account.Session, method account.Method, err error) {
	if errors.Is(err, account.ErrSuspended) || errors.Is(err, account.ErrSignedOut) {
		p.toSignIn(v)
		return
	}
	if err == nil {
		err = p.setSession(v, s)
	}
	if err != nil {
		p.fault(v, err)
		return
	}
	p.audit(v, eventConfirm, resultSuccess, v.person.account.Name, "session", s.ID, "method", method)
	p.seeOther(v, p.destination(v.r.URL.Query().Get(nextParameter)), "")
}
