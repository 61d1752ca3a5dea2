// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The ceremony that a browser has been asked for. The browser carries it, so that any replica can take the answer.
const (
	ceremonyCookie = "roster-ceremony"
	ceremonyUse    = "roster.dev portal ceremony v1"
)

func (p *Portal) keepCeremony(v *visit, c factor.Ceremony) error {
	return p.sealCookie(v, ceremonyCookie, ceremonyUse, c, factor.CeremonyFor)
}

// takeCeremony returns the ceremony that the browser carries. The error is factor.ErrCeremony, or that of the API server.
func (p *Portal) takeCeremony(v *visit, kind factor.CeremonyKind, acct string) (factor.Ceremony, error) {
	var c factor.Ceremony
	ok, err := p.openCookie(v, ceremonyCookie, ceremonyUse, &c)
	switch {
	case err != nil:
		return c, err
	case !ok:
		return c, factor.ErrCeremony
	}
	p.setCookie(v, ceremonyCookie, "", -time.Second)
	return c, c.Check(kind, acct, p.clock.Now())
}

// usePasskey checks and stores the use of a passkey of that Account.
func (p *Portal) usePasskey(v *visit, acct *rosterv1alpha1.Account, kind factor.CeremonyKind, of string) error {
	if p.passkeys == nil {
		return factor.ErrCeremony
	}
	c, err := p.takeCeremony(v, kind, of)
	if err != nil {
		return err
	}
	ctx, now, answer := v.r.Context(), p.clock.Now(), []byte(v.r.PostForm.Get(fieldAnswer))
	_, _, err = p.accounts.UsePasskey(ctx, acct, now, func(who factor.Person) (factor.Use, error) {
		return p.passkeys.Finish(who, c, answer, now)
	})
	return err
}

// passkeyPage makes a passkey.
type passkeyPage struct {
	web.Fields
	Passkey string
	Action  string
	Back    string
}

// getPasskey answers GET /account/factors/passkey.
func (p *Portal) getPasskey(v *visit) { p.passkeyForm(v, http.StatusOK, nil) }

func (p *Portal) passkeyForm(v *visit, status int, problems []web.Problem) {
	if p.passkeys == nil {
		p.notFound(v)
		return
	}
	who, now, w := v.person, p.clock.Now(), v.words
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil {
		p.fault(v, err)
		return
	}
	owner := account.PersonOf(who.account, f)
	if len(owner.Handle) == 0 {
		owner.Handle = factor.NewHandle()
	}
	options, c, err := p.passkeys.BeginRegistration(owner, who.account.Name, now)
	if errors.Is(err, factor.ErrPasskeyLimit) {
		p.seeOther(v, "/account/factors", "")
		return
	}
	if err == nil {
		err = p.keepCeremony(v, c)
	}
	if err != nil {
		p.fault(v, err)
		return
	}
	p.show(v, status, web.PagePasskey, errorTitle(w, w.T("passkey.title"), problems), passkeyPage{
		Fields: web.Fields{Problems: problems}, Passkey: string(options), Action: p.again(v, "/account/factors/passkey"),
		Back: p.root + "/account/factors" + w.Query(),
	})
}

