// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
)

// passkeyPage makes a passkey.
type passkeyPage struct {
	web.Fields
	Passkey string
	Action  string
	Back    string
}

// getPasskey answers GET /account/factors/passkey.
func (p *Portal) getPasskey(v *sessionVisit) { p.passkeyForm(v, http.StatusOK, nil) }

func (p *Portal) passkeyForm(v *sessionVisit, status int, problems []web.Problem) {
	if p.passkeys == nil {
		v.NotFound()
		return
	}
	who, now, w := v.person, p.clock.Now(), v.Words
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil {
		v.Fault(err)
		return
	}
	owner := account.PersonOf(who.account, f)
	if len(owner.Handle) == 0 {
		owner.Handle = factor.NewHandle()
	}
	options, c, err := p.passkeys.BeginRegistration(owner, who.account.Name, now)
	if errors.Is(err, factor.ErrPasskeyLimit) {
		v.SeeOther("/account/factors", "")
		return
	}
	if err == nil {
		err = p.keepCeremony(v.Visit, c)
	}
	if err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PagePasskey, w.ErrorTitle(w.T("passkey.title"), problems), passkeyPage{
		Fields: web.Fields{Problems: problems}, Passkey: string(options), Action: v.Again("/account/factors/passkey"),
		Back: v.Path("/account/factors"),
	})
}

// postPasskey answers POST /account/factors/passkey.
func (p *Portal) postPasskey(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	if p.passkeys == nil {
		v.NotFound()
		return
	}
	ctx, who, now := v.R.Context(), v.person, p.clock.Now()
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil {
		v.Fault(err)
		return
	}
	c, err := p.takeCeremony(v.Visit, factor.CeremonyRegister, who.account.Name)
	var k factor.Passkey
	if err == nil {
		name := passkeyName(v.R.PostForm.Get(fieldName), web.BrowserLabel(v.R.UserAgent()))
		k, err = p.passkeys.FinishRegistration(account.PersonOf(who.account, f), c, name, []byte(v.R.PostForm.Get(web.FieldAnswer)), now)
	}
	var credentials account.Credentials
	if err == nil {
		credentials, err = p.accounts.AddPasskey(ctx, who.account, c.Handle, k, now)
	}
	if isWrongFactor(err) {
		v.Audit(web.EventFactorChange, web.ResultFailure, who.account.Name, "change", "passkey added")
		p.log.Info("A passkey was refused", "account", who.account.Name, "why", err.Error())
		p.passkeyForm(v, http.StatusUnprocessableEntity, []web.Problem{{Text: v.Words.T("error.passkey")}})
		return
	}
	p.enrolled(v, credentials, account.MethodPasskey, "passkey added", err)
}
