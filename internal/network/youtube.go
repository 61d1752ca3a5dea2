// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
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
	channels, err := n.channels(ctx, t)
	if err != nil {
		return report, err
	}
	if len(channels) > 0 {
		report.AccountID, report.Handle = channels[0].ID, channels[0].Snippet.CustomURL
	}
	return report, nil
}

type channel struct {
	ID      string
	Snippet struct{ Title, CustomURL string }
}

// channels of the person: "Channels: list" of the YouTube Data API. There is one, unless the person has none; that of a brand account is
// chosen when they agree.
func (n youTube) channels(ctx context.Context, t Tokens) ([]channel, error) {
	var answer struct{ Items []channel }
	err := n.get(ctx, n.url+"/youtube/v3/channels?part=id,snippet&mine=true", t.Access, judgeYouTube, &answer)
	return answer.Items, err
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

// judgeYouTube follows "Errors" of the YouTube Data API and "Global domain errors" of Google APIs: authError (the credentials "provided for
// the request are invalid") and expired are about the token; a 403 has several reasons, among them that the quota of the app is used up,
// and that the account or the channel is suspended or closed ("Common request errors").
// That a scope is missing may also be said as the ErrorInfo of "Errors" of Google's API design guide.
func judgeYouTube(status int, body []byte) (Kind, string) {
	var answer struct {
		Error struct {
			Message string `json:"message"`
			Errors  []struct {
				Reason string `json:"reason"`
			} `json:"errors"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	var reasons []string
	for _, e := range append(answer.Error.Errors, answer.Error.Details...) {
		reasons = append(reasons, e.Reason)
	}
	switch {
	case status == http.StatusUnauthorized && anyOf(reasons, "authError", "expired"):
		return KindAuthentication, answer.Error.Message
	case anyOf(reasons, "quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded", "userRateLimitExceeded"):
		return KindLimit, answer.Error.Message
	case anyOf(reasons, "authenticatedUserAccountSuspended", "authenticatedUserAccountClosed", "channelSuspended", "channelClosed"):
		return KindSuspended, answer.Error.Message
	case anyOf(reasons, "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"):
		return KindScope, answer.Error.Message
	}
	return KindOther, answer.Error.Message
}

func (n youTube) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.refresh(ctx, "/token", oauth2.AuthStyleInParams, t, invalidGrant)
}

// AuthorizeURL: "Using OAuth 2.0 for Web Server Applications", "Set authorization parameters". Without prompt=consent there is a refresh
// token at the first consent only. Google takes PKCE: code_challenge_methods_supported of its discovery document has S256.
func (n youTube) AuthorizeURL(a Authorization) string {
	const scopes = "https://www.googleapis.com/auth/youtube"
	return n.authorize("/o/oauth2/v2/auth", a.withOneOf(scopes+".readonly", scopes, scopes+".force-ssl"),
		oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"), oauth2.S256ChallengeOption(a.Verifier))
}

// Exchange: the same page, "Exchange authorization code for refresh and access tokens".
func (n youTube) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.exchange(ctx, "/token", oauth2.AuthStyleInParams, code, a, judgeCode, oauth2.VerifierOption(a.Verifier))
}

func (n youTube) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	channels, err := n.channels(ctx, t)
	var offers []Offer
	for _, c := range channels {
		o := Offer{AccountID: c.ID, Name: c.Snippet.Title, Type: rosterv1alpha1.TypeProfile, Tokens: t}
		offers = append(offers, o.named(c.Snippet.CustomURL, c.Snippet.Title, c.ID))
	}
	return offers, err
}
