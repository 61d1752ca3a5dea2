// SPDX-License-Identifier: Apache-2.0

package testpeer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// OIDCOptions are what an OpenID provider knows.
type OIDCOptions struct {
	Clients []OIDCClient `json:"clients"`
	// Accounts are the claims of people by the name they sign in with; any password will do. A name that is not among them is called by the
	// name they type and has no other claim. Claims under "userinfo" are said at that endpoint alone.
	Accounts map[string]Claims `json:"accounts,omitempty"`
	// Scopes beside openid, offline_access, email and profile.
	Scopes []string `json:"scopes,omitempty"`
	// AuthPath and TokenPath are where the authorization and the token endpoint are; /auth and /token by default.
	AuthPath  string `json:"authPath,omitempty"`
	TokenPath string `json:"tokenPath,omitempty"`
	// PKCEOptional lets code flows without PKCE through.
	PKCEOptional bool `json:"-"`
}

// OIDCClient is a program that asks the provider.
type OIDCClient struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret,omitempty"`
	RedirectURIs []string `json:"redirect_uris"`
	GrantTypes   []string `json:"grant_types"`
	// AuthMethod is how the program shows its secret: client_secret_basic (default), client_secret_post or none.
	AuthMethod string `json:"token_endpoint_auth_method,omitempty"`
	// Type is web (default), or native for a program on people's own machines.
	Type string `json:"application_type,omitempty"`
}

// Claims are what the provider says of a person, such as email and email_verified.
type Claims map[string]any

// OIDC is a running OpenID provider (npm: oidc-provider). Refresh tokens are good for one use.
type OIDC struct {
	*peer
	// URL is the issuer. Discovery, code flow with PKCE, refresh, introspection, revocation and userinfo work as they should.
	URL string
}

// StartOIDC runs an OpenID provider.
func StartOIDC(ctx context.Context, o OIDCOptions) (*OIDC, error) {
	for i := range o.Clients {
		if o.Clients[i].GrantTypes == nil {
			o.Clients[i].GrantTypes = []string{"authorization_code", "refresh_token"}
		}
	}
	options, err := json.Marshal(struct {
		OIDCOptions
		PKCERequired bool `json:"pkceRequired"`
	}{o, !o.PKCEOptional})
	if err != nil {
		return nil, err
	}
	var ready struct{ URL string }
	p, err := start(ctx, "oidc.mjs", &ready, string(options))
	if err != nil {
		return nil, err
	}
	return &OIDC{peer: p, URL: ready.URL}, nil
}

// TypeCode does what a person does who was given a code for another machine: it opens the address, types the code in, signs in and
// consents.
func (o *OIDC) TypeCode(ctx context.Context, address, code, name string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	page := ""
	for range 6 {
		if page, _, err = open(browser, request); err != nil {
			return err
		}
		action := formAction.FindStringSubmatch(page)
		if action == nil {
			break
		}
		form := url.Values{"user_code": {code}, "login": {name}, "password": {"any"}}
		for _, hidden := range formHidden.FindAllStringSubmatch(page, -1) {
			form.Set(hidden[1], hidden[2])
		}
		if request, err = post(ctx, action[1], form); err != nil {
			return err
		}
	}
	if !strings.Contains(page, "Sign-in Success") {
		return fmt.Errorf("the provider ends with:\n%s", page)
	}
	return nil
}

var (
	formHidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]+)"`)
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

// SignIn does what a person with a browser does: it opens the address that a program sends them to, signs in and consents. It returns
// the address that the provider sends them back to, which it does not open.
func (o *OIDC) SignIn(ctx context.Context, authURL, name string) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), o.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, authURL, nil)
	if err != nil {
		return nil, err
	}
	for range 5 {
		page, back, err := open(browser, request)
		if back != nil || err != nil {
			return back, err
		}
		if request, err = answer(ctx, page, name); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the provider goes on asking")
}

// open follows redirects within the provider. It returns a page, or the address outside that it ends at.
func open(browser *http.Client, r *http.Request) (string, *url.URL, error) {
	response, err := browser.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if back, err := response.Location(); err == nil {
		return "", back, nil
	}
	var page strings.Builder
	if err := response.Write(&page); err != nil {
		return "", nil, err
	}
	return page.String(), nil, nil
}

// answer fills a form of the provider in.
func answer(ctx context.Context, page, name string) (*http.Request, error) {
	action, prompt := formAction.FindStringSubmatch(page), formPrompt.FindStringSubmatch(page)
	if action == nil || prompt == nil {
		return nil, fmt.Errorf("no form on this page:\n%s", page)
	}
	return post(ctx, action[1], url.Values{"prompt": {prompt[1]}, "login": {name}, "password": {"any"}})
}

func post(ctx context.Context, action string, form url.Values) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, action, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}
