// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

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
