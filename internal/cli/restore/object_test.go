// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/cli/archive"
)

func read(t *testing.T, text string) *object {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &object{}
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestStatus: a status speaks of others by the UIDs that they have now, and of what is signed and sealed by the former ones.
func TestStatus(t *testing.T) {
	now := uids{"was-m": "is-m", "was-i": "is-i", "was-self": "is-self"}
	for name, c := range map[string]struct{ saved, want string }{
		"of an Account": {`
    observedGeneration: 7
    conditions: [{type: Ready, observedGeneration: 6}]
    leaving: [{uid: was-m}, {uid: unknown}]
    ownership: [{uid: was-m, answer: Agreed}]
    addressCode: {uid: was-i, attempt: 2}
    userHandle: was-self`, `
    observedGeneration: 1
    conditions: [{type: Ready, observedGeneration: 1}]
    leaving: [{uid: is-m}, {uid: unknown}]
    ownership: [{uid: is-m, answer: Agreed}]
    addressCode: {uid: is-i, attempt: 2}
    userHandle: was-self`},
		"of an Invitation": {"{memberUID: was-m, linkID: was-i}", "{memberUID: is-m, linkID: was-i}"},
		"of a profile":     {"{credential: {fingerprintSalt: was-self}}", "{credential: {fingerprintSalt: was-self}}"},
		"of places":        {"{plan: {seats: {last: {uid: was-m}}}}", "{plan: {seats: {last: {uid: was-m}}}}"},
	} {
		i := &item{saved: read(t, "kind: X\nstatus: "+c.saved), live: read(t, "kind: X\nmetadata: {generation: 1}")}
		if diff := cmp.Diff(read(t, "kind: X\nstatus: "+c.want).Object["status"], any(i.status(now))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestSame: what every object gets again is no difference, and neither is what older versions did not write down.
func TestSame(t *testing.T) {
	const saved = `
kind: Member
metadata: {name: ana, uid: was, creationTimestamp: "2026-01-01T00:00:00Z", generation: 4, ownerReferences: [{kind: X, name: x, uid: was-x}]}
spec: {email: ana@acme.example}`
	for name, c := range map[string]struct {
		live string
		same bool
	}{
		"in the same cluster": {saved, true},
		"restored": {`
kind: Member
metadata:
  name: ana
  uid: is
  creationTimestamp: "2026-02-02T00:00:00Z"
  annotations: {roster.dev/place: 2026-01-01T00:00:00Z/was}
  ownerReferences: [{kind: X, name: x, uid: is-x}]
spec: {email: ana@acme.example}`, true},
		"another address": {`
kind: Member
metadata: {name: ana, uid: was, creationTimestamp: "2026-01-01T00:00:00Z", ownerReferences: [{kind: X, name: x, uid: is-x}]}
spec: {email: other@acme.example}`, false},
		"made since": {`
kind: Member
metadata: {name: ana, uid: is, creationTimestamp: "2026-02-02T00:00:00Z", ownerReferences: [{kind: X, name: x, uid: is-x}]}
spec: {email: ana@acme.example}`, false},
	} {
		i := &item{saved: lasting(read(t, saved)), live: read(t, c.live)}
		now := uids{"was-x": "is-x"}
		if name == "in the same cluster" {
			now = uids{"was-x": "was-x"}
		}
		if i.same(now) != c.same {
			t.Errorf("%s: %v", name, !c.same)
		}
	}
}

// TestUntouched: a status that the operator has not written is worth nothing, and every other one is.
func TestUntouched(t *testing.T) {
	for status, want := range map[string]bool{"{}": true, "{observedGeneration: -1}": true, "{observedGeneration: 1}": false} {
		i := &item{live: read(t, "kind: X\nstatus: "+status)}
		if i.untouched() != want {
			t.Errorf("%s: %v", status, !want)
		}
	}
}

func TestTurns(t *testing.T) {
	member := func(name, email, born string) *item {
		return &item{step: archive.Step{}, saved: read(t, `{kind: Member, metadata: {namespace: acme, name: `+name+`, uid: u-`+name+
			`, creationTimestamp: "2026-01-01T00:00:`+born+`Z"}, spec: {email: `+email+`}}`)}
	}
	profile := func(name, reason string) *item {
		return &item{saved: read(t, `{kind: SocialProfile, metadata: {namespace: acme, name: `+name+`}, status: {conditions: [{reason: `+reason+`}]}}`)}
	}
	items := []*item{
		member("twin", "Ana@acme.example", "09"), member("ana", "ana@acme.example", "01"), member("third", "ana@acme.example", "10"),
		member("ben", "ben@acme.example", "05"), profile("placeless", "ProfileLimit"), profile("placed", "Connected"),
	}
	takeTurns(items)
	got := map[string]int{}
	for _, i := range items {
		got[i.saved.GetName()] = i.turn
	}
	want := map[string]int{"ana": 0, "twin": 1, "third": 2, "ben": 0, "placeless": 1, "placed": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
