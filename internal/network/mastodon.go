// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// mastodon: "OAuth" and "OAuth Tokens" of the API documentation. Tokens have no expiry and no refresh token: they live until somebody
// revokes them. Each server is a network of its own.
type mastodon struct{ caller }

func newMastodon(c caller) Network { return mastodon{c} }

func (n mastodon) Traits() Traits {
	return Traits{Scopes: []string{"read", "write"}, Renewable: func(Tokens) bool { return false }}
}

// Check asks for the account ("accounts API methods": verify_credentials).
func (n mastodon) Check(ctx context.Context, t Tokens) (Report, error) {
	var me struct{ ID, Acct string }
	err := n.get(ctx, n.url+"/api/v1/accounts/verify_credentials", t.Access, judgeMastodon, &me)
	return Report{AccountID: me.ID, Handle: me.Acct}, err
}

// judgeMastodon: 401 "The access token is invalid", "… was revoked" or "… expired"; 403 is about an account that is locked for now, or a
// scope that the token lacks.
func judgeMastodon(status int, body []byte) (Kind, string) {
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error == "" {
		return KindOther, ""
	}
	switch {
	case status == http.StatusUnauthorized:
		return KindAuthentication, answer.Error
	case status == http.StatusForbidden && strings.Contains(answer.Error, "scope"):
		return KindScope, answer.Error
	}
	return KindOther, answer.Error
}

func (n mastodon) Renew(context.Context, Tokens) (Tokens, error) {
	return Tokens{}, errors.New("tokens of Mastodon have no end, and cannot be renewed")
}

// Unread: "notifications API methods", unread_count, since version 4.3. Older servers do not have it.
func (n mastodon) Unread(ctx context.Context, t Tokens) (int, error) {
	var answer struct{ Count int }
	err := n.get(ctx, n.url+"/api/v1/notifications/unread_count", t.Access, judgeMastodon, &answer)
	return answer.Count, err
}
