// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/connections"
	"github.com/roster-dev/roster/internal/controller/credentials"
	"github.com/roster-dev/roster/internal/controller/mailing"
)

// Metrics of the manager besides those of controller-runtime.
type Metrics struct {
	transitions *prometheus.CounterVec
	expiryLag   prometheus.Histogram
	refusals    *prometheus.CounterVec
	console     *prometheus.GaugeVec

	mailing     *mailing.Metrics
	credentials *credentials.Metrics
	connections *connections.Metrics
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		transitions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_invitation_transitions_total", Help: "Invitations that came into a state.",
		}, []string{"state"}),
		expiryLag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roster_invitation_expiry_lag_seconds", Help: "How long after its expiryTime an Invitation was reported as Expired.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 15),
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_refused_writes_total",
			Help: "Writes that Kubernetes refused: a quota, a policy, the operator's rights, a name or a size. By the kind of the object.",
		}, []string{"kind"}),
		console: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "roster_console_people", Help: "People who look after an organisation, where the console is installed. Those who are not listed " +
				"cannot use it: there are too many.",
		}, []string{"listed"}),
		mailing: mailing.NewMetrics(registry), credentials: credentials.NewMetrics(registry), connections: connections.NewMetrics(registry),
	}
	registry.MustRegister(m.transitions, m.expiryLag, m.refusals, m.console)
	// A series that begins with its first event hides it: increase() needs a zero before it.
	for _, kind := range []string{"ClusterRole", "Invitation", "Member", "Role", "RoleBinding", "Secret"} {
		m.refusals.WithLabelValues(kind)
	}
	return m
}

func (m *Metrics) transition(before, after *rosterv1alpha1.Invitation, now time.Time) {
	state := after.Status.State
	if before.Status.State == state {
		return
	}
	m.transitions.WithLabelValues(string(state)).Inc()
	if state == rosterv1alpha1.InvitationExpired && after.Status.ExpiryTime != nil {
		m.expiryLag.Observe(now.Sub(after.Status.ExpiryTime.Time).Seconds())
	}
}
