// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what the portal counts. No label carries anything that a stranger can choose freely.
type Metrics struct {
	// HashWait is how long callers waited for their turn to hash a password; made for account.HasherOptions.
	HashWait prometheus.Histogram

	untrusted prometheus.Counter

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	claims   *prometheus.CounterVec
	events   *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		HashWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "roster_portal_password_hash_wait_seconds",
			Help:    "How long a request waited for its turn to hash a password.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		untrusted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roster_portal_untrusted_proxy_requests_total",
			Help: "Requests with a forwarded header from an address that is not in portal.trustedProxies: all that come from there share one limit.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_portal_requests_total",
			Help: "Requests by route, method and status code.",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "roster_portal_request_duration_seconds",
			Help:    "How long requests took, by route and method.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 9),
		}, []string{"route", "method"}),
		claims: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_portal_claims_total",
			Help: "Answers to invitations that were sent to the portal, by what came of them.",
		}, []string{"result"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_portal_security_events_total",
			Help: "What happened that matters to the security of accounts, and what came of it.",
		}, []string{"event", "result"}),
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.HashWait, m.untrusted, m.requests, m.duration, m.claims, m.events} {
		errs = append(errs, registry.Register(c))
	}
	return m, errors.Join(errs...)
}

// claim results, the values of the label result of roster_portal_claims_total.
const (
	claimAccepted      = "accepted"
	claimRepeated      = "repeated"       // it had been answered like that before: a double click, or a reload
	claimDeclined      = "declined"       //
	claimRenewal       = "renewal"        // a new link was asked for
	claimTooLate       = "too_late"       // the link could not be used any more
	claimInvalid       = "invalid"        // the form has to be corrected
	claimWrongPassword = "wrong_password" //
	claimThrottled     = "throttled"      //
	claimFailed        = "failed"         // the API server could not be reached, or refused
)

func (m *Metrics) countClaim(result string) { m.claims.WithLabelValues(result).Inc() }

func (m *Metrics) countEvent(e event, r result) { m.events.WithLabelValues(string(e), string(r)).Inc() }

func (m *Metrics) countRequest(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

// methodLabel keeps invented methods out of the metrics.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return method
	}
	return "other"
}
