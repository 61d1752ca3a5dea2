// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// scenario is what Prometheus has seen by a time, a value a minute, and which alerts it raises then: the labels of each. Several series
// of one line belong to the same process.
type scenario struct {
	alert  string
	series []string
	after  time.Duration
	fires  []string
}

// in puts a series under the labels of a process, as Prometheus does when it scrapes.
func in(process, name, values string) string {
	labels := fmt.Sprintf(`job="roster-system/roster-%s",instance="10.0.0.1:8080",pod="roster-%s-1"`, process, process)
	name, rest, has := strings.Cut(name, "{")
	if has {
		labels += "," + strings.TrimSuffix(rest, "}")
	}
	return name + "{" + labels + "} " + values
}

// ours are series of a process of Roster, which roster_build_info tells from others.
func ours(process string, more ...string) []string {
	all := []string{in(process, "roster_build_info", "1x300")}
	for i := 0; i < len(more); i += 2 {
		all = append(all, in(process, more[i], more[i+1]))
	}
	return all
}

// theirs are the same series of another program.
func theirs(series ...string) []string { return ours("x", series...)[1:] }

func held(reason, values string) []string {
	return ours("manager", `roster_outbox_held{reason="`+reason+`"}`, values)
}

func mails(outcome, values string) string {
	return in("manager", `roster_mails_total{kind="invitation",outcome="`+outcome+`"}`, values)
}

// histogram has observations with that upper bound, as many a minute as the last two arguments say: within it, and in all.
func histogram(process, name, bound string, within, all int) []string {
	return []string{
		in(process, name+`_bucket{le="`+bound+`"}`, fmt.Sprintf("0+%dx300", within)),
		in(process, name+`_bucket{le="1000"}`, fmt.Sprintf("0+%dx300", all)),
		in(process, name+`_bucket{le="+Inf"}`, fmt.Sprintf("0+%dx300", all)),
	}
}

func checks(validity, values string) string {
	return in("manager", `roster_credential_checks_total{network="X",validity="`+validity+`"}`, values)
}

const (
	minutes = time.Minute
	hours   = time.Hour
)

func scenarios() []scenario {
	return slices.Concat(processScenarios(), mailScenarios(), organizationScenarios(), portalScenarios())
}

func processScenarios() []scenario {
	leader := `leader_election_master_status{name="roster-manager"}`
	requests := func(process, code, values string) string {
		return in(process, `rest_client_requests_total{code="`+code+`",method="GET",host="10.96.0.1:443"}`, values)
	}
	reconciled := func(kind, values string) []string {
		return []string{`controller_runtime_reconcile_` + kind, values}
	}
	failing := append(reconciled(`errors_total{controller="member"}`, "0+1x300"), reconciled(`total{controller="member",result="error"}`, "0+2x300")...)
	manager := `{job="roster-system/roster-manager"}`
	one := `{instance="10.0.0.1:8080", job="roster-system/roster-manager", pod="roster-manager-1"}`
	member := `{controller="member"}`
	return []scenario{
		{"RosterManagerAbsent", nil, 10 * minutes, []string{`{name="roster-manager"}`}},
		{"RosterManagerAbsent", []string{in("manager", leader, "1x20")}, 20 * minutes, nil},
		{"RosterManagerAbsent", []string{in("manager", leader, "1 _x8 1x20")}, 15 * minutes, nil}, // a Pod that moves
		{"RosterNoLeader", []string{in("manager", leader, "0x20")}, 6 * minutes, []string{`{}`}},
		{"RosterNoLeader", []string{in("manager", leader, "0x20"), in("other", leader, "1x20")}, 20 * minutes, nil},
		{"RosterPortalAbsent", nil, 5 * minutes, []string{`{}`}},
		{"RosterPortalAbsent", []string{in("portal", "roster_portal_untrusted_proxy_requests_total", "0x20")}, 20 * minutes, nil},
		{"RosterRestarts", ours("manager", "process_start_time_seconds", "1x9 2x9 3x9 4x9 5x30"), 1 * hours, []string{one}},
		{"RosterRestarts", ours("manager", "process_start_time_seconds", "1x29 2x30"), 1 * hours, nil},
		{"RosterRestarts", theirs("process_start_time_seconds", "1x9 2x9 3x9 4x9 5x30"), 1 * hours, nil},
		{"RosterMemoryNearLimit", ours("manager", "process_resident_memory_bytes", "99x60", "go_gc_gomemlimit_bytes", "100x60"), 20 * minutes, []string{one}},
		{"RosterMemoryNearLimit", ours("manager", "process_resident_memory_bytes", "50x60", "go_gc_gomemlimit_bytes", "100x60"), 20 * minutes, nil},
		{"RosterMemoryNearLimit", theirs("process_resident_memory_bytes", "99x60", "go_gc_gomemlimit_bytes", "100x60"), 20 * minutes, nil},
		{"RosterAPIRequestsFail", append(ours("manager"), requests("manager", "200", "0+60x60"), requests("manager", "<error>", "0+20x60")),
			30 * minutes, []string{manager}},
		{"RosterAPIRequestsFail", append(ours("manager"), requests("manager", "200", "0+60x60"), requests("manager", "409", "0+20x60")),
			30 * minutes, nil}, // conflicts
		{"RosterReconcileErrors", ours("manager", failing...), 90 * minutes, []string{member}},
		{"RosterReconcileErrors", ours("manager", failing...), 30 * minutes, nil},
		{"RosterReconcileErrors", theirs(failing...), 90 * minutes, nil},
		{"RosterQueueBacklog", ours("manager", `workqueue_depth{controller="member",name="member",priority="-1"}`, "400x60",
			`workqueue_depth{controller="member",name="member",priority="0"}`, "400x60"), 40 * minutes, []string{member}},
		{"RosterQueueBacklog", ours("manager", `workqueue_depth{controller="member",name="member",priority="0"}`, "2x60",
			`roster_queue_held{controller="member"}`, "499x60"), 40 * minutes, []string{member}},
		{"RosterQueueBacklog", ours("manager", `workqueue_depth{controller="member",name="member",priority="0"}`, "800x9 0x60"), 40 * minutes, nil},
		{"RosterWorkerStuck", ours("manager", `workqueue_longest_running_processor_seconds{controller="member",name="member"}`, "0+60x60"),
			30 * minutes, []string{member}},
		{"RosterWorkerStuck", ours("manager", `workqueue_longest_running_processor_seconds{controller="member",name="member"}`, "600x60"), 30 * minutes, nil},
	}
}

