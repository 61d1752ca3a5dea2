// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// personPath is the page of a person.
func (w *world) personPath(kind, name string, deed ...string) string {
	return strings.Join(append([]string{w.peoplePath(), kind, name}, deed...), "/")
}

// colleague is a Member who has joined, whom nobody signs in as.
func (w *world) colleague(local string, spec func(*rosterv1alpha1.MemberSpec), status func(*rosterv1alpha1.MemberStatus)) *rosterv1alpha1.Member {
	w.t.Helper()
	m := w.member(local, w.address(local), func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.Role = strings.ToUpper(local[:1])+local[1:], rosterv1alpha1.RoleMember
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: accountName(w.t, w.address(local))}
		if spec != nil {
			spec(&m.Spec)
		}
	})
	w.create(m)
	m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, Role: string(m.Spec.Role), JoinedTime: &metav1.Time{Time: now()}}
	if status != nil {
		status(&m.Status)
	}
	if err := w.admin.Status().Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	return m
}

// is reads a Member as it is now.
func (w *world) is(m *rosterv1alpha1.Member) *rosterv1alpha1.Member {
	w.t.Helper()
	got := &rosterv1alpha1.Member{}
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(m), got); err != nil {
		w.t.Fatal(err)
	}
	return got
}

// hiddenOf are the hidden fields of the form on a page, as a browser sends them.
func hiddenOf(page answer) url.Values {
	values := url.Values{}
	_, rest, _ := strings.Cut(page.body, `<form method="post" action="/organizations/`)
	form, _, _ := strings.Cut(rest, "</form>")
	for {
		_, after, ok := strings.Cut(form, `<input type="hidden" name="`)
		if !ok {
			return values
		}
		name, after, _ := strings.Cut(after, `" value="`)
		value, after, _ := strings.Cut(after, `"`)
		values.Add(name, value)
		form = after
	}
}

// does confirms something on its page, and opens the page that follows.
func (b *browser) does(path string, more ...string) answer {
	b.t.Helper()
	page := b.get(path)
	if page.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: status %d:\n%s", path, page.StatusCode, page.body)
	}
	form := hiddenOf(page)
	for i := 0; i+1 < len(more); i += 2 {
		form.Add(more[i], more[i+1])
	}
	a := b.post(path, form)
	if a.StatusCode == http.StatusSeeOther {
		return b.follow(a)
	}
	return a
}

