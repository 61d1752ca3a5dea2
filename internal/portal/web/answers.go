// SPDX-License-Identifier: Apache-2.0

package web

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetrySoon is how long to wait for the cluster to catch up with a mail, RetryLater for an API server that is away. In seconds.
const (
	RetrySoon  = "5"
	RetryLater = "60"
)

// Notice answers with a page that says something.
func (v *Visit) Notice(status int, n Notice) { v.Show(status, PageNotice, n.Heading, n) }

// NotFound is for pages that there are not, and for those whose existence is not told.
func (v *Visit) NotFound() {
	w := v.Words
	v.Notice(http.StatusNotFound, Notice{Symbol: SymbolLink, Heading: w.T("problem.notFound.title"),
		Paragraphs: []string{w.T("problem.notFound.text")}})
}

// MethodNotAllowed names the methods that the page has.
func (v *Visit) MethodNotAllowed(allow string) {
	w := v.Words
	v.W.Header().Set("Allow", allow)
	v.Notice(http.StatusMethodNotAllowed, Notice{Heading: w.T("problem.method.title"), Paragraphs: []string{w.T("problem.method.text")}})
}

// BadRequest is for forms that no page of the portal sends.
func (v *Visit) BadRequest() {
	w := v.Words
	v.Notice(http.StatusBadRequest, Notice{Heading: w.T("problem.badRequest.title"), Paragraphs: []string{w.T("problem.badRequest.text")}})
}

func (v *Visit) tooLarge() {
	w := v.Words
	v.W.Header().Set("Connection", "close")
	v.Notice(http.StatusRequestEntityTooLarge, Notice{Heading: w.T("problem.tooLarge.title"),
		Paragraphs: []string{w.T("problem.tooLarge.text")}})
}

// CrossOrigin is for forms that another site sends.
func (v *Visit) CrossOrigin() {
	w := v.Words
	v.Notice(http.StatusForbidden, Notice{Heading: w.T("problem.crossOrigin.title"), Paragraphs: []string{w.T("problem.crossOrigin.text")}})
}

// InternalError is for a mistake of the portal's own.
func (v *Visit) InternalError() {
	w := v.Words
	v.Notice(http.StatusInternalServerError, Notice{Heading: w.T("problem.internal.title"),
		Paragraphs: []string{w.T("problem.internal.text")}})
}

// unavailable says that the API server cannot be reached.
func (v *Visit) unavailable() {
	w := v.Words
	v.W.Header().Set("Retry-After", RetryLater)
	v.Notice(http.StatusServiceUnavailable, Notice{Symbol: SymbolClock, Heading: w.T("problem.unavailable.title"),
		Paragraphs: []string{w.T("problem.unavailable.text")}, Again: "?" + strings.TrimPrefix(w.Query(), "?")})
}

// busy asks for patience: too many sign in at once.
func (v *Visit) busy() {
	w := v.Words
	v.W.Header().Set("Retry-After", RetrySoon)
	v.Notice(http.StatusServiceUnavailable, Notice{Symbol: SymbolClock, Heading: w.T("problem.busy.title"),
		Paragraphs: []string{w.T("problem.busy.text")}})
}

// Throttled says how long to wait.
func (v *Visit) Throttled(wait time.Duration) { v.Notice(v.throttled(wait)) }

// Locked is Throttled for somebody who may be kept out by others who try at their account: it says how to get in all the same.
func (v *Visit) Locked(wait time.Duration) {
	status, n := v.throttled(wait)
	n.Paragraphs = append(n.Paragraphs, v.Words.T("problem.locked.text"))
	n.Go = Action{Text: v.Words.T("problem.locked.go"), Href: v.Path("/forgotten")}
	v.Notice(status, n)
}

func (v *Visit) throttled(wait time.Duration) (status int, _ Notice) {
	w := v.Words
	v.W.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return http.StatusTooManyRequests, Notice{Symbol: SymbolClock, Heading: w.T("problem.throttled.title"),
		Paragraphs: []string{w.N("problem.throttled.text", int(math.Ceil(wait.Minutes())))}}
}
