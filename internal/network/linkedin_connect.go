// SPDX-License-Identifier: Apache-2.0

package network

import (
	"cmp"
	"context"
	"errors"
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

// AuthorizeURL: "Authorization Code Flow (3-legged OAuth)". PKCE is for native apps there. Which organisations there are takes a scope of
// "Organization Access Control"; who the person is, those of "Sign In with LinkedIn using OpenID Connect".
func (n linkedIn) AuthorizeURL(a Authorization) string {
	if anyOf(a.Scopes, "w_organization_social", "r_organization_social") {
		a = a.withOneOf("r_organization_admin", "rw_organization_admin")
	}
	if anyOf(a.Scopes, "w_member_social") {
		a = a.with("openid", "profile")
	}
	return n.authorize("/oauth/v2/authorization", a)
}

// Exchange: the same page, "Step 3: Exchange Authorization Code for an Access Token".
func (n linkedIn) Exchange(ctx context.Context, code string, a Authorization) (Tokens, error) {
	return n.exchange(ctx, "/oauth/v2/accessToken", oauth2.AuthStyleInParams, code, a, judgeCode)
}

// Offers are the organisations that the person may publish as, the ad accounts that they have a role in, and the person, as far as the
// scopes go. All take the same token.
func (n linkedIn) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	for _, list := range []struct {
		granted bool
		offers  func(context.Context, Tokens) ([]Offer, error)
	}{
		{anyOf(t.Scopes, "r_organization_admin", "rw_organization_admin"), n.organizations},
		{anyOf(t.Scopes, "r_ads", "rw_ads"), n.adAccounts},
		{anyOf(t.Scopes, "w_member_social"), n.person},
	} {
		if !list.granted {
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

// linkedInPosts are the roles that may publish as an organisation ("Organization Access Control by Role", "Organization Roles", and the
// roles that w_organization_social is restricted to). The others look at numbers, leads and suggestions.
func linkedInPosts() []string {
	return []string{"ADMINISTRATOR", "CONTENT_ADMINISTRATOR", "DIRECT_SPONSORED_CONTENT_POSTER", "RECRUITING_POSTER"}
}

// organizations that the person may publish as, and their names.
func (n linkedIn) organizations(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	err := n.roles(ctx, t, func(ids []string) error {
		more, err := n.lookup(ctx, t, ids)
		offers = append(offers, more...)
		return err
	})
	return offers, err
}

// roles passes the organisations on that the person may publish as, page by page: "Find a Member's Organization Access Control
// Information", which takes one role or leaves it open. Some organisations are there twice: people have several roles.
func (n linkedIn) roles(ctx context.Context, t Tokens, each func(ids []string) error) error {
	const count = 100
	for start := range mostPages {
		var page struct {
			Elements []struct{ Role, Organization string }
		}
		query := url.Values{
			"q": {"roleAssignee"}, "state": {"APPROVED"}, "start": {strconv.Itoa(start * count)}, "count": {strconv.Itoa(count)},
		}
		if err := n.rest(ctx, "/organizationAcls?"+query.Encode(), t, judgeLinkedIn, &page); err != nil {
			return err
		}
		var ids []string
		for _, e := range page.Elements {
			id, ok := strings.CutPrefix(e.Organization, urnOrganization)
			if ok && number(id) > 0 && slices.Contains(linkedInPosts(), e.Role) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if err := each(ids); err != nil || len(page.Elements) < count {
			return err
		}
	}
	return nil
}

// lookup: "Organization Lookup". Of organisations that the person does not administer, it tells the names, too ("Admin and Non-Admin
// Access").
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

type linkedInAdAccount struct {
	ID   int64
	Name string
}

// adAccounts: "Create and Manage Accounts", "Search for Accounts".
func (n linkedIn) adAccounts(ctx context.Context, t Tokens) ([]Offer, error) {
	var offers []Offer
	token := ""
	for range mostPages {
		var page struct {
			Elements []linkedInAdAccount
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

// checkOrganization: "Organization Lookup", "Retrieve Administered Organizations", which answers 403 to those who do not administer it.
// Whether they publish there all the same, their roles tell.
func (n linkedIn) checkOrganization(ctx context.Context, t Tokens, id string) (Report, error) {
	var found linkedInOrganization
	err := n.rest(ctx, "/organizations/"+url.PathEscape(id), t, reach(judgeLinkedIn), &found)
	if fault, ok := errors.AsType[*Error](err); ok && fault.Kind == KindScope {
		return n.checkRole(ctx, t, id, err)
	} else if err != nil {
		return Report{}, err
	}
	return Report{AccountID: fmt.Sprint(urnOrganization, found.ID), Handle: cmp.Or(found.VanityName, found.LocalizedName)}, nil
}

// checkRole looks for an organisation among those that the person may publish as. Where it is not, or the token does not reach so far, what
// was said before counts.
func (n linkedIn) checkRole(ctx context.Context, t Tokens, id string, refused error) (Report, error) {
	has := false
	err := n.roles(ctx, t, func(ids []string) error {
		has = has || slices.Contains(ids, id)
		return nil
	})
	if fault, ok := errors.AsType[*Error](err); ok && fault.Kind == KindScope || err == nil && !has {
		return Report{}, refused
	} else if err != nil {
		return Report{}, err
	}
	offers, err := n.lookup(ctx, t, []string{id})
	if err != nil {
		return Report{}, err
	}
	return Report{AccountID: offers[0].AccountID, Handle: offers[0].Handle}, nil
}

// checkAdAccount: "Create and Manage Accounts", "Fetch Ad Account". The number alone is taken as well as the URN.
func (n linkedIn) checkAdAccount(ctx context.Context, t Tokens) (Report, error) {
	var found linkedInAdAccount
	id := strings.TrimPrefix(t.AccountID, urnAdAccount)
	if err := n.rest(ctx, "/adAccounts/"+url.PathEscape(id), t, reach(judgeLinkedIn), &found); err != nil {
		return Report{}, err
	}
	return Report{AccountID: fmt.Sprint(strings.TrimSuffix(t.AccountID, id), found.ID), Handle: found.Name}, nil
}
