// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/address"
)

// SiteOptions are what a Site works with.
type SiteOptions struct {
	// BaseURL is the public address of the portal. The Host header of a request is never believed.
	BaseURL string
	Clients Clients
	// Rooms bring templates and texts of their own: templates/*.html, texts/<language>.yaml.
	Rooms []fs.FS
	// CookieKeys seal cookies.
	CookieKeys *KeySource
	// Busy is the error that means that too many sign in at once.
	Busy    error
	Clock   clock.PassiveClock
	Log     logr.Logger
	Metrics *Metrics
}

// Site is what every page shares: where the portal is, how pages look and speak, and where is written down what happens.
type Site struct {
	SiteOptions
	// URL of the portal, with the host as browsers write it.
	URL *url.URL
	// Root is the path of the URL without a slash at the end.
	Root string
	// Secure: the URL is https.
	Secure bool

	dictionary   *Dictionary
	pages        *Pages
	destinations *regexp.Regexp
}

// NewSite reads the templates and texts of the pages.
func NewSite(o SiteOptions) (*Site, error) {
	u, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	s := &Site{SiteOptions: o, URL: u, Root: strings.TrimRight(u.Path, "/"), Secure: u.Scheme == "https"}
	var pagesErr, wordsErr error
	s.pages, pagesErr = NewPages(s.Root, o.Rooms...)
	s.dictionary, wordsErr = NewDictionary(o.Rooms...)
	return s, errors.Join(pagesErr, wordsErr)
}

// Visit starts with the language of a page that speaks of no invitation and no person.
func (s *Site) Visit(w http.ResponseWriter, r *http.Request) *Visit {
	return &Visit{W: w, R: r, Client: s.Clients.Address(r), Words: s.dictionary.Choose(r, "", ""), site: s}
}

// parseBase wants an address whose path can stand in a route and in links as it is.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("portal address %q: must be one such as https://roster.example.com", s)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9._~/-]*$`).MatchString(u.Path) || strings.Contains(u.Path, "//") {
		return nil, fmt.Errorf("portal address %q: its path may hold letters, digits and ._~- only", s)
	}
	u.Host = browserHost(u)
	return u, nil
}

// browserHost is the host of an address as browsers have it in origins, and in what passkeys are made for: lower case, ASCII, and without
// the port that belongs to the scheme (URL Standard, 3.5; HTML Standard, 7.1).
func browserHost(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if ascii, err := address.Domain(host); err == nil {
		host = ascii
	}
	switch port := u.Port(); {
	case port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme]:
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

// Headers stand on every answer.
func (s *Site) Headers() http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", contentSecurityPolicy())
	h.Set("Referrer-Policy", referrerPolicy(s.URL))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if s.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

// contentSecurityPolicy lets a page load its own style and pictures and, where that is asked for, pictures from elsewhere; nothing else,
// and no script at all.
func contentSecurityPolicy(pictures ...string) string {
	return "default-src 'none'; style-src 'self'; img-src " + strings.Join(append([]string{"'self'"}, pictures...), " ") +
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// AllowPictures lets this page, and no other, load pictures from an origin.
func (v *Visit) AllowPictures(from string) {
	v.W.Header().Set("Content-Security-Policy", contentSecurityPolicy(from))
}

// referrerPolicy: links are secrets, so other sites must not see them. Over plain HTTP on a network, browsers send no Sec-Fetch-Site, and
// with no-referrer their forms come from the origin "null" (Fetch, 3.2), which cannot be told from another site's; there same-origin keeps
// links from other sites as well, and lets forms through.
func referrerPolicy(base *url.URL) string {
	host := base.Hostname()
	loopback := host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
	if base.Scheme == "https" || loopback {
		return "no-referrer"
	}
	return "same-origin"
}
