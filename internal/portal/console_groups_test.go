// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// at is a page of the console about the organisation.
func (w *world) at(page string) string { return "/organizations/" + w.ns + page }

// stored reads an object as it is.
func (w *world) stored(name string, o client.Object) {
	w.t.Helper()
	if err := w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: name}, o); err != nil {
		w.t.Fatal(err)
	}
}

// put makes an object and waits until the portal knows.
func (w *world) put(o client.Object) {
	w.t.Helper()
	o.SetNamespace(w.ns)
	w.create(o)
	w.awaitCache(o)
}

// active is a Member who has joined, without an account to sign in with.
func (w *world) active(name string, mods ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	w.t.Helper()
	m := w.member(name, w.address(name), append([]func(*rosterv1alpha1.Member){func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-" + name}
	}}, mods...)...)
	w.create(m)
	m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, JoinedTime: &metav1.Time{Time: now()}}
	if err := w.admin.Status().Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	return m
}

// filled is the form of a page that is sent to an address, with what it holds, changed as somebody types.
func (a answer) filled(action string, mods ...string) url.Values {
	form := url.Values{}
	for _, f := range regexp.MustCompile(`(?s)<form method="post" action="([^"]*)"[^>]*>(.*?)</form>`).FindAllStringSubmatch(a.body, -1) {
		if f[1] != action {
			continue
		}
		for _, i := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(f[2], -1) {
			form.Add(i[1], i[2])
		}
		for _, i := range regexp.MustCompile(`<input id="[^"]*" name="([^"]*)" type="text"[^>]*? value="([^"]*)"`).FindAllStringSubmatch(f[2], -1) {
			form.Add(i[1], i[2])
		}
		for _, i := range regexp.MustCompile(`<input id="[^"]*" name="([^"]*)" type="checkbox" value="([^"]*)" checked`).FindAllStringSubmatch(f[2], -1) {
			form.Add(i[1], i[2])
		}
		for _, s := range regexp.MustCompile(`(?s)<select id="[^"]*" name="([^"]*)".*?</select>`).FindAllStringSubmatch(f[2], -1) {
			if o := regexp.MustCompile(`<option value="([^"]*)" selected`).FindStringSubmatch(s[0]); o != nil {
				form.Set(s[1], o[1])
			}
		}
	}
	for i := 0; i+1 < len(mods); i += 2 {
		form.Set(mods[i], mods[i+1])
	}
	return form
}

// TestATeamIsMadeInTheBrowser: FL-10 to FL-12. Nobody is asked for the name of an object, and people and profiles are found by a search.
func TestATeamIsMadeInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.active("ana")
	w.active("ben")
	page := b.get(w.at("/team/teams"))
	page.expect(t, http.StatusOK, "There are no teams yet", "New team")
	form := page.filled(w.at("/team/teams"))
	b.post(w.at("/team/teams"), form).expect(t, http.StatusUnprocessableEntity, "Enter a name.", "Choose a role.")
	form.Set("displayName", "Équipe Ré & Co")
	form.Set("role", "Editor")
	made := b.follow(b.post(w.at("/team/teams"), form))
	made.expect(t, http.StatusOK, "has been created. Now choose its people", "Équipe Ré &amp; Co")
	here := w.at("/team/teams/equipe-re-co")

	b.get(here+"/people?q=ANA").expect(t, http.StatusOK, w.address("ana"))
	if page := b.get(here + "/people?q=ana"); strings.Contains(page.body, w.address("ben")) {
		t.Error("the search finds everybody")
	}
	b.follow(b.post(here+"/people", url.Values{"add": {"ana", "ben", "no-such"}})).expect(t, http.StatusOK, "2 people in the team", "Added.")
	b.follow(b.post(here+"/profiles", url.Values{"add": {"acme-fb"}})).expect(t, http.StatusOK, "1 profile chosen by name")
	team := &rosterv1alpha1.Team{}
	w.stored("equipe-re-co", team)
	if got := fmt.Sprint(team.Spec.Members, team.Spec.Profiles, team.Spec.Role); got != "[ana ben] [acme-fb]Editor" {
		t.Errorf("the team is %s", got)
	}
	w.awaitCache(team)

	sure := b.post(here+"/people", url.Values{"remove": {"ben"}})
	sure.expect(t, http.StatusOK, "Remove this person from the team?", "1 person loses rights on 1 profile")
	b.follow(b.post(here+"/people", sure.filled(here+"/people"))).expect(t, http.StatusOK, "1 person in the team", "Removed.")
	w.stored("equipe-re-co", team)
	w.awaitCache(team)
	sure = b.get(here + "/delete")
	sure.expect(t, http.StatusOK, "Delete the team", "1 person loses rights on 1 profile: view content, plan posts, publish, reply and see reports",
		w.address("ana"), "Left without a team: 1 profile (acme.social)", "Only people who administer every profile can still publish on")
	b.follow(b.post(here+"/delete", sure.filled(here+"/delete"))).expect(t, http.StatusOK, "has been deleted.")
	if err := w.admin.Get(context.Background(), client.ObjectKeyFromObject(team), team); !apierrors.IsNotFound(err) {
		t.Errorf("the team is still there: %v", err)
	}
}

