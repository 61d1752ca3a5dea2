// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"github.com/prometheus/client_golang/prometheus"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// Metrics are those of the tokens of profiles.
type Metrics struct {
	checks   *prometheus.CounterVec
	renewals *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_credential_checks_total",
			Help: "Answers of networks about the tokens of profiles, by network and what they say (Valid, Invalid, Unknown, Closed).",
		}, []string{"network", "validity"}),
		renewals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_credential_renewals_total",
			Help: "Renewals of tokens, by network and what became of them (Valid: new tokens, Invalid: refused for good, Unknown: not yet, " +
				"Closed: the account is).",
		}, []string{"network", "validity"}),
	}
	registry.MustRegister(m.checks, m.renewals)
	return m
}

func (m *Metrics) check(on rosterv1alpha1.Network, v network.Validity) {
	m.checks.WithLabelValues(string(on), string(v)).Inc()
}

func (m *Metrics) renewal(on rosterv1alpha1.Network, err error) {
	m.renewals.WithLabelValues(string(on), string(network.ValidityOf(err))).Inc()
}
