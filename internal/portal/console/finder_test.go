// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

func now() time.Time { return time.Date(2026, time.November, 23, 9, 30, 0, 0, time.UTC) }

func at(days int) *metav1.Time { return &metav1.Time{Time: now().AddDate(0, 0, days)} }

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "acme", Name: name} }

// member is one who has joined.
func member(name string, change ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{
		ObjectMeta: named(name),
		Spec: rosterv1alpha1.MemberSpec{
			Email: name + "@acme.example", DisplayName: name, Role: rosterv1alpha1.RoleMember,
			AccountRef: &rosterv1alpha1.LocalReference{Name: name},
		},
		Status: rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive},
	}
	for _, c := range change {
		c(m)
	}
	return m
}

func inviting(name string, state rosterv1alpha1.InvitationState, change ...func(*rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: named(name), Spec: rosterv1alpha1.InvitationSpec{Email: name + "@acme.example"},
		Status: rosterv1alpha1.InvitationStatus{State: state},
	}
	for _, c := range change {
		c(inv)
	}
	return inv
}

func stall(conditions *[]metav1.Condition, reason string) {
	*conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason}}
}

func acme(members []*rosterv1alpha1.Member, invitations ...*rosterv1alpha1.Invitation) *Crowd {
	return &Crowd{Members: members, Invitations: invitations, Now: now(), Snapshot: &membership.Snapshot{
		Organization: &rosterv1alpha1.Organization{ObjectMeta: named("acme")},
		Profiles:     []*rosterv1alpha1.SocialProfile{{ObjectMeta: named("fb")}, {ObjectMeta: named("x")}},
		Teams: []*rosterv1alpha1.Team{{ObjectMeta: named("press"), Spec: rosterv1alpha1.TeamSpec{
			Role: rosterv1alpha1.ProfileEditor, Members: []string{"ana", "invited"}, Profiles: []string{"fb"},
		}}},
		Workspaces: []*rosterv1alpha1.Workspace{{ObjectMeta: named("west"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"x"}}}},
	}}
}