// TestTwoPeopleEditATeam: what the second one typed is kept, and what the first one saved is shown.
func TestTwoPeopleEditATeam(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.put(&rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Role: rosterv1alpha1.ProfileGuest, ProfileSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"region": "dach"}},
	}})
	here := w.at("/team/teams/press")
	mine := b.get(here)
	mine.expect(t, http.StatusOK, "region=dach", "stay as they are")
	other := mine.filled(here, "displayName", "Press office")
	b.follow(b.post(here, other)).expect(t, http.StatusOK, "Press office")
	late := b.post(here, mine.filled(here, "displayName", "Newsroom", "role", "Editor"))
	late.expect(t, http.StatusUnprocessableEntity, "Somebody else has changed this", "What it says now", "Press office", `value="Newsroom"`,
		`<option value="Editor" selected>`)
	b.follow(b.post(here, late.filled(here))).expect(t, http.StatusOK, "Newsroom")
	team := &rosterv1alpha1.Team{}
	w.stored("press", team)
	if team.Spec.DisplayName != "Newsroom" || team.Spec.Role != "Editor" || team.Spec.ProfileSelector == nil {
		t.Errorf("the team is %+v", team.Spec)
	}
	stale := b.get(here + "/delete").filled(here + "/delete")
	stale.Set("generation", "1")
	b.post(here+"/delete", stale).expect(t, http.StatusUnprocessableEntity, "confirm once more")
}

// TestARefusalIsShownAtTheForm: the policies have the last word, and what was typed is kept.
func TestARefusalIsShownAtTheForm(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	lead := &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Name: "lead"}, Spec: rosterv1alpha1.CustomRoleSpec{
		Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{"ViewTeam", "ManageTeams", "ManageRoles"},
	}}
	w.put(lead)
	b := w.looksAfterAs(s, "lena", "lead", lead)
	page := b.get(w.at("/team/teams"))
	page.expect(t, http.StatusOK, "New team")
	if strings.Contains(page.body, `<option value="Editor"`) {
		t.Error("a role is offered that the person holds nowhere")
	}
	w.put(&rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Role: rosterv1alpha1.ProfileGuest, Profiles: []string{"acme-fb"},
	}})
	here := w.at("/team/teams/press")
	form := b.get(here).filled(here, "role", "Administrator", "displayName", "My press")
	b.post(here, form).expect(t, http.StatusUnprocessableEntity, "you do not have all of that yourself", `value="My press"`)

	roles := b.get(w.at("/team/roles"))
	roles.expect(t, http.StatusOK, "New role in the organisation")
	if strings.Contains(roles.body, "New role on profiles") {
		t.Error("roles on profiles are offered to somebody who may not give them")
	}
	fresh := b.get(w.at("/team/roles?new=Organization"))
	fresh.expect(t, http.StatusOK, "see the team")
	if strings.Contains(fresh.body, "change the settings") {
		t.Error("a permission is offered that the person does not have")
	}
}

// TestWhoMayOnlyLookSeesNoForms: AG-02.
func TestWhoMayOnlyLookSeesNoForms(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	viewer := &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Name: "viewer"}, Spec: rosterv1alpha1.CustomRoleSpec{
		Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{"ViewTeam"},
	}}
	w.put(viewer)
	w.put(&rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		Role: rosterv1alpha1.ProfileGuest, Members: []string{"olivia"}, Profiles: []string{"acme-fb"},
	}})
	w.put(&rosterv1alpha1.Workspace{ObjectMeta: metav1.ObjectMeta{Name: "north"}, Spec: rosterv1alpha1.WorkspaceSpec{DisplayName: "North"}})
	w.tool("studio", nil)
	b := w.looksAfterAs(s, "vera", "viewer", viewer)
	for _, page := range []string{
		"/team/teams", "/team/teams/press", "/team/teams/press/people", "/team/teams/press/profiles", "/team/workspaces", "/team/workspaces/north",
		"/team/workspaces/north/profiles", "/team/roles", "/team/roles/viewer", "/team/settings", "/team/plan", "/team/owner",
		"/team/applications", "/team/applications/studio",
	} {
		a := b.get(w.at(page))
		a.expect(t, http.StatusOK)
		if main := a.body[strings.Index(a.body, "<main"):]; strings.Contains(main, "<form") || strings.Contains(main, ">Change<") {
			t.Errorf("%s has a form for somebody who may only look", page)
		}
	}
	b.post(w.at("/team/teams"), url.Values{"displayName": {"Mine"}, "role": {"Guest"}}).expect(t, http.StatusUnprocessableEntity, `class="errors"`)
}

