// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"encoding/base64"
	"errors"
	"net/http"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
)

// offerPasskey begins a ceremony for the sign-in page: whoever has a passkey need not type anything.
func (p *Portal) offerPasskey(v *web.Visit) (string, error) {
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
func (p *Portal) postSignInPasskey(v *web.Visit) {
	if !v.ReadPost() {
		return
	}
	// Nobody guesses a passkey; those that are right are not counted, so that an office behind one address gets in.
	tried, wait := p.limits.Take(web.Count(p.limits.NetworkTries, "passkey "+p.requester(v)))
	if wait > 0 {
		v.Audit(web.EventSignIn, web.ResultThrottled, "", "method", account.MethodPasskeyAlone)
		v.Throttled(wait)
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
		v.Audit(web.EventSignIn, web.ResultFailure, "", "method", account.MethodPasskeyAlone)
		p.log.Info("A passkey was refused", "why", err.Error())
		p.signInForm(v, http.StatusUnprocessableEntity, "", []web.Problem{{Text: v.Words.T("error.passkey")}})
		return
	}
	if err != nil {
		v.Fault(err)
	}
}

// byPasskey finds who the answer is from, and checks it.
func (p *Portal) byPasskey(v *web.Visit) (*rosterv1alpha1.Account, error) {
	handle, err := factor.HandleOf([]byte(v.R.PostForm.Get(web.FieldAnswer)))
	if err != nil {
		return nil, err
	}
	acct, err := p.accounts.ByHandle(v.R.Context(), base64.RawURLEncoding.EncodeToString(handle))
	if err != nil {
		return nil, err
	}
	return acct, p.usePasskey(v, acct, factor.CeremonySignIn, "")
}

// enter goes on after a proof other than the password, of an Account that has credentials.
func (p *Portal) enter(v *web.Visit, acct *rosterv1alpha1.Account, methods ...account.Method) error {
	if ptr.Deref(acct.Spec.Suspended, false) {
		v.Audit(web.EventSignIn, web.ResultRefused, acct.Name)
		suspended(v)
		return nil
	}
	c, err := p.accounts.Credentials(v.R.Context(), acct)
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
	return p.proceed(v, acct, c, s, d, v.Next())
}
