// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// TestSuspendingResumingAndRemoving goes through all of it, as the person who does it.
func TestSuspendingResumingAndRemoving(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	fb := &rosterv1alpha1.SocialProfile{}
	if err := w.admin.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: "acme-fb"}, fb); err != nil {
		t.Fatal(err)
	}
	fb.Status.Credential = &rosterv1alpha1.CredentialStatus{ReconnectByTime: &metav1.Time{Time: now().Add(72 * time.Hour)}}
	if err := w.admin.Status().Update(t.Context(), fb); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(fb)
	zoe := w.colleague("zoe", func(m *rosterv1alpha1.MemberSpec) {
		m.Profiles = []rosterv1alpha1.ProfileGrant{
			{Name: "acme-fb", Role: rosterv1alpha1.ProfileAdministrator}, {Name: "acme-masto", Role: rosterv1alpha1.ProfileModerator},
		}
	}, func(st *rosterv1alpha1.MemberStatus) { st.SoleRenewerOf = []string{"acme-fb"} })
	press := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		Role: rosterv1alpha1.ProfileGuest, Members: []string{"zoe", "mia"}, Profiles: []string{"acme-ads"},
	}}
	w.create(press)
	w.awaitCache(press)
	w.org.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	path := func(deed string) string { return w.personPath("members", "zoe", deed) }

	manager.get(path("remove")).expect(t, http.StatusOK, "only suspended people can be removed", path("suspend"))
	manager.post(path("remove"), url.Values{"generation": {"1"}}).expect(t, http.StatusUnprocessableEntity, "Please fix the following")
	manager.get(path("suspend")).expect(t, http.StatusOK, "Zoe can no longer view content, plan posts, publish, reply, see reports, change settings and manage the connection on acme.social (Facebook).",
		"Nobody else can reconnect acme.social (Facebook), which has to be done by 26 November 2026.", "The seat stays taken")
	manager.post(path("suspend"), url.Values{"generation": {"7"}}).expect(t, http.StatusUnprocessableEntity, "changed while you were looking", "confirm once more")
	manager.does(path("suspend")).expect(t, http.StatusOK, "Zoe has been suspended.", ">Suspended<", "Lift suspension")
	if m := w.is(zoe); !ptr.Deref(m.Spec.Suspended, false) || m.ManagedFields[len(m.ManagedFields)-1].Manager == "" {
		t.Errorf("%+v", m.Spec)
	}
	zoe = w.is(zoe)
	zoe.Status.State = rosterv1alpha1.MemberSuspended
	if err := w.admin.Status().Update(t.Context(), zoe); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(zoe)
	manager.get(path("resume")).expect(t, http.StatusOK, "gets back all roles and teams at once", "Zoe can view content, plan posts", "acme.social (Facebook)")
	manager.does(path("resume")).expect(t, http.StatusOK, "The suspension of Zoe has been lifted.")
	if ptr.Deref(w.is(zoe).Spec.Suspended, false) {
		t.Error("Zoe is still suspended")
	}
	manager.does(path("suspend"))
	manager.get(path("remove")).expect(t, http.StatusOK, "removed from these teams", "press", "cannot be undone", "Their seat becomes free")
	page := manager.does(path("remove"))
	page.expect(t, http.StatusOK, "Zoe has been removed.", "Without "+w.address("zoe")+", nobody in particular can reconnect")
	if strings.Contains(page.body, w.personPath("members", "zoe")) {
		t.Error("the list still has her")
	}
	if err := w.admin.Get(t.Context(), client.ObjectKeyFromObject(zoe), &rosterv1alpha1.Member{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Member is there: %v", err)
	}
	if err := w.admin.Get(t.Context(), client.ObjectKeyFromObject(press), press); err != nil || strings.Join(press.Spec.Members, " ") != "mia" {
		t.Errorf("the team has %v, %v", press.Spec.Members, err)
	}
}

