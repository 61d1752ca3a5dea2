// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-logr/logr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/seal"
)

// Visit is one request, and the answer to it. The rooms of the portal add what they know: whose link it is, who is signed in.
type Visit struct {
	W http.ResponseWriter
	R *http.Request
	// Client that sent the request.
	Client netip.Addr
	// Words in the language of the page.
	Words Words
	// Menu stands on the pages of somebody who is signed in; nil on all others.
	Menu *MenuView

	site *Site
}

// Now is what time it is.
func (v *Visit) Now() time.Time { return v.site.clock.Now() }

// Log gets what the person is not told. No token, password or path goes into it.
func (v *Visit) Log() logr.Logger { return v.site.log }

// Speak chooses the language of the page: the one asked for, unless the person has chosen one; else the other one.
func (v *Visit) Speak(asked, otherwise rosterv1alpha1.Locale) {
	v.Words = v.site.dictionary.Choose(v.R, asked, otherwise)
}

// Show writes a page in the language of the visit.
func (v *Visit) Show(status int, name PageName, title string, content any) {
	if err := v.site.pages.Write(v.W, status, name, v.Words, title, v.Menu, content); err != nil {
		v.Log().Error(err, "Cannot write a page")
	}
}

// Asset answers GET /assets/{name}.
func (v *Visit) Asset() {
	if !v.site.pages.ServeAsset(v.W, v.R) {
		v.NotFound()
	}
}

// readForm reads a form; otherwise it answers, and returns false.
func (v *Visit) readForm() bool {
	err := v.R.ParseForm()
	if err == nil && isForm(v.R) {
		return true
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		v.tooLarge()
	} else {
		v.BadRequest()
	}
	return false
}

// isForm reports whether the body was an HTML form's: nothing else has been parsed.
func isForm(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}

// FromOwnPage reports whether a page of the portal led here: not another host of the same domain, whose requests are same-site, nor a mail,
// whose are of no site. Browsers that do not say so (before 2023, or over plain HTTP) are believed.
func (v *Visit) FromOwnPage() bool {
	site := v.R.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == ""
}

// Audit writes a line about an event, and counts it. Every line has the same fields first, so that it can be searched for; the account is
// empty where none is proven. No secret, link or typed text is among them: a login that failed may be a password in the wrong field, and
// is hashed.
func (v *Visit) Audit(e Event, r Result, acct string, more ...any) {
	v.site.metrics.CountEvent(e, r)
	fields := []any{"event", e, "result", r, "account", acct, "client", v.Client.String()}
	v.Log().WithName("audit").Info("Security event", append(fields, more...)...)
}

// statusClientGone is what the log says of a request whose client did not wait, as nginx does; nobody receives it.
const statusClientGone = 499

// Fault is for an API server that cannot be reached or refuses.
func (v *Visit) Fault(err error) {
	if !v.Report(err) {
		v.unavailable()
	}
}

// Report logs why a request cannot be served. It returns true if it has been answered, or nobody waits for an answer.
func (v *Visit) Report(err error) bool {
	if errors.Is(v.R.Context().Err(), context.Canceled) {
		v.W.WriteHeader(statusClientGone)
		return true
	}
	if errors.Is(err, v.site.busy) {
		v.busy()
		return true
	}
	v.Log().Error(err, "Cannot serve a request", "method", v.R.Method)
	return false
}

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