// found are the names of the objects on the list that an address asks for.
func found(t testing.TB, all *Crowd, address string) string {
	t.Helper()
	values, err := url.ParseQuery(address)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all.Find(ParseQuery(values), all.People()) {
		_, name := p.Object()
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestWhereSomebodyStands: by what is wanted of them, whether or not the operator has noticed.
func TestWhereSomebodyStands(t *testing.T) {
	no := func(m *rosterv1alpha1.Member) { m.Spec.AccountRef, m.Status.State = nil, rosterv1alpha1.MemberPending }
	o := &rosterv1alpha1.Organization{ObjectMeta: named("acme")}
	for name, c := range map[string]struct {
		m    *rosterv1alpha1.Member
		inv  *rosterv1alpha1.Invitation
		want Standing
	}{
		"joined":                 {m: member("a"), want: StandingActive},
		"suspended a moment ago": {m: member("a", func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }), want: StandingSuspended},
		"ended a moment ago":     {m: member("a", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = at(-1) }), want: StandingEnded},
		"suspended and ended":    {m: member("a", func(m *rosterv1alpha1.Member) { m.Spec.EndTime, m.Spec.Suspended = at(-1), ptr.To(true) }), want: StandingEnded},
		"ends tomorrow":          {m: member("a", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = at(1) }), want: StandingActive},
		"without a seat": {m: member("a", func(m *rosterv1alpha1.Member) {
			stall(&m.Status.Conditions, rosterv1alpha1.ReasonNoSeat)
			m.Status.State = ""
		}), want: StandingWaiting},
		"with a grant that is missing": {m: member("a", func(m *rosterv1alpha1.Member) {
			stall(&m.Status.Conditions, rosterv1alpha1.ReasonProfileNotFound)
		}), want: StandingActive},
		"declared":             {m: member("a", no), want: StandingInvited},
		"declared and mailed":  {m: member("a", no), inv: inviting("a", rosterv1alpha1.InvitationSent), want: StandingInvited},
		"declared and expired": {m: member("a", no), inv: inviting("a", rosterv1alpha1.InvitationExpired), want: StandingExpired},
		"just created":         {inv: inviting("a", ""), want: StandingInvited},
		"expired unnoticed": {inv: inviting("a", rosterv1alpha1.InvitationSent, func(i *rosterv1alpha1.Invitation) {
			i.Status.ExpiryTime = at(-1)
		}), want: StandingExpired},
		"declined":      {inv: inviting("a", rosterv1alpha1.InvitationDeclined), want: StandingDeclined},
		"undeliverable": {inv: inviting("a", rosterv1alpha1.InvitationUndeliverable), want: StandingUndeliverable},
		"withdrawn a moment ago": {inv: inviting("a", rosterv1alpha1.InvitationSent, func(i *rosterv1alpha1.Invitation) {
			i.Spec.Revoked = ptr.To(true)
		}), want: StandingWithdrawn},
		"ended with its Member": {inv: inviting("a", rosterv1alpha1.InvitationRevoked), want: StandingWithdrawn},
		"not to be mailed": {inv: inviting("a", rosterv1alpha1.InvitationPending, func(i *rosterv1alpha1.Invitation) {
			stall(&i.Status.Conditions, rosterv1alpha1.ReasonDomainNotAllowed)
		}), want: StandingWaiting},
	} {
		var got Standing
		if c.m != nil {
			got = StandingOfMember(o, c.m, c.inv, now())
		} else {
			got = StandingOfInvitation(c.inv, now())
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestFindingPeople: AG-03.
func TestFindingPeople(t *testing.T) {
	all := acme([]*rosterv1alpha1.Member{
		member("zoe", func(m *rosterv1alpha1.Member) {
			m.Status.DisplayName, m.Status.JoinedTime, m.Status.LastSignInTime = "Zoé Lefèvre-Åström", at(-3), at(-1)
			m.Status.SecondFactor = ptr.To(true)
			m.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: rosterv1alpha1.ProfileGuest}}
		}),
		member("ana", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName, m.Status.JoinedTime = "Ana Sørensen", at(-9) }),
		member("ben", func(m *rosterv1alpha1.Member) {
			m.Spec.Role, m.Status.JoinedTime, m.Status.LastSignInTime = rosterv1alpha1.RoleManager, at(-1), at(-5)
			m.Status.SecondFactor = ptr.To(false)
		}),
		member("declared", func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef, m.Status.State, m.Status.Invitation = nil, rosterv1alpha1.MemberPending, "own"
			m.Spec.Role = "writer"
		}),
		member("leaving", func(m *rosterv1alpha1.Member) { m.DeletionTimestamp = at(0) }),
	},
		inviting("own", rosterv1alpha1.InvitationDeclined, func(i *rosterv1alpha1.Invitation) {
			i.Spec.Email, i.Spec.MemberRef = "", &rosterv1alpha1.LocalReference{Name: "declared"}
		}),
		inviting("invited", rosterv1alpha1.InvitationSent), inviting("no", rosterv1alpha1.InvitationDeclined),
		inviting("yes", rosterv1alpha1.InvitationAccepted),
	)
	for address, want := range map[string]string{
		"":                         "ana ben declared invited zoe", // a Member stays, whatever became of the invitation
		"q=":                       "ana ben declared invited zoe",
		"q=LEFEVRE":                "zoe",
		"q=astrom+zo":              "zoe",
		"q=%20sorensen%20":         "ana",
		"q=so%CC%88rensen":         "ana",
		"q=ben@ACME.example":       "ben",
		"q=nobody":                 "",
		"state=declined":           "declared no",
		"state=active":             "ana ben zoe",
		"state=invited":            "invited",
		"role=Manager":             "ben",
		"role=Member":              "ana invited zoe",
		"role=writer":              "declared",
		"team=press":               "ana invited",
		"team=none":                "",
		"workspace=west":           "ben zoe",
		"profile=fb":               "ana ben invited",
		"profile=x":                "ben zoe",
		"profile=x&role=Member":    "zoe",
		"factor=with":              "zoe",
		"factor=without":           "ben",
		"factor=x":                 "ana ben declared invited zoe",
		"sort=-name":               "zoe invited declared ben ana",
		"sort=joined":              "ana zoe ben declared invited",
		"sort=-joined":             "ben zoe ana declared invited",
		"sort=sign-in":             "ben zoe ana declared invited",
		"sort=-sign-in":            "zoe ben ana declared invited",
		"sort=role":                "ben ana invited zoe declared",
		"sort=state":               "ana ben zoe invited declared",
		"sort=-state":              "declared invited ana ben zoe",
		"sort=x&state=x&role=&q=a": "ana ben declared invited zoe",
	} {
		if got := found(t, all, address); got != want {
			t.Errorf("?%s: %s, want %s", address, got, want)
		}
	}
}

// TestNobodyIsListedTwice: an Invitation that was there before the Member was declared is about the same person.
func TestNobodyIsListedTwice(t *testing.T) {
	all := acme([]*rosterv1alpha1.Member{member("ana", func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef, m.Status.State, m.Status.Invitation = nil, rosterv1alpha1.MemberPending, "first"
	})}, inviting("first", rosterv1alpha1.InvitationSent))
	if got := found(t, all, ""); got != "ana" {
		t.Error(got)
	}
}

