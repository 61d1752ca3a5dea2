// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/oauth2"
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
	me, err := n.me(ctx, t)
	return Report{AccountID: me.ID, Handle: me.Acct}, err
}

// open says why nobody can publish as the account: "Account" of the entities has suspended, and moved with the account that took over.
func (a mastodonAccount) open() error {
	switch {
	case a.Suspended:
		return &Error{Kind: KindSuspended, Message: "the server has suspended the account"}
	case a.Moved != nil:
		return &Error{Kind: KindMoved, Message: oneLine("the account has moved to @" + a.Moved.Acct)}
	}
	return nil
}

type mastodonAccount struct {
	ID, Acct    string
	DisplayName string `json:"display_name"`
	Suspended   bool
	Moved       *struct{ Acct string }
}

func (n mastodon) me(ctx context.Context, t Tokens) (mastodonAccount, error) {
	var me mastodonAccount
	err := n.get(ctx, n.url+"/api/v1/accounts/verify_credentials", t.Access, judgeMastodon, &me)
	if err == nil {
		err = me.open()
	}
	return me, err
}

// judgeMastodon: 401 "The access token is invalid", "… was revoked" or "… expired". 403 is about a scope that the token lacks, or about the
// account: verify_credentials documents "Your login is currently disabled", "… is missing a confirmed e-mail address" and "… is currently
// pending approval". The server has no codes for them, and does not translate them (require_user! in
// app/controllers/api/base_controller.rb; newer ones also say "Your account requires two-factor authentication", and "disabled" of accounts
// that were suspended or have moved).
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
	case status == http.StatusForbidden &&
		(strings.HasPrefix(answer.Error, "Your login ") || strings.HasPrefix(answer.Error, "Your account ")):
		return KindDisabled, answer.Error
	}
	return KindOther, answer.Error
}

func (n mastodon) Renew(context.Context, Tokens) (Tokens, error) {
	return Tokens{}, errors.New("tokens of Mastodon have no end, and cannot be renewed")
}

// Unread: "Get the number of unread notifications" of "notifications API methods", since version 4.3. Older servers do not have it. Servers
// count to 100, and no further.
func (n mastodon) Unread(ctx context.Context, t Tokens) (int, error) {
	var answer struct{ Count int }
	err := n.get(ctx, n.url+"/api/v1/notifications/unread_count", t.Access, judgeMastodon, &answer)
	return answer.Count, err
}

// AuthorizeURL: "OAuth API methods", "Authorize a user". Servers take PKCE since version 4.3; older ones pass over it.
func (n mastodon) AuthorizeURL(a Authorization) string {
	return n.authorize("/oauth/authorize", a.withOneOf("read:accounts", "read", "profile"), oauth2.S256ChallengeOption(a.Verifier))
}

// Exchange: "OAuth API methods", "Obtain a token".
func (n mastodon) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.exchange(ctx, "/oauth/token", oauth2.AuthStyleInParams, code, a, judgeCode, oauth2.VerifierOption(a.Verifier))
}

// Offers is the account with the server that has it: of several servers, the handle says which one to ask. That is the server's own host,
// also where its people go by the name of another domain.
func (n mastodon) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	me, err := n.me(ctx, t)
	if err != nil {
		return nil, err
	}
	user, _, _ := strings.Cut(me.Acct, "@")
	if user == "" {
		return nil, &Error{Message: hostOf(n.url) + " answers without a user name"}
	}
	return n.offers(Offer{AccountID: me.ID, Handle: "@" + user + "@" + strings.ToLower(hostOf(n.url)), Name: me.DisplayName, Tokens: t})
}
