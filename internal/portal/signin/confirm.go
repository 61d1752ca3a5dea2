// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"errors"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getConfirm answers GET /sign-in/confirm: what is sensitive asks for the password again, or for a passkey.
func (h *Handler) getConfirm(v *session.Visit) error { return h.confirmForm(v, nil) }

func (h *Handler) confirmForm(v *session.Visit, problems []web.Problem) error {
	page := signInPage{
		Fields: web.Fields{Problems: problems}, Login: v.Person.Account.Spec.Email, Action: v.Again("/sign-in/confirm"), Confirm: true,
		PasskeyAction: v.Again("/sign-in/confirm"), Forgotten: v.Path("/forgotten"),
	}
	var err error
	if page.Passkey, err = h.askForPasskey(v); err != nil {
		return err
	}
	return v.Form(web.PageSignIn, v.Words.T("confirmPage.title"), problems, page)
}

// askForPasskey begins a ceremony with the passkeys of the person who is signed in. It returns nothing if there are none.
func (h *Handler) askForPasskey(v *session.Visit) (string, error) {
	who, now := v.Person, v.Now()
	f, err := account.Factors(who.Account, who.Credentials, now)
	if err != nil || h.Passkeys == nil || len(f.Passkeys) == 0 {
		return "", err
	}
	options, c, err := h.Passkeys.BeginAgain(account.PersonOf(who.Account, f), who.Account.Name, now)
	if err == nil {
		err = h.KeepCeremony(v.Visit, c)
	}
	return string(options), err
}

// signedInOn is the device that somebody is signed in on.
func signedInOn(who *session.Person) web.Device {
	return web.Device{ID: who.Session.Device, Logins: []string{web.LoginHash(who.Account.Spec.Email)}}
}

func (h *Handler) postConfirm(v *session.Visit) error {
	who, form := v.Person, v.R.PostForm
	if form.Get(web.FieldPassword) == "" && form.Get(web.FieldAnswer) == "" {
		return h.confirmForm(v, []web.Problem{{Field: web.FieldPassword, Text: v.Words.T("error.signIn.missing")}})
	}
	tried, wait := h.Limits.Take(h.Limits.Tries(who.Account.Spec.Email, signedInOn(who), "", v.Client)...)
	if wait > 0 {
		v.Audit(web.EventConfirm, web.ResultThrottled, who.Account.Name)
		return v.Throttled(wait)
	}
	if form.Get(web.FieldAnswer) != "" {
		return h.confirmByPasskey(v, tried)
	}
	return h.confirmByPassword(v, form.Get(web.FieldPassword), tried)
}

func (h *Handler) confirmByPassword(v *session.Visit, password string, tried web.Try) error {
	who := v.Person
	s, err := h.Accounts.Confirm(v.R.Context(), who.Account, who.Session, password, v.Now())
	switch {
	case errors.Is(err, account.ErrNoCredentials):
		return h.confirmForm(v, []web.Problem{{Text: v.Words.T("error.confirm.noPassword")}})
	case errors.Is(err, account.ErrWrongPassword):
		v.Audit(web.EventConfirm, web.ResultFailure, who.Account.Name, "method", account.MethodPassword)
		return h.confirmForm(v, []web.Problem{{Field: web.FieldPassword, Text: v.Words.T("error.signIn.wrong")}})
	default:
		tried.GiveBack()
		return h.confirmed(v, s, account.MethodPassword, err)
	}
}

// confirmByPasskey takes a passkey instead of the password. It has verified the person, so it counts as one that somebody signs in with
// alone.
func (h *Handler) confirmByPasskey(v *session.Visit, tried web.Try) error {
	who, now := v.Person, v.Now()
	err := h.usePasskey(v.Visit, who.Account, factor.CeremonyAgain, who.Account.Name)
	if IsWrongFactor(err) {
		v.Audit(web.EventConfirm, web.ResultFailure, who.Account.Name, "method", account.MethodPasskeyAlone)
		v.Log().Info("A passkey was refused", "account", who.Account.Name, "why", err.Error())
		return h.confirmForm(v, []web.Problem{{Text: v.Words.T("error.passkey")}})
	}
	tried.GiveBack()
	s := who.Session
	if err == nil {
		s.Prove(account.MethodPasskeyAlone, now)
		s, err = h.Accounts.Renew(v.R.Context(), who.Account, s, now)
	}
	return h.confirmed(v, s, account.MethodPasskeyAlone, err)
}

// confirmed hands the browser the session that a new proof has brought.
func (h *Handler) confirmed(v *session.Visit, s account.Session, method account.Method, err error) error {
	if errors.Is(err, account.ErrSuspended) || errors.Is(err, account.ErrSignedOut) {
		return v.ToSignIn()
	}
	if err == nil {
		err = h.Sessions.Set(v.Visit, s)
	}
	if err != nil {
		return err
	}
	v.Audit(web.EventConfirm, web.ResultSuccess, v.Person.Account.Name, "session", s.ID, "method", method)
	return v.SeeOther(v.Destination(v.Next()), "")
}
