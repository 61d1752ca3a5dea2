// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// x: "OAuth 2.0 Authorization Code Flow with PKCE" says that an access token lives two hours, and that offline.access brings a refresh
// token. Each renewal brings a new refresh token and ends the one that was used.
type x struct{ caller }

func newX(c caller) Network { return x{c} }

func (n x) Traits() Traits {
	return Traits{
		SingleUse: true, Lead: 30 * time.Minute,
		Scopes:    []string{"tweet.read", "tweet.write", "users.read", "offline.access"},
		Renewable: func(t Tokens) bool { return t.Refresh != "" && n.app.ClientID != "" },
	}
}

// Check asks for the user ("Users lookup": GET /2/users/me).
func (n x) Check(ctx context.Context, t Tokens) (Report, error) {
	var me struct{ Data struct{ ID, Username string } }
	err := n.get(ctx, n.url+"/2/users/me", t.Access, judgeX, &me)
	return Report{AccountID: me.Data.ID, Handle: me.Data.Username}, err
}

// judgeX follows "Response codes & errors": 401 is about the token; 403 is about what the app or the account may do.
func judgeX(status int, body []byte) (Kind, string) {
	var problem struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &problem) != nil {
		return KindOther, ""
	}
	if status == http.StatusUnauthorized {
		return KindAuthentication, problem.Detail
	}
	return KindOther, strings.TrimSpace(problem.Title + " " + problem.Detail)
}

func (n x) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	style := oauth2.AuthStyleInHeader // "Confidential clients"
	if n.app.ClientSecret == "" {
		style = oauth2.AuthStyleInParams // "Public clients"
	}
	return n.refresh(ctx, "/2/oauth2/token", style, t, func(e *oauth2.RetrieveError) bool {
		// X says invalid_request of a refresh token that was used already, in place of the invalid_grant of RFC 6749. It also says so of
		// a request that lacks something; only the words tell the two apart.
		return invalidGrant(e) || e.ErrorCode == "invalid_request" && e.ErrorDescription == "Value passed for the token was invalid."
	})
}
