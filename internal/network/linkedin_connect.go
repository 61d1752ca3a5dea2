// SPDX-License-Identifier: Apache-2.0

package network

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// linkedInVersion of the versioned APIs ("LinkedIn Marketing API Versioning"). Each is kept for at least a year.
const linkedInVersion = "202607"

// LinkedIn's names of organisations and ad accounts ("URNs and IDs").
const (
	urnOrganization = "urn:li:organization:"
	urnAdAccount    = "urn:li:sponsoredAccount:"
)

// Scopes that tell what a token opens: a person ("Sign In with LinkedIn using OpenID Connect", and w_member_social to post as them),
// organisations ("Organization Access Control"), ad accounts ("Increasing Access" of the Advertising API).
var (
	linkedInPerson        = []string{"w_member_social"}
	linkedInOrganizations = []string{"r_organization_admin", "rw_organization_admin"}
	linkedInAds           = []string{"r_ads", "rw_ads"}
)

func anyOf(scopes, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(s string) bool { return slices.Contains(scopes, s) })
}

// AuthorizeURL: "Authorization Code Flow (3-legged OAuth)". PKCE is for native apps there.
func (n linkedIn) AuthorizeURL(a Authorization) string {
	if anyOf(a.Scopes, []string{"w_organization_social", "r_organization_social"}) {
		a = a.withOneOf(linkedInOrganizations...)
	}
	if anyOf(a.Scopes, linkedInPerson) {
		a = a.with("openid", "profile")
	}
	return n.authorize("/oauth/v2/authorization", a)
}

// Exchange: the same page, "Step 3: Exchange Authorization Code for an Access Token".
func (n linkedIn) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.exchange(ctx, "/oauth/v2/accessToken", oauth2.AuthStyleInParams, code, a, judgeLinkedInCode)
}

// judgeLinkedInCode: of a code that is no good, LinkedIn says invalid_request, or invalid_redirect_uri with the same words ("Error Details"
// of the page above).
func judgeLinkedInCode(status int, body []byte) (Kind, string) {
	kind, message := judgeCode(status, body)
	if strings.Contains(message, "authorization code expired") || strings.Contains(message, "authorization code not found") {
		return KindAuthentication, message
	}
	return kind, message
}

// Offers are the organisations that the person administers, the ad accounts that they have a role in, and the person, as far as the scopes
// go. All take the same token.
func (n linkedIn) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	for _, list := range []struct {
		scopes []string
		offers func(context.Context, Tokens) ([]Offer, error)
	}{{linkedInOrganizations, n.organizations}, {linkedInAds, n.adAccounts}, {linkedInPerson, n.person}} {
		if !anyOf(t.Scopes, list.scopes) {
			continue
		}
		more, err := list.offers(ctx, t)
		if err != nil {
			return nil, err
		}
		offers = append(offers, more...)
	}
	return offers, nil
}

// rest asks one of the versioned APIs.
func (n linkedIn) rest(ctx context.Context, path string, t Tokens, judge judge, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/rest"+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+t.Access)
	r.Header.Set("LinkedIn-Version", linkedInVersion)
	r.Header.Set("X-Restli-Protocol-Version", "2.0.0")
	return n.do(r, judge, out)
}

type linkedInOrganization struct {
	ID            int64
	LocalizedName string
	VanityName    string
}

// organizations: "Organization Access Control", "Find a Member's Organization Access Control Information", and their names by
// "Organization Lookup".
func (n linkedIn) organizations(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	const count = 100
	for start := range mostPages {
		var page struct {
			Elements []struct{ Organization string }
		}
		query := url.Values{
			"q": {"roleAssignee"}, "role": {"ADMINISTRATOR"}, "state": {"APPROVED"},
			"start": {strconv.Itoa(start * count)}, "count": {strconv.Itoa(count)},
		}
		if err := n.rest(ctx, "/organizationAcls?"+query.Encode(), t, judgeLinkedIn, &page); err != nil {
			return nil, err
		}
		var ids []string
		for _, e := range page.Elements {
			if id, ok := strings.CutPrefix(e.Organization, urnOrganization); ok && number(id) > 0 {
				ids = append(ids, id)
			}
		}
		more, err := n.lookup(ctx, t, ids)
		if err != nil {
			return nil, err
		}
		if offers = append(offers, more...); len(page.Elements) < count {
			break
		}
	}
	return offers, nil
}

func (n linkedIn) lookup(ctx context.Context, t Tokens, ids []string) ([]Offer, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var found struct {
		Results map[string]linkedInOrganization
	}
	// Rest.li wants these parentheses and commas as they are.
	if err := n.rest(ctx, "/organizations?ids=List("+strings.Join(ids, ",")+")", t, judgeLinkedIn, &found); err != nil {
		return nil, err
	}
	offers := make([]Offer, len(ids))
	for i, id := range ids {
		named := found.Results[id]
		o := Offer{AccountID: urnOrganization + id, Name: named.LocalizedName, Type: rosterv1alpha1.TypeProfile, Tokens: t}
		offers[i] = o.named(named.VanityName, named.LocalizedName, id)
	}
	return offers, nil
}

// adAccounts: "Create and Manage Accounts", "Search for Accounts".
func (n linkedIn) adAccounts(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	token := ""
	for range mostPages {
		var page struct {
			Elements []struct {
				ID   int64
				Name string
			}
			Metadata struct{ NextPageToken string }
		}
		path := "/adAccounts?q=search&search=(status:(values:List(ACTIVE)),test:false)&pageSize=100" + token
		if err := n.rest(ctx, path, t, judgeLinkedIn, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Elements {
			o := Offer{AccountID: fmt.Sprint(urnAdAccount, e.ID), Name: e.Name, Type: rosterv1alpha1.TypeAdAccount, Tokens: t}
			offers = append(offers, o.named(e.Name, strconv.FormatInt(e.ID, 10)))
		}
		if page.Metadata.NextPageToken == "" {
			break
		}
		token = "&pageToken=" + url.QueryEscape(page.Metadata.NextPageToken)
	}
	return offers, nil
}

type linkedInMember struct{ Sub, Name string }

func (n linkedIn) person(ctx context.Context, t Tokens) ([]Offer, error) {
	var me linkedInMember
	if err := n.get(ctx, n.url+"/v2/userinfo", t.Access, judgeLinkedIn, &me); err != nil {
		return nil, err
	}
	return n.offers(Offer{AccountID: me.Sub, Handle: me.Name, Tokens: t})
}
