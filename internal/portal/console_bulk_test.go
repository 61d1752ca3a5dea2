// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/console"
)

// changePath is a page on the way to changing many people.
func (w *world) changePath(page string) string {
	return "/organizations/" + w.ns + "/team/change" + page
}

// coworker is somebody who has joined.
func (w *world) coworker(local string, mods ...func(*rosterv1alpha1.MemberSpec)) *rosterv1alpha1.Member {
	w.t.Helper()
	m := w.member(local, w.address(local), func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.Role = strings.ToUpper(local[:1])+local[1:], rosterv1alpha1.RoleMember
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-" + local}
		for _, mod := range mods {
			mod(&m.Spec)
		}
	})
	w.create(m)
	m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, Role: string(m.Spec.Role), JoinedTime: &metav1.Time{Time: now()}}
	if err := w.admin.Status().Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	return m
}

func (w *world) team(name string, spec rosterv1alpha1.TeamSpec) *rosterv1alpha1.Team {
	w.t.Helper()
	of := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: spec}
	w.create(of)
	w.awaitCache(of)
	return of
}

// fresh is an object past the cache.
func fresh[O client.Object](w *world, o O) O {
	w.t.Helper()
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(o), o); err != nil {
		w.t.Fatal(err)
	}
	return o
}

// hidden is the value of a hidden field of a form.
func (a answer) hidden(t testing.TB, field string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + regexp.QuoteMeta(field) + `" value="([^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("the page has no field %s:\n%s", field, a.body)
	}
	return html.UnescapeString(m[1])
}

// ticks are the values by which people on the page are ticked, by name.
func (a answer) ticks() map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`name="tick" type="checkbox" value="([^"]+)"[^>]*><label[^>]*>([^<]+)<`).FindAllStringSubmatch(a.body, -1) {
		all[strings.TrimSpace(m[2])] = m[1]
	}
	return all
}

// preview chooses people by name and goes on to what a change means.
func (w *world) preview(b *browser, names []string, form url.Values) answer {
	w.t.Helper()
	ticks, query := b.get(w.changePath("")).ticks(), url.Values{"who": {"ticked"}}
	for _, name := range names {
		if ticks[name] == "" {
			w.t.Fatalf("%s cannot be ticked: %v", name, ticks)
		}
		query.Add("tick", ticks[name])
	}
	what := b.get(w.changePath("/what") + "?" + query.Encode())
	what.expect(w.t, http.StatusOK)
	form.Set("people", what.hidden(w.t, "people"))
	if form.Get("action") == "" {
		form.Set("action", "change")
	}
	return b.post(w.changePath("/preview"), form)
}

// do presses the button of a preview, or of a result.
func (w *world) do(b *browser, page answer) answer {
	w.t.Helper()
	return b.post(w.changePath("/do"), url.Values{"job": {page.hidden(w.t, "job")}})
}

