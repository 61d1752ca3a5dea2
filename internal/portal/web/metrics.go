// SPDX-License-Identifier: Apache-2.0

package web

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

	Untrusted prometheus.Counter

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	claims   *prometheus.CounterVec
	events   *prometheus.CounterVec
	// consoleVisits and consoleOff are about the pages by which people look after an organisation.
	consoleVisits *prometheus.CounterVec
	consoleOff    *prometheus.GaugeVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		HashWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "roster_portal_password_hash_wait_seconds",
			Help:    "How long a request waited for its turn to hash a password.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		Untrusted: prometheus.NewCounter(prometheus.CounterOpts{
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
		consoleVisits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_portal_console_visits_total",
			Help: "Visits to pages of the console by people who may look at the team, by whether the portal may act for them, or why not.",
		}, []string{"result"}),
		consoleOff: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "roster_portal_console_off",
			Help: "1 for the reason why nobody can look after an organisation in the browser, as of the last visit.",
		}, []string{"reason"}),
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.HashWait, m.Untrusted, m.requests, m.duration, m.claims, m.events, m.consoleVisits, m.consoleOff,
	} {
		errs = append(errs, registry.Register(c))
	}
	// A series that begins with its first event hides it: increase() needs a zero before it.
	for _, result := range claimResults() {
		m.claims.WithLabelValues(result)
	}
	return m, errors.Join(errs...)
}

// claim results, the values of the label result of roster_portal_claims_total.
const (
	ClaimAccepted      = "accepted"
	ClaimRepeated      = "repeated"       // it had been answered like that before: a double click, or a reload
	ClaimDeclined      = "declined"       //
	ClaimRenewal       = "renewal"        // a new link was asked for
	ClaimTooLate       = "too_late"       // the link could not be used any more
	ClaimInvalid       = "invalid"        // the form has to be corrected
	ClaimWrongPassword = "wrong_password" //
	ClaimThrottled     = "throttled"      //
	ClaimFailed        = "failed"         // the API server could not be reached, or refused
)

func claimResults() []string {
	return []string{
		ClaimAccepted, ClaimRepeated, ClaimDeclined, ClaimRenewal, ClaimTooLate, ClaimInvalid, ClaimWrongPassword, ClaimThrottled, ClaimFailed,
	}
}

// CountClaim counts an answer to an invitation.
func (m *Metrics) CountClaim(result string) { m.claims.WithLabelValues(result).Inc() }

// CountEvent counts an event that matters to the security of an Account.
func (m *Metrics) CountEvent(e Event, r Result) { m.events.WithLabelValues(string(e), string(r)).Inc() }

// CountConsole counts a visit to the console.
func (m *Metrics) CountConsole(result string) { m.consoleVisits.WithLabelValues(result).Inc() }

// ConsoleOff sets why the console is off, or that it is on.
func (m *Metrics) ConsoleOff(reasons map[string]bool) {
	for reason, holds := range reasons {
		value := 0.0
		if holds {
			value = 1
		}
		m.consoleOff.WithLabelValues(reason).Set(value)
	}
}

// CountRequest counts a request, and how long it took.
func (m *Metrics) CountRequest(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

// MethodLabel keeps invented methods out of the metrics.
func MethodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return method
	}
	return "other"
}
