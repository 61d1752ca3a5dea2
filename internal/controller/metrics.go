// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
	"github.com/roster-dev/roster/internal/network"
)

// Metrics of the manager besides those of controller-runtime.
type Metrics struct {
	mails        *prometheus.CounterVec
	mailDuration *prometheus.HistogramVec
	held         *prometheus.GaugeVec
	transitions  *prometheus.CounterVec
	expiryLag    prometheus.Histogram
	checks       *prometheus.CounterVec
	renewals     *prometheus.CounterVec
	connections  *prometheus.CounterVec
	refusals     *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_mails_total",
			Help: "Mails handed to the relay, by kind (invitation, reminder, account, notice, digest) and outcome " +
				"(Delivered, Rejected, Failing, Held).",
		}, []string{"kind", "outcome"}),
		mailDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roster_mail_duration_seconds", Help: "How long the relay took for one mail.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 15),
		}, []string{"outcome"}),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "roster_outbox_held",
			Help: "1 while no mail goes out, by reason (RelayUnavailable, RelayRefuses, RelayThrottles).",
		}, []string{"reason"}),
		transitions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_invitation_transitions_total", Help: "Invitations that came into a state.",
		}, []string{"state"}),
		expiryLag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roster_invitation_expiry_lag_seconds", Help: "How long after its expiryTime an Invitation was reported as Expired.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 15),
		}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_credential_checks_total",
			Help: "Answers of networks about the tokens of profiles, by network and what they say (Valid, Invalid, Unknown).",
		}, []string{"network", "validity"}),
		renewals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_credential_renewals_total",
			Help: "Renewals of tokens, by network and what became of them (Valid: new tokens, Invalid: refused for good, Unknown: not yet).",
		}, []string{"network", "validity"}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_connections_total",
			Help: "Profiles that people asked to connect, repair or remove at the portal, by network and what became of it.",
		}, []string{"network", "result"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_refused_writes_total",
			Help: "Writes that Kubernetes refused: a quota, a policy, the operator's rights, a name or a size. By the kind of the object.",
		}, []string{"kind"}),
	}
	registry.MustRegister(m.mails, m.mailDuration, m.held, m.transitions, m.expiryLag, m.checks, m.renewals, m.connections, m.refusals)
	m.outbox(mail.Trouble{})
	return m
}

// outbox shows whether mail is held.
func (m *Metrics) outbox(t mail.Trouble) {
	for _, r := range []mail.Reason{mail.RelayUnavailable, mail.RelayRefuses, mail.RelayThrottles} {
		held := 0.0
		if t.Held && t.Reason == r {
			held = 1
		}
		m.held.WithLabelValues(string(r)).Set(held)
	}
}

func (m *Metrics) check(on rosterv1alpha1.Network, v network.Validity) {
	m.checks.WithLabelValues(string(on), string(v)).Inc()
}

func (m *Metrics) renewal(on rosterv1alpha1.Network, err error) {
	m.renewals.WithLabelValues(string(on), string(network.ValidityOf(err))).Inc()
}

// connection counts what became of one account of an Order. The network is the portal's word, and counts where there is one of that name.
func (m *Metrics) connection(on rosterv1alpha1.Network, result connection.Result) {
	if !slices.Contains(rosterv1alpha1.Networks(), on) {
		on = ""
	}
	m.connections.WithLabelValues(string(on), string(result)).Inc()
}

func (m *Metrics) mail(r invitation.Report, took time.Duration) {
	kind := "invitation"
	if r.Reminder > 0 {
		kind = "reminder"
	}
	m.sent(kind, r.Outcome, took)
}

// sent counts a mail of a kind.
func (m *Metrics) sent(kind string, result outcome.Outcome, took time.Duration) {
	m.mails.WithLabelValues(kind, string(result)).Inc()
	m.mailDuration.WithLabelValues(string(result)).Observe(took.Seconds())
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
