// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// quantiles are the usual ones of a histogram.
func quantiles(buckets string) []query {
	var all []query
	for _, q := range []string{"0.5", "0.95", "0.99"} {
		all = append(all, query{
			fmt.Sprintf(`histogram_quantile(%s, sum by (le) (rate(%s{job=~"$job"}[$__rate_interval])))`, q, buckets), q + " quantile",
		})
	}
	return all
}

func apiRequests() panel {
	return stacked("Requests to the API server", "By status; <error>: there was no answer.", units.RequestsPerSecond,
		query{`sum by (code) (rate(rest_client_requests_total{job=~"$job"}[$__rate_interval]))`, "{{code}}"})
}

// process are the panels that every process has.
func process() []panel {
	return []panel{
		graph("Memory", "What each process uses, and what it may use.", units.BytesIEC,
			query{`process_resident_memory_bytes{job=~"$job"}`, "{{instance}}"},
			query{`min(go_gc_gomemlimit_bytes{job=~"$job"} < 2^60)`, "limit"}),
		graph("Processors", "How many each process keeps busy.", units.Short,
			query{`rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])`, "{{instance}}"}),
		graph("Goroutines", "A number that only grows tells of a leak.", units.Short,
			query{`go_goroutines{job=~"$job"}`, "{{instance}}"}),
		graph("Version", "The running versions.", units.Short, query{`count by (version) (roster_build_info{job=~"$job"})`, "{{version}}"}),
	}
}
