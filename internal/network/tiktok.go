// SPDX-License-Identifier: Apache-2.0

package network

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// tikTok: "Manage User Access Tokens with OAuth v2". An access token lives 24 hours and a refresh token 365 days; a renewal may bring a new
// refresh token, which then takes the place of the old one. The client is called client_key, and scopes are separated by commas.
type tikTok struct{ caller }

func newTikTok(c caller) Network { return tikTok{c} }

func (n tikTok) Traits() Traits {
	return Traits{
		Lead: 6 * time.Hour, Shared: true,
		Scopes:    []string{"user.info.basic", "video.publish"},
		Renewable: func(t Tokens) bool { return t.Refresh != "" && n.app.registered() },
	}
}

// Check asks for the user ("Get User Info").
func (n tikTok) Check(ctx context.Context, t Tokens) (Report, error) {
	me, err := n.me(ctx, t, "open_id")
	return Report{AccountID: me.OpenID}, err
}

type tikTokUser struct {
	OpenID      string `json:"open_id"`
	DisplayName string `json:"display_name"`
	Username    string `json:"username"`
}

func (n tikTok) me(ctx context.Context, t Tokens, fields string) (tikTokUser, error) {
	var me struct{ Data struct{ User tikTokUser } }
	err := n.get(ctx, n.url+"/v2/user/info/?fields="+fields, t.Access, judgeTikTok, &me)
	return me.Data.User, err
}

// judgeTikTok follows "Error Handling" of the TikTok API v2. A 401 may be about the token or about a scope; the code says which.
func judgeTikTok(_ int, body []byte) (Kind, string) {
	var answer struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	message := answer.Error.Code + " " + answer.Error.Message
	switch answer.Error.Code {
	case "access_token_invalid":
		return KindAuthentication, message
	case "rate_limit_exceeded":
		return KindLimit, message
	case "scope_not_authorized", "scope_permission_missed":
		return KindScope, message
	}
	return KindOther, message
}

// Renew: "Refresh an access token".
func (n tikTok) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}})
}

// token asks the token endpoint. What goes wrong is told in the body, whatever the status.
func (n tikTok) token(ctx context.Context, form url.Values) (Tokens, error) {
	var answer struct {
		AccessToken      string `json:"access_token"`
		ExpiresIn        int64  `json:"expires_in"`
		RefreshToken     string `json:"refresh_token"`
		RefreshExpiresIn int64  `json:"refresh_expires_in"`
		Scope            string `json:"scope"`
		Error            string `json:"error"`
		Description      string `json:"error_description"`
	}
	form.Set("client_key", n.app.ClientID)
	form.Set("client_secret", n.app.ClientSecret)
	judge := func(_ int, body []byte) (Kind, string) {
		_ = json.Unmarshal(body, &answer)
		return refusal(answer.Error, answer.Error == "invalid_grant"), strings.TrimSpace(answer.Error + " " + answer.Description)
	}
	if err := n.post(ctx, n.authURL+"/v2/oauth/token/", form, judge, &answer); err != nil {
		return Tokens{}, err
	}
	if answer.AccessToken == "" {
		return Tokens{}, &Error{
			Kind:    refusal(answer.Error, answer.Error == "invalid_grant"),
			Message: oneLine("TikTok answers without a token: " + answer.Error + " " + answer.Description),
		}
	}
	return Tokens{
		Access: answer.AccessToken, Refresh: answer.RefreshToken, Scopes: splitScopes(answer.Scope),
		AccessExpiry: n.in(answer.ExpiresIn), RefreshExpiry: n.in(answer.RefreshExpiresIn),
	}, nil
}

// AuthorizeURL: "Login Kit for Web". PKCE is for desktop and mobile apps there.
func (n tikTok) AuthorizeURL(a Authorization) string {
	a = a.with("user.info.basic")
	return n.authorize("/v2/auth/authorize/", a, commas(a), oauth2.SetAuthURLParam("client_key", n.app.ClientID))
}

// Exchange: "Fetch an access token using an authorization code".
func (n tikTok) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.token(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.RedirectURL}})
}

// Offers is the user. The user name takes the scope user.info.profile, which has to be asked for at TikTok; the display name comes with
// every token.
func (n tikTok) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	fields := "open_id,display_name"
	if slices.Contains(t.Scopes, "user.info.profile") {
		fields += ",username"
	}
	me, err := n.me(ctx, t, fields)
	if err != nil {
		return nil, err
	}
	return n.offers(Offer{AccountID: me.OpenID, Handle: cmp.Or(me.Username, me.DisplayName), Name: me.DisplayName, Tokens: t})
}