// TestLookingAtPeople: AG-03, AG-04. The list has members and open invitations in one table; what has ended is found by its filter.
func TestLookingAtPeople(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.colleague("zoe", func(m *rosterv1alpha1.MemberSpec) {
		m.DisplayName, m.EndTime = "Zoé Lefèvre", &metav1.Time{Time: now().Add(1000 * time.Hour)}
	}, func(st *rosterv1alpha1.MemberStatus) {
		st.LastSignInTime, st.SecondFactor = &metav1.Time{Time: now().Add(-48 * time.Hour)}, ptr.To(true)
	})
	w.colleague("sam", func(m *rosterv1alpha1.MemberSpec) { m.Suspended = ptr.To(true) }, func(st *rosterv1alpha1.MemberStatus) {
		st.SecondFactor = ptr.To(false)
	})
	w.invite("nina")
	w.status(w.invite("late"), func(st *rosterv1alpha1.InvitationStatus) { st.State = rosterv1alpha1.InvitationExpired })
	w.status(w.invite("gone"), func(st *rosterv1alpha1.InvitationStatus) { st.State = rosterv1alpha1.InvitationDeclined })
	w.owned("olivia")
	w.seats(20, 6)

	page := manager.get(w.peoplePath())
	page.expect(t, http.StatusOK, "Olivia Martin", "Zoé Lefèvre", w.address("zoe"), "until", "21 November 2026", "4 January 2027", ">Active<", ">Suspended<",
		w.address("nina"), ">Invited<", w.address("late"), ">Expired<", "6 of 20 seats are taken. 14 are left.", ">Owner<")
	if strings.Contains(page.body, w.address("gone")) {
		t.Error("somebody who declined is on the list")
	}
	for name, c := range map[string]struct {
		query         string
		with, without []string
	}{
		"a name without its accents":   {"q=lefevre+ZOE", []string{"Zoé"}, []string{w.address("nina")}},
		"an address":                   {"q=" + url.QueryEscape(w.address("nina")), []string{w.address("nina")}, []string{"Zoé"}},
		"a state":                      {"state=declined", []string{w.address("gone")}, []string{"Zoé"}},
		"a role":                       {"role=Manager", []string{w.address("mia")}, []string{"Zoé", w.address("nina")}},
		"a profile":                    {"profile=acme-fb", []string{w.address("mia"), w.address("nina")}, []string{"Zoé"}},
		"with a second factor":         {"factor=with", []string{"Zoé", `data-label="Second factor">Set up<`}, []string{w.address("sam"), w.address("nina")}},
		"without a second factor":      {"factor=without", []string{w.address("sam"), `data-label="Second factor">None yet<`}, []string{"Zoé", w.address("nina")}},
		"what nobody can have chosen":  {"state=nonsense&sort=nonsense&page=nonsense", []string{"Zoé"}, nil},
		"a page beyond the last":       {"page=17", []string{"Zoé"}, nil},
		"a team that is not":           {"team=none", []string{"0 people"}, []string{"Zoé"}},
		"French":                       {"lang=fr", []string{"Accès suspendu", "21 novembre 2026", "Il en reste 14."}, []string{">Suspended<"}},
		"a filter that keeps the rest": {"lang=fr&sort=-joined&q=zo", []string{`name="lang" value="fr"`, `name="sort" value="-joined"`, `aria-sort="descending"`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			page := manager.get(w.peoplePath() + "?" + c.query)
			page.expect(t, http.StatusOK, c.with...)
			for _, text := range c.without {
				if strings.Contains(page.body, text) {
					t.Errorf("the list has %q", text)
				}
			}
		})
	}
}

