// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

// portal is the dashboard of the pages that people see.
func portal() board {
	return board{
		uid: "roster-portal", title: "Roster / Portal",
		description: "How fast and how well the pages of the portal are served, and what people do there.",
		variables: []variable{
			{name: "job", label: "Job", values: "label_values(roster_portal_untrusted_proxy_requests_total, job)"},
			{name: "route", label: "Route", values: "label_values(roster_portal_requests_total, route)"},
		},
		rows: []row{portalOverview(), requests(), answers(), {title: "Process", panels: append([]panel{apiRequests()}, process()...)}},
	}
}

func portalOverview() row {
	return row{title: "Overview", panels: []panel{
		number("Requests", "", units.RequestsPerSecond, `sum(rate(roster_portal_requests_total{job=~"$job"}[$__rate_interval]))`),
		number("Errors", "The share of requests that the portal could not answer.", units.PercentUnit,
			`(sum(rate(roster_portal_requests_total{job=~"$job",code=~"5.."}[$__rate_interval])) or vector(0))
  / sum(rate(roster_portal_requests_total{job=~"$job"}[$__rate_interval]))`),
		number("Slowest pages", "95 of 100 requests are answered within this time.", units.Seconds,
			`histogram_quantile(0.95, sum by (le) (rate(roster_portal_request_duration_seconds_bucket{job=~"$job"}[$__rate_interval])))`),
		number("Accepted", "Invitations that people accepted, in a day.", units.Short,
			`sum(increase(roster_portal_claims_total{job=~"$job",result="accepted"}[1d]))`),
		number("Sign-ins", "Sign-ins that succeeded, in a day.", units.Short,
			`sum(increase(roster_portal_security_events_total{job=~"$job",event="sign_in",result="success"}[1d])) or vector(0)`),
		number("Failed sign-ins", "Sign-ins that failed, in a day.", units.Short,
			`sum(increase(roster_portal_security_events_total{job=~"$job",event="sign_in",result!="success"}[1d])) or vector(0)`),
	}}
}

func requests() row {
	return row{title: "Requests", panels: []panel{
		stacked("By status", "", units.RequestsPerSecond,
			query{`sum by (code) (rate(roster_portal_requests_total{job=~"$job",route=~"$route"}[$__rate_interval]))`, "{{code}}"}),
		stacked("By route", "", units.RequestsPerSecond,
			query{`sum by (route) (rate(roster_portal_requests_total{job=~"$job",route=~"$route"}[$__rate_interval]))`, "{{route}}"}),
		stacked("Errors by route", "Requests that the portal could not answer.", units.RequestsPerSecond,
			query{`sum by (route) (rate(roster_portal_requests_total{job=~"$job",route=~"$route",code=~"5.."}[$__rate_interval]))`, "{{route}}"}),
		graph("How long they take", "", units.Seconds, quantiles("roster_portal_request_duration_seconds_bucket")...),
		graph("How long each route takes", "95 of 100 requests are answered within this time.", units.Seconds, query{
			`histogram_quantile(0.95, sum by (route, le) (
  rate(roster_portal_request_duration_seconds_bucket{job=~"$job",route=~"$route"}[$__rate_interval])))`, "{{route}}"}),
		graph("Waiting to hash a password", "If it grows, the portal needs more processors or replicas.", units.Seconds,
			quantiles("roster_portal_password_hash_wait_seconds_bucket")...),
	}}
}

func answers() row {
	return row{title: "People", panels: []panel{
		stacked("Answers to invitations", "In an hour.", units.Short,
			query{`sum by (result) (increase(roster_portal_claims_total{job=~"$job"}[1h]))`, "{{result}}"}),
		stacked("Sign-ins", "In an hour. Throttled: too many tries.", units.Short,
			query{`sum by (result) (increase(roster_portal_security_events_total{job=~"$job",event="sign_in"}[1h]))`, "{{result}}"}),
		stacked("Security events", "Those that succeeded, in an hour.", units.Short,
			query{`sum by (event) (increase(roster_portal_security_events_total{job=~"$job",result="success"}[1h]))`, "{{event}}"}),
		stacked("Security events that failed", "Wrong, refused or throttled, in an hour.", units.Short, query{
			`sum by (event, result) (increase(roster_portal_security_events_total{job=~"$job",result!="success"}[1h]))`, "{{event}} {{result}}"}),
		graph("From a proxy that is not trusted", "In an hour. The portal takes all people behind it for one.", units.Short,
			query{`sum(increase(roster_portal_untrusted_proxy_requests_total{job=~"$job"}[1h]))`, "requests"}),
	}}
}
