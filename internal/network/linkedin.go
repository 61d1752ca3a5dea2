// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// linkedIn: "Refresh Tokens with OAuth 2.0" says that access tokens live 60 days and refresh tokens, which only approved partners get, 365
// days from the first sign-in, however often they are used. "Token Introspection" tells status, expiry and scopes.
type linkedIn struct{ caller }

func newLinkedIn(c caller) Network { return linkedIn{c} }

func (n linkedIn) Traits() Traits {
	return Traits{
		Lead: 7 * 24 * time.Hour, Shared: true, AdAccounts: true,
		// "Increasing Access": organisation posts and their comments.
		Scopes:    []string{"w_organization_social", "r_organization_social"},
		Renewable: func(t Tokens) bool { return t.Refresh != "" && n.app.registered() },
	}
}

func (n linkedIn) Check(ctx context.Context, t Tokens) (Report, error) {
	report, err := n.introspect(ctx, t)
	if err != nil {
		return report, err
	}
	account, err := n.account(ctx, t)
	report.AccountID, report.Handle = account.AccountID, account.Handle
	return report, err
}

// account is the one that the tokens should open, or the person's.
func (n linkedIn) account(ctx context.Context, t Tokens) (Report, error) {
	if t.Type == rosterv1alpha1.TypeAdAccount && t.AccountID != "" {
		return n.checkAdAccount(ctx, t)
	}
	if id, ok := strings.CutPrefix(t.AccountID, urnOrganization); ok {
		return n.checkOrganization(ctx, t, id)
	}
	// "Sign In with LinkedIn using OpenID Connect". Tokens for organisations alone do not reach this far, and are none the worse for it.
	var me linkedInMember
	err := n.get(ctx, n.url+"/v2/userinfo", t.Access, judgeLinkedIn, &me)
	if fault, ok := errors.AsType[*Error](err); ok && fault.Kind == KindScope {
		return Report{}, nil
	}
	return Report{AccountID: me.Sub}, err
}

func (n linkedIn) introspect(ctx context.Context, t Tokens) (Report, error) {
	if !n.app.registered() {
		return Report{}, nil
	}
	var answer struct {
		Active    bool
		Status    string
		Scope     string
		ExpiresAt int64 `json:"expires_at"`
	}
	form := url.Values{"client_id": {n.app.ClientID}, "client_secret": {n.app.ClientSecret}, "token": {t.Access}}
	if err := n.post(ctx, n.authURL+"/oauth/v2/introspectToken", form, judgeOAuth, &answer); err != nil {
		return Report{}, err
	}
	report := Report{Scopes: splitScopes(answer.Scope), AccessExpiry: unixTime(answer.ExpiresAt)}
	if !answer.Active && (answer.Status == "expired" || answer.Status == "revoked") {
		return report, &Error{Kind: KindAuthentication, Message: "LinkedIn says that the token is " + answer.Status}
	}
	if !answer.Active {
		return report, &Error{Message: oneLine("LinkedIn does not know the token for one of this app: status " + answer.Status)}
	}
	return report, nil
}

// judgeLinkedIn follows "Error Handling": serviceErrorCode 65600 to 65602 are an invalid, a revoked and an expired token, whatever else a
// 401 may be about.
func judgeLinkedIn(status int, body []byte) (Kind, string) {
	var answer struct {
		ServiceErrorCode int    `json:"serviceErrorCode"`
		Code             string `json:"code"`
		Message          string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	dead := answer.ServiceErrorCode >= 65600 && answer.ServiceErrorCode <= 65602 ||
		slices.Contains([]string{"INVALID_ACCESS_TOKEN", "REVOKED_ACCESS_TOKEN", "EXPIRED_ACCESS_TOKEN"}, answer.Code)
	message := fmt.Sprintf("%s (%d)", answer.Message, answer.ServiceErrorCode)
	switch {
	case status == http.StatusUnauthorized && dead:
		return KindAuthentication, message
	case status == http.StatusForbidden:
		return KindScope, message
	}
	return KindOther, message
}

func (n linkedIn) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.refresh(ctx, "/oauth/v2/accessToken", oauth2.AuthStyleInParams, t, invalidGrant)
}

// judgeOAuth reads the error of a token endpoint (RFC 6749, section 5.2) that was asked about a token, not with one.
func judgeOAuth(_ int, body []byte) (Kind, string) {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	return refusal(answer.Error, false), answer.Error + " " + answer.Description
}
