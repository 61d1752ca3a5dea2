// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func (w *world) activityPath() string { return "/organizations/" + w.ns + "/team/activity" }

// suspendedByMia has Mia, a manager, suspend Ana in the browser, as the operator then notes.
func (w *world) suspendedByMia(s *site, manager *browser) {
	w.t.Helper()
	w.editor(s)
	w.registered(s, "ana")
	m := w.joined("ana", func(spec *rosterv1alpha1.MemberSpec) { spec.DisplayName = "Ana Silva" }, nil)
	w.change(manager, "ana", "en", "update", `{"suspended":true}`).expect(w.t, http.StatusSeeOther)
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(m), m); err != nil {
		w.t.Fatal(err)
	}
	m.Status.State = rosterv1alpha1.MemberSuspended
	m.Status.Conditions = []metav1.Condition{{
		Type: rosterv1alpha1.ConditionRolesGranted, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonSuspended,
		LastTransitionTime: metav1.NewTime(now()),
	}}
	if err := w.admin.Status().Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
}

// TestActivity: who did what to whom, as far as the organisation knows, in the language of the page. What is not kept is said.
func TestActivity(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	ben := w.connector(s, "ben", rosterv1alpha1.RoleMember)
	w.suspendedByMia(s, manager)
	w.awaitCache(w.invite("zoe"))
	page := manager.get(w.activityPath() + "?lang=en")
	page.expect(t, http.StatusOK, "Ana Silva was suspended", w.address("zoe")+" was invited", "The invitation to "+w.address("zoe")+" was sent",
		"audit log of the cluster", "Ana Silva was changed", "suspension")
	if suspended := line(page.body, "Ana Silva was suspended"); !strings.Contains(suspended, ">"+w.address("mia")+"<") {
		t.Errorf("the page does not say that Mia did it: %s", suspended)
	}
	if invited := line(page.body, w.address("zoe")+" was invited"); !strings.Contains(invited, ">Olivia Martin<") {
		t.Errorf("the page does not say who invited: %s", invited)
	}
	manager.get(w.activityPath()+"?lang=fr").expect(t, http.StatusOK, "Suspension d’Ana Silva", "Invitation de "+w.address("zoe"), "journal d’audit")

	one := manager.get(w.activityPath() + "?lang=en&q=ana+SILVA")
	one.expect(t, http.StatusOK, "Ana Silva was suspended", "Show everything")
	if strings.Contains(one.body, w.address("zoe")) {
		t.Error("the page about one person is about another")
	}
	manager.get(w.activityPath()+"?lang=en&q=nobody").expect(t, http.StatusOK, "No activity found.")
	ben.get(w.activityPath()).expect(t, http.StatusNotFound)
}

// line of a page that has the text.
func line(page, text string) string {
	for l := range strings.SplitSeq(page, "\n") {
		if strings.Contains(l, text) {
			return l
		}
	}
	return ""
}

// TestActivityInPages: fifty at a time, newest first.
func TestActivityInPages(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	for i := range 60 {
		m := w.member(fmt.Sprintf("m%d", i), w.address(fmt.Sprintf("m%d", i)))
		w.create(m)
		m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, JoinedTime: &metav1.Time{Time: now().AddDate(-1, 0, -i)}}
		if err := w.admin.Status().Update(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(m)
	}
	first := manager.get(w.activityPath() + "?lang=en")
	first.expect(t, http.StatusOK, "was added", ">Next<", "Page 1 of 3")
	last := manager.get(w.activityPath() + "?lang=en&page=3")
	last.expect(t, http.StatusOK, w.address("m59")+" joined", ">Previous<", "lang=en", "Page 3 of 3")
	if strings.Contains(first.body, w.address("m59")+" joined") || strings.Contains(last.body, "was added") {
		t.Error("the pages show the same")
	}
}

// TestTheCacheKnowsWhoWrote: and nothing of which fields, which would be most of its memory.
func TestTheCacheKnowsWhoWrote(t *testing.T) {
	w := newWorld(t)
	m := w.member("ana", w.address("ana"))
	w.create(m)
	w.awaitCache(m)
	cached := &rosterv1alpha1.Member{}
	if err := w.cache.Get(t.Context(), client.ObjectKeyFromObject(m), cached); err != nil {
		t.Fatal(err)
	}
	if f := cached.ManagedFields; len(f) != 1 || f[0].Manager == "" || f[0].Time == nil || f[0].FieldsV1 != nil {
		t.Errorf("%+v", f)
	}
	// An object that comes from the cache can be written all the same, and the API server keeps what it knew.
	cached.Spec.Company = "Acme"
	if err := w.admin.Update(t.Context(), cached); err != nil {
		t.Fatal(err)
	}
	if f := cached.ManagedFields; len(f) == 0 || f[0].FieldsV1 == nil || !strings.Contains(f[0].FieldsV1.String(), "f:email") {
		t.Errorf("what the API server knew is lost: %v", f)
	}
}

func TestBrowserActivity(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){unlimited, w.connects(), w.console} })
	w.suspendedByMia(s, w.looksAfter(s, "mia", rosterv1alpha1.RoleManager))
	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + w.peoplePath())
	b.choose("Activity")
	b.says("Ana Silva was suspended", "What this page leaves out")
	b.sound("activity")
	b.value(`document.getElementById('q').focus(); 0`)
	b.press("Ana")
	b.submit(kb.Enter)
	b.says("Show everything", "Ana Silva joined")
	b.sound("activity-person")
}
