// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of messages, the values of the label result of roster_portal_logout_messages_total.
const (
	resultDelivered = "delivered"
	resultFailed    = "failed"   // it is tried again
	resultGivenUp   = "given_up" // it is not
)

// Metrics are what an Ender counts.
type Metrics struct {
	ended    *prometheus.CounterVec
	messages *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_portal_application_sign_ins_ended_total",
			Help: "Sign-ins to applications that the portal has ended, by what they no longer rested on.",
		}, []string{"reason"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_portal_logout_messages_total",
			Help: "Messages to applications that somebody's sign-in has ended, by what came of them.",
		}, []string{"result"}),
	}
	for _, result := range []string{resultDelivered, resultFailed, resultGivenUp} {
		m.messages.WithLabelValues(result)
	}
	return m, errors.Join(registry.Register(m.ended), registry.Register(m.messages))
}
