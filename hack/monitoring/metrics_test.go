// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/controller/counting"
	"github.com/roster-dev/roster/internal/controller/queueing"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
	"github.com/roster-dev/roster/internal/portal/web"
)

// exposed are the metrics of the processes.
type exposed struct {
	// labels of each metric, besides those that Prometheus adds.
	labels map[string][]string
	// first are the series that are there before anything happens.
	first map[string][]labels.Labels
}

// expose collects what manager and portal register.
func expose(t *testing.T) exposed {
	t.Helper()
	manager, portal := prometheus.NewRegistry(), prometheus.NewRegistry()
	controller.NewMetrics(manager)
	controller.NewSigningMetrics(manager)
	counting.NewMetrics(manager, nil, false)
	queueing.New(1, manager)
	manager.MustRegister(versioncollector.NewCollector("roster"))
	if _, err := web.NewMetrics(portal); err != nil {
		t.Fatal(err)
	}
	if _, err := logout.NewMetrics(portal); err != nil {
		t.Fatal(err)
	}
	e := exposed{labels: map[string][]string{}, first: map[string][]labels.Labels{}}
	for _, registry := range []*prometheus.Registry{manager, portal, metrics.Registry.(*prometheus.Registry)} {
		e.describe(registry)
		e.gather(t, registry)
	}
	if len(e.labels) < 50 {
		t.Fatalf("only %d metrics", len(e.labels))
	}
	return e
}

// description is how a Desc is written: the library tells name and labels in no other way.
var description = regexp.MustCompile(`(?s)^Desc\{fqName: "([^"]+)".*variableLabels: \{(.*)\}\}$`)

func (e exposed) describe(registry prometheus.Collector) {
	all := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(all)
		close(all)
	}()
	for d := range all {
		if match := description.FindStringSubmatch(d.String()); match != nil {
			e.labels[match[1]] = strings.FieldsFunc(match[2], func(r rune) bool { return r == ',' })
		}
	}
}

func (e exposed) gather(t *testing.T, registry prometheus.Gatherer) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if _, ok := e.labels[f.GetName()]; !ok {
			e.labels[f.GetName()] = nil
		}
		for _, m := range f.GetMetric() {
			pairs := []string{}
			for _, l := range m.GetLabel() {
				pairs = append(pairs, l.GetName(), l.GetValue())
				if !slices.Contains(e.labels[f.GetName()], l.GetName()) { // one whose value never changes
					e.labels[f.GetName()] = append(e.labels[f.GetName()], l.GetName())
				}
			}
			e.first[f.GetName()] = append(e.first[f.GetName()], labels.FromStrings(pairs...))
		}
	}
}

// added are the labels that Prometheus and its operator add to what they scrape.
var added = []string{"job", "instance", "namespace", "pod", "container", "endpoint"}

// of are the labels of a series, by the name that an expression has for it; false where there is no such metric.
func (e exposed) of(name string) ([]string, bool) {
	all, ok := e.labels[name]
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && !ok {
			all, ok = e.labels[base]
			if suffix == "_bucket" {
				all = append(slices.Clone(all), "le")
			}
		}
	}
	return slices.Concat(all, added), ok
}

// check reports what an expression asks for that no process exposes.
func (e exposed) check(t *testing.T, where, text string) {
	t.Helper()
	expr, err := promQL.ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	var selected []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		known, ok := e.of(s.Name)
		if !ok {
			t.Errorf("%s: no process has the metric %s", where, s.Name)
		}
		selected = append(selected, known...)
		for _, m := range s.LabelMatchers {
			if m.Name != model.MetricNameLabel && !slices.Contains(known, m.Name) {
				t.Errorf("%s: %s has no label %s", where, s.Name, m.Name)
			}
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		var grouped []string
		switch n := node.(type) {
		case *parser.AggregateExpr:
			grouped = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				grouped = n.VectorMatching.MatchingLabels
			}
		}
		for _, label := range grouped {
			if !slices.Contains(selected, label) {
				t.Errorf("%s: %q groups by the label %s, which none of its metrics has", where, text, label)
			}
		}
		return nil
	})
}

