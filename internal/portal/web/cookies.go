// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"time"

	"github.com/roster-dev/roster/internal/seal"
)

// cookieName has the prefix by which browsers see to it that only this host can set the cookie, and only over HTTPS (RFC 6265bis, 4.1.3).
func (v *Visit) cookieName(name string) string {
	if v.site.Secure {
		return "__Host-" + name
	}
	return name
}

func (v *Visit) setCookie(name, value string, lasts time.Duration) {
	http.SetCookie(v.W, &http.Cookie{ //nolint:gosec // G124: Secure follows the scheme of the portal's address
		Name: v.cookieName(name), Value: value, Path: "/", MaxAge: int(lasts.Seconds()),
		Secure: v.site.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// DropCookie takes a cookie from the browser.
func (v *Visit) DropCookie(name string) { v.setCookie(name, "", -time.Second) }

// Sealer seals what the browser carries and must not read. What is sealed for one use does not open for another.
func (v *Visit) Sealer(use string) (seal.Sealer, error) {
	keys, err := v.site.cookieKeys.Refresh(v.R.Context())
	return seal.New(keys, use), err
}

// OpenCookie reads a sealed cookie. It returns false if there is none that can be read.
func (v *Visit) OpenCookie(name, use string, document any) (bool, error) {
	cookie, err := v.R.Cookie(v.cookieName(name))
	if err != nil || cookie.Value == "" {
		return false, nil //nolint:nilerr // There is no such cookie.
	}
	sealer, err := v.Sealer(use)
	if err != nil {
		return false, err
	}
	return sealer.OpenDocument(cookie.Value, document) == nil, nil
}

// SealCookie hands the browser a sealed cookie. One that lasts no time goes when the browser is closed.
func (v *Visit) SealCookie(name, use string, document any, lasts time.Duration) error {
	sealer, err := v.Sealer(use)
	if err != nil {
		return err
	}
	value, err := sealer.SealDocument(document)
	if err == nil {
		v.setCookie(name, value, lasts)
	}
	return err
}
