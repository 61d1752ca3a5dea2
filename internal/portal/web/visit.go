// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/netip"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
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

// Speak chooses the language of the page: the one asked for, unless the person has chosen one; else the other one.
func (v *Visit) Speak(asked, otherwise rosterv1alpha1.Locale) {
	v.Words = v.site.dictionary.Choose(v.R, asked, otherwise)
}

// Show writes a page in the language of the visit.
func (v *Visit) Show(status int, name PageName, title string, content any) {
	if err := v.site.pages.Write(v.W, status, name, v.Words, title, v.Menu, content); err != nil {
		v.site.log.Error(err, "Cannot write a page")
	}
}

// Asset answers GET /assets/{name}.
func (v *Visit) Asset() {
	if !v.site.pages.ServeAsset(v.W, v.R) {
		v.NotFound()
	}
}

// ReadPost reads a form; otherwise it answers, and returns false.
func (v *Visit) ReadPost() bool {
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
	v.site.log.WithName("audit").Info("Security event", append(fields, more...)...)
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
	v.site.log.Error(err, "Cannot serve a request", "method", v.R.Method)
	return false
}