// TestManyPeopleAreChangedTogether: AG-17. Nothing is written before the preview was confirmed, and the API server knows who did it.
func TestManyPeopleAreChangedTogether(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	ana, ben := w.coworker("ana"), w.coworker("ben", func(s *rosterv1alpha1.MemberSpec) { s.Role = "AdvancedMember" })
	zoe := w.coworker("zoe")
	press := w.team("press", rosterv1alpha1.TeamSpec{DisplayName: "Press", Profiles: []string{"acme-fb"}, Role: "Editor"})

	east := &rosterv1alpha1.Workspace{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "east"}, Spec: rosterv1alpha1.WorkspaceSpec{DisplayName: "East"},
	}
	w.create(east)
	w.awaitCache(east)

	b.get(w.changePath("?q=ben")).expect(t, http.StatusOK, "1 person found", "Ben", `value="ben"`)
	form := url.Values{"role": {"AdvancedMember"}, "profile.acme-fb": {"Editor"}, "workspace.east": {"-"},
		"team.press": {"join"}, "endTime": {"2027-01-31"}}
	preview := w.preview(b, []string{"Ana", "Ben"}, form)
	preview.expect(t, http.StatusOK, "Change 2 people?", "Role: Member → Advanced member", "acme.social (Facebook): no role → Editor",
		"Workspace East: no access → can see it", "Joins the team Press", "Membership ends on Sunday, 31 January 2027")
	if fresh(w, ana).Spec.Role != "Member" || len(fresh(w, press).Spec.Members) > 0 {
		t.Error("the preview has changed something")
	}
	result := w.do(b, preview)
	result.expect(t, http.StatusOK, "Done", "2 people have been changed")
	for _, m := range []*rosterv1alpha1.Member{ana, ben} {
		spec := fresh(w, m).Spec
		if spec.Role != "AdvancedMember" || !slices.Equal(spec.Profiles, []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Editor"}}) || spec.EndTime == nil {
			t.Errorf("%s: %+v", m.Name, spec)
		}
		user := console.FieldManager(prefix + w.address("mia"))
		if !slices.ContainsFunc(m.ManagedFields, func(f metav1.ManagedFieldsEntry) bool { return f.Manager == user }) {
			t.Errorf("nothing says that %s has changed %s", user, m.Name)
		}
	}
	if got := fresh(w, press).Spec.Members; !slices.Equal(got, []string{ana.Name, ben.Name}) {
		t.Errorf("in the team are %v", got)
	}
	if fresh(w, zoe).Generation != 1 {
		t.Error("somebody was changed who is not chosen")
	}
	if n := strings.Count(s.log.String(), `"kind":"Team"`); n != 1 {
		t.Errorf("the team was written %d times", n)
	}

	// Going back and pressing the button once more.
	w.do(b, preview).expect(t, http.StatusOK, "There was nothing to do for 2 people")
	if generation := fresh(w, ana).Generation; generation != 2 {
		t.Errorf("ana was written again: generation %d", generation)
	}
}

// TestTheChoiceIsKeptAcrossPages: AG-17. Also while people are looked for, and without a script.
func TestTheChoiceIsKeptAcrossPages(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	for i := range 60 {
		w.create(w.member(fmt.Sprintf("p%02d", i), w.address(fmt.Sprintf("p%02d", i))))
	}
	await(t, func(context.Context) bool { return strings.Contains(b.get(w.changePath("")).body, "62 people found") })
	first := b.get(w.changePath(""))
	first.expect(t, http.StatusOK, "Page 1 of 2", "0 selected")
	name := w.address("p03")
	second := b.get(w.changePath("?page=2&tick=") + first.ticks()[name])
	second.expect(t, http.StatusOK, "1 selected", "Page 2 of 2")
	back := b.get(w.changePath("?page=1&chosen=" + second.hidden(t, "chosen")))
	back.expect(t, http.StatusOK, "1 selected", `value="`+first.ticks()[name]+`" checked`)
	// What is unticked on its page is no longer chosen.
	b.get(w.changePath("?page=1")).expect(t, http.StatusOK, "0 selected")
	b.get(w.changePath("?tickPage=1&chosen="+second.ticks()[w.address("p55")])).expect(t, http.StatusOK, "51 selected")
	b.get(w.changePath("/what?who=ticked")).expect(t, http.StatusUnprocessableEntity, "Nobody is selected")
	b.get(w.changePath("/what?who=all&q=p0")).expect(t, http.StatusOK, "Change 10 people")
}

// TestWhoIsLeftOutOfAChange: AG-19. The preview says who and why, and they are not written.
func TestWhoIsLeftOutOfAChange(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	ana := w.coworker("ana", func(s *rosterv1alpha1.MemberSpec) {
		s.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Administrator"}}
	})
	git := w.member("gil", w.address("gil"), func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.AccountRef = "Gil", &rosterv1alpha1.LocalReference{Name: "a-gil"}
	})
	if err := w.admin.Create(t.Context(), git, client.FieldOwner("kustomize-controller")); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(git)
	preview := w.preview(b, []string{"Ana", "Gil", w.address("mia"), "Olivia Martin"}, url.Values{"action": {"suspend"}})
	preview.expect(t, http.StatusOK, "Suspend 1 person?", "3 people are left out", "Finish handing it over first", "Yourself", "kept in Git",
		"On acme.social (Facebook), 1 person can no longer: view content")
	w.do(b, preview).expect(t, http.StatusOK, "1 person has been changed")
	if !ptr.Deref(fresh(w, ana).Spec.Suspended, false) || ptr.Deref(fresh(w, git).Spec.Suspended, false) {
		t.Error("not those are suspended whom the preview names")
	}
}