func TestPagesOfAList(t *testing.T) {
	for _, c := range []struct{ size, number, first, count, at, of int }{
		{0, 1, -1, 0, 1, 1}, {50, 1, 0, 50, 1, 1}, {51, 1, 0, 50, 1, 2}, {51, 2, 50, 1, 2, 2}, {51, 99, 50, 1, 2, 2}, {51, -1, 0, 50, 1, 2},
	} {
		all := make([]int, c.size)
		for i := range all {
			all[i] = i
		}
		part, p := PageOf(all, c.number)
		if len(part) != c.count || p.Page != c.at || p.Pages != c.of || c.count > 0 && part[0] != c.first {
			t.Errorf("%+v: %d from %v, %+v", c, len(part), part, p)
		}
		if p = p.Link(strconv.Itoa); (p.BeforeHref != "") != (c.at > 1) || (p.AfterHref != "") != (c.at < c.of) {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

// TestAddressesOfLists: what goes without saying is left out, and choosing a column again turns it round.
func TestAddressesOfLists(t *testing.T) {
	for address, want := range map[string]string{
		"": "", "sort=name&page=1&state=x": "", "q=+%C3%A9++&page=3&sort=-joined&team=press": "page=3&q=%C3%A9&sort=-joined&team=press",
		"page=-4": "", "page=x": "",
	} {
		values, _ := url.ParseQuery(address)
		if got := ParseQuery(values).Values().Encode(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	for _, c := range []struct{ sort, column, want string }{
		{"name", "name", "-name"}, {"-name", "name", "name"}, {"name", "joined", "-joined"}, {"-joined", "joined", "joined"}, {"joined", "role", "role"},
	} {
		if got := (Query{Sort: c.sort, Page: 4}).Sorted(c.column); got.Sort != c.want || got.Page != 1 {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// many is an organisation of that many people, and a tenth as many who are invited.
func many(n int) *Crowd {
	var members []*rosterv1alpha1.Member
	var invitations []*rosterv1alpha1.Invitation
	for i := range n {
		members = append(members, member(fmt.Sprintf("member-%05d", i), func(m *rosterv1alpha1.Member) {
			m.Status.DisplayName, m.Status.JoinedTime = fmt.Sprintf("Zoé Lefèvre %d", i*7919%n), at(-i)
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: []string{"fb", "x"}[i%2], Role: rosterv1alpha1.ProfileEditor}}
		}))
	}
	for i := range n / 10 {
		invitations = append(invitations, inviting(fmt.Sprintf("invitation-%05d", i), rosterv1alpha1.InvitationSent))
	}
	all := acme(members, invitations...)
	for i := range 100 {
		t := &rosterv1alpha1.Team{ObjectMeta: named(fmt.Sprintf("team-%d", i)), Spec: rosterv1alpha1.TeamSpec{Role: rosterv1alpha1.ProfileGuest, Profiles: []string{"x"}}}
		for j := range 100 {
			t.Spec.Members = append(t.Spec.Members, fmt.Sprintf("member-%05d", (i*100+j)%n))
		}
		all.Teams = append(all.Teams, t)
	}
	return all
}

// BenchmarkPeople makes the list of 10,000 people and 1,000 invitations, without its page.
func BenchmarkPeople(b *testing.B) {
	all := many(10_000)
	for _, address := range []string{"", "q=lefevre+77", "sort=-joined&page=100", "sort=role&state=active", "profile=fb", "workspace=west", "team=team-7"} {
		b.Run(address, func(b *testing.B) {
			for b.Loop() {
				found(b, all, address)
			}
		})
	}
}

// TestAListOfManyIsWhole: every person stands on one page, and on one only.
func TestAListOfManyIsWhole(t *testing.T) {
	all := many(1_000)
	seen := map[string]int{}
	for n := range 22 {
		part, pager := PageOf(all.Find(Query{Sort: "-joined"}, all.People()), n+1)
		if pager.Pages != 22 {
			t.Fatalf("%d pages", pager.Pages)
		}
		for _, p := range part {
			_, name := p.Object()
			seen[name]++
		}
	}
	if len(seen) != 1_100 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("%d people", len(seen))
	}
}

func TestFold(t *testing.T) {
	for s, want := range map[string]string{
		"Ana": "ana", "ZOÉ": "zoe", "Zoe\u0301": "zoe", "Łukasz Øster": "lukasz oster", "Straße": "strasse", "Æsa": "aesa",
		"İpek ısı": "ipek isi", "ＡＢＣ": "abc", "Ὀδυσσεύς ΟΔΥΣΣΕΥΣ": "οδυσσευσ οδυσσευσ", "한국": norm.NFKD.String("한국"), "": "",
	} {
		if got := Fold(s); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
}

func TestStandingsInWords(t *testing.T) {
	words, err := web.NewDictionary(Files)
	if err != nil {
		t.Fatal(err)
	}
	for l, w := range words.Words {
		for _, s := range standings() {
			if text := s.Badge(w).Text; strings.HasPrefix(text, "console.") {
				t.Errorf("%s: %s", l, text)
			}
		}
	}
}
