// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"crypto"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/web"
)

// hinted is what an ID token of ours says that an application shows again.
type hinted struct {
	Subject, Client string
}

// hint reads an ID token that an application shows to say whom it means. It may be over by time, as when somebody signs out at the end of a
// day; nobody else can have signed it.
func (h *Handler) hint(v *web.Visit, token string) (hinted, error) {
	ctx := v.R.Context()
	public, err := h.publicKeys(ctx, v)
	if err != nil {
		return hinted{}, err
	}
	set := &oidc.StaticKeySet{}
	for _, k := range public {
		set.PublicKeys = append(set.PublicKeys, crypto.PublicKey(k.Key))
	}
	verified, err := oidc.NewVerifier(h.Config.Issuer, set, &oidc.Config{
		SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: []string{string(signing.Algorithm)}, Now: v.Now,
	}).Verify(ctx, token)
	if err != nil {
		return hinted{}, err
	}
	var claims struct {
		Client string `json:"azp"`
	}
	if err := verified.Claims(&claims); err != nil {
		return hinted{}, err
	}
	return hinted{Subject: verified.Subject, Client: claims.Client}, nil
}
