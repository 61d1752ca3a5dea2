// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"net/url"

	"golang.org/x/oauth2"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// AuthorizeURL: "Manually Build a Login Flow". With auth_type=rerequest, people who turned a permission down before are asked for it again.
func (n facebook) AuthorizeURL(a Authorization) string {
	a = a.with("pages_show_list")
	return n.authorize(metaVersion+"/dialog/oauth", a, commas(a), oauth2.SetAuthURLParam("auth_type", "rerequest"))
}

// Exchange: "Manually Build a Login Flow", "Exchanging Code for an Access Token", then "Long-Lived Access Tokens". What was granted is told
// by debug_token: people may turn down a part.
func (n facebook) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	short, err := n.exchange(ctx, metaVersion+"/oauth/access_token", oauth2.AuthStyleInParams, code, a, judgeMetaCode)
	if err != nil {
		return Tokens{}, err
	}
	lasting, err := n.Renew(ctx, short)
	if err != nil {
		return short, err
	}
	report, err := n.debug(ctx, lasting)
	lasting.Scopes = report.Scopes
	return lasting, err
}

// Offers are the Pages that the person has a role on, each with a token of its own, and the ad accounts, which take the person's token.
func (n facebook) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	offers, err := n.pages(ctx, t)
	if err != nil || !anyOf(t.Scopes, "ads_read", "ads_management") {
		return offers, err
	}
	ads, err := n.adAccounts(ctx, t)
	return append(offers, ads...), err
}

// pages: "User" of the Graph API reference, edge accounts. A Page whose token is not there cannot be worked with: the person has no task on
// it, or did not choose it when they agreed. "Long-Lived Access Tokens": the token of a Page does not expire.
func (n facebook) pages(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	type page struct {
		ID, Name, Username string
		AccessToken        string `json:"access_token"`
	}
	err := metaList(ctx, n.caller, "/me/accounts", "id,name,username,access_token", t, func(p page) {
		if p.AccessToken == "" {
			return
		}
		o := Offer{AccountID: p.ID, Name: p.Name, Type: rosterv1alpha1.TypeProfile}
		o.Tokens = Tokens{Access: p.AccessToken, Scopes: t.Scopes}
		offers = append(offers, o.named(p.Username, p.Name, p.ID))
	})
	return offers, err
}

// adAccounts: "User" of the Marketing API reference, edge adaccounts.
func (n facebook) adAccounts(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	type account struct {
		AccountID string `json:"account_id"`
		Name      string
	}
	err := metaList(ctx, n.caller, "/me/adaccounts", "account_id,name", t, func(a account) {
		o := Offer{AccountID: a.AccountID, Name: a.Name, Type: rosterv1alpha1.TypeAdAccount, Tokens: t}
		offers = append(offers, o.named(a.Name, a.AccountID))
	})
	return offers, err
}

// metaList reads an edge page by page ("Paginated Results"). The address of the next page that the answer has is not used: it repeats the
// token, and could lead anywhere.
func metaList[T any](ctx context.Context, c caller, edge, fields string, t Tokens, each func(T)) error {
	query := url.Values{"fields": {fields}, "limit": {"100"}}
	for range mostPages {
		var page struct {
			Data   []T
			Paging struct {
				Cursors struct{ After string }
				Next    string
			}
		}
		if err := c.get(ctx, c.url+metaVersion+edge+"?"+query.Encode(), t.Access, judgeMeta, &page); err != nil {
			return err
		}
		for _, item := range page.Data {
			each(item)
		}
		if page.Paging.Next == "" || page.Paging.Cursors.After == "" {
			break
		}
		query.Set("after", page.Paging.Cursors.After)
	}
	return nil
}