// TestWhatIsRefusedIsSaid: the API server decides for each person alone; the others are changed, and what was refused can be tried again.
func TestWhatIsRefusedIsSaid(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	ana, ben := w.coworker("ana"), w.coworker("ben")
	preview := w.preview(b, []string{"Ana", "Ben"}, url.Values{"role": {"AdvancedMember"}})
	// Since the preview, another person gives Ben another role, and Ana another profile.
	ben.Spec.Role = "ProfileConnector"
	ana.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Guest"}}
	for _, m := range []*rosterv1alpha1.Member{ana, ben} {
		if err := w.admin.Update(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	result := w.do(b, preview)
	result.expect(t, http.StatusOK, "2 people could not be changed", "Somebody else has just changed this", "Try these again")
	if fresh(w, ben).Spec.Role != "ProfileConnector" || len(fresh(w, ana).Spec.Profiles) != 1 {
		t.Error("what another person wrote has been lost")
	}
	b.post(w.changePath("/do"), url.Values{"job": {"forged"}}).expect(t, http.StatusBadRequest)

	// What is added to a list is meant whatever else has been changed.
	preview = w.preview(b, []string{"Ana"}, url.Values{"profile.acme-masto": {"Guest"}, "profile.acme-ads": {"!take"}})
	ana = fresh(w, ana)
	ana.Spec.Role = "AdvancedMember"
	if err := w.admin.Update(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	w.do(b, preview).expect(t, http.StatusOK, "1 person has been changed")
	if got := fresh(w, ana).Spec; got.Role != "AdvancedMember" || len(got.Profiles) != 2 {
		t.Errorf("%+v", got)
	}
}

// TestARuleOfTheClusterIsQuoted for each person, as the language of the page quotes.
func TestARuleOfTheClusterIsQuoted(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	ana := w.coworker("ana")
	preview := w.preview(b, []string{"Ana"}, url.Values{"role": {"AdvancedMember"}})
	w.policyOfTheirOwn("No changes in Advent.")
	await(t, func(ctx context.Context) bool {
		tried := ana.DeepCopy()
		tried.Spec.Company = "tried"
		return w.admin.Update(ctx, tried, client.DryRunAll) != nil
	})
	for lang, want := range map[string]string{"en": "“No changes in Advent.”", "fr": "«\u00a0No changes in Advent.\u00a0»"} {
		b.post(w.changePath("/do")+"?lang="+lang, url.Values{"job": {preview.hidden(t, "job")}}).expect(t, http.StatusOK, want)
	}
}

// TestAChangeIsThatOfItsPerson: what somebody has prepared, another cannot finish, and nobody gives what they may not.
func TestAChangeIsThatOfItsPerson(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	other := w.connector(s, "max", rosterv1alpha1.RoleManager)
	mia := w.connector(s, "mia", rosterv1alpha1.RoleManager)
	w.mayActFor(prefix+w.address("max"), prefix+w.address("mia"))
	for _, b := range []*browser{other, mia} {
		await(t, func(context.Context) bool { return b.get(w.changePath("")).StatusCode == http.StatusOK })
	}
	ana := w.coworker("ana")
	preview := w.preview(mia, []string{"Ana"}, url.Values{"role": {"Manager"}})
	preview.expect(t, http.StatusOK, "Change 1 person?")
	w.do(other, preview).expect(t, http.StatusBadRequest)
	w.preview(other, []string{"Ana"}, url.Values{"role": {"CoOwner"}}).expect(t, http.StatusUnprocessableEntity, "you cannot give “CoOwner”")
	w.preview(other, []string{"Ana"}, url.Values{"endTime": {"soon"}}).expect(t, http.StatusUnprocessableEntity, "“soon” is not a date", "Change 1 person")
	if fresh(w, ana).Spec.Role != "Member" {
		t.Error("it was done all the same")
	}
}

// TestCoOwnersAreMadeByThoseWhoHaveLatelyProvedWhoTheyAre: others are not offered it, and cannot finish it.
func TestCoOwnersAreMadeByThoseWhoHaveLatelyProvedWhoTheyAre(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "cleo", rosterv1alpha1.RoleCoOwner)
	ana := w.coworker("ana")
	preview := w.preview(b, []string{"Ana"}, url.Values{"role": {"CoOwner"}})
	preview.expect(t, http.StatusOK, "Change 1 person?")
	s.clock.SetTime(now().Add(account.ProofLifetime))
	if to := w.do(b, preview).Header.Get("Location"); !strings.HasPrefix(to, "/sign-in/confirm?next=") {
		t.Errorf("sent to %q", to)
	}
	w.preview(b, []string{"Ana"}, url.Values{"role": {"CoOwner"}}).expect(t, http.StatusUnprocessableEntity, "first confirm that it’s you")
	if fresh(w, ana).Spec.Role != "Member" {
		t.Error("it was done all the same")
	}
}

// TestHalfDoneWorkGoesOn: AG-17. A request does what it has time for; the button goes on, and nobody is forgotten or written twice.
func TestHalfDoneWorkGoesOn(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	s.handler.manyPeople.AtOnce = 2
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	var names []string
	var all []*rosterv1alpha1.Member
	for i := range 5 {
		m := w.coworker(fmt.Sprintf("person%d", i))
		all, names = append(all, m), append(names, m.Spec.DisplayName)
	}
	preview := w.preview(b, names, url.Values{"profile.acme-fb": {"Guest"}})
	first := w.do(b, preview)
	first.expect(t, http.StatusOK, "2 of 5 done", "3 people are left", "Continue")
	second := w.do(b, first)
	second.expect(t, http.StatusOK, "4 of 5 done", "4 people have been changed")
	w.do(b, first).expect(t, http.StatusOK, "4 of 5 done", "There was nothing to do for 2 people") // reloaded
	last := w.do(b, second)
	last.expect(t, http.StatusOK, "Done", "5 people have been changed")
	for _, m := range all {
		if got := fresh(w, m); len(got.Spec.Profiles) != 1 || got.Generation != 2 {
			t.Errorf("%s: generation %d, %v", m.Name, got.Generation, got.Spec.Profiles)
		}
	}
}

// TestRemovingMany: who is removed is no longer named in teams either.
func TestRemovingMany(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	ana, ben := w.coworker("ana"), w.coworker("ben")
	press := w.team("press", rosterv1alpha1.TeamSpec{Members: []string{"zoe", ana.Name, ben.Name}, Role: "Editor"})
	preview := w.preview(b, []string{"Ana", "Ben"}, url.Values{"action": {"remove"}})
	preview.expect(t, http.StatusOK, "Remove 2 people?", "you have to invite them again")
	w.do(b, preview).expect(t, http.StatusOK, "2 people have been changed")
	if err := w.admin.Get(t.Context(), client.ObjectKeyFromObject(ana), ana); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("ana is still there: %v", err)
	}
	if got := fresh(w, press).Spec.Members; !slices.Equal(got, []string{"zoe"}) {
		t.Errorf("the team names %v", got)
	}
	w.do(b, preview).expect(t, http.StatusOK, "There was nothing to do for 2 people")
}

// TestATeamThatManyChangeAtOnce: everybody's change is in it at the end.
func TestATeamThatManyChangeAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	press := w.team("press", rosterv1alpha1.TeamSpec{DisplayName: "Press", Members: []string{"zoe"}, Role: "Guest"})
	var previews []answer
	for _, local := range []string{"ana", "ben", "cem", "dee"} {
		m := w.coworker(local)
		previews = append(previews, w.preview(b, []string{m.Spec.DisplayName}, url.Values{"team.press": {"join"}}))
	}
	answers := make([]answer, len(previews))
	var all sync.WaitGroup
	for i, preview := range previews {
		form := url.Values{"job": {preview.hidden(t, "job")}}
		all.Go(func() { answers[i], _ = b.try(http.MethodPost, w.changePath("/do"), strings.NewReader(form.Encode())) })
	}
	all.Wait()
	for _, a := range answers {
		a.expect(t, http.StatusOK, "Press", "Changed")
	}
	members := fresh(w, press).Spec.Members
	slices.Sort(members)
	if want := []string{"ana", "ben", "cem", "dee", "zoe"}; !slices.Equal(members, want) {
		t.Errorf("in the team are %v", members)
	}
}

