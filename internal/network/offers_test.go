// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// offered is what a network answers to somebody who has agreed, and what there is to choose from.
type offered struct {
	name    string
	network rosterv1alpha1.Network
	scopes  []string
	answers map[string]answer
	// want has an offer a line: type, account, handle and name.
	want []string
	kind network.Kind
	says string
}

func TestOffers(t *testing.T) {
	for _, c := range []offered{
		{
			name: "Pages on two pages of a list, one without a token", network: "Facebook",
			answers: map[string]answer{
				"GET /v25.0/me/accounts": {200, nil, `{"data":[{"id":"1","name":"Acme","username":"acme","access_token":"page-1"},{"id":"2","name":"No task there"}],
					"paging":{"cursors":{"before":"a","after":"QVFI"},"next":"https://elsewhere.example/v25.0/me/accounts?access_token=x"}}`},
				"GET /v25.0/me/accounts?after=QVFI": {200, nil, `{"data":[{"id":"3","name":"Acme Österreich","access_token":"page-3"}],"paging":{"cursors":{"after":"QVFJ"}}}`},
			},
			want: []string{`Profile 1 "acme" ""`, `Profile 3 "Acme Österreich" ""`},
		},
		{
			name: "no Page", network: "Facebook", answers: map[string]answer{"GET /v25.0/me/accounts": {200, nil, `{"data":[]}`}},
		},
		{
			name: "ad accounts, where that was granted", network: "Facebook", scopes: []string{"pages_show_list", "ads_read"},
			answers: map[string]answer{
				"GET /v25.0/me/accounts":   {200, nil, `{"data":[]}`},
				"GET /v25.0/me/adaccounts": {200, nil, `{"data":[{"account_id":"99","name":"Acme EMEA","id":"act_99"},{"account_id":"98","name":"","id":"act_98"}]}`},
			},
			want: []string{`AdAccount 99 "Acme EMEA" ""`, `AdAccount 98 "98" ""`},
		},
		{
			name: "the permission was turned down", network: "Facebook",
			answers: map[string]answer{"GET /v25.0/me/accounts": {403, nil, `{"error":{"message":"(#200) Requires pages_show_list permission","type":"OAuthException","code":200}}`}},
			kind:    network.KindScope, says: "pages_show_list",
		},
		{
			name: "one account", network: "Instagram",
			answers: map[string]answer{"GET /v25.0/me": {200, nil, `{"user_id":"17841405822304914","username":"acme","name":"Acme Inc.","id":"24"}`}},
			want:    []string{`Profile 17841405822304914 "acme" "Acme Inc."`},
		},
		{
			name: "one account", network: "Threads", answers: map[string]answer{"GET /v1.0/me": {200, nil, `{"id":"77","username":"acme","name":"Acme"}`}},
			want: []string{`Profile 77 "acme" ""`},
		},
		{
			name: "an answer without an account", network: "Threads", answers: map[string]answer{"GET /v1.0/me": {200, nil, `{}`}}, says: "without an account",
		},
		{
			name: "one account", network: "X", answers: map[string]answer{"GET /2/users/me": {200, nil, `{"data":{"id":"12","name":"Acme Inc.","username":"acme"}}`}},
			want: []string{`Profile 12 "acme" "Acme Inc."`},
		},
		{
			name: "the app may not", network: "X",
			answers: map[string]answer{"GET /2/users/me": {403, nil, `{"title":"Client Forbidden","type":"https://api.twitter.com/2/problems/client-forbidden","status":403,"detail":"Your client app is not configured"}`}},
			says:    "Client Forbidden",
		},
		{
			name: "organisations, ad accounts and the person", network: "LinkedIn", scopes: []string{"r_organization_admin", "rw_ads", "w_member_social", "openid"},
			answers: map[string]answer{
				"GET /rest/organizationAcls": {200, nil, `{"elements":[{"role":"ADMINISTRATOR","organization":"urn:li:organization:79988552","state":"APPROVED"},
					{"role":"RECRUITING_POSTER","organization":"urn:li:organization:79988552","state":"APPROVED"},
					{"role":"CONTENT_ADMINISTRATOR","organization":"urn:li:organization:5","state":"APPROVED"},
					{"role":"ANALYST","organization":"urn:li:organization:8","state":"APPROVED"},{"role":"CURATOR","organization":"urn:li:organization:9","state":"APPROVED"},
					{"role":"ADMINISTRATOR","organization":"urn:li:organizationBrand:6"}],"paging":{"count":100,"start":0}}`},
				"GET /rest/organizations?ids=List(79988552,5)":           {200, nil, `{"results":{"79988552":{"vanityName":"acme","localizedName":"Acme Inc.","id":79988552}},"statuses":{},"errors":{"5":{"status":404}}}`},
				"GET /rest/adAccounts":                                   {200, nil, `{"elements":[{"id":516413367,"name":"Acme EMEA","status":"ACTIVE"}],"metadata":{"nextPageToken":"DgGerr1iVQreCJVjZDOW="}}`},
				"GET /rest/adAccounts?pageToken=DgGerr1iVQreCJVjZDOW%3D": {200, nil, `{"elements":[{"id":7,"name":"Acme"}],"metadata":{}}`},
				"GET /v2/userinfo":                                       {200, nil, `{"sub":"782bbtaQ","name":"Ana Doe"}`},
			},
			want: []string{
				`Profile urn:li:organization:79988552 "acme" "Acme Inc."`, `Profile urn:li:organization:5 "5" ""`,
				`AdAccount urn:li:sponsoredAccount:516413367 "Acme EMEA" ""`, `AdAccount urn:li:sponsoredAccount:7 "Acme" ""`, `Profile 782bbtaQ "Ana Doe" ""`,
			},
		},
		{
			name: "nothing was granted that opens an account", network: "LinkedIn", scopes: []string{"openid"},
		},
		{
			name: "no role on any page", network: "LinkedIn", scopes: []string{"rw_organization_admin"},
			answers: map[string]answer{"GET /rest/organizationAcls": {200, nil, `{"elements":[],"paging":{"count":100,"start":0}}`}},
		},
		{
			name: "the version is no more", network: "LinkedIn", scopes: []string{"rw_organization_admin"},
			answers: map[string]answer{"GET /rest/organizationAcls": {426, nil, `{"status":426,"code":"NONEXISTENT_VERSION","message":"Requested version 20260701 is not active"}`}},
			says:    "not active",
		},
		{
			name: "a channel", network: "YouTube",
			answers: map[string]answer{"GET /youtube/v3/channels": {200, nil, `{"items":[{"id":"UC1","snippet":{"title":"Acme","customUrl":"@acme"}},{"id":"UC2","snippet":{"title":"Acme Labs"}}]}`}},
			want:    []string{`Profile UC1 "@acme" ""`, `Profile UC2 "Acme Labs" ""`},
		},
		{
			name: "no channel, and an answer without items", network: "YouTube",
			answers: map[string]answer{"GET /youtube/v3/channels": {200, nil, `{"kind":"youtube#channelListResponse","pageInfo":{"totalResults":0}}`}},
		},
		{
			name: "the display name, where the user name was not granted", network: "TikTok", scopes: []string{"user.info.basic"},
			answers: map[string]answer{"GET /v2/user/info/?fields=open_id,display_name": {200, nil, `{"data":{"user":{"open_id":"723f","display_name":"Acme Inc."}},"error":{"code":"ok"}}`}},
			want:    []string{`Profile 723f "Acme Inc." ""`},
		},
		{
			name: "the user name, where it was granted", network: "TikTok", scopes: []string{"user.info.basic", "user.info.profile"},
			answers: map[string]answer{"GET /v2/user/info/?fields=open_id,display_name,username": {200, nil, `{"data":{"user":{"open_id":"723f","display_name":"Acme Inc.","username":"acme"}},"error":{"code":"ok"}}`}},
			want:    []string{`Profile 723f "acme" "Acme Inc."`},
		},
		{
			name: "the account alone", network: "Pinterest", scopes: []string{"user_accounts:read"},
			answers: map[string]answer{"GET /v5/user_account": {200, nil, `{"account_type":"BUSINESS","id":"2783","username":"acme","business_name":"Acme Inc."}`}},
			want:    []string{`Profile 2783 "acme" "Acme Inc."`},
		},
		{
			name: "ad accounts, where that was granted", network: "Pinterest", scopes: []string{"ads:read"},
			answers: map[string]answer{
				"GET /v5/user_account":             {200, nil, `{"id":"2783","username":"acme"}`},
				"GET /v5/ad_accounts":              {200, nil, `{"items":[{"id":"549755885175","name":"Acme EMEA","owner":{"username":"acme"}}],"bookmark":"bm1"}`},
				"GET /v5/ad_accounts?bookmark=bm1": {200, nil, `{"items":[{"id":"549755885176","name":"Acme US"}],"bookmark":null}`},
			},
			want: []string{`Profile 2783 "acme" ""`, `AdAccount 549755885175 "Acme EMEA" ""`, `AdAccount 549755885176 "Acme US" ""`},
		},
		{
			name: "no permission", network: "Pinterest", scopes: []string{"ads:read"},
			answers: map[string]answer{
				"GET /v5/user_account": {200, nil, `{"id":"2783","username":"acme"}`},
				"GET /v5/ad_accounts":  {403, nil, `{"code":3,"message":"Authorization failed."}`},
			},
			kind: network.KindScope, says: "Authorization failed",
		},
		{
			name: "an error with the token in it", network: "Mastodon",
			answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {401, nil, `{"error":"The access token access-value is invalid"}`}},
			kind:    network.KindAuthentication, says: "token [secret] is invalid",
		},
		{
			name: "no user name", network: "Mastodon", answers: map[string]answer{"GET /api/v1/accounts/verify_credentials": {200, nil, `{"id":"1"}`}},
			says: "without a user name",
		},
		{
			name: "an app password that is no good", network: "Bluesky",
			answers: map[string]answer{"POST /xrpc/com.atproto.server.createSession": {401, nil, `{"error":"AuthenticationRequired","message":"Invalid identifier or password"}`}},
			kind:    network.KindAuthentication, says: "Invalid identifier",
		},
		{
			name: "a session without tokens", network: "Bluesky",
			answers: map[string]answer{"POST /xrpc/com.atproto.server.createSession": {200, nil, `{"did":"did:plc:1","handle":"acme.example"}`}},
			says:    "without tokens",
		},
	} {
		t.Run(string(c.network)+": "+c.name, func(t *testing.T) { testOffers(t, c) })
	}
}

