// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"net/url"
	"time"
)

// instagram: "Instagram API with Instagram Login". "Refresh Access Token" says that a long-lived token of at least 24 hours of age that has
// not expired can be exchanged for one of 60 days, and that it cannot be once it has expired. No endpoint tells its expiry.
type instagram struct{ caller }

func newInstagram(c caller) Network { return instagram{c} }

func (n instagram) Traits() Traits {
	return Traits{
		Lead: 10 * 24 * time.Hour, Shared: true,
		Scopes:    []string{"instagram_business_basic", "instagram_business_content_publish", "instagram_business_manage_comments"},
		Renewable: func(t Tokens) bool { return t.Access != "" },
	}
}

func (n instagram) Check(ctx context.Context, t Tokens) (Report, error) {
	me, err := n.me(ctx, t)
	return Report{AccountID: me.UserID, Handle: me.Username}, err
}

type instagramUser struct {
	UserID   string `json:"user_id"`
	Username string `json:"username"`
	Name     string `json:"name"`
}

func (n instagram) me(ctx context.Context, t Tokens) (instagramUser, error) {
	var me instagramUser
	query := url.Values{"fields": {"user_id,username,name"}, "access_token": {t.Access}}
	err := n.get(ctx, n.url+metaVersion+"/me?"+query.Encode(), "", judgeMeta, &me)
	return me, err
}

func (n instagram) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.metaRenew(ctx, "/refresh_access_token", url.Values{"grant_type": {"ig_refresh_token"}, "access_token": {t.Access}})
}

// AuthorizeURL: "Business Login for Instagram", step 1.
func (n instagram) AuthorizeURL(a Authorization) string {
	a = a.with("instagram_business_basic")
	return n.authorize("/oauth/authorize", a, commas(a))
}

// Exchange: "Business Login for Instagram", steps 2 and 3. The first answer has a list around it in the documentation, and none in
// practice; permissions are what was granted, as a list or in one text.
func (n instagram) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	type short struct {
		AccessToken string     `json:"access_token"`
		Permissions metaScopes `json:"permissions"`
	}
	var answer struct {
		short
		Data []short `json:"data"`
	}
	form := url.Values{
		"client_id": {n.app.ClientID}, "client_secret": {n.app.ClientSecret}, "grant_type": {"authorization_code"},
		"redirect_uri": {a.RedirectURL}, "code": {code},
	}
	if err := n.post(ctx, n.authURL+"/oauth/access_token", form, judgeMetaCode, &answer); err != nil {
		return Tokens{}, err
	}
	first := answer.short
	if len(answer.Data) > 0 {
		first = answer.Data[0]
	}
	return n.metaLast(ctx, "ig_exchange_token", Tokens{Access: first.AccessToken, Scopes: first.Permissions})
}

func (n instagram) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	me, err := n.me(ctx, t)
	if err != nil {
		return nil, err
	}
	return n.offers(Offer{AccountID: me.UserID, Handle: me.Username, Name: me.Name, Tokens: t})
}
