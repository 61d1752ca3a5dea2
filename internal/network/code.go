// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// authorize is where to send the browser (RFC 6749, section 4.1.1).
func (c caller) authorize(path string, a Authorization, options ...oauth2.AuthCodeOption) string {
	config := oauth2.Config{
		ClientID: c.app.ClientID, RedirectURL: a.RedirectURL, Scopes: a.Scopes, Endpoint: oauth2.Endpoint{AuthURL: c.connectURL + path},
	}
	return config.AuthCodeURL(a.State, options...)
}

// exchange gets tokens for a code (RFC 6749, section 4.1.3). As with a renewal, the style is given and not tried out: a code is good for
// one use. Who grants just what was asked for need not say so (section 5.1).
func (c caller) exchange(
	ctx context.Context, path string, style oauth2.AuthStyle, code string, a Authorization, judge judge, options ...oauth2.AuthCodeOption,
) (Tokens, error) {
	config := oauth2.Config{
		ClientID: c.app.ClientID, ClientSecret: c.app.ClientSecret, RedirectURL: a.RedirectURL,
		Endpoint: oauth2.Endpoint{TokenURL: c.authURL + path, AuthStyle: style},
	}
	answer, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, c.http), code, options...)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return Tokens{}, c.fault(hostOf(c.authURL), refused.Response, refused.Body, judge)
	} else if err != nil {
		return Tokens{}, err
	}
	t := c.tokensOf(answer)
	if len(t.Scopes) == 0 {
		t.Scopes = a.Scopes
	}
	return t, nil
}

// judgeCode reads the error of a token endpoint about a code: RFC 6749, section 5.2, has invalid_grant for one that is "invalid, expired,
// revoked" or was issued to others.
func judgeCode(_ int, body []byte) (Kind, string) {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	return refusal(answer.Error, answer.Error == "invalid_grant"), strings.TrimSpace(answer.Error + " " + answer.Description)
}

// with asks for further scopes.
func (a Authorization) with(scopes ...string) Authorization {
	a.Scopes = slices.Concat(a.Scopes, Missing(a.Scopes, scopes))
	return a
}

// withOneOf asks for the first of some scopes, unless one that says as much is asked for already.
func (a Authorization) withOneOf(scopes ...string) Authorization {
	if anyOf(a.Scopes, scopes...) {
		return a
	}
	return a.with(scopes[0])
}

// anyOf reports whether one of the wanted scopes was granted.
func anyOf(granted []string, wanted ...string) bool {
	return len(Missing(granted, wanted)) < len(wanted)
}

// commas writes scopes as the networks want them that follow an early draft of OAuth 2.0.
func commas(a Authorization) oauth2.AuthCodeOption {
	return oauth2.SetAuthURLParam("scope", strings.Join(a.Scopes, ","))
}
