// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/utils/clock"
)

// largestAnswer is more than any of the answers that are asked for.
const largestAnswer = 1 << 20

// caller sends requests to a network.
type caller struct {
	http                     *http.Client
	clock                    clock.PassiveClock
	app                      App
	url, authURL, connectURL string
}

// judge reads an answer that is not what was hoped for.
type judge func(status int, body []byte) (kind Kind, message string)

// get asks with the token in the Authorization header (RFC 6750, section 2.1).
func (c caller) get(ctx context.Context, address, bearer string, judge judge, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return c.do(r, judge, out)
}

func (c caller) post(ctx context.Context, address string, form url.Values, judge judge, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(r, judge, out)
}

func (c caller) do(r *http.Request, judge judge, out any) error {
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Roster (https://github.com/roster-dev/roster)")
	response, err := c.http.Do(r) //nolint:gosec // the address is the network's own or the administrator's, never a profile's
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return c.fault(r.URL.Host, response, body, judge)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &Error{Message: fmt.Sprintf("%s answers with something that is not the JSON that its documentation promises", r.URL.Host)}
	}
	return nil
}

// fault is what an answer other than 2xx says.
func (c caller) fault(host string, response *http.Response, body []byte, judge judge) *Error {
	kind, message := judge(response.StatusCode, body)
	f := &Error{Kind: kind, RetryAfter: retryAfter(response.Header, c.clock.Now())}
	if response.StatusCode == http.StatusTooManyRequests {
		f.Kind = KindLimit
	}
	if f.Kind != KindLimit && response.StatusCode != http.StatusServiceUnavailable {
		f.RetryAfter = 0 // the reset of a limit that is not reached
	}
	f.Message = oneLine(fmt.Sprintf("%s answers %d: %s", host, response.StatusCode, message))
	if message == "" {
		f.Message = fmt.Sprintf("%s answers %d", host, response.StatusCode)
	}
	return f
}

// refresh renews by OAuth 2.0 (RFC 6749, section 6). The style is given and not tried out: a try would use up a refresh token.
func (c caller) refresh(
	ctx context.Context, path string, style oauth2.AuthStyle, t Tokens, dead func(*oauth2.RetrieveError) bool,
) (Tokens, error) {
	config := oauth2.Config{
		ClientID: c.app.ClientID, ClientSecret: c.app.ClientSecret,
		Endpoint: oauth2.Endpoint{TokenURL: c.authURL + path, AuthStyle: style},
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.http)
	answer, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: t.Refresh}).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return Tokens{}, c.fault(hostOf(c.authURL), refused.Response, refused.Body, func(int, []byte) (Kind, string) {
			return refusal(refused.ErrorCode, dead(refused)), strings.TrimSpace(refused.ErrorCode + " " + refused.ErrorDescription)
		})
	} else if err != nil {
		return Tokens{}, err
	}
	return c.tokensOf(answer), nil
}

// tokensOf are the tokens in an answer of a token endpoint.
func (c caller) tokensOf(answer *oauth2.Token) Tokens {
	return Tokens{
		Access: answer.AccessToken, Refresh: answer.RefreshToken, Scopes: splitScopes(text(answer.Extra("scope"))),
		AccessExpiry:  c.in(number(answer.Extra("expires_in"))),
		RefreshExpiry: c.in(number(answer.Extra("refresh_token_expires_in"))),
	}
}

// refusal is what an error code of a token endpoint says about the refresh token.
func refusal(code string, dead bool) Kind {
	switch {
	case dead:
		return KindAuthentication
	case code == "temporarily_unavailable" || code == "slow_down":
		return KindLimit
	}
	return KindOther // invalid_client among them: the app is at fault, not the token
}

// invalidGrant is what RFC 6749, section 5.2, has for a refresh token that is "invalid, expired, revoked".
func invalidGrant(e *oauth2.RetrieveError) bool { return e.ErrorCode == "invalid_grant" }

// in is the time that many seconds from now; zero for none.
func (c caller) in(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return c.clock.Now().Add(time.Duration(seconds) * time.Second).UTC().Truncate(time.Second)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// number reads a number that some networks write as text.
func number(v any) int64 {
	switch n := v.(type) {
	case float64:
		return int64(n)
	case int64:
		return n
	case string:
		i, _ := strconv.ParseInt(n, 10, 64)
		return i
	}
	return 0
}
