// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	// maxBody is the largest form in bytes.
	maxBody = 64 << 10
	// maxDuration is how long a request may wait for the API server and for its turn to hash.
	maxDuration = 20 * time.Second
)

// headers stand on every answer.
func headers(base *url.URL) http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", contentSecurityPolicy())
	h.Set("Referrer-Policy", referrerPolicy(base))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if base.Scheme == "https" {
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

// ServeHTTP implements http.Handler.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := p.clock.Now()
	ctx, cancel := context.WithTimeout(r.Context(), maxDuration)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	rec := &recorder{ResponseWriter: w}
	for name, values := range p.headers {
		rec.Header()[name] = append([]string(nil), values...)
	}
	if p.stopping.Load() {
		rec.Header().Set("Connection", "close")
	}
	if p.clients.Forwarded(r) {
		p.noteProxy(r)
	}
	p.protect(rec, r)
	p.record(rec, r, p.clock.Since(start))
}

// noteProxy tells the operator, once by the log and always by a metric, that people cannot be told apart: they seem to come from a proxy
// that is not trusted.
func (p *Portal) noteProxy(r *http.Request) {
	p.metrics.Untrusted.Inc()
	p.proxySeen.Do(func() {
		p.log.Error(errUntrustedProxy, "Requests come through a proxy that is not trusted, so that strangers behind it share one limit. "+
			"If it is yours, add its network to portal.trustedProxies", "proxy", r.RemoteAddr)
		p.warn(reasonUntrustedProxy, "Requests come through "+r.RemoteAddr+", which is not in portal.trustedProxies: "+
			"strangers behind it share one limit. If it is your proxy, add its network.")
	})
}

// reasonUntrustedProxy is that of the events about proxies.
const reasonUntrustedProxy = "UntrustedProxy"

var errUntrustedProxy = errors.New("X-Forwarded-For or Forwarded from an address that is not in portal.trustedProxies")

// protect serves a request unless it comes too often or from another site, and survives a panic.
func (p *Portal) protect(w *recorder, r *http.Request) {
	v := p.visit(w, r)
	defer func() {
		if err := recover(); err != nil {
			p.log.Error(fmt.Errorf("panic: %v", err), "Cannot serve a request", "route", p.routeLabel(r), "stack", string(debug.Stack()))
			if w.status == 0 {
				p.internalError(v)
			}
		}
	}()
	requester, wait := p.takeRequest(v)
	if wait > 0 {
		p.throttled(v, wait)
		return
	}
	if p.crossSite.Check(r) != nil {
		p.crossOrigin(v)
		return
	}
	p.mux.ServeHTTP(w, r.WithContext(account.As(r.Context(), requester)))
}

// fromOwnPage reports whether a page of the portal led here: not another host of the same domain, whose requests are same-site, nor a mail,
// whose are of no site. Browsers that do not say so (before 2023, or over plain HTTP) are believed.
func (p *Portal) fromOwnPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == ""
}

// record logs and counts a request. The path is left out: the link is in it.
func (p *Portal) record(w *recorder, r *http.Request, took time.Duration) {
	route, method := p.routeLabel(r), web.MethodLabel(r.Method)
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	p.metrics.CountRequest(route, method, status, took)
	p.log.Info("Request", "method", method, "route", route, "status", status,
		"seconds", took.Seconds(), "client", p.clients.Address(r).String())
}

// routeLabel is the pattern that a request matches, without the path of the portal's address.
func (p *Portal) routeLabel(r *http.Request) string {
	_, pattern := p.mux.Handler(r)
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	pattern = strings.TrimPrefix(pattern, p.root)
	if pattern == "" || pattern == "/" {
		return "other"
	}
	return strings.TrimSuffix(pattern, "{$}")
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what is underneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// audit writes a line about an event, and counts it. Every line has the same fields first, so that it can be searched for; the account is
// empty where none is proven. No secret, link or typed text is among them: a login that failed may be a password in the wrong field, and
// is hashed.
func (p *Portal) audit(v *visit, e web.Event, r web.Result, acct string, more ...any) {
	p.metrics.CountEvent(e, r)
	fields := []any{"event", e, "result", r, "account", acct, "client", v.client.String()}
	p.log.WithName("audit").Info("Security event", append(fields, more...)...)
}