// TestALargeForm: only the page that does it takes 10,000 people.
func TestALargeForm(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	large := url.Values{"job": {strings.Repeat("a", 4*maxBody)}}
	b.post(w.changePath("/do"), large).expect(t, http.StatusBadRequest)
	b.post(w.changePath("/preview"), large).expect(t, http.StatusRequestEntityTooLarge)
	b.post(w.changePath("/do"), url.Values{"job": {strings.Repeat("a", 16*maxBody)}}).expect(t, http.StatusRequestEntityTooLarge)
}

// TestBrowserChangesMany goes the whole way with the keyboard: who, what, what it means, done; and profiles to teams.
func TestBrowserChangesMany(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){w.connects(), w.console} })
	w.requiresTeam()
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	ana := w.coworker("ana", func(s *rosterv1alpha1.MemberSpec) {
		s.DisplayName, s.Profiles = "Ana Silva", []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Administrator"}}
	})
	w.coworker("ben", func(s *rosterv1alpha1.MemberSpec) { s.DisplayName = "Ben Okafor" })
	w.coworker("cem", func(s *rosterv1alpha1.MemberSpec) { s.DisplayName = "Cem Yıldız" })
	press := w.team("press", rosterv1alpha1.TeamSpec{DisplayName: "Press", Members: []string{ana.Name}, Profiles: []string{"acme-fb"}, Role: "Editor"})
	w.team("labels", rosterv1alpha1.TeamSpec{DisplayName: "Everything", ProfileSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}, Role: "Guest"})

	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + w.changePath(""))
	b.into("q", "ben")
	b.submit(kb.Enter)
	b.says("1 person found.")
	b.tick("Ben Okafor")
	b.into("q", strings.Repeat(kb.Backspace, 3))
	b.submit(kb.Enter)
	b.tick("Ana Silva")
	b.sound("bulk-choose")
	b.choose("Continue with selected")
	b.says("Change 2 people", "Ana Silva, Ben Okafor")
	b.sound("bulk-what")
	b.choose("See what this means")
	b.focused("errors")
	b.says("You have not chosen anything")
	b.into("profile.acme-masto", "E") // Editor
	b.choose("See what this means")
	b.says("Change 2 people?", "Editor")
	b.sound("bulk-preview")
	b.choose("Change 2 people")
	b.says("Done", "2 people have been changed.")
	b.sound("bulk-result")
	if got := fresh(w, ana).Spec.Profiles; len(got) != 2 || got[1].Role != "Editor" {
		t.Errorf("%+v", got)
	}

	b.choose("Change other people")
	b.tick("Ana Silva")
	b.choose("Continue with selected")
	b.choose("Suspend…")
	b.says("Suspend 1 person?", "can no longer")
	b.sound("bulk-suspend")

	b.choose("Profiles")
	b.says("2 profiles are waiting for their first team")
	b.sound("team-profiles")
	b.choose("Change teams of all 3 found")
	b.says("1 of 3", "finds its profiles by label")
	b.sound("team-profiles-assign")
	b.into("team.press", "N") // None of them
	b.choose("Save")
	b.says("Remove profiles from teams?")
	b.sound("team-profiles-sure")
	b.choose("Change the teams")
	b.says("The teams have been changed.")
	if got := fresh(w, press).Spec.Profiles; len(got) != 0 {
		t.Errorf("%v", got)
	}
	b.choose("acme.social")
	b.sound("team-profile")
	b.choose("Remove this profile…")
	b.sound("team-profile-remove")
}

// tick moves to a box by its label and ticks it with the keyboard.
func (b *tab) tick(label string) {
	b.t.Helper()
	id := b.value(`[...document.querySelectorAll('input[type=checkbox]')].find(e => e.labels[0].innerText.includes(` + strconv.Quote(label) + `)).id`)
	b.run(chromedp.Focus(`[id="` + id + `"]`))
	b.press(" ")
}