// TestInvitationsAreSentAgainAndWithdrawn: somebody who offers again what was withdrawn answers for it.
func TestInvitationsAreSentAgainAndWithdrawn(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	inv := w.invite("nina")
	path := func(deed string) string { return w.personPath("invitations", inv.Name, deed) }

	manager.does(path("resend")).expect(t, http.StatusOK, "A new email to "+w.address("nina")+" is on its way", "was requested")
	if got := w.fresh(inv).Spec; got.ResendRequestedAt == nil || !got.ResendRequestedAt.Time.Equal(now()) || got.InvitedBy != "olivia@acme.example" {
		t.Errorf("%+v", got)
	}
	manager.does(path("withdraw")).expect(t, http.StatusOK, "has been withdrawn", ">Withdrawn<")
	if !ptr.Deref(w.fresh(inv).Spec.Revoked, false) {
		t.Error("it is not revoked")
	}
	w.status(inv, func(st *rosterv1alpha1.InvitationStatus) {
		st.State = rosterv1alpha1.InvitationRevoked
		st.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionAccepted, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonRevoked,
			Message: "withdrawn", LastTransitionTime: metav1.NewTime(now())}}
	})
	manager.get(path("withdraw")).expect(t, http.StatusOK, "Nothing to do")
	manager.post(path("withdraw"), url.Values{"generation": {"3"}}).expect(t, http.StatusUnprocessableEntity, "Nothing to do")
	manager.get(path("resend")).expect(t, http.StatusOK, "Resending reopens it, and you answer for what it offers")
	manager.does(path("resend")).expect(t, http.StatusOK, "is on its way")
	if got := w.fresh(inv).Spec; ptr.Deref(got.Revoked, true) || got.InvitedBy != prefix+w.address("mia") {
		t.Errorf("%+v", got)
	}
	w.status(inv, func(st *rosterv1alpha1.InvitationStatus) { st.State = rosterv1alpha1.InvitationAccepted })
	manager.get(path("resend")).expect(t, http.StatusOK, "Nothing to do")
}

// TestAMailThatIsHeldBackIsNotPromised: another request changes nothing about what keeps it back, and the page says so before and after.
func TestAMailThatIsHeldBackIsNotPromised(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	for _, state := range []rosterv1alpha1.InvitationState{rosterv1alpha1.InvitationPending, rosterv1alpha1.InvitationExpired} {
		inv := w.invite("nina")
		w.status(inv, func(st *rosterv1alpha1.InvitationStatus) {
			st.State = state
			st.Conditions = []metav1.Condition{
				{Type: rosterv1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "not to elsewhere.example",
					Reason: rosterv1alpha1.ReasonDomainNotAllowed, LastTransitionTime: metav1.NewTime(now())},
				{Type: rosterv1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Message: "not to elsewhere.example",
					Reason: rosterv1alpha1.ReasonDomainNotAllowed, LastTransitionTime: metav1.NewTime(now())},
			}
		})
		path := w.personPath("invitations", inv.Name, "resend")
		for language, words := range map[string][]string{
			"en": {"goes out for now", "Add the domain under Settings, Invitations"}, "fr": {"Aucun courriel ne part", "Ajoutez-le dans Réglages"},
		} {
			page := manager.get(path + "?lang=" + language)
			page.expect(t, http.StatusOK, words...)
			if strings.Contains(page.body, "A new email with a new link") {
				t.Errorf("%s, %s: a mail is promised", state, language)
			}
		}
		done := manager.does(path + "?lang=en")
		done.expect(t, http.StatusOK, "has been requested. It goes out once the problem below is solved")
		if strings.Contains(done.body, "is on its way") {
			t.Errorf("%s: a mail is promised", state)
		}
	}
}

