// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
)

func TestWhoIsFound(t *testing.T) {
	s, everybody := office()
	past := metav1.NewTime(today().Add(-time.Hour))
	everybody = append(everybody,
		active("pia", func(s *rosterv1alpha1.MemberSpec) { s.AccountRef, s.DisplayName = nil, "Pia Ørsted" }),
		active("eve", func(s *rosterv1alpha1.MemberSpec) { s.EndTime = &past }),
		active("paul", func(s *rosterv1alpha1.MemberSpec) { s.AccountRef, s.Suspended = nil, ptr.To(true) }),
		active("xavi", func(s *rosterv1alpha1.MemberSpec) { s.AccountRef = nil }))
	everybody[len(everybody)-1].Status.Invitation = "xavi"
	late := &rosterv1alpha1.Invitation{ObjectMeta: named("xavi")}
	late.Status.State = rosterv1alpha1.InvitationExpired
	alone := &rosterv1alpha1.Invitation{ObjectMeta: named("yan")}
	gone := active("gone")
	gone.DeletionTimestamp = &past
	s.Workspaces = []*rosterv1alpha1.Workspace{{ObjectMeta: named("west")}}
	all := &team{Crowd: &console.Crowd{Snapshot: s, Members: append(everybody, gone),
		Invitations: []*rosterv1alpha1.Invitation{late, alone}, Now: today()}}
	for query, want := range map[string]string{
		"":                         "ana ben eve olivia paul pia sam xavi zoe",
		"q=ACME.example":           "ana ben eve olivia paul pia sam xavi zoe",
		"q=pia+acme":               "pia",
		"q=%C3%B8rsted":            "pia",
		"state=active":             "ana ben olivia zoe",
		"state=suspended":          "paul sam",
		"state=expired":            "xavi",
		"q=ORSTED":                 "pia",
		"sort=-name&state=active":  "zoe olivia ben ana",
		"state=invited":            "pia",
		"state=ended":              "eve",
		"state=undeliverable":      "",
		"role=CoOwner":             "olivia",
		"role=Member&state=active": "ana ben zoe",
		"team=press":               "ana ben",
		"team=nowhere":             "",
		"profile=fb":               "ana ben olivia sam",
		"workspace=west":           "olivia",
		"team=press&q=ben":         "ben",
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range readChoice(v).found(all, all.People()) {
			names = append(names, p.Member.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if again := readChoice(v).values(); again.Encode() != v.Encode() {
			t.Errorf("%s is written as %s", query, again.Encode())
		}
	}
}

// TestTicksAreKeptAcrossPages: those of other pages stand in one field, and those of this page are what is ticked now.
func TestTicksAreKeptAcrossPages(t *testing.T) {
	ana, ben, zoe := idOf("uid-of-ana"), idOf("uid-of-ben"), idOf("uid-of-zoe")
	c := readChoice(url.Values{paramChosen: {encodeIDs([]id{ana, ben})}, paramTick: {zoe.String()}})
	if len(c.Ticked) != 3 || !c.Ticked[ana] || !c.Ticked[ben] || !c.Ticked[zoe] {
		t.Errorf("%v", c.Ticked)
	}
	if elsewhere := decodeIDs(encodeIDs(c.except(map[id]bool{ben: true}))); len(elsewhere) != 2 || slices.Contains(elsewhere, ben) {
		t.Errorf("%v", elsewhere)
	}
	if again := readChoice(c.values()); len(again.Ticked) != 3 {
		t.Errorf("%v", again.Ticked)
	}
	_, everybody := office()
	all := &team{Crowd: &console.Crowd{Snapshot: &membership.Snapshot{Organization: acme()}, Members: everybody, Now: today()}}
	var names []string
	for _, m := range c.people(all) {
		names = append(names, m.Name)
	}
	if strings.Join(names, " ") != "ana ben zoe" {
		t.Errorf("%v", names)
	}
	for _, nonsense := range []string{"", "A", "!", "AAAA"} {
		if ids := decodeIDs(nonsense); len(ids) != 0 {
			t.Errorf("%q is %v", nonsense, ids)
		}
	}
}

// TestPeopleInAJob: those who are refused can be tried again, and 10,000 people have room in the form.
func TestPeopleInAJob(t *testing.T) {
	var j job
	j.Change = change{Action: actionSuspend}
	for i := range 10000 {
		e := entry{idOf(types.UID(fmt.Sprint(i))), uint32(i)}
		j.People = e.append(j.People)
		j.refuse(e, fmt.Sprintf("reason %d", i%150))
	}
	if got := entries(j.People); len(got) != 10000 || got[77].generation != 77 || got[77].id != idOf("77") {
		t.Errorf("%d people", len(got))
	}
	if again := j.again(); len(again.People) != len(j.People) || again.Next != 0 || len(again.Refused) != 0 {
		t.Errorf("%d people again", len(again.People)/entrySize)
	}
	if len(j.Refused) != 100 {
		t.Errorf("%d reasons are kept", len(j.Refused))
	}
	// In JSON and sealed, bytes are written as base64 twice.
	if size := (len(j.People) + len(j.Refused)*100 + len(j.People)) * 16 / 9; size > maxBody-4096 {
		t.Errorf("the form has %d bytes, and %d fit", size, maxBody)
	}
	teams := job{Change: change{Action: actionChange, Join: []string{"press"}}, People: j.People}
	if again := teams.again(); again.Teams || len(again.People) != len(j.People) {
		t.Error("a team that was refused is not tried again")
	}
}
