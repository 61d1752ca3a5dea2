// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/account"
)

// organization as it is stored, once the portal knows.
func (w *world) organization() *rosterv1alpha1.Organization {
	w.t.Helper()
	o := &rosterv1alpha1.Organization{}
	w.stored(w.org.Name, o)
	w.awaitCache(o)
	return o
}

// TestSettingsAreSavedSectionBySection: ST-01. A section leaves the others as they are.
func TestSettingsAreSavedSectionBySection(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.get(w.at("/team/settings")).expect(t, http.StatusOK, "Acme Social", "https://social.acme.example", "kubectl patch organization acme", ">Change<")

	invitations := w.at("/team/settings/invitations")
	form := b.get(invitations).filled(invitations, "validity", "1,5", "remindBefore", "", "allowedDomains", "Acme.example, other.example\nacme.example",
		"selfRenewal", "yes")
	b.follow(b.post(invitations, form)).expect(t, http.StatusOK, "Saved: Invitations.", "1.5", "acme.example, other.example")
	o := w.organization()
	if p := o.Spec.Invitations; p.Validity.Duration != 90*time.Minute || len(p.RemindBefore) != 0 || len(p.AllowedDomains) != 2 || !*p.SelfRenewal {
		t.Errorf("the policy is %+v", p)
	}
	general := w.at("/team/settings/general")
	b.follow(b.post(general, b.get(general).filled(general, "displayName", "Acme & Co", "locale", "fr"))).expect(t, http.StatusOK, "Acme &amp; Co")
	if o = w.organization(); len(o.Spec.Invitations.RemindBefore) != 0 || o.Spec.Locale != "fr" || o.Spec.OwnerRef.Name != "olivia" {
		t.Errorf("what no form was about has changed: %+v", o.Spec)
	}

	environments := w.at("/team/settings/environments")
	form = b.get(environments).filled(environments)
	form["environments"], form["environments-url"] = []string{"Live", "", "Beta"}, []string{"https://new.example", "", "ftp://x"}
	b.post(environments, form).expect(t, http.StatusUnprocessableEntity, "Row 3: “ftp://x” is not a web address", "https://new.example",
		`href="#environments-2"`)
	form["environments-url"][2] = "https://beta.example"
	b.follow(b.post(environments, form)).expect(t, http.StatusOK, "https://beta.example")

	welcome := w.at("/team/settings/welcome")
	form = b.get(welcome).filled(welcome, "mode", "New", "contact", "nobody@acme.example")
	b.post(welcome, form).expect(t, http.StatusUnprocessableEntity, "No member has the address nobody@acme.example", `value="nobody@acme.example"`)
	form.Set("contact", strings.ToUpper(w.address("mia")))
	form["steps"], form["steps-url"] = []string{"Read this"}, []string{""}
	b.follow(b.post(welcome, form)).expect(t, http.StatusOK, "Read this", w.address("mia"))
	if got := w.organization().Spec.Onboarding; got.ContactRef == nil || got.ContactRef.Name != "mia" || len(got.Steps) != 1 {
		t.Errorf("the welcome is %+v", got)
	}
}

// TestTwoPeopleChangeTheSettings: what the second one typed is kept.
func TestTwoPeopleChangeTheSettings(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	here := w.at("/team/settings/general")
	mine := b.get(here)
	b.follow(b.post(here, mine.filled(here, "displayName", "First"))).expect(t, http.StatusOK, "First")
	late := b.post(here, mine.filled(here, "displayName", "Second"))
	late.expect(t, http.StatusUnprocessableEntity, "Somebody else has changed this", "Current settings", "First", `value="Second"`)
	w.organization()
	b.follow(b.post(here, late.filled(here))).expect(t, http.StatusOK, "Second")
}

// TestWhatLocksPeopleOutIsToldFirst: nothing is saved before the person has seen what it means, and what they agree to is what is saved.
func TestWhatLocksPeopleOutIsToldFirst(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	here := w.at("/team/settings/sign-in")
	form := b.get(here).filled(here, "multiFactor", "Required")
	told := b.post(here, form)
	told.expect(t, http.StatusOK, "Before you save, here is what this means", "1 active person will need a second factor", "Save anyway")
	if w.organization().Spec.Security.MultiFactor == rosterv1alpha1.MultiFactorRequired {
		t.Fatal("it was saved before the person was told")
	}
	form = told.filled(here)
	form.Del("byPassword")
	form.Set("bySSO", "yes")
	form.Set("issuer", "acme")
	told = b.post(here, form)
	told.expect(t, http.StatusOK, "can no longer get to these pages with a password", "You signed in another way yourself", "People will sign in with acme")
	if w.organization().Spec.Security.MultiFactor == rosterv1alpha1.MultiFactorRequired {
		t.Fatal("it was saved with more than the person had been told")
	}
	form = told.filled(here)
	b.post(here, form).expect(t, http.StatusSeeOther)
	if got := w.organization().Spec.Security; got.MultiFactor != rosterv1alpha1.MultiFactorRequired || got.SSO.Issuer != "acme" || len(got.SignIn) != 1 {
		t.Errorf("the policy is %+v", got)
	}
}

