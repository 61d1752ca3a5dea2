// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// pinterest: "Set up authentication and authorization". An access token lives 30 days. A continuous refresh token lives 60 days and comes
// with a new one at each renewal, so that it never ends while it is used.
type pinterest struct{ caller }

func newPinterest(c caller) Network { return pinterest{c} }

func (n pinterest) Traits() Traits {
	return Traits{
		Lead: 7 * 24 * time.Hour, Shared: true,
		Scopes:    []string{"boards:read", "pins:read", "pins:write", "user_accounts:read"},
		Renewable: func(t Tokens) bool { return t.Refresh != "" && n.app.registered() },
	}
}

// Check asks for the account ("Get user account", API v5).
func (n pinterest) Check(ctx context.Context, t Tokens) (Report, error) {
	var me struct{ ID, Username string }
	err := n.get(ctx, n.url+"/v5/user_account", t.Access, judgePinterest, &me)
	return Report{AccountID: me.ID, Handle: me.Username}, err
}

// judgePinterest follows the errors of the API reference, v5: code 2 is "Authentication failed", 3 "Authorization failed", 8 "Too many
// requests".
func judgePinterest(status int, body []byte) (Kind, string) {
	var answer struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	switch {
	case status == http.StatusUnauthorized && answer.Code == 2:
		return KindAuthentication, answer.Message
	case answer.Code == 8:
		return KindLimit, answer.Message
	case answer.Code == 3:
		return KindScope, answer.Message
	}
	return KindOther, answer.Message
}

func (n pinterest) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.refresh(ctx, "/v5/oauth/token", oauth2.AuthStyleInHeader, t, invalidGrant)
}
