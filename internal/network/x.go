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
	me, err := n.me(ctx, t)
	return Report{AccountID: me.ID, Handle: me.Username}, err
}

type xUser struct{ ID, Username, Name string }

func (n x) me(ctx context.Context, t Tokens) (xUser, error) {
	var me struct{ Data xUser }
	err := n.get(ctx, n.url+"/2/users/me", t.Access, judgeX, &me)
	return me.Data, err
}

// judgeX follows "Response Codes & Errors": a 401 of the type about:blank, the generic one, is about the credentials, and Check sends no
// others than the token. Types of their own are about something else, such as the app that is not enrolled, and an answer without a type is
// not X's.
func judgeX(status int, body []byte) (Kind, string) {
	var problem struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &problem) != nil {
		return KindOther, ""
	}
	if status == http.StatusUnauthorized && problem.Type == "about:blank" {
		return KindAuthentication, problem.Detail
	}
	return KindOther, strings.TrimSpace(problem.Title + " " + problem.Detail)
}

func (n x) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.refresh(ctx, "/2/oauth2/token", n.style(), t, func(e *oauth2.RetrieveError) bool {
		// X says invalid_request of a refresh token that was used already, in place of the invalid_grant of RFC 6749. It also says so of
		// a request that lacks something; only the words tell the two apart.
		return invalidGrant(e) || e.ErrorCode == "invalid_request" && e.ErrorDescription == "Value passed for the token was invalid."
	})
}

func (n x) style() oauth2.AuthStyle {
	if n.app.ClientSecret == "" {
		return oauth2.AuthStyleInParams // "Public clients"
	}
	return oauth2.AuthStyleInHeader // "Confidential clients"
}

// AuthorizeURL: "OAuth 2.0 Authorization Code Flow with PKCE", "Step 1: Construct an Authorize URL".
func (n x) AuthorizeURL(a Authorization) string {
	a = a.with("tweet.read", "users.read", "offline.access")
	return n.authorize("/i/oauth2/authorize", a, oauth2.S256ChallengeOption(a.Verifier))
}

// Exchange: the same page, "Step 3: POST oauth2/token - Access Token".
func (n x) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.exchange(ctx, "/2/oauth2/token", n.style(), code, a, judgeCode, oauth2.VerifierOption(a.Verifier))
}

func (n x) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	me, err := n.me(ctx, t)
	if err != nil {
		return nil, err
	}
	return n.offers(Offer{AccountID: me.ID, Handle: me.Username, Name: me.Name, Tokens: t})
}
