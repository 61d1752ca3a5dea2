// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"errors"
	"math"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
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
func (v *Visit) Now() time.Time { return v.site.Clock.Now() }

// Log gets what the person is not told. No token, password or path goes into it.
func (v *Visit) Log() logr.Logger { return v.site.Log }

// Speak chooses the language of the page: the one asked for, unless the person has chosen one; else the other one.
func (v *Visit) Speak(asked, otherwise rosterv1alpha1.Locale) {
	v.Words = v.site.dictionary.Choose(v.R, asked, otherwise)
}

// Show writes a page in the language of the visit.
func (v *Visit) Show(status int, name PageName, title string, content any) error {
	if err := v.site.pages.Write(v.W, status, name, v.Words, title, v.Menu, content); err != nil {
		v.Log().Error(err, "Cannot write a page")
	}
	return nil
}

// Form writes a page with a form: as it is, or with what has to be corrected.
func (v *Visit) Form(name PageName, title string, problems []Problem, content any) error {
	status := http.StatusOK
	if len(problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return v.Show(status, name, v.Words.ErrorTitle(title, problems), content)
}

// Asset answers GET /assets/{name}.
func (v *Visit) Asset() error {
	if !v.site.pages.ServeAsset(v.W, v.R) {
		return v.NotFound()
	}
	return nil
}

// readForm reads a form, or answers that there is none.
func (v *Visit) readForm() error {
	err := v.R.ParseForm()
	if err == nil && isForm(v.R) {
		return nil
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return Answered(v.tooLarge())
	}
	return Answered(v.BadRequest())
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
	v.site.Metrics.CountEvent(e, r)
	fields := []any{"event", e, "result", r, "account", acct, "client", v.Client.String()}
	v.Log().WithName("audit").Info("Security event", append(fields, more...)...)
}

// statusClientGone is what the log says of a request whose client did not wait, as nginx does; nobody receives it.
const statusClientGone = 499

// ErrAnswered says that there is nothing left to answer.
var ErrAnswered = errors.New("has been answered")

// Answered ends a page from within: it has just been answered.
func Answered(err error) error { return cmp.Or(err, ErrAnswered) }

// Fault is for an API server that cannot be reached or refuses.
func (v *Visit) Fault(err error) {
	if !v.Report(err) {
		_ = v.unavailable()
	}
}

// Report logs why a request cannot be served. It returns true if it has been answered, or nobody waits for an answer.
func (v *Visit) Report(err error) bool {
	if errors.Is(v.R.Context().Err(), context.Canceled) {
		v.W.WriteHeader(statusClientGone)
		return true
	}
	if errors.Is(err, v.site.Busy) {
		_ = v.busy()
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

// Seal seals what the browser carries and must not read. What is sealed for one use does not open for another.
func (v *Visit) Seal(use string, document any) (string, error) {
	keys, err := v.site.CookieKeys.Refresh(v.R.Context())
	if err != nil {
		return "", err
	}
	return seal.New(keys, use).SealDocument(document)
}

// Open opens what Seal has sealed. It returns false for anything else.
func (v *Visit) Open(use, sealed string, document any) (bool, error) {
	keys, err := v.site.CookieKeys.Refresh(v.R.Context())
	return err == nil && seal.New(keys, use).OpenDocument(sealed, document) == nil, err
}

// OpenCookie reads a sealed cookie. It returns false if there is none that can be read.
func (v *Visit) OpenCookie(name, use string, document any) (bool, error) {
	cookie, err := v.R.Cookie(v.cookieName(name))
	if err != nil || cookie.Value == "" {
		return false, nil //nolint:nilerr // There is no such cookie.
	}
	return v.Open(use, cookie.Value, document)
}

// SealCookie hands the browser a sealed cookie. One that lasts no time goes when the browser is closed.
func (v *Visit) SealCookie(name, use string, document any, lasts time.Duration) error {
	value, err := v.Seal(use, document)
	if err == nil {
		v.setCookie(name, value, lasts)
	}
	return err
}

// RetrySoon is how long to wait for the cluster to catch up with a mail, RetryLater for an API server that is away. In seconds.
const (
	RetrySoon  = "5"
	RetryLater = "60"
)

// Notice answers with a page that says something.
func (v *Visit) Notice(status int, n Notice) error { return v.Show(status, PageNotice, n.Heading, n) }

// Say answers with a page that says something, and nothing more.
func (v *Visit) Say(status int, s symbol, heading string, paragraphs ...string) error {
	return v.Notice(status, Notice{Symbol: s, Heading: heading, Paragraphs: paragraphs})
}

// NotFound is for pages that there are not, and for those whose existence is not told.
func (v *Visit) NotFound() error {
	w := v.Words
	return v.Notice(http.StatusNotFound, Notice{Symbol: SymbolLink, Heading: w.T("problem.notFound.title"),
		Paragraphs: []string{w.T("problem.notFound.text")}, Go: v.ToAccount()})
}

// ToAccount leads people on from a page on which there is nothing else to do. Those who are not signed in are asked to on the way.
func (v *Visit) ToAccount() Action {
	return Action{Text: v.Words.T("welcome.account"), Href: v.Path("/account")}
}

// MethodNotAllowed names the methods that the page has.
func (v *Visit) MethodNotAllowed(allow string) error {
	w := v.Words
	v.W.Header().Set("Allow", allow)
	return v.Notice(http.StatusMethodNotAllowed, Notice{Heading: w.T("problem.method.title"),
		Paragraphs: []string{w.T("problem.method.text")}, Go: v.ToAccount()})
}

// BadRequest is for forms that no page of the portal sends.
func (v *Visit) BadRequest() error {
	w := v.Words
	return v.Say(http.StatusBadRequest, "", w.T("problem.badRequest.title"), w.T("problem.badRequest.text"))
}

func (v *Visit) tooLarge() error {
	w := v.Words
	v.W.Header().Set("Connection", "close")
	return v.Say(http.StatusRequestEntityTooLarge, "", w.T("problem.tooLarge.title"), w.T("problem.tooLarge.text"))
}

// CrossOrigin is for forms that another site sends.
func (v *Visit) CrossOrigin() error {
	w := v.Words
	return v.Say(http.StatusForbidden, "", w.T("problem.crossOrigin.title"), w.T("problem.crossOrigin.text"))
}

// InternalError is for a mistake of the portal's own.
func (v *Visit) InternalError() error {
	w := v.Words
	return v.Say(http.StatusInternalServerError, "", w.T("problem.internal.title"), w.T("problem.internal.text"))
}

// unavailable says that the API server cannot be reached.
func (v *Visit) unavailable() error {
	w := v.Words
	v.W.Header().Set("Retry-After", RetryLater)
	return v.Notice(http.StatusServiceUnavailable, Notice{Symbol: SymbolClock, Heading: w.T("problem.unavailable.title"),
		Paragraphs: []string{w.T("problem.unavailable.text")}, Again: "?" + strings.TrimPrefix(w.Query(), "?")})
}

// busy asks for patience: too many sign in at once.
func (v *Visit) busy() error {
	w := v.Words
	v.W.Header().Set("Retry-After", RetrySoon)
	return v.Say(http.StatusServiceUnavailable, SymbolClock, w.T("problem.busy.title"), w.T("problem.busy.text"))
}

// Throttled says how long to wait.
func (v *Visit) Throttled(wait time.Duration) error { return v.Notice(v.throttled(wait)) }

// Locked is Throttled for somebody who may be kept out by others who try at their account: it says how to get in all the same.
func (v *Visit) Locked(wait time.Duration) error {
	status, n := v.throttled(wait)
	n.Paragraphs = append(n.Paragraphs, v.Words.T("problem.locked.text"))
	n.Go = Action{Text: v.Words.T("problem.locked.go"), Href: v.Path("/forgotten")}
	return v.Notice(status, n)
}

func (v *Visit) throttled(wait time.Duration) (status int, _ Notice) {
	w := v.Words
	v.W.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return http.StatusTooManyRequests, Notice{Symbol: SymbolClock, Heading: w.T("problem.throttled.title"),
		Paragraphs: []string{w.N("problem.throttled.text", int(math.Ceil(wait.Minutes())))}}
}
