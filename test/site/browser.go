// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/account/factor"
)

// Browser keeps cookies and follows redirects within the portal.
type Browser struct {
	*Site
	http http.Client
}

// Browser is one that nobody has used yet.
func (s *Site) Browser() *Browser {
	s.Helper()
	jar, err := cookiejar.New(nil)
	s.Must(err)
	return &Browser{Site: s, http: http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != s.Address {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// Send returns the page that the browser ends on, and its path.
func (b *Browser) Send(method, path string, form url.Values) (page, at string) {
	b.Helper()
	page, at, err := b.Try(method, path, form)
	b.Must(err)
	return page, at
}

// Try is Send where the portal may not answer.
func (b *Browser) Try(method, path string, form url.Values) (page, at string, _ error) {
	request, err := http.NewRequestWithContext(b.Context(), method, b.URL(path), strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.http.Do(request)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return string(body), answer.Request.URL.Path, err
}

// What pages show to people and programs.
var (
	secretOnPage  = regexp.MustCompile(`<strong class="secret">([A-Z2-7 ]+)</strong>`)
	sealedOnPage  = regexp.MustCompile(`name="seed" value="([^"]+)"`)
	codesOnPage   = regexp.MustCompile(`<strong class="secret">([0-9a-z]{4}(?:-[0-9a-z]{4}){3})</strong>`)
	optionsOnPage = regexp.MustCompile(`data-options="([^"]+)"`)
)

// find returns what a page shows, at least once.
func (b *Browser) find(what *regexp.Regexp, page string) []string {
	b.Helper()
	var all []string
	for _, m := range what.FindAllStringSubmatch(page, -1) {
		all = append(all, html.UnescapeString(m[1]))
	}
	if all == nil {
		b.Fatalf("no %s on this page:\n%s", what, page)
	}
	return all
}

// SignIn signs somebody in with their password alone.
func (b *Browser) SignIn(name string) {
	b.Helper()
	if page, at := b.password(name); at != "/account" {
		b.Fatalf("the password of %s leads to %s:\n%s", name, at, page)
	}
}

func (b *Browser) password(name string) (page, at string) {
	b.Helper()
	return b.Send(http.MethodPost, "/sign-in", url.Values{"login": {mailOf(name)}, "password": {password}})
}

// SignInByCompany signs somebody in at their company.
func (b *Browser) SignInByCompany(name, next string) (page, at string) {
	b.Helper()
	answer, err := b.http.Get(b.URL("/sign-in/company/" + Issuer + "?next=" + url.QueryEscape(next)))
	b.Must(err)
	_ = answer.Body.Close()
	to, err := answer.Location()
	b.Must(err)
	back, err := b.Company.SignIn(b.Context(), to.String(), name)
	b.Must(err)
	return b.Send(http.MethodGet, back.RequestURI(), nil)
}

// code is what Olivia's app shows after so many steps.
func (s *Site) code(steps int) string {
	s.Helper()
	code, err := factor.Code(s.Kept.Seed, time.Now().Add(time.Duration(steps)*factor.Period))
	s.Must(err)
	return code
}

// acceptByCompany accepts without a password.
func (s *Site) acceptByCompany(name, token string) {
	s.Helper()
	b := s.Browser()
	s.Eventually("the portal knows the link that was mailed to "+name, func() error {
		if page, at := b.SignInByCompany(name, "/invitations/"+token); !strings.Contains(page, "Join Acme Social") {
			return errors.New(at + ": " + page)
		}
		return nil
	})
	if page, at := b.Send(http.MethodPost, "/invitations/"+token, url.Values{"action": {"accept"}}); !strings.Contains(page, "Welcome to Acme Social") {
		s.Fatalf("%s accepts and gets to %s:\n%s", name, at, page)
	}
}

// Accept chooses a password by a link.
func (s *Site) Accept(name, token string) {
	s.Helper()
	s.Eventually("the portal knows the link that was mailed to "+name, func() error {
		page, _ := s.Browser().Send(http.MethodPost, "/invitations/"+token, url.Values{
			"action": {"accept"}, "displayName": {name}, "locale": {"en"}, "password": {password}, "confirm": {password},
		})
		if strings.Contains(page, "Your invitation is being prepared") {
			return errors.New("it does not yet")
		}
		if !strings.Contains(page, "Welcome to Acme Social") {
			s.Fatalf("%s accepts and sees:\n%s", name, page)
		}
		return nil
	})
}
