// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/cli/archive"
)

func stepOf(t *testing.T, name string) archive.Step {
	t.Helper()
	for _, s := range archive.Steps() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no step %s", name)
	return archive.Step{}
}

// TestConflicts: what exists and differs stops a restore, unless it is told to overwrite or nothing can be lost.
func TestConflicts(t *testing.T) {
	const (
		before  = "{kind: X, metadata: {name: x}, spec: {a: 1}, status: {observedGeneration: 1, state: A}}"
		changed = "{kind: X, metadata: {name: x}, spec: {a: 2}, status: {observedGeneration: 1, state: A}}"
		since   = "{kind: X, metadata: {name: x, generation: 1}, spec: {a: 1}, status: {observedGeneration: 1, state: B}}"
		halfway = "{kind: X, metadata: {name: x, generation: 1}, spec: {a: 1}, status: {observedGeneration: -1}}"
		done    = "{kind: X, metadata: {name: x, generation: 1}, spec: {a: 1}, status: {observedGeneration: 1, state: A}}"
	)
	for name, c := range map[string]struct {
		step, live                  string
		stays, overwrite, inUse, ok bool
	}{
		"not there":             {step: "members", ok: true},
		"the same":              {step: "members", live: done, ok: true},
		"changed":               {step: "members", live: changed},
		"changed, and told to":  {step: "members", live: changed, overwrite: true, ok: true},
		"another status":        {step: "members", live: since},
		"made halfway":          {step: "members", live: halfway, ok: true},
		"it stays":              {step: "accounts", live: changed, stays: true, ok: true},
		"keys of an empty site": {step: "keys", live: changed, ok: true},
		"keys in use":           {step: "keys", live: changed, inUse: true},
	} {
		i := &item{step: stepOf(t, c.step), saved: read(t, before), stays: c.stays}
		if c.live != "" {
			i.live = read(t, c.live)
		}
		r := &run{options: &options{overwrite: c.overwrite}, items: map[string][]*item{c.step: {i}}, inUse: c.inUse}
		if err := r.refuseConflicts(); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "X x") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLeaveCredentials: a saved password is not brought to another Account of the same name, which it would not open.
func TestLeaveCredentials(t *testing.T) {
	for id, kept := range map[string]int{"c": 1, "other": 0} {
		r := &run{items: map[string][]*item{
			"accounts": {{
				saved: read(t, "{kind: Account, metadata: {name: a}, spec: {credentialsID: c}}"), stays: true,
				live: read(t, "{kind: Account, metadata: {name: a}, spec: {credentialsID: "+id+"}}"),
			}},
			"credentials": {{saved: read(t, "{kind: Secret, metadata: {name: a}}")}},
		}}
		if r.leaveCredentials(); len(r.items["credentials"]) != kept {
			t.Errorf("the Account has %s: %d", id, len(r.items["credentials"]))
		}
	}
}