// postPasskey answers POST /account/factors/passkey.
func (p *Portal) postPasskey(v *visit) {
	if !p.readPost(v) {
		return
	}
	if p.passkeys == nil {
		p.notFound(v)
		return
	}
	ctx, who, now := v.r.Context(), v.person, p.clock.Now()
	f, err := account.Factors(who.account, who.credentials, now)
	if err != nil {
		p.fault(v, err)
		return
	}
	c, err := p.takeCeremony(v, factor.CeremonyRegister, who.account.Name)
	var k factor.Passkey
	if err == nil {
		name := passkeyName(v.r.PostForm.Get(fieldName), web.BrowserLabel(v.r.UserAgent()))
		k, err = p.passkeys.FinishRegistration(account.PersonOf(who.account, f), c, name, []byte(v.r.PostForm.Get(fieldAnswer)), now)
	}
	var credentials account.Credentials
	if err == nil {
		credentials, err = p.accounts.AddPasskey(ctx, who.account, c.Handle, k, now)
	}
	if isWrongFactor(err) {
		p.audit(v, web.EventFactorChange, web.ResultFailure, who.account.Name, "change", "passkey added")
		p.log.Info("A passkey was refused", "account", who.account.Name, "why", err.Error())
		p.passkeyForm(v, http.StatusUnprocessableEntity, []web.Problem{{Text: v.words.T("error.passkey")}})
		return
	}
	p.enrolled(v, credentials, account.MethodPasskey, "passkey added", err)
}

// offerPasskey begins a ceremony for the sign-in page: whoever has a passkey need not type anything.
func (p *Portal) offerPasskey(v *visit) (string, error) {
	if p.passkeys == nil {
		return "", nil
	}
	options, c, err := p.passkeys.BeginSignIn(p.clock.Now())
	if err == nil {
		err = p.keepCeremony(v, c)
	}
	return string(options), err
}

// postSignInPasskey answers POST /sign-in/passkey. Whatever is wrong looks the same: whether there is such a person is not told.
func (p *Portal) postSignInPasskey(v *visit) {
	if !p.readPost(v) {
		return
	}
	// Nobody guesses a passkey; those that are right are not counted, so that an office behind one address gets in.
	tried, wait := p.limits.Take(web.Count(p.limits.NetworkTries, "passkey "+p.requester(v)))
	if wait > 0 {
		p.audit(v, web.EventSignIn, web.ResultThrottled, "", "method", account.MethodPasskeyAlone)
		p.throttled(v, wait)
		return
	}
	acct, err := p.byPasskey(v)
	if err == nil {
		tried.GiveBack()
	}
	switch {
	case err == nil:
		err = p.enter(v, acct, account.MethodPasskeyAlone)
	case isWrongFactor(err), errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrNoCredentials),
		errors.Is(err, account.ErrTerminating), errors.Is(err, account.ErrMismatch):
		p.audit(v, web.EventSignIn, web.ResultFailure, "", "method", account.MethodPasskeyAlone)
		p.log.Info("A passkey was refused", "why", err.Error())
		p.signInForm(v, http.StatusUnprocessableEntity, "", []web.Problem{{Text: v.words.T("error.passkey")}})
		return
	}
	if err != nil {
		p.fault(v, err)
	}
}

// byPasskey finds who the answer is from, and checks it.
func (p *Portal) byPasskey(v *visit) (*rosterv1alpha1.Account, error) {
	handle, err := factor.HandleOf([]byte(v.r.PostForm.Get(fieldAnswer)))
	if err != nil {
		return nil, err
	}
	acct, err := p.accounts.ByHandle(v.r.Context(), base64.RawURLEncoding.EncodeToString(handle))
	if err != nil {
		return nil, err
	}
	return acct, p.usePasskey(v, acct, factor.CeremonySignIn, "")
}

// enter goes on after a proof other than the password, of an Account that has credentials.
func (p *Portal) enter(v *visit, acct *rosterv1alpha1.Account, methods ...account.Method) error {
	if suspended := acct.Spec.Suspended; suspended != nil && *suspended {
		p.audit(v, web.EventSignIn, web.ResultRefused, acct.Name)
		p.suspended(v)
		return nil
	}
	c, err := p.accounts.Credentials(v.r.Context(), acct)
	if err != nil {
		return err
	}
	d, err := p.browser(v)
	if err != nil {
		return err
	}
	now := p.clock.Now()
	s := account.NewSession(acct, c, methods[0], now)
	for _, m := range methods[1:] {
		s.Prove(m, now)
	}
	return p.proceed(v, acct, c, s, d, v.r.URL.Query().Get(nextParameter))
}