// TestSensitiveSettingsWantAFreshProof: who comes back to an open browser does not change how people sign in, nor who owns it all.
func TestSensitiveSettingsWantAFreshProof(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	s.clock.SetTime(now().Add(account.ProofLifetime + time.Second))
	for _, page := range []string{"/team/settings/sign-in", "/team/settings/passwords", "/team/owner"} {
		for _, a := range []answer{b.get(w.at(page)), b.post(w.at(page), url.Values{"generation": {"1"}})} {
			if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/sign-in/confirm?next="+url.QueryEscape(w.at(page))) {
				t.Errorf("%s: %d %s", page, a.StatusCode, a.Header.Get("Location"))
			}
		}
	}
	b.get(w.at("/team/settings/general")).expect(t, http.StatusOK)
}

// TestASettingThatIsRefused: only the owner lets others invite again.
func TestASettingThatIsRefused(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.org.Spec.Invitations.AllowedFor = rosterv1alpha1.InvitersOwner
	if err := w.admin.Update(context.Background(), w.org); err != nil {
		t.Fatal(err)
	}
	here := w.at("/team/settings/invitations")
	form := b.get(here).filled(here, "allowedFor", "Managers", "validity", "5")
	b.post(here, form).expect(t, http.StatusUnprocessableEntity, "Only the owner of the organisation can let others invite", `href="#allowedFor"`, `value="5"`)
}

// TestThePlanIsShown: what is reached, and whom to ask.
func TestThePlanIsShown(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.get(w.at("/team/plan")).expect(t, http.StatusOK, "There is no plan, so nothing is limited.")
	w.org.Status = rosterv1alpha1.OrganizationStatus{Plan: rosterv1alpha1.PlanInEffect{
		Name: "basic", Contact: "sales@roster.example", Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureWorkspaces},
		Seats: rosterv1alpha1.Usage{Limit: ptr.To[int32](5), Wanted: ptr.To[int32](7)},
	}}
	if err := w.admin.Status().Update(context.Background(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	b.get(w.at("/team/plan")).expect(t, http.StatusOK, "Your plan: basic", "sales@roster.example", "5 of 5", "2 more are waiting", "no limit")
}

// TestTheOrganizationIsHandedOver: CC-04. The owner chooses a member, sees what it means for both, and can withdraw the offer.
func TestTheOrganizationIsHandedOver(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	mia := w.connector(s, "mia", rosterv1alpha1.RoleManager)
	w.mayActFor(prefix+w.address("mia"), prefix+w.address("otto"))
	await(t, func(context.Context) bool { return mia.get(w.at("/team/owner")).StatusCode == http.StatusOK })
	mia.get(w.at("/team/owner")).expect(t, http.StatusOK, "Only the owner can hand over the organisation.")
	mia.post(w.at("/team/owner"), url.Values{"generation": {"1"}, "to": {"mia"}, "confirm": {"yes"}}).
		expect(t, http.StatusUnprocessableEntity, "Only the owner can hand the organisation over.")

	w.alsoHolds("otto", access.Sources{Owner: true})
	otto := w.connector(s, "otto", rosterv1alpha1.RoleCoOwner)
	w.owns("otto")
	w.active("ana", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ana Silva" })
	w.active("eve", func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.EndTime = "Eve Novak", &metav1.Time{Time: now().Add(time.Hour)}
	})
	here := w.at("/team/owner")
	await(t, func(context.Context) bool { return otto.get(here).StatusCode == http.StatusOK })
	page := otto.get(here + "?q=silva")
	page.expect(t, http.StatusOK, "Ana Silva", "New owner", w.address("otto"))
	if all := otto.get(here); strings.Contains(all.body, "Eve Novak") {
		t.Error("somebody is offered whose membership ends")
	}
	otto.post(here, page.filled(here)).expect(t, http.StatusUnprocessableEntity, "Choose an active member.")
	sure := otto.post(here, page.filled(here, "to", "ana"))
	sure.expect(t, http.StatusOK, "Offer Acme Social to Ana Silva", "gets an email, and accepts or declines", "After that, your role is Co-owner")
	otto.follow(otto.post(here, sure.filled(here))).expect(t, http.StatusOK, "Ana Silva ("+w.address("ana")+") has been asked to become the owner")
	if got := w.organization().Spec.OwnerRef.Name; got != "ana" {
		t.Errorf("ownerRef is %s", got)
	}
	offered := otto.get(here)
	offered.expect(t, http.StatusOK, "has not answered yet", "Withdraw offer")
	mia.get(here).expect(t, http.StatusOK, "has not answered yet")
	otto.follow(otto.post(here, offered.filled(here, "cancel", "yes"))).expect(t, http.StatusOK, "The offer has been withdrawn.")
	if got := w.organization().Spec.OwnerRef.Name; got != "otto" {
		t.Errorf("ownerRef is %s", got)
	}
}

// owns makes a Member the owner, as the operator does once the person has agreed.
func (w *world) owns(name string) {
	w.t.Helper()
	m := &rosterv1alpha1.Member{}
	w.stored(name, m)
	m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
	o := &rosterv1alpha1.Organization{}
	w.stored(w.org.Name, o)
	o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: name}
	for _, update := range []func() error{
		func() error { return w.admin.Update(context.Background(), m) },
		func() error { return w.admin.Update(context.Background(), o) },
	} {
		if err := update(); err != nil {
			w.t.Fatal(err)
		}
	}
	o.Status.OwnerRef, o.Status.Owner = o.Spec.OwnerRef, w.address(name)
	if err := w.admin.Status().Update(context.Background(), o); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	w.awaitCache(o)
	w.org = o
}

