// SPDX-License-Identifier: Apache-2.0

package personal

import (
	"errors"
	"net/http"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
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
func (h *Handler) getPasskey(v *session.Visit) { h.passkeyForm(v, http.StatusOK, nil) }

func (h *Handler) passkeyForm(v *session.Visit, status int, problems []web.Problem) {
	if h.Passkeys == nil {
		v.NotFound()
		return
	}
	who, now, w := v.Person, v.Now(), v.Words
	f, err := account.Factors(who.Account, who.Credentials, now)
	if err != nil {
		v.Fault(err)
		return
	}
	owner := account.PersonOf(who.Account, f)
	if len(owner.Handle) == 0 {
		owner.Handle = factor.NewHandle()
	}
	options, c, err := h.Passkeys.BeginRegistration(owner, who.Account.Name, now)
	if errors.Is(err, factor.ErrPasskeyLimit) {
		v.SeeOther("/account/factors", "")
		return
	}
	if err == nil {
		err = h.SignIn.KeepCeremony(v.Visit, c)
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
func (h *Handler) postPasskey(v *session.Visit) {
	if h.Passkeys == nil {
		v.NotFound()
		return
	}
	ctx, who, now := v.R.Context(), v.Person, v.Now()
	f, err := account.Factors(who.Account, who.Credentials, now)
	if err != nil {
		v.Fault(err)
		return
	}
	c, err := h.SignIn.TakeCeremony(v.Visit, factor.CeremonyRegister, who.Account.Name)
	var k factor.Passkey
	if err == nil {
		name := passkeyName(v.R.PostForm.Get(signin.FieldName), web.BrowserLabel(v.R.UserAgent()))
		k, err = h.Passkeys.FinishRegistration(account.PersonOf(who.Account, f), c, name, []byte(v.R.PostForm.Get(web.FieldAnswer)), now)
	}
	var credentials account.Credentials
	if err == nil {
		credentials, err = h.Accounts.AddPasskey(ctx, who.Account, c.Handle, k, now)
	}
	if signin.IsWrongFactor(err) {
		v.Audit(web.EventFactorChange, web.ResultFailure, who.Account.Name, "change", "passkey added")
		v.Log().Info("A passkey was refused", "account", who.Account.Name, "why", err.Error())
		h.passkeyForm(v, http.StatusUnprocessableEntity, []web.Problem{{Text: v.Words.T("error.passkey")}})
		return
	}
	h.enrolled(v, credentials, account.MethodPasskey, "passkey added", err)
}