func mailScenarios() []scenario {
	relay := `{instance="10.0.0.1:8080", job="roster-system/roster-manager", pod="roster-manager-1", reason="RelayRefuses"}`
	return []scenario{
		{"RosterRelayRefuses", held("RelayRefuses", "1 0x3 1 0x3 1 0x3"), 10 * minutes, []string{relay}},
		{"RosterRelayRefuses", held("RelayUnavailable", "1x60"), 10 * minutes, nil},
		{"RosterRelayUnavailable", held("RelayThrottles", "1x60"), 20 * minutes, []string{`{}`}},
		{"RosterRelayUnavailable", held("RelayThrottles", "1x9 0 1x60"), 20 * minutes, nil},
		{"RosterMailHeld", []string{mails("Held", "0x9 1x60 2x90")}, 2 * hours, []string{`{}`}},
		{"RosterMailHeld", []string{mails("Held", "0x90 1x90")}, 2 * hours, nil},
		{"RosterMailFailing", []string{mails("Failing", "0x9 3x60"), mails("Delivered", "7x60")}, 20 * minutes, []string{`{}`}},
		{"RosterMailFailing", []string{mails("Failing", "0x9 3x60"), mails("Delivered", "7x15 8x60")}, 20 * minutes, nil},
		{"RosterMailRejected", []string{mails("Rejected", "0+1x60")}, 1 * hours, []string{`{}`}},
		{"RosterMailRejected", []string{mails("Rejected", "0x30 5x60")}, 1 * hours, nil},
		{"RosterExpiryLate", histogram("manager", "roster_invitation_expiry_lag_seconds", "40.96", 0, 1), 1 * hours, []string{`{}`}},
		{"RosterExpiryLate", histogram("manager", "roster_invitation_expiry_lag_seconds", "40.96", 1, 1), 1 * hours, nil},
	}
}

