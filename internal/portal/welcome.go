// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// The welcome page is shown to the browser that accepted and to nobody else who holds the link. The browser proves itself with a cookie
// that is signed, not stored: it names the invitation and when the cookie ends.
const (
	welcomeFor    = time.Hour
	welcomeCookie = "roster-welcome"
	// welcomeUse separates these signatures from those of links, which are made with the same keys.
	welcomeUse = "roster.dev portal welcome cookie v1"
)

// cookieName has the prefix by which browsers see to it that only this host can set the cookie, and only over HTTPS (RFC 6265bis, 4.1.3).
func (p *Portal) cookieName() string {
	if p.secure {
		return "__Host-" + welcomeCookie
	}
	return welcomeCookie
}

// welcome sends the browser that has just accepted on to its welcome page.
func (p *Portal) welcome(v *visit) {
	ends := p.clock.Now().Add(welcomeFor)
	value, err := p.signWelcome(v.r.Context(), string(v.found.offer.Invitation.UID), ends)
	if err != nil {
		p.log.Error(err, "Cannot sign the welcome cookie")
		p.redirect(v, "")
		return
	}
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // G124: Secure follows the scheme of the portal's address
		Name: p.cookieName(), Value: value, Path: "/", MaxAge: int(welcomeFor.Seconds()),
		Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	p.redirect(v, "/welcome")
}

// getWelcome answers GET /invitations/{token}/welcome.
func (p *Portal) getWelcome(v *visit) {
	if !p.open(v) {
		return
	}
	accepted := v.found.offer.Invitation.Status.State == rosterv1alpha1.InvitationAccepted
	if !accepted || !p.isWelcome(v) {
		p.redirect(v, "")
		return
	}
	offer := p.describe(v.r.Context(), v.found, v.words)
	p.show(v, http.StatusOK, pageWelcome, v.words.T("welcome.title", "Org", offer.Org), welcomePage{Offer: offer})
}

func (p *Portal) signWelcome(ctx context.Context, uid string, ends time.Time) (string, error) {
	keys, err := p.keys.Keys(ctx)
	if err != nil {
		return "", err
	}
	payload := uid + "." + strconv.FormatInt(ends.Unix(), 10)
	mac, err := welcomeMAC(keys[0], payload)
	return payload + "." + base64.RawURLEncoding.EncodeToString(mac), err
}

// isWelcome says whether the browser has a cookie for this invitation that has not ended.
func (p *Portal) isWelcome(v *visit) bool {
	cookie, err := v.r.Cookie(p.cookieName())
	if err != nil {
		return false
	}
	keys, err := p.keys.Keys(v.r.Context())
	if err != nil {
		return false
	}
	i := strings.LastIndexByte(cookie.Value, '.')
	if i < 0 {
		return false
	}
	payload := cookie.Value[:i]
	got, err := base64.RawURLEncoding.DecodeString(cookie.Value[i+1:])
	if err != nil {
		return false
	}
	valid := false
	for _, key := range keys {
		want, err := welcomeMAC(key, payload)
		valid = err == nil && hmac.Equal(got, want) || valid
	}
	uid, ends, _ := strings.Cut(payload, ".")
	unix, err := strconv.ParseInt(ends, 10, 64)
	return valid && err == nil && uid == string(v.found.offer.Invitation.UID) && p.clock.Now().Before(time.Unix(unix, 0))
}

func welcomeMAC(key []byte, payload string) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, welcomeUse, sha256.Size) // RFC 5869
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, derived)
	mac.Write([]byte(payload))
	return mac.Sum(nil), nil
}