// TestATeamThatIsKeptInGit: the form says so, and ends with the change to copy.
func TestATeamThatIsKeptInGit(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	kept := map[string]string{"kustomize.toolkit.fluxcd.io/name": "acme", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	w.put(&rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: "press", Labels: kept}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Role: rosterv1alpha1.ProfileGuest,
	}})
	here := w.at("/team/teams/press")
	page := b.get(here)
	page.expect(t, http.StatusOK, "Flux keeps this in Git.")
	b.post(here, page.filled(here, "displayName", "Newsroom")).expect(t, http.StatusConflict, "displayName: Newsroom", "Flux keeps press in Git")
	b.post(here+"/people", url.Values{"add": {"mia"}}).expect(t, http.StatusConflict, "- mia")
	b.post(here+"/delete", b.get(here+"/delete").filled(here+"/delete")).expect(t, http.StatusConflict)
	w.org.Labels = kept
	if err := w.admin.Update(context.Background(), w.org); err != nil {
		t.Fatal(err)
	}
	general := w.at("/team/settings/general")
	settings := b.get(general)
	settings.expect(t, http.StatusOK, "Flux keeps this in Git.")
	b.post(general, settings.filled(general, "displayName", "Acme & Co")).expect(t, http.StatusConflict, "displayName: Acme &amp; Co")
}

// looksAfterAs is looksAfter with a custom role.
func (w *world) looksAfterAs(s *site, local string, role rosterv1alpha1.OrganizationRole, custom *rosterv1alpha1.CustomRole) *browser {
	w.t.Helper()
	w.alsoHolds(local, access.Sources{
		Spec: rosterv1alpha1.MemberSpec{Role: role}, Roles: access.Roles{custom.Name: custom.Spec},
	})
	return w.looksAfter(s, local, role)
}

// alsoHolds gives somebody what the sources give, as the operator compiles it.
func (w *world) alsoHolds(local string, sources access.Sources) {
	w.t.Helper()
	named := metav1.ObjectMeta{Namespace: w.ns, Name: "more-of-" + local}
	w.create(&rbacv1.Role{ObjectMeta: named, Rules: access.Compile(sources, w.org.Name)})
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: prefix + w.address(local)}},
	})
}

// TestWorkspacesInTheBrowser: AG-23, AG-25.
func TestWorkspacesInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	page := b.get(w.at("/team/workspaces"))
	made := b.follow(b.post(w.at("/team/workspaces"), page.filled(w.at("/team/workspaces"), "displayName", "Büro Nord")))
	made.expect(t, http.StatusOK, "Büro Nord", "Nobody has it yet.")
	here := w.at("/team/workspaces/buro-nord")
	b.follow(b.post(here+"/profiles", url.Values{"add": {"acme-fb", "acme-ads"}})).expect(t, http.StatusOK, "2 profiles chosen by name")
	w.active("ana", func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.Workspaces = "Ana Silva", []rosterv1alpha1.WorkspaceGrant{{Name: "buro-nord", Role: rosterv1alpha1.ProfileEditor}}
	})
	b.get(here).expect(t, http.StatusOK, "1 person has it", "Ana Silva", "Editor")
	ws := &rosterv1alpha1.Workspace{}
	w.stored("buro-nord", ws)
	w.awaitCache(ws)
	sure := b.get(here + "/delete")
	sure.expect(t, http.StatusOK, "1 person loses rights on 2 profiles", "1 person has this workspace")
	b.follow(b.post(here+"/delete", sure.filled(here+"/delete"))).expect(t, http.StatusOK, "has been deleted")
}