func organizationScenarios() []scenario {
	refused := `roster_refused_writes_total{kind="Role"}`
	connections := `roster_connections_total{network="X",result="Expired"}`
	profiles := func(connected string) string {
		return `roster_profiles{organization="acme",connected="` + connected + `"}`
	}
	seats := func(wanted string) []string {
		return ours("manager", `roster_seats_wanted{organization="acme"}`, wanted, `roster_seats_limit{organization="acme"}`, "5x90")
	}
	acme, x := `{organization="acme"}`, `{network="X"}`
	return []scenario{
		{"RosterWritesRefused", ours("manager", refused, "0x9 0+2x60"), 30 * minutes, []string{`{kind="Role"}`}},
		{"RosterWritesRefused", ours("manager", refused, "0x9 1x60"), 60 * minutes, nil},
		{"RosterConnectionsLost", ours("manager", connections, "0x9 1x60"), 30 * minutes, []string{`{network="X", result="Expired"}`}},
		{"RosterConnectionsLost", ours("manager", `roster_connections_total{network="X",result="Added"}`, "0x9 1x60"), 30 * minutes, nil},
		{"RosterNetworkUnreachable", []string{checks("Unknown", "0+3x300"), checks("Valid", "0+1x300")}, 2 * hours, []string{x}},
		{"RosterNetworkUnreachable", []string{checks("Unknown", "0+1x300"), checks("Valid", "0+3x300")}, 2 * hours, nil},
		{"RosterTokensRejected", []string{checks("Invalid", "0+3x300"), checks("Valid", "0+1x300")}, 1 * hours, []string{x}},
		{"RosterTokensRejected", []string{checks("Invalid", "0x30 5x300"), checks("Valid", "0x300")}, 1 * hours, nil},
		{"RosterTokensRejected", []string{checks("Invalid", "0+1x300"), checks("Valid", "0+3x300")}, 1 * hours, nil},
		{"RosterProfilesDisconnected", ours("manager", profiles("False"), "2x90"), 1 * hours, []string{acme}},
		{"RosterProfilesDisconnected", ours("manager", profiles("Unknown"), "2x90"), 1 * hours, nil},
		{"RosterTokensExpiring", ours("manager", `roster_profiles_expiring{organization="acme"}`, "1x90"), 1 * hours, []string{acme}},
		{"RosterTokensExpiring", ours("manager", profiles("True"), "1x90"), 1 * hours, nil},
		{"RosterSeatsFull", seats("6x90"), 1 * hours, []string{acme}},
		{"RosterSeatsFull", seats("5x90"), 1 * hours, nil},
	}
}

func portalScenarios() []scenario {
	requests := func(code, values string) string {
		return in("portal", `roster_portal_requests_total{route="GET /i/{token}",method="GET",code="`+code+`"}`, values)
	}
	claims := func(result string) string { return `roster_portal_claims_total{result="` + result + `"}` }
	signIns := func(result string) string {
		return `roster_portal_security_events_total{event="sign_in",result="` + result + `"}`
	}
	const (
		untrusted    = "roster_portal_untrusted_proxy_requests_total"
		consoleWaits = `roster_portal_console_visits_total{result="name"}`
		keySince     = "roster_openid_signing_key_since_timestamp_seconds"
		keyFailures  = "roster_openid_signing_key_failures_total"
	)
	return []scenario{
		{"RosterPortalErrors", []string{requests("200", "0+9x60"), requests("503", "0+1x60")}, 20 * minutes, []string{`{}`}},
		{"RosterPortalErrors", []string{requests("200", "0+9x60"), requests("429", "0+5x60")}, 20 * minutes, nil},
		{"RosterPortalSlow", histogram("portal", "roster_portal_request_duration_seconds", "1.220703125", 1, 9), 30 * minutes, []string{`{}`}},
		{"RosterPortalSlow", histogram("portal", "roster_portal_request_duration_seconds", "0.48828125", 9, 9), 30 * minutes, nil},
		{"RosterAnswersFail", ours("portal", claims("failed"), "0x9 1x60"), 15 * minutes, []string{`{}`}},
		{"RosterAnswersFail", ours("portal", claims("too_late"), "0x9 1x60"), 15 * minutes, nil},
		{"RosterHashingSlow", histogram("portal", "roster_portal_password_hash_wait_seconds", "1.024", 1, 9), 30 * minutes, []string{`{}`}},
		{"RosterHashingSlow", histogram("portal", "roster_portal_password_hash_wait_seconds", "1.024", 9, 9), 30 * minutes, nil},
		{"RosterUntrustedProxy", ours("portal", untrusted, "0+20x60"), 30 * minutes, []string{`{}`}},
		{"RosterUntrustedProxy", ours("portal", untrusted, "0+1x60"), 30 * minutes, nil},
		{"RosterConsoleWaits", ours("portal", consoleWaits, "0+5x60"), 30 * minutes, []string{`{}`}},
		{"RosterConsoleWaits", ours("portal", consoleWaits, "0+1x60"), 30 * minutes, nil},
		{"RosterSigningKeyNotRotated", ours("manager", keySince, "-2900000x60"), 30 * minutes, []string{`{}`}},
		{"RosterSigningKeyNotRotated", ours("manager", keySince, "-2600000x60"), 30 * minutes, nil},
		{"RosterSigningKeyNotRotated", ours("manager", keyFailures, "0+1x60"), 50 * minutes, []string{`{}`}},
		{"RosterSigningKeyNotRotated", ours("manager", keyFailures, "0x30 1x60"), 50 * minutes, nil},
		{"RosterSignInsFail", ours("portal", signIns("failure"), "0+5x60", signIns("throttled"), "0+5x60"), 30 * minutes, []string{`{}`}},
		{"RosterSignInsFail", ours("portal", signIns("success"), "0+50x60"), 30 * minutes, nil},
	}
}