// TestBrowserSettings goes through the pages about the organisation by keyboard.
func TestBrowserSettings(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.alsoHolds("otto", access.Sources{Owner: true})
	w.looksAfter(s, "otto", rosterv1alpha1.RoleCoOwner)
	w.owns("otto")
	w.active("ana", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ana Silva" })
	b.signIn(s, w.address("otto"), goodPassword)
	b.open(s.url + w.at("/team/settings"))
	b.sound("settings")
	b.open(s.url + w.at("/team/settings/invitations"))
	b.sound("settings-invitations")
	b.value(`document.getElementById('validity').select(); document.getElementById('validity').focus(); 0`)
	b.press("1000")
	b.submit(kb.Enter)
	b.focused("errors")
	b.says("“1000” is not a number of hours")
	b.sound("settings-invitations-corrected")
	b.press(kb.Tab)
	b.follow()
	b.focused("validity")
	b.value(`document.getElementById('validity').select(); 0`)
	b.press("48")
	b.submit(kb.Enter)
	b.says("Saved: Invitations.")
	for _, page := range []string{"environments", "welcome", "guardrails", "passwords"} {
		b.open(s.url + w.at("/team/settings/"+page))
		b.sound("settings-" + page)
	}
	b.open(s.url + w.at("/team/settings/sign-in"))
	b.value(`document.getElementById('multiFactor').focus(); 0`)
	b.press("Required for everybody w")
	b.choose("Save")
	b.focused("errors")
	b.says("Before you save, here is what this means")
	b.sound("settings-sign-in-meaning")
	b.choose("Save anyway")
	b.says("Saved: Sign-in.")
	b.open(s.url + w.at("/team/plan"))
	b.sound("settings-plan")
	b.open(s.url + w.at("/team/owner"))
	b.sound("settings-owner")
	b.value(`document.getElementById('q').focus(); 0`)
	b.press("silva")
	b.submit(kb.Enter)
	b.value(`document.getElementById('to-0').focus(); 0`)
	b.press(" ")
	b.choose("Continue")
	b.says("you stay the owner")
	b.sound("settings-hand-over")
	b.choose("Offer ownership")
	b.says("has been asked to become the owner")
	b.sound("settings-owner-offered")
	b.choose("Withdraw offer")
	b.says("The offer has been withdrawn.")
	b.open(s.url + w.at("/team/settings?lang=fr"))
	b.says("Réglages", "Garde-fous")
	b.sound("settings-fr")
	b.open(s.url + w.at("/team/settings/sign-in?lang=fr"))
	b.sound("settings-sign-in-fr")
}
