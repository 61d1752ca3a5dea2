// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// Metrics are those of mails.
type Metrics struct {
	mails    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	held     *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_mails_total",
			Help: "Mails handed to the relay, by kind (" + strings.Join(kinds(), ", ") + ") and outcome (Delivered, Rejected, Failing, Held).",
		}, []string{"kind", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roster_mail_duration_seconds", Help: "How long the relay took for one mail.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 15),
		}, []string{"outcome"}),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "roster_outbox_held",
			Help: "1 while no mail goes out, by reason (RelayUnavailable, RelayRefuses, RelayThrottles).",
		}, []string{"reason"}),
	}
	registry.MustRegister(m.mails, m.duration, m.held)
	// A series that begins with its first event hides it: increase() needs a zero before it.
	for _, kind := range kinds() {
		for _, o := range []outcome.Outcome{outcome.Delivered, outcome.Rejected, outcome.Failing, outcome.Held} {
			m.mails.WithLabelValues(kind, string(o))
		}
	}
	m.Trouble(mail.Trouble{})
	return m
}

// Trouble shows whether mail is held.
func (m *Metrics) Trouble(t mail.Trouble) {
	for _, r := range []mail.Reason{mail.RelayUnavailable, mail.RelayRefuses, mail.RelayThrottles} {
		held := 0.0
		if t.Held && t.Reason == r {
			held = 1
		}
		m.held.WithLabelValues(string(r)).Set(held)
	}
}

func (m *Metrics) mail(r invitation.Report, took time.Duration) {
	m.sent(kindOf(r.Reminder), r.Outcome, took)
}

// The kinds of mails, in metrics and traces.
const (
	kindInvitation = "invitation"
	kindReminder   = "reminder" // of an Invitation
	kindAccount    = "account"  // about an Account
	kindNotice     = "notice"   // about the tokens of a profile
	kindDigest     = "digest"   // of new items on the profiles that a person looks after
	kindEnd        = "end"      // of a membership
	kindCode       = "code"     // for somebody who was handed a copied link
)

func kinds() []string {
	return []string{kindInvitation, kindReminder, kindAccount, kindNotice, kindDigest, kindEnd, kindCode}
}

// kindOf is the kind of a mail about an Invitation.
func kindOf(reminder int32) string {
	if reminder > 0 {
		return kindReminder
	}
	return kindInvitation
}

// sent counts a mail of a kind.
func (m *Metrics) sent(kind string, result outcome.Outcome, took time.Duration) {
	m.mails.WithLabelValues(kind, string(result)).Inc()
	m.duration.WithLabelValues(string(result)).Observe(took.Seconds())
}
