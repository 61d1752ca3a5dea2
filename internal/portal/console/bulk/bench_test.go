// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"fmt"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
)

// crowd is an organisation of 10,000 people, 300 profiles and 50 teams.
func crowd() *team {
	s := &membership.Snapshot{Organization: acme()}
	for i := range 300 {
		s.Profiles = append(s.Profiles, profile(fmt.Sprintf("p%03d", i), true))
	}
	for i := range 50 {
		of := &rosterv1alpha1.Team{ObjectMeta: named(fmt.Sprintf("team%02d", i)), Spec: rosterv1alpha1.TeamSpec{Role: "Editor"}}
		for j := range 200 {
			of.Spec.Members = append(of.Spec.Members, fmt.Sprintf("m%05d", i*200+j))
		}
		for j := range 10 {
			of.Spec.Profiles = append(of.Spec.Profiles, fmt.Sprintf("p%03d", (i*6+j)%300))
		}
		s.Teams = append(s.Teams, of)
	}
	t := &team{Crowd: &console.Crowd{Snapshot: s, Now: today()}, seen: s.Profiles}
	for i := range 10000 {
		t.Members = append(t.Members, active(fmt.Sprintf("m%05d", i), with(fmt.Sprintf("p%03d:Administrator p%03d:Guest", i%300, (i+7)%300))))
	}
	return t
}

func BenchmarkPreviewOfEverybody(b *testing.B) {
	t := crowd()
	in := circumstances{Organization: t.Organization, Now: today()}
	for b.Loop() {
		if p := (change{Action: actionSuspend}).plan(t.Snapshot, t.Members, t.Members, in); len(p.Unrenewed) != 300 {
			b.Fatal(len(p.Unrenewed))
		}
	}
}
