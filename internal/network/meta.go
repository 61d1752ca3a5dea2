// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// metaVersion of the Graph API ("Graph API Changelog").
const metaVersion = "/v25.0"

// metaError is how Facebook, Instagram and Threads report errors ("Handling Errors", Graph API). The HTTP status is 400 for nearly all of
// them, an expired token included.
type metaError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    int    `json:"code"`
	Subcode int    `json:"error_subcode"`
}

func (e metaError) String() string {
	if e.Code == 0 {
		return e.Message
	}
	if e.Subcode != 0 {
		return fmt.Sprintf("%s (code %d, subcode %d)", e.Message, e.Code, e.Subcode)
	}
	return fmt.Sprintf("%s (code %d)", e.Message, e.Code)
}

// kind follows the tables "Error Codes" and "Authentication Error Codes" of "Handling Errors", and "Error Codes" of "Rate Limits".
func (e metaError) kind() Kind {
	switch {
	case e.Code == 190 && (e.Subcode == 459 || e.Subcode == 464):
		// 459 checkpointed, 464 unconfirmed: the person has to sign in at the network itself and put something right there.
		return KindDisabled
	case e.Code == 190 || e.Code == 102:
		// Subcodes: 458 app not installed, 460 password changed, 463 expired, 467 invalid. Each ends with the person signing in again.
		return KindAuthentication
	case slices.Contains([]int{4, 17, 32, 341, 613}, e.Code) || e.Code >= 80000 && e.Code <= 80014:
		return KindLimit
	case e.Code == 3 || e.Code == 10 || e.Code >= 200 && e.Code <= 299:
		return KindScope
	}
	return KindOther
}

func judgeMeta(_ int, body []byte) (Kind, string) {
	var answer struct {
		Error metaError `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	return answer.Error.kind(), answer.Error.String()
}

// metaToken is the answer to a renewal. expires_in is missing where a token does not expire.
type metaToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// metaRenew asks for a token that lives longer in exchange for one that still lives.
func (c caller) metaRenew(ctx context.Context, path string, query url.Values) (Tokens, error) {
	var answer metaToken
	if err := c.get(ctx, c.url+path+"?"+query.Encode(), "", judgeMeta, &answer); err != nil {
		return Tokens{}, err
	}
	if answer.AccessToken == "" {
		return Tokens{}, &Error{Message: hostOf(c.url) + " answers a renewal without a token"}
	}
	return Tokens{Access: answer.AccessToken, AccessExpiry: c.in(answer.ExpiresIn)}, nil
}

// metaLast gets a token that lasts for the one of an hour that a code brought ("Long-Lived Access Tokens" of Threads, "Access Token" of the
// Instagram Platform). Where that fails, the short one is returned with the error.
func (c caller) metaLast(ctx context.Context, grant string, short Tokens) (Tokens, error) {
	if short.Access == "" {
		return short, &Error{Message: hostOf(c.authURL) + " answers a code without a token"}
	}
	lasting, err := c.metaRenew(ctx, "/access_token", url.Values{
		"grant_type": {grant}, "client_secret": {c.app.ClientSecret}, "access_token": {short.Access},
	})
	if err != nil {
		return short, err
	}
	return short.With(lasting), nil
}

// judgeMetaCode reads an answer about a code: Facebook and Threads report errors as ever, Instagram in a form of its own.
func judgeMetaCode(status int, body []byte) (Kind, string) {
	var answer struct {
		Message string `json:"error_message"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
		return KindOther, answer.Message
	}
	return judgeMetaApp(status, body)
}

// metaScopes are permissions as a list, or in one text with commas.
type metaScopes []string

func (s *metaScopes) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = splitScopes(one)
		return nil
	}
	return json.Unmarshal(b, (*[]string)(s))
}