// TestTheEndOfAMembership is set, put off and taken away.
func TestTheEndOfAMembership(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	zoe := w.colleague("zoe", nil, nil)
	path := w.personPath("members", "zoe", "end")
	manager.get(path).expect(t, http.StatusOK, "has no end date", "14 and 3 days before", "The seat stays taken")
	for typed, says := range map[string]string{"soon": "is not a date", "2026-11-22": "this is in the past"} {
		page := manager.does(path, "endTime", typed)
		page.expect(t, http.StatusUnprocessableEntity, says, `value="`+typed+`"`, `aria-describedby="endTime-hint endTime-error"`)
	}
	manager.does(path, "endTime", "2026-12-31").expect(t, http.StatusOK, "The membership of Zoe ends on Thursday, 31 December 2026, 23:59 UTC.")
	if end := w.is(zoe).Spec.EndTime; end == nil || !end.Time.Equal(time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)) {
		t.Errorf("it ends at %v", end)
	}
	manager.does(path, "endTime", "").expect(t, http.StatusOK, "The membership of Zoe no longer ends.")
	if end := w.is(zoe).Spec.EndTime; end != nil {
		t.Errorf("it ends at %v", end)
	}
	over := w.colleague("over", func(m *rosterv1alpha1.MemberSpec) {
		m.Suspended, m.EndTime = ptr.To(true), &metav1.Time{Time: now().Add(-time.Hour)}
	}, func(st *rosterv1alpha1.MemberStatus) { st.State = rosterv1alpha1.MemberEnded })
	manager.get(w.personPath("members", over.Name, "resume")).expect(t, http.StatusOK, "Change the last day first", w.personPath("members", over.Name, "end"))
	manager.get(w.personPath("members", over.Name, "end")).expect(t, http.StatusOK, "ended on Monday, 23 November 2026, 08:30 UTC")
}

// TestChangingWhatSomebodyHas: what takes something away is confirmed, and what somebody else did in the meantime is shown.
func TestChangingWhatSomebodyHas(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	zoe := w.colleague("zoe", func(m *rosterv1alpha1.MemberSpec) {
		m.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
	}, nil)
	path := w.personPath("members", "zoe", "change")
	typed := func(more ...string) url.Values {
		v := url.Values{"generation": {"1"}, "displayName": {"Zoe Park"}, "company": {"Park Studio"}, "role": {"Member"}, "profile.acme-fb": {"Editor"}}
		for i := 0; i+1 < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	manager.get(path).expect(t, http.StatusOK, "Change Zoe", `value="Zoe"`, "Can add profiles", "Last day")
	manager.follow(manager.post(path, typed("profile.acme-masto", "Moderator", "canManageProfiles", "yes"))).expect(t, http.StatusOK, "Zoe Park", "Park Studio",
		"Moderator (given to this person)", "add social profiles and ad accounts")
	if m := w.is(zoe); m.Spec.InvitedBy != "" || len(m.Spec.Profiles) != 2 || m.Generation != 2 {
		t.Errorf("%+v", m.Spec)
	}

	// Somebody else has changed her since the form was made.
	page := manager.post(path, typed("displayName", "Zoe B."))
	page.expect(t, http.StatusUnprocessableEntity, "What it says now", "Park Studio", "Last changed by you, in another window", "+ </span>  displayName: Zoe B.", "@acme@mastodon.example (Mastodon): Moderator", `value="Zoe B."`, `name="generation" value="2"`)

	lowered := typed("generation", "2", "profile.acme-fb", "Guest", "profile.acme-masto", "Moderator", "canManageProfiles", "yes")
	page = manager.post(path, lowered)
	page.expect(t, http.StatusOK, "Change Zoe Park?", "Zoe Park can no longer plan posts, publish, reply and see reports on acme.social (Facebook).")
	if got := w.is(zoe).Spec.Profiles[0].Role; got != rosterv1alpha1.ProfileEditor {
		t.Errorf("it is done before it is confirmed: %s", got)
	}
	manager.follow(manager.post(path, hiddenOf(page))).expect(t, http.StatusOK, "Your changes to Zoe Park have been saved.")
	if got := w.is(zoe).Spec.Profiles; len(got) != 2 || got[0].Role != rosterv1alpha1.ProfileGuest {
		t.Errorf("%v", got)
	}
	for name, c := range map[string]struct{ field, value, says string }{
		"no role":             {"role", "", "Choose one from the list"},
		"a role above theirs": {"role", "CoOwner", "Choose one from the list"},
		"a long name":         {"displayName", strings.Repeat("x", 121), "at most 120 characters"},
		"two lines":           {"company", "a\nb", "on one line"},
		"a day that is none":  {"endTime", "soon", "is not a date"},
		"no such profile":     {"profile.none", "Editor", "you cannot give roles on none"},
	} {
		page := manager.post(path, typed("generation", "3", c.field, c.value))
		page.expect(t, http.StatusUnprocessableEntity, c.says)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if w.is(zoe).Generation != 3 {
		t.Error("something was written")
	}

	t.Run("an invitation", func(t *testing.T) {
		inv := w.invite("nina")
		path := w.personPath("invitations", inv.Name, "change")
		manager.get(path).expect(t, http.StatusOK, "you answer for the invitation from then on")
		form := url.Values{"generation": {"1"}, "role": {"AdvancedMember"}, "profile.acme-fb": {"Editor"}, "profile.acme-masto": {"Moderator"}}
		manager.follow(manager.post(path, form)).expect(t, http.StatusOK, "Advanced member")
		if got := w.fresh(inv).Spec; got.InvitedBy != prefix+w.address("mia") || got.Role != rosterv1alpha1.RoleAdvancedMember {
			t.Errorf("%+v", got)
		}
	})
	t.Run("teams", func(t *testing.T) {
		for _, name := range []string{"press", "care"} {
			team := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.TeamSpec{
				Role: rosterv1alpha1.ProfileEditor, Profiles: []string{"acme-ads"},
			}}
			if name == "press" {
				team.Spec.Members = []string{"zoe", "mia"}
			}
			w.create(team)
			w.awaitCache(team)
		}
		members := func(name string) string {
			team := &rosterv1alpha1.Team{}
			if err := w.admin.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, team); err != nil {
				t.Fatal(err)
			}
			return strings.Join(team.Spec.Members, " ")
		}
		path := w.personPath("members", "zoe", "teams")
		manager.get(path).expect(t, http.StatusOK, `value="press" aria-describedby="in.press-hint" checked`, "Editor · 1 profile")
		page := manager.post(path, url.Values{"was": {"press"}, "in": {"care"}})
		page.expect(t, http.StatusOK, "Change the teams of Zoe Park?")
		if members("press") != "zoe mia" {
			t.Error("it is done before it is confirmed")
		}
		manager.follow(manager.post(path, hiddenOf(page))).expect(t, http.StatusOK, "The teams of Zoe Park have been changed.")
		if members("press") != "mia" || members("care") != "zoe" {
			t.Errorf("press has %s, care has %s", members("press"), members("care"))
		}
		manager.post(path, url.Values{"in": {"none"}}).expect(t, http.StatusUnprocessableEntity, "none: This no longer exists")
	})
}

