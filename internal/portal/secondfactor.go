// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/seal"
)

// The fields of the forms about second factors.
const (
	fieldRecovery = "recovery"
	fieldName     = "name"
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

// proceed goes on after a first proof: to the second factor where the account has one, else in.
func (p *Portal) proceed(
	v *web.Visit, acct *rosterv1alpha1.Account, c account.Credentials, s account.Session, d web.Device, next string,
) error {
	asks, err := p.asksForFactor(acct, c, s)
	if err != nil {
		return err
	}
	if !asks {
		if err := p.begin(v, acct, c, s, d); err != nil {
			return err
		}
		v.SeeOther(v.Destination(next), "")
		return nil
	}
	if _, err := p.end(v); err != nil {
		return err
	}
	s.Pending = true
	if err := p.setSession(v, s); err != nil {
		return err
	}
	v.SeeOther("/sign-in/second", v.Destination(next))
	return nil
}

// asksForFactor reports whether the account has a second factor that the session lacks. Where the platform relies on a company to have
// asked for one, it is not asked for again.
func (p *Portal) asksForFactor(acct *rosterv1alpha1.Account, c account.Credentials, s account.Session) (bool, error) {
	f, err := account.Factors(acct, c, p.clock.Now())
	return err == nil && f.Enrolled() && !s.Twofold() && !s.CompanyAskedForFactor(), err
}

// getSecondFactor answers GET /sign-in/second.
func (p *Portal) getSecondFactor(v *sessionVisit) { p.secondFactorForm(v, http.StatusOK, nil) }

func (p *Portal) secondFactorForm(v *sessionVisit, status int, problems []web.Problem) {
	who, now := v.person, p.clock.Now()
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil {
		v.Fault(err)
		return
	}
	if !f.Enrolled() {
		v.ToSignIn()
		return
	}
	page := secondFactorPage{
		Fields: web.Fields{Problems: problems}, Action: v.Again("/sign-in/second"),
		App: f.App != nil, Recovery: f.Recovery != nil && len(f.Recovery.Hashes) > 0,
	}
	if p.passkeys != nil && len(f.Passkeys) > 0 {
		options, c, err := p.passkeys.BeginConfirmation(account.PersonOf(who.account, f), who.account.Name, now)
		if err == nil {
			err = p.keepCeremony(v.Visit, c)
		}
		if err != nil {
			v.Fault(err)
			return
		}
		page.Passkey = string(options)
	}
	v.Show(status, web.PageSecondFactor, v.Words.ErrorTitle(v.Words.T("second.title"), problems), page)
}

// postSecondFactor answers POST /sign-in/second.
func (p *Portal) postSecondFactor(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	d, err := p.browser(v.Visit)
	if err != nil {
		v.Fault(err)
		return
	}
	who := v.person
	tried, wait := p.limits.Take(p.limits.Codes(who.account.Spec.Email, d, v.Client)...)
	if wait > 0 {
		v.Audit(web.EventFactor, web.ResultThrottled, who.account.Name)
		v.Throttled(wait)
		return
	}
	method, wrong, err := p.useFactor(v)
	if len(wrong) == 0 {
		tried.GiveBack()
	}
	switch {
	case err != nil:
		v.Fault(err)
		return
	case len(wrong) > 0:
		v.Audit(web.EventFactor, web.ResultFailure, who.account.Name, "method", method)
		p.secondFactorForm(v, http.StatusUnprocessableEntity, wrong)
		return
	}
	v.Audit(web.EventFactor, web.ResultSuccess, who.account.Name, "method", method)
	if err := p.stepUp(v, method, d); err != nil {
		v.Fault(err)
		return
	}
	v.SeeOther(v.Destination(v.Next()), "")
}

// stepUp notes a further proof: it lets somebody in who was on the way, and gives somebody who was in a new session.
func (p *Portal) stepUp(v *sessionVisit, method account.Method, d web.Device) error {
	who, now := v.person, p.clock.Now()
	s := who.session
	s.Prove(method, now)
	if s.Pending {
		// Using the factor has changed the credentials.
		return p.begin(v.Visit, who.account, account.Credentials{}, s, d)
	}
	s, err := p.accounts.Renew(v.R.Context(), who.account, s, now)
	if errors.Is(err, account.ErrSignedOut) {
		p.dropSession(v.Visit)
		return nil
	}
	if err != nil {
		return err
	}
	return p.setSession(v.Visit, s)
}

// useFactor tries what was sent. Where that was wrong it says so; the error is that of the API server.
func (p *Portal) useFactor(v *sessionVisit) (account.Method, []web.Problem, error) {
	form := v.R.PostForm
	switch {
	case form.Get(web.FieldAnswer) != "":
		err := p.usePasskey(v.Visit, v.person.account, factor.CeremonyConfirm, v.person.account.Name)
		return p.outcome(v, account.MethodPasskey, web.Problem{Text: v.Words.T("error.passkey")}, err)
	case form.Get(fieldRecovery) != "":
		return p.outcome(v, account.MethodRecovery, web.Problem{Field: fieldRecovery, Text: v.Words.T("error.recovery")}, p.useRecoveryCode(v))
	}
	err := p.useCode(v)
	if errors.Is(err, seal.ErrSealed) || errors.Is(err, seal.ErrUnknownKey) {
		// Trying again would not help them.
		p.log.Error(err, "The code of an app cannot be checked", "account", v.person.account.Name)
		return account.MethodApp, []web.Problem{{Field: web.FieldCode, Text: v.Words.T("error.app")}}, nil
	}
	return p.outcome(v, account.MethodApp, web.Problem{Field: web.FieldCode, Text: v.Words.T("error.code")}, err)
}

func (p *Portal) useCode(v *sessionVisit) error {
	keys, err := p.factorKeys.Refresh(v.R.Context())
	if err != nil {
		return err
	}
	return p.accounts.UseCode(v.R.Context(), v.person.account, keys, v.R.PostForm.Get(web.FieldCode), p.clock.Now())
}

// useRecoveryCode has the person told: it may not have been them.
func (p *Portal) useRecoveryCode(v *sessionVisit) error {
	acct := v.person.account
	left, err := p.accounts.UseRecoveryCode(v.R.Context(), acct, v.R.PostForm.Get(fieldRecovery), p.clock.Now())
	if err == nil {
		p.log.Info("A recovery code was used", "account", acct.Name, "left", left)
		p.noteFactors(v.Visit, acct)
	}
	return err
}

// noteFactors asks the operator to tell the person. If that cannot be done just now, the change stands all the same.
func (p *Portal) noteFactors(v *web.Visit, acct *rosterv1alpha1.Account) {
	if err := p.accounts.NoteFactors(v.R.Context(), acct, p.clock.Now()); err != nil {
		p.log.Error(err, "Cannot note that second factors were changed", "account", acct.Name)
	}
}

// outcome tells what the person has to correct from what is wrong here.
func (p *Portal) outcome(v *sessionVisit, method account.Method, wrong web.Problem, err error) (account.Method, []web.Problem, error) {
	if !isWrongFactor(err) {
		return method, nil, err
	}
	p.log.Info("A second factor was refused", "account", v.person.account.Name, "method", method, "why", err.Error())
	return method, []web.Problem{wrong}, nil
}

// isWrongFactor tells what a person gave wrong from what is wrong here.
func isWrongFactor(err error) bool {
	for _, wrong := range []error{
		factor.ErrCode, factor.ErrNoApp, factor.ErrPasskey, factor.ErrCloned, factor.ErrCeremony, factor.ErrPasskeyLimit,
	} {
		if errors.Is(err, wrong) {
			return true
		}
	}
	return false
}