func testOffers(t *testing.T, c offered) {
	f := newFake(t, c.answers)
	connector, ok := network.Connects(f.network(t, c.network, app))
	if !ok {
		t.Fatal("no accounts to connect")
	}
	person := network.Tokens{Access: tokens.Access, Refresh: tokens.Refresh, Scopes: c.scopes, AccessExpiry: now.Add(time.Hour)}
	offers, err := connector.Offers(t.Context(), person)
	if wantFault(t, err, c.kind, c.says, 0); c.says == "" && err != nil {
		t.Error(err)
	}
	var got []string
	for _, o := range offers {
		got = append(got, fmt.Sprintf("%s %s %q %q", o.Type, o.AccountID, o.Handle, o.Name))
		want := person
		if c.network == "Facebook" && o.Type == rosterv1alpha1.TypeProfile { // whose tokens do not expire
			want = network.Tokens{Access: "page-" + o.AccountID, Scopes: c.scopes}
		}
		if diff := cmp.Diff(want, o.Tokens, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", o.Handle, diff)
		}
	}
	if diff := cmp.Diff(c.want, got); diff != "" {
		t.Error(diff)
	}
}

// The handle says which server has the account: the one that was asked, whatever the address in its configuration looks like.
func TestMastodonHandle(t *testing.T) {
	f := newFake(t, map[string]answer{"GET /api/v1/accounts/verify_credentials": {200, nil, `{"id":"14715","username":"acme","acct":"acme","display_name":"Acme Inc."}`}})
	c, _ := network.Connects(f.network(t, "Mastodon", app))
	offers, err := c.Offers(t.Context(), tokens)
	want := "@acme@" + strings.TrimPrefix(f.URL, "http://")
	if err != nil || len(offers) != 1 || offers[0].Handle != want || offers[0].Name != "Acme Inc." || offers[0].AccountID != "14715" {
		t.Errorf("%+v, %v, want the handle %s", offers, err, want)
	}
}

