// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"
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
	var me struct {
		Data struct {
			User struct {
				OpenID string `json:"open_id"`
			}
		}
	}
	err := n.get(ctx, n.url+"/v2/user/info/?fields=open_id", t.Access, judgeTikTok, &me)
	return Report{AccountID: me.Data.User.OpenID}, err
}

// judgeTikTok follows "Error Handling" of the Display API v2.
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
	case "access_token_invalid", "access_token_expired":
		return KindAuthentication, message
	case "rate_limit_exceeded":
		return KindLimit, message
	case "scope_not_authorized", "scope_permission_missed":
		return KindScope, message
	}
	return KindOther, message
}

// Renew: "Refresh an access token". What goes wrong is told in the body, whatever the status.
func (n tikTok) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	var answer struct {
		AccessToken      string `json:"access_token"`
		ExpiresIn        int64  `json:"expires_in"`
		RefreshToken     string `json:"refresh_token"`
		RefreshExpiresIn int64  `json:"refresh_expires_in"`
		Scope            string `json:"scope"`
		Error            string `json:"error"`
		Description      string `json:"error_description"`
	}
	form := url.Values{
		"client_key": {n.app.ClientID}, "client_secret": {n.app.ClientSecret},
		"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh},
	}
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
			Message: oneLine("TikTok answers a renewal without a token: " + answer.Error + " " + answer.Description),
		}
	}
	return Tokens{
		Access: answer.AccessToken, Refresh: answer.RefreshToken, Scopes: splitScopes(answer.Scope),
		AccessExpiry: n.in(answer.ExpiresIn), RefreshExpiry: n.in(answer.RefreshExpiresIn),
	}, nil
}
