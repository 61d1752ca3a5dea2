// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// facebook: "Long-Lived Access Tokens" says that a user token lives about 60 days, that an expired one cannot be exchanged, and that the
// Page tokens of a long-lived user token do not expire. "Debugging Access Tokens and Errors" has debug_token, which tells expiries,
// data_access_expires_at (90 days after the person last agreed) and scopes; it wants the credentials of the app.
type facebook struct{ caller }

func newFacebook(c caller) Network { return facebook{c} }

func (n facebook) Traits() Traits {
	return Traits{
		Lead: 10 * 24 * time.Hour, Shared: true, AdAccounts: true,
		// "Permissions Reference": what publishing to a Page and answering there need.
		Scopes: []string{"pages_show_list", "pages_read_engagement", "pages_manage_posts", "pages_manage_engagement"},
		Renewable: func(t Tokens) bool {
			return n.app.registered() && t.Access != ""
		},
	}
}

func (n facebook) Check(ctx context.Context, t Tokens) (Report, error) {
	report, err := n.debug(ctx, t)
	if err != nil {
		return report, err
	}
	if t.Type == rosterv1alpha1.TypeAdAccount && t.AccountID != "" {
		return n.checkAdAccount(ctx, t, report)
	}
	var me struct{ ID string }
	if err := n.get(ctx, n.url+metaVersion+"/me?fields=id", t.Access, judgeMeta, &me); err != nil {
		return report, err
	}
	report.AccountID = me.ID
	if t.Type != rosterv1alpha1.TypeAdAccount && t.AccountID != "" && t.AccountID != me.ID {
		return n.checkPage(ctx, t, report)
	}
	return report, nil
}

// checkAdAccount: "Ad Account" of the Marketing API reference. Its name has act_ before the account_id; both are taken.
func (n facebook) checkAdAccount(ctx context.Context, t Tokens, report Report) (Report, error) {
	id := strings.TrimPrefix(t.AccountID, "act_")
	var ad struct {
		AccountID string `json:"account_id"`
		Name      string
	}
	address := n.url + metaVersion + "/act_" + url.PathEscape(id) + "?fields=account_id,name"
	if err := n.get(ctx, address, t.Access, judgeMetaNode, &ad); err != nil {
		return report, err
	}
	report.AccountID, report.Handle = strings.TrimSuffix(t.AccountID, id)+ad.AccountID, ad.Name
	return report, nil
}

// checkPage asks whether the token of a person opens a Page: only who has a role on it sees its access_token ("Page" of the Graph API
// reference). Else the token is that of another account, which the report names already.
func (n facebook) checkPage(ctx context.Context, t Tokens, report Report) (Report, error) {
	var page struct {
		ID          string
		AccessToken string `json:"access_token"`
	}
	address := n.url + metaVersion + "/" + url.PathEscape(t.AccountID) + "?fields=id,access_token"
	err := n.get(ctx, address, t.Access, judgeMetaNode, &page)
	if fault, ok := errors.AsType[*Error](err); ok && fault.Kind == KindScope {
		return report, nil
	}
	if err == nil && page.AccessToken != "" {
		report.AccountID = page.ID
	}
	return report, err
}

// judgeMetaNode reads an answer about one object: code 100 with subcode 33 is one that is not there or not for this token.
func judgeMetaNode(status int, body []byte) (Kind, string) {
	var answer struct {
		Error metaError `json:"error"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Error.Code == 100 && answer.Error.Subcode == 33 {
		return KindScope, answer.Error.String()
	}
	return judgeMeta(status, body)
}

// debug asks debug_token. An error at the top of its answer is about the credentials of the app; one about the token is under data.
func (n facebook) debug(ctx context.Context, t Tokens) (Report, error) {
	if !n.app.registered() {
		return Report{}, nil
	}
	var answer struct {
		Data struct {
			IsValid             bool      `json:"is_valid"`
			ExpiresAt           int64     `json:"expires_at"`
			DataAccessExpiresAt int64     `json:"data_access_expires_at"`
			Scopes              []string  `json:"scopes"`
			Error               metaError `json:"error"`
		} `json:"data"`
	}
	address := n.url + metaVersion + "/debug_token?" + url.Values{"input_token": {t.Access}}.Encode()
	err := n.get(ctx, address, n.app.ClientID+"|"+n.app.ClientSecret, judgeMetaApp, &answer)
	if err != nil {
		return Report{}, err
	}
	d := answer.Data
	report := Report{Scopes: d.Scopes, AccessExpiry: unixTime(d.ExpiresAt), DataAccessExpiry: unixTime(d.DataAccessExpiresAt)}
	if d.IsValid {
		return report, nil
	}
	if d.Error.Code != 0 && d.Error.kind() != KindAuthentication {
		return report, &Error{Kind: d.Error.kind(), Message: oneLine("debug_token says: " + d.Error.String())}
	}
	return report, &Error{Kind: KindAuthentication, Message: oneLine("debug_token says that the token is not valid. " + d.Error.String())}
}

// judgeMetaApp reads an answer to a request that bears the credentials of the app: that they are refused says nothing about the token.
func judgeMetaApp(status int, body []byte) (Kind, string) {
	kind, message := judgeMeta(status, body)
	if kind == KindAuthentication {
		return KindOther, "the client_id or client_secret of the app is refused: " + message
	}
	return kind, message
}

func (n facebook) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	return n.metaRenew(ctx, metaVersion+"/oauth/access_token", url.Values{
		"grant_type": {"fb_exchange_token"}, "client_id": {n.app.ClientID}, "client_secret": {n.app.ClientSecret},
		"fb_exchange_token": {t.Access},
	})
}

// Unread: unread_message_count and unread_notif_count of the Page ("Page" of the Graph API reference). A person has neither.
func (n facebook) Unread(ctx context.Context, t Tokens) (int, error) {
	var page struct {
		Messages      int `json:"unread_message_count"`
		Notifications int `json:"unread_notif_count"`
	}
	err := n.get(ctx, n.url+metaVersion+"/me?fields=unread_message_count,unread_notif_count", t.Access, judgeMeta, &page)
	return page.Messages + page.Notifications, err
}
