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
	var me struct {
		UserID   string `json:"user_id"`
		Username string `json:"username"`
	}
	query := url.Values{"fields": {"user_id,username"}, "access_token": {t.Access}}
	err := n.get(ctx, n.url+metaVersion+"/me?"+query.Encode(), "", judgeMeta, &me)
	return Report{AccountID: me.UserID, Handle: me.Username}, err
}

func (n instagram) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.metaRenew(ctx, "/refresh_access_token", url.Values{"grant_type": {"ig_refresh_token"}, "access_token": {t.Access}})
}