// TestWhatThePlanLacksSaysWhomToAsk: workspaces and roles of one's own are features of a plan.
func TestWhatThePlanLacksSaysWhomToAsk(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.org.Status = rosterv1alpha1.OrganizationStatus{Plan: rosterv1alpha1.PlanInEffect{Name: "basic", Contact: "sales@roster.example"}}
	if err := w.admin.Status().Update(context.Background(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	for _, page := range []string{"/team/workspaces", "/team/roles"} {
		a := b.get(w.at(page))
		a.expect(t, http.StatusOK, "does not include", "sales@roster.example")
		if main := a.body[strings.Index(a.body, "<main"):]; strings.Contains(main, "<form") || strings.Contains(main, "New role in") {
			t.Errorf("%s offers what gives nothing", page)
		}
	}
}

// TestRolesInTheBrowser: a role is made of what its maker may do, and deleting it tells who has it.
func TestRolesInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.get(w.at("/team/roles")).expect(t, http.StatusOK, "Built-in roles in the organisation", "hand over the organisation", "There are no custom roles yet")
	fresh := b.get(w.at("/team/roles?new=Organization"))
	fresh.expect(t, http.StatusOK, "invite and manage people")
	form := fresh.filled(w.at("/team/roles"), "displayName", "2nd line")
	b.post(w.at("/team/roles"), form).expect(t, http.StatusUnprocessableEntity, `value="2nd line"`, "Select at least one thing")
	form["permission"] = []string{"ViewTeam", "ManageSubscription"}
	b.follow(b.post(w.at("/team/roles"), form)).expect(t, http.StatusOK, "has been saved", "2nd line")
	role := &rosterv1alpha1.CustomRole{}
	w.stored("role-2nd-line", role)
	if got := fmt.Sprint(role.Spec.Permissions); got != "[ViewTeam]" {
		t.Errorf("the role allows %s, of which a Manager may do less", got)
	}
	w.awaitCache(role)
	// What the person cannot give stays when they change the rest.
	role.Spec.Permissions = append(role.Spec.Permissions, rosterv1alpha1.PermissionManageSubscription)
	if err := w.admin.Update(context.Background(), role); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(role)
	here := w.at("/team/roles/role-2nd-line")
	edit := b.get(here)
	edit.expect(t, http.StatusOK, "This role also allows what you cannot give, which stays:", "manage the subscription")
	form = edit.filled(here)
	form["permission"] = []string{"ManageTeams"}
	b.follow(b.post(here, form)).expect(t, http.StatusOK, "has been saved")
	w.stored("role-2nd-line", role)
	if got := fmt.Sprint(role.Spec.Permissions); got != "[ManageSubscription ManageTeams]" {
		t.Errorf("the role allows %s", got)
	}
	w.awaitCache(role)
	w.active("ana", func(m *rosterv1alpha1.Member) { m.Spec.Role = "role-2nd-line" })
	sure := b.get(here + "/delete")
	sure.expect(t, http.StatusOK, "1 person has it:", w.address("ana"), "no longer allows anything")
	b.follow(b.post(here+"/delete", sure.filled(here+"/delete"))).expect(t, http.StatusOK, "has been deleted")
}

// TestBrowserGroups goes through the pages about teams, workspaces and roles by keyboard.
func TestBrowserGroups(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.active("ana", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ana Silva" })
	w.active("ben", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ben Owusu" })
	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + w.at("/team/teams"))
	b.sound("groups-teams-empty")
	b.value(`document.getElementById('displayName').focus(); 0`)
	b.submit(kb.Enter)
	b.focused("errors")
	b.sound("groups-teams-corrected")
	b.press(kb.Tab)
	b.follow()
	b.focused("displayName")
	b.press("Press")
	b.fill("role", "Ed")
	b.press(kb.Tab)
	b.submit(kb.Enter)
	b.says("Now choose its people and profiles")
	b.sound("groups-team")
	b.choose("0 people")
	b.value(`document.getElementById('q').focus(); 0`)
	b.press("silva")
	b.submit(kb.Enter)
	b.says("Ana Silva")
	b.value(`document.getElementById('add-0').focus(); 0`)
	b.press(" ", kb.Tab)
	b.submit(kb.Enter)
	b.says("1 person in the team")
	b.sound("groups-people")
	b.choose("Press")
	b.choose("0 profiles")
	b.value(`document.getElementById('add-0').focus(); 0`)
	b.press(" ")
	b.choose("Add selected")
	b.says("1 profile chosen by name")
	b.sound("groups-profiles")
	team := &rosterv1alpha1.Team{}
	w.stored("press", team)
	w.awaitCache(team)
	b.choose("Press")
	b.choose("Delete team")
	b.says("1 person loses rights on 1 profile")
	b.sound("groups-delete")
	b.choose("Cancel")
	b.open(s.url + w.at("/team/workspaces"))
	b.value(`document.getElementById('displayName').focus(); 0`)
	b.press("Office North")
	b.submit(kb.Enter)
	b.says("Now choose its profiles")
	b.sound("groups-workspace")
	b.open(s.url + w.at("/team/workspaces"))
	b.sound("groups-workspaces")
	b.open(s.url + w.at("/team/roles"))
	b.sound("groups-roles")
	b.choose("New role in the organisation")
	b.sound("groups-role-new")
	b.value(`document.getElementById('displayName').focus(); 0`)
	b.press("Planner")
	b.value(`document.getElementById('permission-0').focus(); 0`)
	b.press(" ")
	b.choose("Save")
	b.says("“Planner” has been saved")
	b.open(s.url + w.at("/team/roles/planner?lang=fr"))
	b.says("Personne n’a ce rôle")
	b.sound("groups-role-fr")
	b.open(s.url + w.at("/team/teams?lang=fr"))
	b.says("Équipes", "Créer l’équipe")
	b.sound("groups-teams-fr")
}
