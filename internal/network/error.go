// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Validity is how tokens stand.
type Validity string

// How tokens stand. Only an answer that a network documents as one about the tokens makes them Invalid.
const (
	Valid   Validity = "Valid"
	Invalid Validity = "Invalid"
	Unknown Validity = "Unknown"
	// Closed: the tokens may be good, but the network has disabled, suspended or moved the account.
	Closed Validity = "Closed"
)

// Kind of an Error.
type Kind int

// The kinds of an Error.
const (
	// KindOther is all that says nothing about the tokens: the network, the connection, the app or the request is at fault.
	KindOther Kind = iota
	// KindAuthentication means that the network no longer accepts the tokens.
	KindAuthentication
	// KindLimit means that there were too many requests.
	KindLimit
	// KindScope means that the token does not reach as far as what was asked.
	KindScope
	// KindDisabled means that the account, or the person's sign-in to it, is disabled for now: the person who looks after it has to sign in
	// there.
	KindDisabled
	// KindSuspended means that the network has suspended or closed the account.
	KindSuspended
	// KindMoved means that the account has moved to another.
	KindMoved
)

// Error is why a network did not do what it was asked.
type Error struct {
	Kind Kind
	// Message is what the network said, on one line and without tokens.
	Message string
	// RetryAfter is how long the network asks to wait; zero where it does not say.
	RetryAfter time.Duration
}

func (f *Error) Error() string { return f.Message }

// ValidityOf is the validity of tokens by the error of Check or Renew.
func ValidityOf(err error) Validity {
	fault, known := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return Valid
	case known && fault.Kind == KindAuthentication:
		return Invalid
	case known && fault.Kind >= KindDisabled:
		return Closed
	}
	return Unknown
}

// reach judges the answer to a question about one account: that there is none, or that it is not for this token, says how far the token
// reaches.
func reach(judge judge) judge {
	return func(status int, body []byte) (Kind, string) {
		kind, message := judge(status, body)
		if kind == KindOther && message != "" && (status == http.StatusForbidden || status == http.StatusNotFound) {
			kind = KindScope
		}
		return kind, message
	}
}

// faultOf makes an Error of any error. Addresses are left out: some networks want tokens in them.
func faultOf(err error) Error {
	if fault, ok := errors.AsType[*Error](err); ok {
		return *fault
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		host := ""
		if u, parseErr := url.Parse(request.URL); parseErr == nil {
			host = u.Host
		}
		reason := request.Err.Error()
		if errors.Is(err, context.DeadlineExceeded) || request.Timeout() {
			reason = "no answer in time"
		}
		return Error{Message: oneLine(fmt.Sprintf("%s: %s", host, reason))}
	}
	return Error{Message: oneLine(err.Error())}
}

// oneLine keeps what a network says printable.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	return strings.ToValidUTF8(s, "?")
}

// short keeps what a network says short. What is secret in it has to be gone before: a part of a secret is not recognised any more.
func short(s string) string {
	const longest = 300
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

// longestWait is the longest that a network is believed when it says how long to wait.
const longestWait = 24 * time.Hour

// retryAfter reads how long to wait from the headers of an answer. Retry-After is RFC 9110, section 10.2.3: seconds or a date. The others
// are what networks send in its place: seconds since 1970 (X, Bluesky), seconds from now (Pinterest, the draft "RateLimit header fields for
// HTTP"), or a date (Mastodon).
func retryAfter(header http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "X-Rate-Limit-Reset", "X-RateLimit-Reset", "RateLimit-Reset"} {
		value := header.Get(name)
		if value == "" {
			continue
		}
		if wait := waitOf(value, now); wait > 0 {
			return min(wait, longestWait)
		}
	}
	return 0
}

func waitOf(value string, now time.Time) time.Duration {
	const surelyADate = 1_000_000_000
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		switch {
		case n >= surelyADate && n < 1e12:
			return time.Unix(int64(n), 0).Sub(now)
		case n >= 0 && n < surelyADate:
			return time.Duration(n * float64(time.Second))
		}
		return 0
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now)
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at.Sub(now)
	}
	return 0
}
