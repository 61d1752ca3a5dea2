// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/seal"
)

// The fields of the forms about second factors.
const (
	fieldRecovery = "recovery"
	FieldName     = "name"
)

// secondFactorPage asks for a second factor.
type secondFactorPage struct {
	web.Fields
	Action string
	// App and Recovery say what the account has.
	App, Recovery bool
	// Passkey is what a browser needs to use one; empty if there is none.
	Passkey string
}

// Proceed goes on after a first proof: to the second factor where the account has one, else in.
func (h *Handler) Proceed(v *web.Visit, l session.Login, next string) error {
	if err := h.AskForFactor(v, l, next); err != nil {
		return err
	}
	if err := h.Sessions.Begin(v, l); err != nil {
		return err
	}
	return v.SeeOther(v.Destination(next), "")
}

// AskForFactor has somebody give a second factor before they go on, if their account has one that the session lacks. Where the platform
// relies on a company to have asked for one, it is not asked for again.
func (h *Handler) AskForFactor(v *web.Visit, l session.Login, next string) error {
	if l.Begun || l.Held {
		return nil
	}
	f, err := account.Factors(l.Account, l.Credentials, v.Now())
	if err != nil || !f.Enrolled() || l.Session.Twofold() || l.Session.CompanyAskedForFactor() {
		return err
	}
	if _, err := h.Sessions.End(v); err != nil {
		return err
	}
	l.Session.Pending = true
	if err := h.Sessions.Set(v, l.Session); err != nil {
		return err
	}
	return web.Answered(v.SeeOther("/sign-in/second", v.Destination(next)))
}

func (h *Handler) getSecondFactor(v *session.Visit) error { return h.secondFactorForm(v, nil) }

func (h *Handler) secondFactorForm(v *session.Visit, problems []web.Problem) error {
	who, now := v.Person, v.Now()
	f, err := account.Factors(who.Account, who.Credentials, now)
	if err != nil {
		return err
	}
	if !f.Enrolled() {
		return v.ToSignIn()
	}
	page := secondFactorPage{
		Fields: web.Fields{Problems: problems}, Action: v.Again("/sign-in/second"),
		App: f.App != nil, Recovery: f.Recovery != nil && len(f.Recovery.Hashes) > 0,
	}
	if h.Passkeys != nil && len(f.Passkeys) > 0 {
		options, c, err := h.Passkeys.BeginConfirmation(account.PersonOf(who.Account, f), who.Account.Name, now)
		if err == nil {
			err = h.KeepCeremony(v.Visit, c)
		}
		if err != nil {
			return err
		}
		page.Passkey = string(options)
	}
	return v.Form(web.PageSecondFactor, v.Words.T("second.title"), problems, page)
}

func (h *Handler) postSecondFactor(v *session.Visit) error {
	d, err := h.Sessions.Browser(v.Visit)
	if err != nil {
		return err
	}
	who := v.Person
	tried, wait := h.Limits.Take(h.Limits.Codes(who.Account.Spec.Email, d, v.Client)...)
	if wait > 0 {
		v.Audit(web.EventFactor, web.ResultThrottled, who.Account.Name)
		return v.Throttled(wait)
	}
	method, wrong, err := h.useFactor(v)
	if len(wrong) == 0 {
		tried.GiveBack()
	}
	switch {
	case err != nil:
		return err
	case len(wrong) > 0:
		v.Audit(web.EventFactor, web.ResultFailure, who.Account.Name, "method", method)
		return h.secondFactorForm(v, wrong)
	}
	v.Audit(web.EventFactor, web.ResultSuccess, who.Account.Name, "method", method)
	if err := h.StepUp(v, method, d); err != nil {
		return err
	}
	return v.SeeOther(v.Destination(v.Next()), "")
}

