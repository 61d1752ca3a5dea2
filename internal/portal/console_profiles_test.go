// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// profilesPath is a page about the social profiles.
func (w *world) profilesPath(page string) string {
	return "/organizations/" + w.ns + "/team/profiles" + page
}

func (w *world) requiresTeam() {
	w.t.Helper()
	fresh(w, w.org).Spec.RequireTeam = ptr.To(true)
	if err := w.admin.Update(context.Background(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
}

// TestProfilesAreGivenToTeams: FL-16. And FL-12, FL-15: several profiles, each team in one step, and nothing is taken away unasked.
func TestProfilesAreGivenToTeams(t *testing.T) {
	w := newWorld(t)
	w.requiresTeam()
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	ana := w.coworker("ana")
	press := w.team("press", rosterv1alpha1.TeamSpec{DisplayName: "Press", Members: []string{ana.Name}, Profiles: []string{"acme-fb"}, Role: "Editor"})
	care := w.team("care", rosterv1alpha1.TeamSpec{DisplayName: "Care", Members: []string{ana.Name}, Role: "Guest"})
	w.team("labelled", rosterv1alpha1.TeamSpec{DisplayName: "By label", ProfileSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}, Role: "Guest"})

	list := b.get(w.profilesPath(""))
	list.expect(t, http.StatusOK, "3 social profiles found", "acme.social", "Not connected", "2 profiles are waiting for their first team", "Press", "Waiting for its first team")
	b.get(w.profilesPath("?need=team")).expect(t, http.StatusOK, "2 social profiles found")
	b.get(w.profilesPath("/-/teams?who=ticked")).expect(t, http.StatusUnprocessableEntity, "No social profile is selected")
	assign := b.get(w.profilesPath("/-/teams?who=all"))
	assign.expect(t, http.StatusOK, "Teams of 3 social profiles", "1 of 3", "None", "finds its profiles by label", "2 of them are waiting for their first team")
	form := func(pairs ...string) url.Values {
		v := url.Values{"profiles": {assign.hidden(t, "profiles")}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	b.post(w.profilesPath("/-/teams"), form()).expect(t, http.StatusUnprocessableEntity, "You have not chosen anything")
	b.follow(b.post(w.profilesPath("/-/teams"), form("team.care", "all", "team.labelled", "all"))).expect(t, http.StatusOK, "The teams have been changed")
	if got := fresh(w, care).Spec.Profiles; len(got) != 3 {
		t.Errorf("care has %v", got)
	}
	w.awaitCache(care)
	sure := b.post(w.profilesPath("/-/teams"), form("team.press", "none"))
	sure.expect(t, http.StatusOK, "Remove profiles from teams?", "On acme.social (Facebook), 1 person can no longer: plan posts, publish")
	if got := fresh(w, press).Spec.Profiles; len(got) != 1 {
		t.Errorf("press has lost %v before that was confirmed", got)
	}
	b.follow(b.post(w.profilesPath("/-/teams"), form("team.press", "none", "confirm", "yes"))).expect(t, http.StatusOK, "The teams have been changed")
	if got := fresh(w, press).Spec.Profiles; len(got) != 0 {
		t.Errorf("press has %v", got)
	}
}

// TestAboutASocialProfile: FL-05, FL-06, FL-07, FL-11. What a profile is, who looks after it, and what its removal means.
func TestAboutASocialProfile(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	ana := w.coworker("ana", func(s *rosterv1alpha1.MemberSpec) {
		s.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Editor"}}
	})
	press := w.team("press", rosterv1alpha1.TeamSpec{DisplayName: "Press", Profiles: []string{"acme-fb", "acme-masto"}, Role: "Editor"})
	path := w.profilesPath("/acme-fb")
	page := b.get(path)
	page.expect(t, http.StatusOK, "acme.social", "Facebook", "Not connected", "Nobody", "Press – Editor")
	form := url.Values{"generation": {page.hidden(t, "generation")}, "responsible": {strings.ToUpper(ana.Spec.Email)}, "engagement": {"yes"}}
	b.follow(b.post(path, form)).expect(t, http.StatusOK, "Your changes to the profile have been saved", "Ana")
	sp := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "acme-fb"}}
	if spec := fresh(w, sp).Spec; spec.ResponsibleRef == nil || spec.ResponsibleRef.Name != ana.Name || *spec.Notifications.TokenExpiry || !*spec.Notifications.Engagement {
		t.Errorf("%+v", spec)
	}
	form.Set("responsible", "")
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "This was changed while you were editing (you, in another window)", "has just changed it to Ana",
		`<del><span class="sign">- </span>    name: ana`)
	form.Set("generation", fmt.Sprint(sp.Generation))
	form.Set("responsible", "nobody@elsewhere.example")
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "nobody here has the address “nobody@elsewhere.example”")

	sure := b.get(path + "/remove")
	sure.expect(t, http.StatusOK, "Remove acme.social (Facebook)?", "1 person loses", "It is removed from: Press", "The account at Facebook stays as it is")
	b.post(path+"/remove", url.Values{"uid": {"another"}}).expect(t, http.StatusUnprocessableEntity)
	b.follow(b.post(path+"/remove", url.Values{"uid": {sure.hidden(t, "uid")}})).expect(t, http.StatusOK, "acme.social (Facebook) has been removed")
	if got := fresh(w, press).Spec.Profiles; !slices.Equal(got, []string{"acme-masto"}) {
		t.Errorf("the team names %v", got)
	}
	b.get(path).expect(t, http.StatusNotFound)

	w.planOf(1, 2)
	b.get(w.profilesPath("")).expect(t, http.StatusOK, "sales@roster.example")
	b.get(w.profilesPath("/acme-masto")).expect(t, http.StatusOK, "The plan has no room for this profile", "Ask sales@roster.example")
}

