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

// pinterest: "Set up authentication and authorization". An access token lives 30 days. A continuous refresh token lives 60 days and comes
// with a new one at each renewal, so that it never ends while it is used.
type pinterest struct{ caller }

func newPinterest(c caller) Network { return pinterest{c} }

func (n pinterest) Traits() Traits {
	return Traits{
		Lead: 7 * 24 * time.Hour, Shared: true, AdAccounts: true,
		Scopes:    []string{"boards:read", "pins:read", "pins:write", "user_accounts:read"},
		Renewable: func(t Tokens) bool { return t.Refresh != "" && n.app.registered() },
	}
}

// Check asks for the account ("Get user account", API v5).
func (n pinterest) Check(ctx context.Context, t Tokens) (Report, error) {
	if t.Type == rosterv1alpha1.TypeAdAccount && t.AccountID != "" {
		return n.checkAdAccount(ctx, t)
	}
	me, err := n.me(ctx, t)
	return Report{AccountID: me.ID, Handle: me.Username}, err
}

// checkAdAccount: "Get ad account".
func (n pinterest) checkAdAccount(ctx context.Context, t Tokens) (Report, error) {
	var ad struct{ ID, Name string }
	err := n.get(ctx, n.url+"/v5/ad_accounts/"+url.PathEscape(t.AccountID), t.Access, reach(judgePinterest), &ad)
	return Report{AccountID: ad.ID, Handle: ad.Name}, err
}

type pinterestUser struct {
	ID, Username string
	BusinessName string `json:"business_name"`
}

func (n pinterest) me(ctx context.Context, t Tokens) (pinterestUser, error) {
	var me pinterestUser
	err := n.get(ctx, n.url+"/v5/user_account", t.Access, judgePinterest, &me)
	return me, err
}

// judgePinterest follows the examples in the API reference, v5: code 2 with a 401 is "Authentication failed" (with other statuses, it is
// something that was not found), 3 a token without the right scopes, also with a 401, and 8 too many requests.
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

// AuthorizeURL: "Set up authentication and authorization", "Request user access".
func (n pinterest) AuthorizeURL(a Authorization) string {
	a = a.with("user_accounts:read")
	return n.authorize("/oauth/", a, commas(a))
}

// Exchange: "Generate OAuth access token" (API v5). Apps from before 25 September 2025 have to ask for a continuous refresh token; others
// get one in any case.
func (n pinterest) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.exchange(ctx, "/v5/oauth/token", oauth2.AuthStyleInHeader, code, a, judgePinterestCode,
		oauth2.SetAuthURLParam("continuous_refresh", "true"))
}

// judgePinterestCode reads both forms of errors that the token endpoint has.
func judgePinterestCode(status int, body []byte) (Kind, string) {
	if kind, message := judgeCode(status, body); message != "" {
		return kind, message
	}
	kind, message := judgePinterest(status, body)
	if kind == KindAuthentication { // of the app, that is
		kind = KindOther
	}
	return kind, message
}

// Offers are the account and, where the token reaches so far, its ad accounts ("List ad accounts").
func (n pinterest) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	me, err := n.me(ctx, t)
	if err != nil {
		return nil, err
	}
	offers, err := n.offers(Offer{AccountID: me.ID, Handle: me.Username, Name: me.BusinessName, Tokens: t})
	if err != nil || !anyOf(t.Scopes, "ads:read") {
		return offers, err
	}
	query := url.Values{"page_size": {"100"}}
	for range mostPages {
		var page struct {
			Items    []struct{ ID, Name string }
			Bookmark string
		}
		if err := n.get(ctx, n.url+"/v5/ad_accounts?"+query.Encode(), t.Access, judgePinterest, &page); err != nil {
			return nil, err
		}
		for _, ad := range page.Items {
			offers = append(offers, Offer{AccountID: ad.ID, Type: rosterv1alpha1.TypeAdAccount, Tokens: t}.named(ad.Name, ad.ID))
		}
		if page.Bookmark == "" {
			break
		}
		query.Set("bookmark", page.Bookmark)
	}
	return offers, nil
}
