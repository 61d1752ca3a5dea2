// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/util/annotations"
	"sigs.k8s.io/yaml"
)

// root of the repository, seen from here.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	return readFile(t, filepath.Join(root, path))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var promQL = parser.NewParser(parser.Options{})

// alerts are the rules of config/prometheus, read and checked as Prometheus does.
func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	var manifest struct {
		Spec map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "config/prometheus/alerts.yaml")), &manifest); err != nil {
		t.Fatal(err)
	}
	spec, err := yaml.Marshal(manifest.Spec)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(spec, false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

// samples are series with a value each minute.
type samples []promql.Series

// load reads series in the notation of Prometheus' own tests: 0+1x60 begins with 0 and grows by 1 for 60 minutes.
func load(t *testing.T, notation []string) samples {
	t.Helper()
	var all samples
	for _, line := range notation {
		name, values, err := promQL.ParseSeriesDesc(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s := promql.Series{Metric: name}
		for i, v := range values {
			if !v.Omitted {
				s.Floats = append(s.Floats, promql.FPoint{T: int64(i) * time.Minute.Milliseconds(), F: v.Value})
			}
		}
		all = append(all, s)
	}
	return all
}

// Querier is part of [storage.Queryable].
func (s samples) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		found := &seriesSet{}
		for _, series := range s {
			if matches(series.Metric, matchers) {
				found.rest = append(found.rest, promql.NewStorageSeries(series))
			}
		}
		return found
	}}, nil
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// seriesSet is a list of series as Prometheus' engine reads it.
type seriesSet struct {
	rest []storage.Series
	at   storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.at, s.rest = s.rest[0], s.rest[1:]
	return true
}

func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// firing is an alert that somebody would get.
type firing struct {
	labels      labels.Labels
	description string
}

// evaluate looks at an alert every minute, as Prometheus does, and returns what fires at the end: what has been true for as long as the
// rule asks for.
func (s samples) evaluate(t *testing.T, rule rulefmt.Rule, end time.Duration) []firing {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 100_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: promQL})
	since := map[string]time.Time{}
	var now []firing
	for at := time.Unix(0, 0); !at.After(time.Unix(0, 0).Add(end)); at = at.Add(time.Minute) {
		query, err := engine.NewInstantQuery(t.Context(), s, nil, rule.Expr, at)
		if err != nil {
			t.Fatal(err)
		}
		result, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatal(err)
		}
		active := map[string]time.Time{}
		now = nil
		for _, sample := range result {
			of := sample.Metric.DropReserved(func(name string) bool { return name == model.MetricNameLabel })
			key := of.String()
			active[key] = at
			if begin, ok := since[key]; ok {
				active[key] = begin
			}
			if at.Sub(active[key]) >= time.Duration(rule.For) {
				now = append(now, firing{of, expand(t, rule, of, sample.F)})
			}
		}
		since = active
		query.Close()
	}
	return now
}

// expand makes the description that people read.
func expand(t *testing.T, rule rulefmt.Rule, of labels.Labels, value float64) string {
	t.Helper()
	data := template.AlertTemplateData(of.Map(), nil, "", promql.Sample{F: value})
	text := "{{$labels := .Labels}}{{$value := .Value}}" + rule.Annotations["description"]
	none := func(context.Context, string, time.Time) (promql.Vector, error) { return nil, nil }
	expanded, err := template.NewTemplateExpander(t.Context(), text, rule.Alert, data, 0, none, nil, nil).Expand()
	if err != nil {
		t.Errorf("%s: %v", rule.Alert, err)
	}
	return expanded
}
