// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
)

// Metrics are those of what people ask for at the portal.
type Metrics struct {
	connections *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_connections_total",
			Help: "Profiles that people asked to connect, repair or remove at the portal, by network and outcome.",
		}, []string{"network", "result"}),
	}
	registry.MustRegister(m.connections)
	// A series that begins with its first event hides it: increase() needs a zero before it.
	for _, on := range append(rosterv1alpha1.Networks(), "") {
		m.connections.WithLabelValues(string(on), string(resultExpired))
		m.connections.WithLabelValues(string(on), string(resultUnreadable))
	}
	return m
}

// connection counts what became of one account of an Order. The network is the portal's word, and counts where there is one of that name.
func (m *Metrics) connection(on rosterv1alpha1.Network, result connection.Result) {
	if !slices.Contains(rosterv1alpha1.Networks(), on) {
		on = ""
	}
	m.connections.WithLabelValues(string(on), string(result)).Inc()
}