// TestAlertsAskForWhatThereIs: the alerts name metrics and labels that the processes expose.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	e := expose(t)
	for _, r := range alerts(t) {
		e.check(t, r.Alert, r.Expr)
	}
}

// TestFirstEventsAreNoticed: counters of which one event raises an alert begin at 0. One that begins at 1 does not increase.
func TestFirstEventsAreNoticed(t *testing.T) {
	e, found := expose(t), 0
	for _, r := range alerts(t) {
		expr, err := promQL.ParseExpr(r.Expr)
		if err != nil || !regexp.MustCompile(`> 0(\s|$)`).MatchString(r.Expr) {
			continue
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			s, ok := node.(*parser.VectorSelector)
			if !ok || !strings.HasSuffix(s.Name, "_total") {
				return nil
			}
			found++
			if !slices.ContainsFunc(e.first[s.Name], func(l labels.Labels) bool {
				return matches(l, slices.DeleteFunc(slices.Clone(s.LabelMatchers), func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel }))
			}) {
				t.Errorf("%s: %s is not there before the first event", r.Alert, s)
			}
			return nil
		})
	}
	if found < 5 {
		t.Errorf("only %d counters found", found)
	}
}

// variables of Grafana, as they may be when a dashboard is opened.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$organization", ".*", "$route", ".*")

// TestDashboardsAskForWhatThereIs: the panels name metrics and labels that the processes expose, and so do the choices at the top.
func TestDashboardsAskForWhatThereIs(t *testing.T) {
	e := expose(t)
	for _, b := range boards() {
		for _, r := range b.rows {
			for _, p := range r.panels {
				for _, q := range p.queries {
					where := fmt.Sprintf("%s: %s: %s", b.title, r.title, p.title)
					e.check(t, where, variables.Replace(q.expr))
					e.checkLegend(t, where, q)
				}
			}
		}
		for _, v := range b.variables {
			metric, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.values, "label_values("), ")"), ", ")
			e.check(t, b.title, fmt.Sprintf("count by (%s) (%s)", label, metric))
			if !ok {
				t.Errorf("%s: %s asks for no label", b.title, v.values)
			}
		}
	}
}

// checkLegend: a line is called by labels that the result has.
func (e exposed) checkLegend(t *testing.T, where string, q query) {
	t.Helper()
	for _, match := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.legend, -1) {
		if match[1] != "instance" && !regexp.MustCompile(`by \([^)]*\b`+match[1]+`\b`).MatchString(q.expr) {
			t.Errorf("%s: the legend names the label %s, by which nothing is grouped", where, match[1])
		}
	}
}

// TestDashboardsFillTheirRows: no panel reaches beyond the grid, and none covers another.
func TestDashboardsFillTheirRows(t *testing.T) {
	folder := t.TempDir()
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	installed := read(t, "config/prometheus/kustomization.yaml")
	for _, b := range boards() {
		if !strings.Contains(installed, "- dashboards/"+b.uid+".json\n") {
			t.Errorf("config/prometheus does not install %s", b.uid)
		}
		var d struct {
			UID    string `json:"uid"`
			Panels []struct {
				Title   string            `json:"title"`
				GridPos dashboard.GridPos `json:"gridPos"`
			} `json:"panels"`
		}
		if err := json.Unmarshal([]byte(readFile(t, filepath.Join(folder, b.uid+".json"))), &d); err != nil {
			t.Fatal(err)
		}
		if d.UID != b.uid || len(d.Panels) < 15 {
			t.Errorf("%s has the UID %q and %d panels", b.uid, d.UID, len(d.Panels))
		}
		taken := map[[2]uint32]string{}
		for _, p := range d.Panels {
			if p.GridPos.X+p.GridPos.W > columns {
				t.Errorf("%s: %s reaches beyond the grid", b.title, p.Title)
			}
			if other, ok := taken[[2]uint32{p.GridPos.X, p.GridPos.Y}]; ok {
				t.Errorf("%s: %s covers %s", b.title, p.Title, other)
			}
			taken[[2]uint32{p.GridPos.X, p.GridPos.Y}] = p.Title
		}
	}
}