// TestSomebodyWhoIsKeptInGit: each form says so, and ends with the change to copy.
func TestSomebodyWhoIsKeptInGit(t *testing.T) {
	w := newWorld(t)
	manager := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	zoe := w.member("zoe", w.address("zoe"), func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.AccountRef = "Zoe", &rosterv1alpha1.LocalReference{Name: "zoe"}
	})
	press := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		Role: rosterv1alpha1.ProfileEditor, Profiles: []string{"acme-ads"},
	}}
	for _, o := range []client.Object{zoe, press} {
		if err := w.admin.Create(t.Context(), o, client.FieldOwner("kustomize-controller")); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(o)
	}
	path := func(deed string) string { return w.personPath("members", "zoe", deed) }
	form := func(pairs ...string) url.Values {
		v := url.Values{"generation": {"1"}}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for deed, c := range map[string]struct {
		form url.Values
		says string
	}{
		"change":  {form("displayName", "Zoe", "role", "AdvancedMember"), "role: AdvancedMember"},
		"end":     {form("endTime", "2027-01-31"), "endTime: &#34;2027-01-31T23:59:59Z&#34;"},
		"suspend": {form(), "suspended: true"},
		"remove":  {form(), "What to remove"},
	} {
		manager.get(path(deed)).expect(t, http.StatusOK, "Flux keeps this in Git.")
		manager.post(path(deed), c.form).expect(t, http.StatusConflict, "Flux keeps zoe in Git", c.says, "kind: Member")
	}
	manager.post(path("teams"), url.Values{"in": {"press"}}).expect(t, http.StatusConflict, "Flux keeps press in Git", "- zoe", "kind: Team")
	if w.is(zoe).Generation != 1 {
		t.Error("something was written")
	}
}

