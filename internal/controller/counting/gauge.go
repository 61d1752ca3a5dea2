// SPDX-License-Identifier: Apache-2.0

package counting

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// organizationLabel is the namespace of the organisation. A label named namespace would collide with that of the Pod, which Prometheus
// puts on all that it scrapes.
const organizationLabel = "organization"

// series is one line of a gauge: an organisation, by its namespace, and the value of the other label, if there is one.
type series struct{ organization, value string }

// total is what the objects of a series add up to. Without objects there is no series, so that nothing remains of an organisation that is
// gone.
type total struct {
	objects int
	sum     float64
}

// gauge is a metric that adds up what single objects contribute.
type gauge struct {
	desc *prometheus.Desc
	// labelled: there is a label besides the organisation.
	labelled bool
	// reported is closed when this process is the one that reports.
	reported <-chan struct{}
	together bool

	mu     sync.Mutex
	totals map[series]total
}

func newGauge(name, help string, label ...string) *gauge {
	return &gauge{
		desc:     prometheus.NewDesc(name, help, append([]string{organizationLabel}, label...), nil),
		labelled: len(label) > 0, totals: map[series]total{},
	}
}

// count adds n to a series, or takes it away again: times is 1 or -1.
func (g *gauge) count(s series, n float64, times int) {
	if g.together {
		s.organization = ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.totals[s]
	t.objects += times
	t.sum += n * float64(times)
	if t.objects == 0 {
		delete(g.totals, s)
	} else {
		g.totals[s] = t
	}
}

// Describe is part of [prometheus.Collector].
func (g *gauge) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- g.desc }

// Collect is part of [prometheus.Collector].
func (g *gauge) Collect(metrics chan<- prometheus.Metric) {
	select {
	case <-g.reported:
	default:
		return
	}
	for _, m := range g.metrics() {
		metrics <- m
	}
}

// metrics are made before any is handed over: a slow scrape keeps no controller waiting.
func (g *gauge) metrics() []prometheus.Metric {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]prometheus.Metric, 0, len(g.totals))
	for s, t := range g.totals {
		labels := []string{s.organization, s.value}
		if !g.labelled {
			labels = labels[:1]
		}
		all = append(all, prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, t.sum, labels...))
	}
	return all
}