// TestProfilesAndTeamsThatAreKeptInGit: the pages end with the change to copy.
func TestProfilesAndTeamsThatAreKeptInGit(t *testing.T) {
	w := newWorld(t)
	b := w.looksAfter(w.site(unlimited, w.connects(), w.console), "mia", rosterv1alpha1.RoleManager)
	sp := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "git-x"}, Spec: rosterv1alpha1.SocialProfileSpec{
		Network: rosterv1alpha1.NetworkX, Handle: "@git",
	}}
	press := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "press"}, Spec: rosterv1alpha1.TeamSpec{Role: "Editor"}}
	for _, o := range []client.Object{sp, press} {
		if err := w.admin.Create(t.Context(), o, client.FieldOwner("kustomize-controller")); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(o)
	}
	path := w.profilesPath("/git-x")
	page := b.get(path)
	page.expect(t, http.StatusOK, "Flux keeps this in Git.")
	b.post(path, url.Values{"generation": {"1"}, "responsible": {w.address("mia")}, "tokenExpiry": {"yes"}}).expect(t, http.StatusConflict,
		"Flux keeps git-x in Git", "responsibleRef:", "kind: SocialProfile")
	sure := b.get(path + "/remove")
	sure.expect(t, http.StatusOK, "Flux keeps this in Git.")
	b.post(path+"/remove", url.Values{"uid": {sure.hidden(t, "uid")}}).expect(t, http.StatusConflict, "What to remove")
	assign := b.get(w.profilesPath("/-/teams?who=all&q=git"))
	form := url.Values{"profiles": {assign.hidden(t, "profiles")}, "team.press": {"all"}}
	b.post(w.profilesPath("/-/teams"), form).expect(t, http.StatusConflict, "Flux keeps press in Git", "- git-x", "kind: Team")
	if fresh(w, sp).Generation != 1 || fresh(w, press).Generation != 1 {
		t.Error("something was written")
	}
}

// TestWhoMayNotLookAtProfiles: FL-14. Those who may look at the team and not at a profile see nothing of it, and are offered nothing.
func TestWhoMayNotLookAtProfiles(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	lena := w.customConnector(s, "lena", rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers)
	vera := w.customConnector(s, "vera", rosterv1alpha1.PermissionViewTeam)
	w.mayActFor(prefix+w.address("lena"), prefix+w.address("vera"))
	for _, b := range []*browser{lena, vera} {
		await(t, func(context.Context) bool { return b.get(w.profilesPath("")).StatusCode == http.StatusOK })
	}
	w.coworker("ana", func(s *rosterv1alpha1.MemberSpec) {
		s.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Editor"}}
	})
	list := lena.get(w.profilesPath(""))
	list.expect(t, http.StatusOK, "No social profiles found")
	preview := w.preview(lena, []string{"Ana"}, url.Values{"action": {"suspend"}})
	preview.expect(t, http.StatusOK, "On acme-fb, 1 person can no longer")
	for _, a := range []answer{list, lena.get(w.changePath("")), preview} {
		if strings.Contains(a.body, "acme.social") {
			t.Error("the page shows the handle of a profile")
		}
	}
	lena.get(w.profilesPath("/acme-fb")).expect(t, http.StatusNotFound)
	lena.get(w.profilesPath("/acme-fb/remove")).expect(t, http.StatusNotFound)
	lena.get(w.profilesPath("/-/teams?who=all")).expect(t, http.StatusNotFound)
	vera.get(w.changePath("")).expect(t, http.StatusNotFound)
	vera.get(w.changePath("/what?who=all")).expect(t, http.StatusNotFound)
	here := metav1.ObjectMeta{Namespace: w.ns, Name: "look"}
	w.create(&rbacv1.Role{ObjectMeta: here, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Resources: []string{"socialprofiles"}, ResourceNames: []string{"acme-fb"}, Verbs: []string{"get"},
	}}})
	w.create(&rbacv1.RoleBinding{ObjectMeta: here, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: here.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: prefix + w.address("vera")}}})
	await(t, func(context.Context) bool { return vera.get(w.profilesPath("/acme-fb")).StatusCode == http.StatusOK })
	vera.get(w.profilesPath("/acme-fb/remove")).expect(t, http.StatusNotFound)
	if strings.Contains(vera.get(w.peoplePath()).body, w.changePath("")) || !strings.Contains(lena.get(w.peoplePath()).body, w.changePath("")) {
		t.Error("the list of people does not lead those to changes who may make them, and nobody else")
	}
}

// customConnector is somebody whose role in the organisation is a CustomRole of their own.
func (w *world) customConnector(s *site, local string, permissions ...rosterv1alpha1.RolePermission) *browser {
	w.t.Helper()
	role := &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "role-of-" + local}, Spec: rosterv1alpha1.CustomRoleSpec{
		Scope: rosterv1alpha1.ScopeOrganization, Permissions: permissions,
	}}
	w.create(role)
	w.awaitCache(role)
	b := w.connector(s, local, rosterv1alpha1.OrganizationRole(role.Name))
	here := metav1.ObjectMeta{Namespace: w.ns, Name: role.Name}
	w.create(&rbacv1.Role{ObjectMeta: here, Rules: access.Compile(access.Sources{
		Spec: rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.OrganizationRole(role.Name)}, Roles: access.Roles{role.Name: role.Spec},
	}, w.org.Name)})
	w.create(&rbacv1.RoleBinding{ObjectMeta: here, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: prefix + w.address(local)}}})
	return b
}