// TestNobodyIsMadeCoOwnerFromABrowserLeftOpen: that takes a proof of who asks, as recent as for all that is sensitive.
func TestNobodyIsMadeCoOwnerFromABrowserLeftOpen(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "cleo", rosterv1alpha1.RoleCoOwner)
	zoe := w.colleague("zoe", nil, nil)
	path, form := w.personPath("members", "zoe", "change"), url.Values{"generation": {"1"}, "displayName": {"Zoe"}, "role": {"CoOwner"}}
	s.clock.SetTime(now().Add(account.ProofLifetime))
	if to := b.post(path, form).Header.Get("Location"); !strings.HasPrefix(to, "/sign-in/confirm?next="+url.QueryEscape(path)) {
		t.Errorf("it leads to %q", to)
	}
	if w.is(zoe).Generation != 1 {
		t.Error("it is done")
	}
	s.clock.SetTime(now())
	b.follow(b.post(path, form)).expect(t, http.StatusOK, "Your changes to Zoe have been saved", "Co-owner")
}

// TestNobodyIsMadeCoOwnerAgainFromABrowserLeftOpen: by lifting a suspension, putting off an end, or mailing an offer once more.
func TestNobodyIsMadeCoOwnerAgainFromABrowserLeftOpen(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "cleo", rosterv1alpha1.RoleCoOwner)
	end := metav1.NewTime(now().AddDate(0, 1, 0))
	coOwner := func(suspended bool, end *metav1.Time) func(*rosterv1alpha1.MemberSpec) {
		return func(m *rosterv1alpha1.MemberSpec) {
			m.Role, m.Suspended, m.EndTime = rosterv1alpha1.RoleCoOwner, &suspended, end
		}
	}
	w.colleague("zoe", coOwner(true, nil), nil)
	w.colleague("kim", coOwner(false, &end), nil)
	w.coworker("ben", func(m *rosterv1alpha1.MemberSpec) { coOwner(true, nil)(m) })
	inv := w.invite("max", func(i *rosterv1alpha1.Invitation) {
		i.Spec.Role, i.Spec.Revoked = rosterv1alpha1.RoleCoOwner, new(true)
	})
	w.status(inv, func(st *rosterv1alpha1.InvitationStatus) { st.State = rosterv1alpha1.InvitationRevoked })
	one := url.Values{"generation": {"1"}}
	many := w.preview(b, []string{"Ben"}, url.Values{"action": {"resume"}}).hidden(t, "job")
	w.colleague("lea", coOwner(false, nil), nil)
	later := url.Values{"generation": {"1"}, "endTime": {"2030-01-31"}}
	s.clock.SetTime(now().Add(account.ProofLifetime))
	for path, form := range map[string]url.Values{
		w.personPath("members", "zoe", "resume"):        one,
		w.personPath("members", "kim", "end"):           later,
		w.personPath("invitations", inv.Name, "resend"): one,
		w.changePath("/do"):                             {"job": {many}},
	} {
		if to := b.post(path, form).Header.Get("Location"); !strings.HasPrefix(to, "/sign-in/confirm?next=") {
			t.Errorf("%s leads to %q", path, to)
		}
	}
	b.follow(b.post(w.personPath("members", "lea", "end"), later)).expect(t, http.StatusOK, "31 January 2030") // which gives nothing
	for _, name := range []string{"kim", "ben"} {
		m := &rosterv1alpha1.Member{}
		if err := w.admin.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, m); err != nil || m.Generation != 1 {
			t.Errorf("%s: generation %d, %v", name, m.Generation, err)
		}
	}
	s.clock.SetTime(now())
	b.follow(b.post(w.personPath("members", "kim", "end"), later)).expect(t, http.StatusOK, "31 January 2030")
}

