// SPDX-License-Identifier: Apache-2.0

package portal

import (
	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The ceremony that a browser has been asked for. The browser carries it, so that any replica can take the answer.
const (
	ceremonyCookie = "roster-ceremony"
	ceremonyUse    = "roster.dev portal ceremony v1"
)

// issuerName is what authenticator apps show beside the address, and browsers beside passkeys.
const issuerName = "Roster"

// keepCeremony has the browser carry it.
func (p *Portal) keepCeremony(v *web.Visit, c factor.Ceremony) error {
	return v.SealCookie(ceremonyCookie, ceremonyUse, c, factor.CeremonyFor)
}

// takeCeremony returns the ceremony that the browser carries. The error is factor.ErrCeremony, or that of the API server.
func (p *Portal) takeCeremony(v *web.Visit, kind factor.CeremonyKind, acct string) (factor.Ceremony, error) {
	var c factor.Ceremony
	ok, err := v.OpenCookie(ceremonyCookie, ceremonyUse, &c)
	switch {
	case err != nil:
		return c, err
	case !ok:
		return c, factor.ErrCeremony
	}
	v.DropCookie(ceremonyCookie)
	return c, c.Check(kind, acct, p.clock.Now())
}

// usePasskey checks and stores the use of a passkey of that Account.
func (p *Portal) usePasskey(v *web.Visit, acct *rosterv1alpha1.Account, kind factor.CeremonyKind, of string) error {
	if p.passkeys == nil {
		return factor.ErrCeremony
	}
	c, err := p.takeCeremony(v, kind, of)
	if err != nil {
		return err
	}
	ctx, now, answer := v.R.Context(), p.clock.Now(), []byte(v.R.PostForm.Get(web.FieldAnswer))
	_, _, err = p.accounts.UsePasskey(ctx, acct, now, func(who factor.Person) (factor.Use, error) {
		return p.passkeys.Finish(who, c, answer, now)
	})
	return err
}