// owned makes a Member the owner, as the operator does once they have agreed.
func (w *world) owned(name string) {
	w.t.Helper()
	m := w.is(w.member(name, ""))
	m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
	if err := w.admin.Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	w.org.Status.OwnerRef = &rosterv1alpha1.LocalReference{Name: name}
	if err := w.admin.Status().Update(context.Background(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
}

// seats lets the organisation have that many seats, of which some are taken.
func (w *world) seats(limit, wanted int32) {
	w.t.Helper()
	w.org.Status.Plan = rosterv1alpha1.PlanInEffect{
		Name: "small", Contact: "sales@roster.example", Seats: rosterv1alpha1.Usage{Limit: &limit, Wanted: &wanted},
	}
	if err := w.admin.Status().Update(context.Background(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
}

// TestThePageOfAPerson tells what somebody may do and where each right comes from, in the language of the page.
func TestThePageOfAPerson(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	zoe := w.colleague("zoe", func(m *rosterv1alpha1.MemberSpec) {
		m.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileModerator}}
		m.InvitedBy = "olivia@acme.example"
	}, func(st *rosterv1alpha1.MemberStatus) { st.SecondFactor = ptr.To(false) })
	press := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Role: rosterv1alpha1.ProfileEditor, Members: []string{"zoe", "mia"}, Profiles: []string{"acme-fb", "acme-masto"},
	}}
	w.create(press)
	w.awaitCache(press)
	path := w.personPath("members", zoe.Name)
	manager.get(path).expect(t, http.StatusOK, "Zoe", w.address("zoe"), "Moderator (given to this person)", "Editor (team Press)",
		"view content, plan posts, publish, reply and see reports", "acme.social (Facebook)", "Olivia Martin", "Not yet", "Suspend", "Change teams",
		"<dt>Second factor</dt><dd>None yet</dd>")
	manager.get(path+"?lang=fr").expect(t, http.StatusOK, "Modération (attribution nominative)", "Édition (équipe Press)", "Suspendre",
		"<dt>Second facteur</dt><dd>Aucun pour l’instant</dd>")

	t.Run("an invitation", func(t *testing.T) {
		inv := w.status(w.invite("nina"), func(st *rosterv1alpha1.InvitationStatus) { st.Attempt = 3; st.RemindersSent = 1 })
		manager.get(w.personPath("invitations", inv.Name)).expect(t, http.StatusOK, w.address("nina"), "This applies once the person has accepted",
			"Email sent (3 so far; this is the latest)", "Only the number of earlier emails is kept", "1 reminder", "Resend invitation", "Withdraw",
			"Copy a link", `href="/organizations/`+w.ns+`/team/invite/links/`+inv.Name+`"`,
			"Thursday, 26 November 2026")
	})
	t.Run("the invitation of a declared Member is on the Member's page", func(t *testing.T) {
		m := w.member("dora", w.address("dora"))
		w.create(m)
		inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "dora"}, Spec: rosterv1alpha1.InvitationSpec{
			MemberRef: &rosterv1alpha1.LocalReference{Name: "dora"},
		}}
		w.create(inv)
		w.status(inv, func(st *rosterv1alpha1.InvitationStatus) {
			st.State = rosterv1alpha1.InvitationUndeliverable
			st.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionDelivered, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonRejected,
				Message: "550 no such user", LastTransitionTime: metav1.NewTime(now())}}
		})
		m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberPending, Invitation: "dora"}
		if err := w.admin.Status().Update(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(m)
		page := manager.follow(manager.get(w.personPath("invitations", "dora")))
		page.expect(t, http.StatusOK, ">Email refused<", "The email was refused", "550 no such user", "Resend invitation")
		if n := strings.Count(manager.get(w.peoplePath()).body, w.address("dora")); n > 2 {
			t.Errorf("the list names her %d times", n)
		}
	})
	t.Run("two Members of one address lead to each other", func(t *testing.T) {
		twin := w.colleague("zoe-too", func(m *rosterv1alpha1.MemberSpec) {
			m.Email, m.AccountRef = zoe.Spec.Email, zoe.Spec.AccountRef
		}, func(st *rosterv1alpha1.MemberStatus) {
			st.State = ""
			for _, kind := range []string{rosterv1alpha1.ConditionReady, rosterv1alpha1.ConditionStalled} {
				st.Conditions = append(st.Conditions, metav1.Condition{Type: kind, Reason: rosterv1alpha1.ReasonDuplicateEmail, LastTransitionTime: metav1.NewTime(now()),
					Status: map[bool]metav1.ConditionStatus{true: metav1.ConditionTrue, false: metav1.ConditionFalse}[kind == rosterv1alpha1.ConditionStalled]})
			}
		})
		manager.get(path).expect(t, http.StatusOK, w.personPath("members", twin.Name), "Only one of them counts")
		manager.get(w.personPath("members", twin.Name)).expect(t, http.StatusOK, ">Waiting<", path, "Another entry with the same address counts")
	})
	for name, path := range map[string]string{
		"nobody": w.personPath("members", "nobody"), "no name": w.personPath("members", "No%2FName"), "no invitation": w.personPath("invitations", "x"),
	} {
		if got := manager.get(path).StatusCode; got != http.StatusNotFound {
			t.Errorf("%s: status %d", name, got)
		}
	}
}

func accountName(t testing.TB, email string) string {
	t.Helper()
	a, err := address.Parse(email)
	if err != nil {
		t.Fatal(err)
	}
	return a.AccountName()
}

// crowded is a cache with more people in a namespace than there are: making so many takes the API server a minute.
type crowded struct {
	client.Reader
	namespace   string
	members     []rosterv1alpha1.Member
	invitations []rosterv1alpha1.Invitation
}