// StepUp notes a further proof: it lets somebody in who was on the way, and gives somebody who was in a new session.
func (h *Handler) StepUp(v *session.Visit, method account.Method, d web.Device) error {
	who, now := v.Person, v.Now()
	s := who.Session
	s.Prove(method, now)
	if s.Pending {
		// Using the factor has changed the credentials.
		return h.Sessions.Begin(v.Visit, session.Login{Account: who.Account, Session: s, Device: d})
	}
	s, err := h.Accounts.Renew(v.R.Context(), who.Account, s, now)
	if errors.Is(err, account.ErrSignedOut) {
		h.Sessions.Drop(v.Visit)
		return nil
	}
	if err != nil {
		return err
	}
	return h.Sessions.Set(v.Visit, s)
}

// useFactor tries what was sent. Where that was wrong it says so; the error is that of the API server.
func (h *Handler) useFactor(v *session.Visit) (account.Method, []web.Problem, error) {
	form := v.R.PostForm
	switch {
	case form.Get(web.FieldAnswer) != "":
		err := h.usePasskey(v.Visit, v.Person.Account, factor.CeremonyConfirm, v.Person.Account.Name)
		return h.outcome(v, account.MethodPasskey, web.Problem{Text: v.Words.T("error.passkey")}, err)
	case form.Get(fieldRecovery) != "":
		return h.outcome(v, account.MethodRecovery, web.Problem{Field: fieldRecovery, Text: v.Words.T("error.recovery")}, h.useRecoveryCode(v))
	}
	err := h.useCode(v)
	if errors.Is(err, seal.ErrSealed) || errors.Is(err, seal.ErrUnknownKey) {
		// Trying again would not help them.
		v.Log().Error(err, "The code of an app cannot be checked", "account", v.Person.Account.Name)
		return account.MethodApp, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.app")}}, nil
	}
	return h.outcome(v, account.MethodApp, web.Problem{Field: web.FieldCode, Text: v.Words.T("error.code")}, err)
}

func (h *Handler) useCode(v *session.Visit) error {
	keys, err := h.FactorKeys.Refresh(v.R.Context())
	if err != nil {
		return err
	}
	return h.Accounts.UseCode(v.R.Context(), v.Person.Account, keys, v.R.PostForm.Get(web.FieldCode), v.Now())
}

// useRecoveryCode has the person told: it may not have been them.
func (h *Handler) useRecoveryCode(v *session.Visit) error {
	acct := v.Person.Account
	left, err := h.Accounts.UseRecoveryCode(v.R.Context(), acct, v.R.PostForm.Get(fieldRecovery), v.Now())
	if err == nil {
		v.Log().Info("A recovery code was used", "account", acct.Name, "left", left)
		h.NoteFactors(v.Visit, acct)
	}
	return err
}

// NoteFactors asks the operator to tell the person. If that cannot be done just now, the change stands all the same.
func (h *Handler) NoteFactors(v *web.Visit, acct *rosterv1alpha1.Account) {
	if err := h.Accounts.NoteFactors(v.R.Context(), acct, v.Now()); err != nil {
		v.Log().Error(err, "Cannot note that second factors were changed", "account", acct.Name)
	}
}

// outcome tells what the person has to correct from what is wrong here.
func (h *Handler) outcome(v *session.Visit, method account.Method, wrong web.Problem, err error) (account.Method, []web.Problem, error) {
	if !IsWrongFactor(err) {
		return method, nil, err
	}
	v.Log().Info("A second factor was refused", "account", v.Person.Account.Name, "method", method, "why", err.Error())
	return method, []web.Problem{wrong}, nil
}

// IsWrongFactor tells what a person gave wrong from what is wrong here.
func IsWrongFactor(err error) bool {
	for _, wrong := range []error{
		factor.ErrCode, factor.ErrNoApp, factor.ErrPasskey, factor.ErrCloned, factor.ErrCeremony, factor.ErrPasskeyLimit,
	} {
		if errors.Is(err, wrong) {
			return true
		}
	}
	return false
}
