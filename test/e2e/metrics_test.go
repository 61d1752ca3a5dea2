// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/roster-dev/roster/internal/freeport"
)

// oneReports: what alerts and dashboards add up over all managers is what there is. They tell by the Lease's name who is active.
func oneReports(b *bureau) {
	var scrapes []func() (string, error)
	for range 2 {
		address := freeport.For(b.t).Addr()
		b.run("manager", "--leader-elect", "--metrics-bind-address="+address).awaitReady()
		scrapes = append(scrapes, func() (string, error) { return b.get("http://" + address + "/metrics") })
	}
	b.invite(1, "ana")
	b.awaitSent()
	want := []string{
		`leader_election_master_status{name="roster-manager"} 0`,
		`leader_election_master_status{name="roster-manager"} 1`,
		`roster_invitations{organization="` + b.space + `",state="Sent"} 1`,
	}
	b.eventually("one reports", func() error {
		var lines []string
		for _, scrape := range scrapes {
			text, err := scrape()
			if err != nil {
				return err
			}
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "leader_election_master_status{") || strings.Contains(line, `{organization="`+b.space) {
					lines = append(lines, line)
				}
			}
		}
		slices.Sort(lines)
		if !slices.Equal(lines, want) {
			return fmt.Errorf("the managers say %q, want %q", lines, want)
		}
		return nil
	})
}

func (b *bureau) get(url string) (string, error) {
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, url, nil)
	b.must(err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
