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
	var me struct{ ID, Username string }
	query := url.Values{"fields": {"id,username"}, "access_token": {t.Access}}
	err := n.get(ctx, n.url+"/v1.0/me?"+query.Encode(), "", judgeMeta, &me)
	return Report{AccountID: me.ID, Handle: me.Username}, err
}

func (n threads) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.metaRenew(ctx, "/refresh_access_token", url.Values{"grant_type": {"th_refresh_token"}, "access_token": {t.Access}})
}
