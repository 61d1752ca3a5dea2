// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// youTube: "Using OAuth 2.0 for Web Server Applications". An access token lives an hour. A refresh token is sent once, at the first
// consent, and not with renewals. It ends after seven days while the app is in testing, after six months without use, or when the person
// takes it back ("Refresh token expiration").
type youTube struct{ caller }

func newYouTube(c caller) Network { return youTube{c} }

func (n youTube) Traits() Traits {
	return Traits{
		Lead: 15 * time.Minute, Shared: true,
		Scopes:    []string{"https://www.googleapis.com/auth/youtube.upload", "https://www.googleapis.com/auth/youtube.force-ssl"},
		Renewable: func(t Tokens) bool { return t.Refresh != "" && n.app.registered() },
	}
}

func (n youTube) Check(ctx context.Context, t Tokens) (Report, error) {
	// "Token types", "Access tokens": tokeninfo tells scopes and expiry, and answers 400 for a token that is no good.
	var info struct {
		Scope string
		Exp   string
	}
	err := n.get(ctx, n.authURL+"/tokeninfo?"+url.Values{"access_token": {t.Access}}.Encode(), "", judgeTokenInfo, &info)
	if err != nil {
		return Report{}, err
	}
	report := Report{Scopes: splitScopes(info.Scope), AccessExpiry: unixTime(number(info.Exp))}
	// "Channels: list" of the YouTube Data API.
	var channels struct {
		Items []struct {
			ID      string
			Snippet struct{ CustomURL string }
		}
	}
	if err := n.get(ctx, n.url+"/youtube/v3/channels?part=id,snippet&mine=true", t.Access, judgeYouTube, &channels); err != nil {
		return report, err
	}
	if len(channels.Items) > 0 {
		report.AccountID, report.Handle = channels.Items[0].ID, channels.Items[0].Snippet.CustomURL
	}
	return report, nil
}

func judgeTokenInfo(_ int, body []byte) (Kind, string) {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	if answer.Error == "invalid_token" {
		return KindAuthentication, answer.Error + " " + answer.Description
	}
	return KindOther, answer.Error + " " + answer.Description
}

// judgeYouTube follows "Errors" of the YouTube Data API and "Standard Error Responses" of the Global Domain: 401 is about the token, 403
// has several reasons, among them that the quota of the app is used up.
func judgeYouTube(status int, body []byte) (Kind, string) {
	var answer struct {
		Error struct {
			Message string `json:"message"`
			Errors  []struct {
				Reason string `json:"reason"`
			} `json:"errors"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	reason := ""
	if len(answer.Error.Errors) > 0 {
		reason = answer.Error.Errors[0].Reason
	}
	limits := []string{"quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded", "userRateLimitExceeded"}
	scopes := []string{"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
	switch {
	case status == http.StatusUnauthorized && slices.Contains([]string{"authError", "invalidCredentials", "expired"}, reason):
		return KindAuthentication, answer.Error.Message
	case slices.Contains(limits, reason):
		return KindLimit, answer.Error.Message
	case slices.Contains(scopes, reason):
		return KindScope, answer.Error.Message
	}
	return KindOther, answer.Error.Message
}

func (n youTube) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.refresh(ctx, "/token", oauth2.AuthStyleInParams, t, invalidGrant)
}