func (c crowded) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	err := c.Reader.List(ctx, list, options...)
	var o client.ListOptions
	o.ApplyOptions(options)
	if o.Namespace != c.namespace || o.FieldSelector != nil {
		return err
	}
	switch l := list.(type) {
	case *rosterv1alpha1.MemberList:
		l.Items = append(l.Items, c.members...)
	case *rosterv1alpha1.InvitationList:
		l.Items = append(l.Items, c.invitations...)
	}
	return err
}

// bigOrganization is the cache of one with 10,000 members and 1,000 who are invited.
func (w *world) bigOrganization() crowded {
	big := crowded{Reader: w.cache, namespace: w.ns}
	for i := range 10_000 {
		m := w.member(fmt.Sprintf("m-%05d", i), fmt.Sprintf("m-%05d@acme.example", i))
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: m.Name}
		m.Status = rosterv1alpha1.MemberStatus{
			State: rosterv1alpha1.MemberActive, DisplayName: fmt.Sprintf("Zoé Müller %05d", i), JoinedTime: &metav1.Time{Time: now().AddDate(0, 0, -i)},
		}
		big.members = append(big.members, *m)
	}
	for i := range 1_000 {
		big.invitations = append(big.invitations, rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: fmt.Sprintf("i-%05d", i)},
			Spec:       rosterv1alpha1.InvitationSpec{Email: fmt.Sprintf("i-%05d@acme.example", i)},
			Status:     rosterv1alpha1.InvitationStatus{State: rosterv1alpha1.InvitationSent},
		})
	}
	return big
}

// TestThePeopleOfABigOrganisation: 10,000 of them and 1,000 who are invited, on pages of 50.
func TestThePeopleOfABigOrganisation(t *testing.T) {
	w := newWorld(t)
	big := w.bigOrganization()
	s := w.site(unlimited, w.connects(), w.console, func(c *configure) { c.Cache = big })
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	for query, says := range map[string][]string{
		"":                     {"11002 people", "Page 1 of 221", `href="` + w.peoplePath() + `?page=2" rel="next"`, "i-00049@"},
		"?page=221":            {"Page 221 of 221", "Zoé Müller 09999", "?page=220"},
		"?page=9999":           {"Page 221 of 221"},
		"?q=muller+0123":       {"11 people", "Zoé Müller 01230", "Clear filters"},
		"?state=invited":       {"1001 people", "Page 1 of 21"}, // Olivia has not accepted
		"?sort=-joined&page=2": {"Zoé Müller 00049", "sort=-joined"},
		"?profile=acme-fb":     {"1 person", w.address("mia")},
	} {
		page := manager.get(w.peoplePath() + query)
		page.expect(t, http.StatusOK, says...)
		if n := strings.Count(page.body, `<th scope="row">`); n > 50 {
			t.Errorf("%s: %d people on a page", query, n)
		}
	}
}

// TestTheWayToTheTeam: AG-02. The page of the organisation and the first steps lead there, for those who may look at the team.
func TestTheWayToTheTeam(t *testing.T) {
	w := newWorld(t)
	w.org.Spec.Onboarding.Mode = rosterv1alpha1.OnboardingNew
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	s := w.site(unlimited, w.connects(), w.console)
	manager, member := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager), w.connector(s, "ana", rosterv1alpha1.RoleMember)
	home, link := "/organizations/"+w.ns, `href="`+w.peoplePath()+`"`
	team := home + "/team/"
	manager.get(home).expect(t, http.StatusOK, link)
	manager.get(home+"/welcome").expect(t, http.StatusOK, team+"invite", team+"teams")
	for _, page := range []string{home, home + "/welcome"} {
		if strings.Contains(member.get(page).body, team) {
			t.Errorf("%s leads a member to the team", page)
		}
	}
	off := w.site(unlimited, w.connects()).browser()
	off.post("/sign-in", signIn(w.address("mia"), goodPassword)).expect(t, http.StatusSeeOther)
	if strings.Contains(off.get(home).body, link) {
		t.Error("the page leads to a console that is off")
	}
}