// A list that never ends is not read for ever, and what is on each page of it is offered once.
func TestListsEnd(t *testing.T) {
	f := newFake(t, map[string]answer{
		"GET /v25.0/me/accounts": {200, nil, `{"data":[{"id":"1","name":"Acme","access_token":"page-1"}],"paging":{"cursors":{"after":"x"},"next":"y"}}`},
	})
	c, _ := network.Connects(f.network(t, "Facebook", app))
	offers, err := c.Offers(t.Context(), tokens)
	if err != nil || len(f.requests) != 10 || len(offers) != 1 {
		t.Errorf("%d requests bring %d offers: %v", len(f.requests), len(offers), err)
	}
}

var noAdministrator = answer{403, nil, `{"status":403,"serviceErrorCode":100,"code":"ACCESS_DENIED","message":"Not enough permissions to access: GET /organizations"}`}

// What a token of a person opens beside the person.
func TestCheckAccount(t *testing.T) {
	const ad = rosterv1alpha1.TypeAdAccount
	for _, c := range []struct {
		name    string
		network rosterv1alpha1.Network
		about   network.Tokens
		answers map[string]answer
		want    network.Report
		kind    network.Kind
		says    string
	}{
		{
			name: "an ad account", network: "Facebook", about: network.Tokens{Type: ad, AccountID: "act_99"},
			answers: map[string]answer{"GET /v25.0/act_99": {200, nil, `{"account_id":"99","name":"Acme EMEA","id":"act_99"}`}},
			want:    network.Report{AccountID: "act_99", Handle: "Acme EMEA"},
		},
		{
			name: "an ad account by its number", network: "Facebook", about: network.Tokens{Type: ad, AccountID: "99"},
			answers: map[string]answer{"GET /v25.0/act_99": {200, nil, `{"account_id":"99","name":"Acme EMEA","id":"act_99"}`}},
			want:    network.Report{AccountID: "99", Handle: "Acme EMEA"},
		},
		{
			name: "no ad account in particular", network: "Facebook", about: network.Tokens{Type: ad},
			answers: map[string]answer{"GET /v25.0/me": {200, nil, `{"id":"1"}`}},
		},
		{
			name: "no permission on the ad account", network: "Facebook", about: network.Tokens{Type: ad, AccountID: "99"},
			answers: map[string]answer{"GET /v25.0/act_99": {403, nil, `{"error":{"message":"(#200) Ad account owner has NOT grant ads_management or ads_read permission","type":"OAuthException","code":200}}`}},
			kind:    network.KindScope, says: "#200",
		},
		{
			name: "an ad account that is not there for this token", network: "Facebook", about: network.Tokens{Type: ad, AccountID: "99"},
			answers: map[string]answer{"GET /v25.0/act_99": {400, nil, `{"error":{"message":"Unsupported get request. Object with ID 'act_99' does not exist","type":"GraphMethodException","code":100,"error_subcode":33}}`}},
			kind:    network.KindScope, says: "does not exist",
		},
		{
			name: "a dead token", network: "Facebook", about: network.Tokens{Type: ad, AccountID: "99"},
			answers: map[string]answer{"GET /v25.0/act_99": {400, nil, `{"error":{"message":"Session has expired","type":"OAuthException","code":190,"error_subcode":463}}`}},
			kind:    network.KindAuthentication, says: "463",
		},
		{
			name: "a Page that the person has a role on", network: "Facebook", about: network.Tokens{AccountID: "4711"},
			answers: map[string]answer{"GET /v25.0/me": {200, nil, `{"id":"1"}`}, "GET /v25.0/4711": {200, nil, `{"id":"4711","access_token":"page"}`}},
			want:    network.Report{AccountID: "4711"},
		},
		{
			name: "a Page that the person has no role on", network: "Facebook", about: network.Tokens{AccountID: "4711"},
			answers: map[string]answer{"GET /v25.0/me": {200, nil, `{"id":"1"}`}, "GET /v25.0/4711": {200, nil, `{"id":"4711"}`}},
			want:    network.Report{AccountID: "1"},
		},
		{
			name: "a Page that is not for this token", network: "Facebook", about: network.Tokens{AccountID: "4711"},
			answers: map[string]answer{
				"GET /v25.0/me":   {200, nil, `{"id":"1"}`},
				"GET /v25.0/4711": {400, nil, `{"error":{"message":"(#10) pages_read_engagement","code":10}}`},
			},
			want: network.Report{AccountID: "1"},
		},
		{
			name: "the Page's own token", network: "Facebook", about: network.Tokens{AccountID: "4711"},
			answers: map[string]answer{"GET /v25.0/me": {200, nil, `{"id":"4711"}`}}, want: network.Report{AccountID: "4711"},
		},
		{
			name: "an organisation", network: "LinkedIn", about: network.Tokens{AccountID: "urn:li:organization:5"},
			answers: map[string]answer{"GET /rest/organizations/5": {200, nil, `{"id":5,"vanityName":"acme","localizedName":"Acme Inc.","name":{"localized":{}}}`}},
			want:    network.Report{AccountID: "urn:li:organization:5", Handle: "acme"},
		},
		{
			name: "an organisation that the person does not administer", network: "LinkedIn", about: network.Tokens{AccountID: "urn:li:organization:5"},
			answers: map[string]answer{
				"GET /rest/organizations/5":  noAdministrator,
				"GET /rest/organizationAcls": {200, nil, `{"elements":[{"role":"ANALYST","organization":"urn:li:organization:5","state":"APPROVED"}]}`},
			},
			kind: network.KindScope, says: "Not enough permissions",
		},
		{
			name: "an organisation whose content the person administers", network: "LinkedIn", about: network.Tokens{AccountID: "urn:li:organization:5"},
			answers: map[string]answer{
				"GET /rest/organizations/5":           noAdministrator,
				"GET /rest/organizationAcls":          {200, nil, `{"elements":[{"role":"CONTENT_ADMINISTRATOR","organization":"urn:li:organization:5","state":"APPROVED"}]}`},
				"GET /rest/organizations?ids=List(5)": {200, nil, `{"results":{"5":{"vanityName":"acme","localizedName":"Acme Inc.","id":5}}}`},
			},
			want: network.Report{AccountID: "urn:li:organization:5", Handle: "acme"},
		},
		{
			name: "an organisation, where LinkedIn does not answer about roles", network: "LinkedIn", about: network.Tokens{AccountID: "urn:li:organization:5"},
			answers: map[string]answer{"GET /rest/organizations/5": noAdministrator, "GET /rest/organizationAcls": {503, nil, ``}}, says: "503",
		},
		{
			name: "an ad account", network: "LinkedIn", about: network.Tokens{Type: ad, AccountID: "urn:li:sponsoredAccount:7"},
			answers: map[string]answer{"GET /rest/adAccounts/7": {200, nil, `{"id":7,"name":"Acme EMEA","status":"ACTIVE"}`}},
			want:    network.Report{AccountID: "urn:li:sponsoredAccount:7", Handle: "Acme EMEA"},
		},
		{
			name: "an ad account by its number", network: "LinkedIn", about: network.Tokens{Type: ad, AccountID: "7"},
			answers: map[string]answer{"GET /rest/adAccounts/7": {404, nil, `{"status":404,"serviceErrorCode":0,"message":"Could not find entity"}`}},
			kind:    network.KindScope, says: "Could not find",
		},
		{
			name: "a person", network: "LinkedIn", about: network.Tokens{AccountID: "782bbtaQ"},
			answers: map[string]answer{"GET /v2/userinfo": {200, nil, `{"sub":"782bbtaQ"}`}}, want: network.Report{AccountID: "782bbtaQ"},
		},
		{
			name: "an ad account", network: "Pinterest", about: network.Tokens{Type: ad, AccountID: "549755885175"},
			answers: map[string]answer{"GET /v5/ad_accounts/549755885175": {200, nil, `{"id":"549755885175","name":"Acme EMEA"}`}},
			want:    network.Report{AccountID: "549755885175", Handle: "Acme EMEA"},
		},
		{
			name: "an ad account of others", network: "Pinterest", about: network.Tokens{Type: ad, AccountID: "549755885175"},
			answers: map[string]answer{"GET /v5/ad_accounts/549755885175": {403, nil, `{"code":29,"message":"You are not permitted to access that resource."}`}},
			kind:    network.KindScope, says: "not permitted",
		},
		{
			name: "a page of a proxy is no answer about the account", network: "Pinterest", about: network.Tokens{Type: ad, AccountID: "549755885175"},
			answers: map[string]answer{"GET /v5/ad_accounts/549755885175": {403, nil, `<html>blocked</html>`}}, says: "403",
		},
		{
			name: "an ad account that nobody can be asked about", network: "X", about: network.Tokens{Type: ad, AccountID: "18ce54d4x5t"},
			answers: map[string]answer{"GET /2/users/me": {200, nil, `{"data":{"id":"12","username":"acme"}}`}},
		},
	} {
		t.Run(string(c.network)+": "+c.name, func(t *testing.T) {
			f := newFake(t, c.answers)
			c.about.Access = tokens.Access
			report, err := f.network(t, c.network, network.App{}).Check(t.Context(), c.about)
			if wantFault(t, err, c.kind, c.says, 0); c.says == "" && err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.want, report, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