// TestAlerts: each alert fires when what it is about happens, and stays silent otherwise.
func TestAlerts(t *testing.T) {
	rules := map[string]rulefmt.Rule{}
	for _, r := range alerts(t) {
		if _, twice := rules[r.Alert]; twice {
			t.Errorf("there are two alerts %s", r.Alert)
		}
		rules[r.Alert] = r
	}
	type seen struct{ fired, silent bool }
	tried := map[string]seen{}
	for i, s := range scenarios() {
		rule, ok := rules[s.alert]
		if !ok {
			t.Fatalf("there is no alert %s", s.alert)
		}
		t.Run(fmt.Sprintf("%s/%d", s.alert, i), func(t *testing.T) {
			var fires []string
			for _, f := range load(t, s.series).evaluate(t, rule, s.after) {
				fires = append(fires, f.labels.String())
				isComplete(t, rule, f)
			}
			if !slices.Equal(fires, s.fires) {
				t.Errorf("after %s, alerts fire for %v, want %v", s.after, fires, s.fires)
			}
		})
		was := tried[s.alert]
		tried[s.alert] = seen{was.fired || len(s.fires) > 0, was.silent || len(s.fires) == 0}
	}
	for name := range rules {
		if !tried[name].fired || !tried[name].silent {
			t.Errorf("%s: no scenario shows both when it fires and when it does not", name)
		}
	}
}

// isComplete reports what a description leaves blank.
func isComplete(t *testing.T, rule rulefmt.Rule, f firing) {
	t.Helper()
	for _, used := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(rule.Annotations["description"], -1) {
		if f.labels.Get(used[1]) == "" {
			t.Errorf("the description names the label %s, which %s lacks", used[1], f.labels)
		}
	}
	if strings.Contains(f.description, "<no value>") || strings.Contains(f.description, "NaN") {
		t.Errorf("the description reads %q", f.description)
	}
}

// TestAlertsSayWhatIsWrong: each has what people need who are woken by it.
func TestAlertsSayWhatIsWrong(t *testing.T) {
	for _, r := range alerts(t) {
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: the severity is %q", r.Alert, r.Labels["severity"])
		}
		for _, name := range []string{"summary", "description"} {
			if !strings.HasSuffix(r.Annotations[name], ".") {
				t.Errorf("%s: the %s is no sentence: %q", r.Alert, name, r.Annotations[name])
			}
		}
	}
}

// TestRunbooks: the link of each alert leads to its section of docs/alerts.md, and there are no others.
func TestRunbooks(t *testing.T) {
	sections := map[string]string{}
	for _, section := range strings.Split(read(t, "docs/alerts.md"), "\n### ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[title], _, _ = strings.Cut(text, "\n## ")
	}
	for _, r := range alerts(t) {
		section, ok := sections[r.Alert]
		if want := documentation + "alerts.md#" + strings.ToLower(r.Alert); !ok || r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %q and a section there", r.Alert, r.Annotations["runbook_url"], want)
		}
		for _, part := range []string{"**What it means.**", "**What people notice.**", "**How to find the cause.**", "**What to do.**", "```sh\n"} {
			if !strings.Contains(section, part) {
				t.Errorf("docs/alerts.md: the section about %s lacks %s", r.Alert, strings.TrimSpace(part))
			}
		}
		delete(sections, r.Alert)
	}
	for title := range sections {
		t.Errorf("docs/alerts.md has the section %s, which no alert links to", title)
	}
}
