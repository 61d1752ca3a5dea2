// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

// operator is the dashboard of the manager and of what organisations have.
func operator() board {
	return board{
		uid: "roster-operator", title: "Roster / Operator",
		description: "What organisations have, what becomes of invitations and mails, and how the manager is doing.",
		variables: []variable{
			{name: "job", label: "Job", values: `label_values(leader_election_master_status{name="roster-manager"}, job)`},
			{name: "organization", label: "Organisation", values: "label_values(roster_members, organization)"},
		},
		rows: []row{
			overview(), organizations(), deliveries(), networks(), controllers(),
			{title: "Process", panels: append([]panel{apiRequests(), refusedWrites()}, process()...)},
		},
	}
}

func overview() row {
	return row{title: "Overview", panels: []panel{
		number("Active managers", "1 when one of the managers works.", units.Short,
			`sum(leader_election_master_status{name="roster-manager",job=~"$job"})`),
		number("Active members", "People who hold the roles of their Member.", units.Short,
			`sum(roster_members{organization=~"$organization",state="Active"}) or vector(0)`),
		number("Open invitations", "Invitations that wait to be mailed or answered.", units.Short,
			`sum(roster_invitations{organization=~"$organization",state=~"Pending|Sent"}) or vector(0)`),
		number("Disconnected profiles", "Profiles whose tokens the network no longer accepts.", units.Short,
			`sum(roster_profiles{organization=~"$organization",connected="False"}) or vector(0)`),
		number("Mail held", "1 while the relay takes no mail.", units.Short, `max(roster_outbox_held{job=~"$job"})`),
		number("Expired late by", "How long after its time an Invitation was reported as Expired, for 99 of 100.", units.Seconds,
			`histogram_quantile(0.99, sum by (le) (increase(roster_invitation_expiry_lag_seconds_bucket{job=~"$job"}[1d])))`),
	}}
}

func organizations() row {
	return row{title: "Organisations", panels: []panel{
		stacked("Invitations", "By state, those included that have ended.", units.Short,
			query{`sum by (state) (roster_invitations{organization=~"$organization"})`, "{{state}}"}),
		stacked("Members", "By state.", units.Short,
			query{`sum by (state) (roster_members{organization=~"$organization"})`, "{{state}}"}),
		stacked("Profiles", "By whether the network accepts their tokens. None: Roster has no tokens of theirs.", units.Short,
			query{`sum by (connected) (roster_profiles{organization=~"$organization"})`, "{{connected}}"}),
		graph("Seats in use", "The ten organisations whose plan is fullest. Above 100%, the newest wait for a seat.", units.PercentUnit,
			query{`topk(10, sum by (organization) (roster_seats_wanted{organization=~"$organization"})
  / sum by (organization) (roster_seats_limit{organization=~"$organization"}))`, "{{organization}}"}),
		graph("Profiles in use", "The ten organisations whose plan is fullest. Above 100%, the newest wait.", units.PercentUnit,
			query{`topk(10, sum by (organization) (roster_profiles{organization=~"$organization"})
  / sum by (organization) (roster_profiles_limit{organization=~"$organization"}))`, "{{organization}}"}),
		graph("Tokens that end", "Profiles whose tokens end within 14 days, or have ended, with nothing that renews them.", units.Short,
			query{`topk(10, sum by (organization) (roster_profiles_expiring{organization=~"$organization"}))`, "{{organization}}"}),
	}}
}

func deliveries() row {
	return row{title: "Invitations and mail", panels: []panel{
		stacked("Transitions", "Invitations that came into a state, in an hour. Accepted and Declined are on the dashboard of the portal.",
			units.Short, query{`sum by (state) (increase(roster_invitation_transitions_total{job=~"$job"}[1h]))`, "{{state}}"}),
		stacked("Mails by outcome", "Tries to hand a mail to the relay, in an hour.", units.Short,
			query{`sum by (outcome) (increase(roster_mails_total{job=~"$job"}[1h]))`, "{{outcome}}"}),
		stacked("Mails by kind", "Mails that the relay took, in an hour.", units.Short,
			query{`sum by (kind) (increase(roster_mails_total{job=~"$job",outcome="Delivered"}[1h]))`, "{{kind}}"}),
		graph("How long the relay takes", "For one mail.", units.Seconds, quantiles("roster_mail_duration_seconds_bucket")...),
		graph("Mail held", "1 while no mail goes out, by reason.", units.Short,
			query{`max by (reason) (roster_outbox_held{job=~"$job"})`, "{{reason}}"}),
		graph("Expiry", "How long after its time an Invitation was reported as Expired.", units.Seconds,
			quantiles("roster_invitation_expiry_lag_seconds_bucket")...),
	}}
}

func networks() row {
	return row{title: "Social networks", panels: []panel{
		stacked("Checks of tokens", "Answers of the networks, in an hour.", units.Short,
			query{`sum by (network, validity) (increase(roster_credential_checks_total{job=~"$job"}[1h]))`, "{{network}} {{validity}}"}),
		stacked("Renewals of tokens", "What became of them, in an hour.", units.Short,
			query{`sum by (network, validity) (increase(roster_credential_renewals_total{job=~"$job"}[1h]))`, "{{network}} {{validity}}"}),
		stacked("Connections", "What people requested at the portal for profiles, in an hour.", units.Short,
			query{`sum by (result) (increase(roster_connections_total{job=~"$job"}[1h]))`, "{{result}}"}),
	}}
}

func controllers() row {
	return row{title: "Controllers", panels: []panel{
		graph("Reconciliations", "How much each controller does.", units.OpsPerSecond,
			query{`sum by (controller) (rate(controller_runtime_reconcile_total{job=~"$job"}[$__rate_interval]))`, "{{controller}}"}),
		graph("Errors", "A conflict now and then is normal: it is tried again.", units.OpsPerSecond,
			query{`sum by (controller) (rate(controller_runtime_reconcile_errors_total{job=~"$job"}[$__rate_interval]))`, "{{controller}}"}),
		graph("Retries", "Objects that a controller looks at again later: after an error, or since a time is set.", units.OpsPerSecond,
			query{`sum by (controller) (rate(workqueue_retries_total{job=~"$job"}[$__rate_interval]))`, "{{controller}}"}),
		graph("Waiting", "Objects that wait for a controller.", units.Short,
			query{`sum by (controller) (workqueue_depth{job=~"$job"} or roster_queue_held{job=~"$job"})`, "{{controller}}"}),
		graph("How long they wait", "99 of 100 wait no longer.", units.Seconds,
			query{`histogram_quantile(0.99, sum by (controller, le) (rate(workqueue_queue_duration_seconds_bucket{job=~"$job"}[$__rate_interval])))`,
				"{{controller}}"}),
		graph("Longest at work", "How long a controller has been busy with the same object.", units.Seconds,
			query{`max by (controller) (workqueue_longest_running_processor_seconds{job=~"$job"})`, "{{controller}}"}),
	}}
}

func refusedWrites() panel {
	return stacked("Refused writes", "Writes that Kubernetes refused, in an hour.", units.Short,
		query{`sum by (kind) (increase(roster_refused_writes_total{job=~"$job"}[1h]))`, "{{kind}}"})
}
