// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"net/url"
	"time"
)

// threads: "Long-Lived Access Tokens" of the Threads API: 60 days, renewable from the age of 24 hours until they expire, not afterwards.
type threads struct{ caller }

func newThreads(c caller) Network { return threads{c} }

func (n threads) Traits() Traits {
	return Traits{
		Lead: 10 * 24 * time.Hour, Shared: true,
		Scopes:    []string{"threads_basic", "threads_content_publish", "threads_manage_replies"},
		Renewable: func(t Tokens) bool { return t.Access != "" },
	}
}

func (n threads) Check(ctx context.Context, t Tokens) (Report, error) {
	me, err := n.me(ctx, t)
	return Report{AccountID: me.ID, Handle: me.Username}, err
}

type threadsUser struct{ ID, Username, Name string }

func (n threads) me(ctx context.Context, t Tokens) (threadsUser, error) {
	var me threadsUser
	query := url.Values{"fields": {"id,username,name"}, "access_token": {t.Access}}
	err := n.get(ctx, n.url+"/v1.0/me?"+query.Encode(), "", judgeMeta, &me)
	return me, err
}

func (n threads) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.metaRenew(ctx, "/refresh_access_token", url.Values{"grant_type": {"th_refresh_token"}, "access_token": {t.Access}})
}

// AuthorizeURL: "Get Access Tokens and Permissions" of the Threads API, step 1.
func (n threads) AuthorizeURL(a Authorization) string {
	a = a.with("threads_basic")
	return n.authorize("/oauth/authorize", a, commas(a))
}

// Exchange: "Get Access Tokens and Permissions", step 2, then "Long-Lived Access Tokens". Nothing tells what the person granted.
func (n threads) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	var short metaToken
	form := url.Values{
		"client_id": {n.app.ClientID}, "client_secret": {n.app.ClientSecret}, "grant_type": {"authorization_code"},
		"redirect_uri": {a.RedirectURL}, "code": {code},
	}
	if err := n.post(ctx, n.authURL+"/oauth/access_token", form, judgeMetaCode, &short); err != nil {
		return Tokens{}, err
	}
	return n.metaLast(ctx, "th_exchange_token", Tokens{Access: short.AccessToken})
}

func (n threads) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	me, err := n.me(ctx, t)
	if err != nil {
		return nil, err
	}
	return n.offers(Offer{AccountID: me.ID, Handle: me.Username, Name: me.Name, Tokens: t})
}