// TestWhoMayNotChangePeople: the API server refuses, and the page says why at the form. Who may only look sees no buttons.
func TestWhoMayNotChangePeople(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	boss := w.colleague("boss", func(m *rosterv1alpha1.MemberSpec) { m.Role = rosterv1alpha1.RoleCoOwner; m.Suspended = ptr.To(true) }, nil)
	stranger := other.colleague("zoe", nil, nil)
	one := url.Values{"generation": {"1"}}

	manager.get(w.personPath("members", "olivia")).expect(t, http.StatusOK, "/team/owner", "Hand over the organisation")
	for _, deed := range []string{"suspend", "remove", "change", "end"} {
		manager.get(w.personPath("members", "olivia", deed)).expect(t, http.StatusOK, "Hand over the organisation first", "/team/owner")
	}
	for deed, says := range map[string]string{"suspend": "cannot be suspended", "remove": "cannot be removed"} {
		manager.post(w.personPath("members", "olivia", deed), one).expect(t, http.StatusUnprocessableEntity, says)
	}
	manager.post(w.personPath("members", "olivia", "end"), url.Values{"generation": {"1"}, "endTime": {"2027-01-01"}}).expect(t, http.StatusUnprocessableEntity, "membership cannot end", `value="2027-01-01"`)
	// Herself.
	manager.get(w.personPath("members", "mia", "suspend")).expect(t, http.StatusOK, "You cannot change your own roles or membership")
	manager.post(w.personPath("members", "mia", "suspend"), one).expect(t, http.StatusUnprocessableEntity, "You cannot change your own roles or membership")
	// Somebody above her: what she would give back is more than she has.
	manager.post(w.personPath("members", boss.Name, "resume"), one).expect(t, http.StatusUnprocessableEntity, "You cannot give the role Co-owner")
	// Somebody of another organisation, by the path of either.
	for _, path := range []string{w.personPath("members", stranger.Name, "suspend"), other.personPath("members", stranger.Name, "suspend")} {
		manager.get(path).expect(t, http.StatusNotFound)
		manager.post(path, one).expect(t, http.StatusNotFound)
	}
	if ptr.Deref(other.is(stranger).Spec.Suspended, false) || w.is(boss).Generation != 1 {
		t.Error("something was written")
	}

	looker := w.watcher(s, "lea")
	zoe := w.colleague("zoe", nil, nil)
	looker.get(w.peoplePath()).expect(t, http.StatusOK, "Zoe")
	page := looker.get(w.personPath("members", zoe.Name))
	page.expect(t, http.StatusOK, "Zoe")
	for _, text := range []string{"deeds", "Suspend<", "/suspend"} {
		if strings.Contains(page.body, text) {
			t.Errorf("the page of somebody who may only look has %s", text)
		}
	}
	for _, deed := range []string{"suspend", "remove", "change", "end", "teams", "resend"} {
		looker.get(w.personPath("members", zoe.Name, deed)).expect(t, http.StatusNotFound)
	}
	looker.post(w.personPath("members", zoe.Name, "suspend"), one).expect(t, http.StatusUnprocessableEntity, "Your role does not let you")
	if ptr.Deref(w.is(zoe).Spec.Suspended, false) {
		t.Error("Zoe is suspended")
	}
}

// watcher is somebody whose CustomRole lets them look at the team, and no more.
func (w *world) watcher(s *site, local string) *browser {
	w.t.Helper()
	role := &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "watcher"}, Spec: rosterv1alpha1.CustomRoleSpec{
		DisplayName: "Watcher", Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionViewTeam},
	}}
	w.create(role)
	w.awaitCache(role)
	b := w.connector(s, local, "watcher")
	named := metav1.ObjectMeta{Namespace: w.ns, Name: "watcher-" + local}
	w.create(&rbacv1.Role{ObjectMeta: named, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Verbs: []string{"get", "list"},
		Resources: []string{"members", "invitations", "teams", "workspaces", "customroles"},
	}}})
	w.create(&rbacv1.RoleBinding{ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: prefix + w.address(local)}}})
	w.mayBe(prefix + w.address(local))
	w.awaitActing(local)
	return b
}
