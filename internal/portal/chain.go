// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/tracing"
)

const (
	// maxBody is the largest form in bytes, but for pages that say so.
	maxBody = 64 << 10
	// maxDuration is how long a request may wait for the API server and for its turn to hash.
	maxDuration = 20 * time.Second
)

// ServeHTTP implements http.Handler.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := p.site.Clock.Now()
	ctx, span := tracing.Request(r, p.site.Clients.Trusted(r))
	ctx, cancel := context.WithTimeout(ctx, maxDuration)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, p.maxBody(r))
	rec := &recorder{ResponseWriter: w}
	for name, values := range p.headers {
		rec.Header()[name] = append([]string(nil), values...)
	}
	if p.stopping.Load() {
		rec.Header().Set("Connection", "close")
	}
	if p.site.Clients.Forwarded(r) {
		p.noteProxy(r)
	}
	p.protect(rec, r)
	p.record(rec, r, p.site.Clock.Since(start), span)
}

// maxBody is the largest form that the page takes.
func (p *Portal) maxBody(r *http.Request) int64 {
	if r.Method != http.MethodPost {
		return maxBody
	}
	return cmp.Or(p.largeForms[p.routeLabel(r)], maxBody)
}

// noteProxy tells the operator, once by the log and always by a metric, that people cannot be told apart: they seem to come from a proxy
// that is not trusted.
func (p *Portal) noteProxy(r *http.Request) {
	p.site.Metrics.Untrusted.Inc()
	p.proxySeen.Do(func() {
		p.site.Log.Error(errUntrustedProxy, "Requests come through a proxy that is not trusted, so that strangers behind it share one limit. "+
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
	v := p.site.Visit(w, r)
	defer func() {
		if err := recover(); err != nil {
			p.site.Log.Error(fmt.Errorf("panic: %v", err), "Cannot serve a request", "route", p.routeLabel(r), "stack", string(debug.Stack()))
			if w.status == 0 {
				_ = v.InternalError()
			}
		}
	}()
	requester, wait := p.takeRequest(v)
	if wait > 0 {
		_ = v.Throttled(wait)
		return
	}
	if p.crossSite.Check(r) != nil {
		_ = v.CrossOrigin()
		return
	}
	p.mux.ServeHTTP(w, r.WithContext(account.As(r.Context(), requester)))
}

// takeRequest counts a request, and says whose it is.
func (p *Portal) takeRequest(v *web.Visit) (requester string, wait time.Duration) {
	if p.isAsset(v.R) || p.tools[v.R.URL.Path] {
		return "", 0
	}
	key := p.sessions.Requester(v)
	buckets := []web.Bucket{web.Count(p.limits.Requests, key)}
	if v.R.Method == http.MethodPost {
		buckets = append(buckets, web.Count(p.limits.Posts, key))
	}
	_, wait = p.limits.Take(buckets...)
	return key, wait
}

// isAsset reports whether a request is for what pages are made of, which is answered from memory: for nothing else under that path, since
// even a page that is not there asks the API server who is signed in.
func (p *Portal) isAsset(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && p.routeLabel(r) == pathAsset
}

// record logs, counts and traces a request. The path is left out: the link is in it.
func (p *Portal) record(w *recorder, r *http.Request, took time.Duration, span *tracing.Served) {
	route, method := p.routeLabel(r), web.MethodLabel(r.Method)
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	p.site.Metrics.CountRequest(route, method, status, took)
	about := []any{
		"method", method, "route", route, "status", status, "seconds", took.Seconds(), "client", p.site.Clients.Address(r).String(),
	}
	if id := span.TraceID(); id != "" {
		about = append(about, "traceID", id)
	}
	p.site.Log.Info("Request", about...)
	span.End(method, route, status)
}

// routeLabel is the pattern that a request matches, without the path of the portal's address.
func (p *Portal) routeLabel(r *http.Request) string {
	_, pattern := p.mux.Handler(r)
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	pattern = strings.TrimPrefix(pattern, p.site.Root)
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
