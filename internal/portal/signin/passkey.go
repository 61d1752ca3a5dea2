// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"encoding/base64"
	"errors"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The ceremony that a browser has been asked for. The browser carries it, so that any replica can take the answer.
const (
	ceremonyCookie = "roster-ceremony"
	ceremonyUse    = "roster.dev portal ceremony v1"
)

// IssuerName is what authenticator apps show beside the address, and browsers beside passkeys.
const IssuerName = "Roster"

// KeepCeremony has the browser carry it.
func (h *Handler) KeepCeremony(v *web.Visit, c factor.Ceremony) error {
	return v.SealCookie(ceremonyCookie, ceremonyUse, c, factor.CeremonyFor)
}

// TakeCeremony returns the ceremony that the browser carries. The error is factor.ErrCeremony, or that of the API server.
func (h *Handler) TakeCeremony(v *web.Visit, kind factor.CeremonyKind, acct string) (factor.Ceremony, error) {
	var c factor.Ceremony
	ok, err := v.OpenCookie(ceremonyCookie, ceremonyUse, &c)
	switch {
	case err != nil:
		return c, err
	case !ok:
		return c, factor.ErrCeremony
	}
	v.DropCookie(ceremonyCookie)
	return c, c.Check(kind, acct, v.Now())
}

// usePasskey checks and stores the use of a passkey of that Account.
func (h *Handler) usePasskey(v *web.Visit, acct *rosterv1alpha1.Account, kind factor.CeremonyKind, of string) error {
	if h.Passkeys == nil {
		return factor.ErrCeremony
	}
	c, err := h.TakeCeremony(v, kind, of)
	if err != nil {
		return err
	}
	ctx, now, answer := v.R.Context(), v.Now(), []byte(v.R.PostForm.Get(web.FieldAnswer))
	_, _, err = h.Accounts.UsePasskey(ctx, acct, now, func(who factor.Person) (factor.Use, error) {
		return h.Passkeys.Finish(who, c, answer, now)
	})
	return err
}

// offerPasskey begins a ceremony for the sign-in page: somebody who has a passkey need not type anything.
func (h *Handler) offerPasskey(v *web.Visit) (string, error) {
	if h.Passkeys == nil {
		return "", nil
	}
	options, c, err := h.Passkeys.BeginSignIn(v.Now())
	if err == nil {
		err = h.KeepCeremony(v, c)
	}
	return string(options), err
}

// postSignInPasskey answers POST /sign-in/passkey. Whatever is wrong looks the same: whether there is such a person is not told.
func (h *Handler) postSignInPasskey(v *web.Visit) error {
	// Nobody guesses a passkey; those that are right are not counted, so that an office behind one address gets in.
	tried, wait := h.Limits.Take(web.Count(h.Limits.NetworkTries, "passkey "+h.Sessions.Requester(v)))
	if wait > 0 {
		v.Audit(web.EventSignIn, web.ResultThrottled, "", "method", account.MethodPasskeyAlone)
		return v.Throttled(wait)
	}
	acct, err := h.byPasskey(v)
	if err == nil {
		tried.GiveBack()
	}
	switch {
	case err == nil:
		return h.enter(v, acct, account.MethodPasskeyAlone)
	case IsWrongFactor(err), errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrNoCredentials),
		errors.Is(err, account.ErrTerminating), errors.Is(err, account.ErrMismatch):
		v.Audit(web.EventSignIn, web.ResultFailure, "", "method", account.MethodPasskeyAlone)
		v.Log().Info("A passkey was refused", "why", err.Error())
		return h.signInForm(v, "", []web.Problem{{Text: v.Words.T("error.passkey")}})
	}
	return err
}

// byPasskey finds who the answer is from, and checks it.
func (h *Handler) byPasskey(v *web.Visit) (*rosterv1alpha1.Account, error) {
	handle, err := factor.HandleOf([]byte(v.R.PostForm.Get(web.FieldAnswer)))
	if err != nil {
		return nil, err
	}
	acct, err := h.Accounts.ByHandle(v.R.Context(), base64.RawURLEncoding.EncodeToString(handle))
	if err != nil {
		return nil, err
	}
	return acct, h.usePasskey(v, acct, factor.CeremonySignIn, "")
}

// enter goes on after a proof other than the password, of an Account that has credentials.
func (h *Handler) enter(v *web.Visit, acct *rosterv1alpha1.Account, methods ...account.Method) error {
	if ptr.Deref(acct.Spec.Suspended, false) {
		v.Audit(web.EventSignIn, web.ResultRefused, acct.Name)
		return Suspended(v)
	}
	c, err := h.Accounts.Credentials(v.R.Context(), acct)
	if err != nil {
		return err
	}
	d, err := h.Sessions.Browser(v)
	if err != nil {
		return err
	}
	now := v.Now()
	s := account.NewSession(acct, c, methods[0], now)
	for _, m := range methods[1:] {
		s.Prove(m, now)
	}
	return h.Proceed(v, session.Login{Account: acct, Credentials: c, Session: s, Device: d}, v.Next())
}
