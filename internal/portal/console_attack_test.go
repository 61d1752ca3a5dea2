// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// desk are the pages of the console.
func (s *site) desk() []web.Route {
	var all []web.Route
	for _, r := range s.handler.routes {
		if strings.HasPrefix(r.Path, "/organizations/{namespace}/team/") {
			all = append(all, r)
		}
	}
	if len(all) < 40 {
		s.t.Fatalf("the console has %d pages only", len(all))
	}
	return all
}

// page is the address of a page of the console, about the objects that furnished has made.
func (w *world) page(r web.Route, invited string) string {
	name := "ana"
	for part, of := range map[string]string{
		"/invitations/": invited, "/links/": invited, "/teams/": "press", "/workspaces/": "north", "/roles/": "writer", "/profiles/{name}": "acme-fb",
		"/applications/": "studio",
	} {
		if strings.Contains(r.Path, part) {
			name = of
		}
	}
	return strings.NewReplacer("{namespace}", w.ns, "{name}", name).Replace(r.Path)
}

// furnished makes one of everything, and returns the name of an open invitation.
func (w *world) furnished() string {
	w.t.Helper()
	w.colleague("ana", func(spec *rosterv1alpha1.MemberSpec) {
		spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
	}, nil)
	w.team("press", rosterv1alpha1.TeamSpec{Role: "Editor", Members: []string{"ana"}, Profiles: []string{"acme-fb", "acme-masto"}})
	north := &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{DisplayName: "North", Profiles: []string{"acme-fb"}}}
	writer := &rosterv1alpha1.CustomRole{Spec: rosterv1alpha1.CustomRoleSpec{
		Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"get", "publish"}}}
	north.Namespace, north.Name, writer.Namespace, writer.Name = w.ns, "north", w.ns, "writer"
	for _, o := range []client.Object{north, writer} {
		w.create(o)
		w.awaitCache(o)
	}
	w.tool("studio", nil)
	return w.invite("zoe").Name
}

// everything is what is stored in the organisation, object by object, with its version.
func (w *world) everything() []string {
	w.t.Helper()
	var all []string
	for _, list := range []client.ObjectList{
		&rosterv1alpha1.MemberList{}, &rosterv1alpha1.InvitationList{}, &rosterv1alpha1.TeamList{}, &rosterv1alpha1.WorkspaceList{},
		&rosterv1alpha1.CustomRoleList{}, &rosterv1alpha1.SocialProfileList{}, &rosterv1alpha1.ApplicationList{}, &rosterv1alpha1.OrganizationList{}, &rbacv1.RoleBindingList{},
	} {
		if err := w.admin.List(context.Background(), list, client.InNamespace(w.ns)); err != nil {
			w.t.Fatal(err)
		}
		for _, o := range objectsOf(w.t, list) {
			all = append(all, fmt.Sprintf("%T %s %s", o, o.GetName(), o.GetResourceVersion()))
		}
	}
	slices.Sort(all)
	return all
}

// formOfEverything has the fields of all forms, so that one of them means something on every page.
func formOfEverything() url.Values {
	return url.Values{
		"sure": {"yes"}, "confirm": {"yes"}, "generation": {"1"}, "role": {"Manager"}, "displayName": {"Mallory"}, "in": {"press"},
		"action": {"check"}, "seat": {"full"}, "addresses": {"mallory@elsewhere.example"}, "add": {"acme-ads"}, "remove": {"ana"},
		"to": {"ana"}, "scope": {"Organization"}, "permission": {"ManageMembers"}, "profile.acme-fb": {"Administrator"}, "team.press": {"join"},
		"people": {"who=all"}, "job": {"x"}, "profiles": {"x"}, "endTime": {"2099-01-01"}, "responsible": {"ana@elsewhere.example"},
		"type": {"Web"}, "redirects": {"https://evil.example/callback"}, "url": {"https://evil.example"}, "factor": {"Required"},
	}
}

// TestNobodyElseOpensTheConsole: X-10, AG-02. Every page, asked for and written to by everybody who has no business there: it is not there, or
// leads to what they owe first, and nothing is written, neither by them nor by the portal.
func TestNobodyElseOpensTheConsole(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	outsider := other.looksAfter(s, "otto", rosterv1alpha1.RoleCoOwner)
	suspended, demoted, signedOut := w.looksAfter(s, "sam", rosterv1alpha1.RoleManager), w.connector(s, "dan", rosterv1alpha1.RoleManager), s.browser()
	w.mayBe(prefix + w.address("dan"))
	member := w.connector(s, "max", rosterv1alpha1.RoleMember)
	w.mayBe(prefix + w.address("max"))
	for _, local := range []string{"sam", "dan"} {
		w.takeAway(local)
	}
	sam := &rosterv1alpha1.Member{}
	w.stored("sam", sam)
	sam.Status.State = rosterv1alpha1.MemberSuspended
	if err := w.admin.Status().Update(t.Context(), sam); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(sam)
	const elsewhere = "a co-owner of another organisation"
	before := w.everything()
	for who, b := range map[string]*browser{
		"a stranger": signedOut, "a member": member, elsewhere: outsider, "a manager who is suspended": suspended,
		"a manager whose role is gone, though the cache does not know": demoted,
	} {
		s.writes.clear()
		nowhere := b.get("/organizations/org-nobody/team/people")
		for _, r := range s.desk() {
			page := w.page(r, invited)
			for _, a := range []answer{b.get(page), b.post(page, formOfEverything())} {
				method, to := a.Request.Method, a.Header.Get("Location")
				toProof := a.StatusCode == http.StatusSeeOther && strings.HasPrefix(to, "/sign-in")
				if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed && !toProof || toProof && who != "a stranger" {
					t.Errorf("%s: %s %s: %d %s", who, method, page, a.StatusCode, to)
				}
				if who == elsewhere && a.body != nowhere.body && a.StatusCode != http.StatusMethodNotAllowed {
					t.Errorf("%s: %s %s tells more than that there is nothing", who, method, page)
				}
			}
		}
		if s.writes.String() != "" {
			t.Errorf("%s has the portal write %s", who, s.writes)
		}
	}
	if after := w.everything(); !slices.Equal(before, after) {
		t.Errorf("something has been written:\n%v\n%v", before, after)
	}
}

// TestWhoseRoleIsLowerByNow: AG-02. Somebody may only look by now, and the portal's cache does not know: forms are shown, and each is refused.
func TestWhoseRoleIsLowerByNow(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	checked := b.post(w.invitePath(), wanted("mallory@elsewhere.example"))
	change := w.preview(b, []string{"Ana"}, url.Values{"action": {"suspend"}})
	sent := url.Values{"draft": {checked.hidden(t, "draft")}, "action": {"send"}}
	w.takeAway("mia", rbacv1.PolicyRule{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Verbs: []string{"get", "list"},
		Resources: []string{"members", "invitations", "teams", "workspaces", "customroles", "organizations", "applications"},
	})
	before := w.everything()
	b.post(w.invitePath(), sent)
	w.do(b, change).expect(t, http.StatusOK, "refused")
	for _, r := range s.desk() {
		for _, generation := range []string{"1", "2"} {
			form := formOfEverything()
			form.Set("generation", generation)
			if a := b.post(w.page(r, invited), form); a.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s: status %d", r.Path, a.StatusCode)
			}
		}
	}
	if after := w.everything(); !slices.Equal(before, after) {
		t.Errorf("something has been written:\n%v\n%v", before, after)
	}
}

// takeAway leaves somebody those rights alone, as the operator does, once the API server knows. The portal's cache is not told.
func (w *world) takeAway(local string, left ...rbacv1.PolicyRule) {
	w.t.Helper()
	role := &rbacv1.Role{}
	if err := w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: "everything-of-" + local}, role); err != nil {
		w.t.Fatal(err)
	}
	role.Rules = left
	verb := "list"
	if len(left) > 0 {
		verb = "update"
	}
	if err := w.admin.Update(context.Background(), role); err != nil {
		w.t.Fatal(err)
	}
	await(w.t, func(ctx context.Context) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: prefix + w.address(local), ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: w.ns, Group: rosterv1alpha1.GroupVersion.Group, Resource: "members", Verb: verb,
			},
		}}
		return w.admin.Create(ctx, review) == nil && !review.Status.Allowed
	})
}

// TestASessionThatIsNotEnough: AG-02. The organisation asks for a second factor, or for another way in, than the session of a manager has.
func TestASessionThatIsNotEnough(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.get(w.peoplePath()).expect(t, http.StatusOK)
	for name, c := range map[string]struct {
		change func(*rosterv1alpha1.SecurityPolicy)
		leads  string
	}{
		"the second factor": {func(p *rosterv1alpha1.SecurityPolicy) {
			p.MultiFactor, p.SignIn, p.SSO.Issuer = rosterv1alpha1.MultiFactorRequired, nil, ""
		}, "/account/factors"},
		"the company": {func(p *rosterv1alpha1.SecurityPolicy) {
			p.MultiFactor, p.SignIn, p.SSO.Issuer = rosterv1alpha1.MultiFactorOptional, []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInSSO}, "acme"
		}, ""},
	} {
		w.secure(c.change)
		before := w.everything()
		for _, r := range s.desk() {
			page := w.page(r, invited)
			for _, a := range []answer{b.get(page), b.post(page, formOfEverything())} {
				to := a.Header.Get("Location")
				switch {
				case a.StatusCode == http.StatusMethodNotAllowed:
				case c.leads == "" && a.StatusCode != http.StatusNotFound && !strings.HasPrefix(to, "/sign-in/confirm"):
					t.Errorf("%s: %s %s: status %d", name, a.Request.Method, page, a.StatusCode)
				case c.leads != "" && !strings.HasPrefix(to, c.leads):
					t.Errorf("%s: %s %s: %d %q", name, a.Request.Method, page, a.StatusCode, to)
				}
			}
		}
		if after := w.everything(); !slices.Equal(before, after) {
			t.Errorf("%s: something has been written", name)
		}
	}
}

// TestNamesThatLeadElsewhere: a name in the address, or in a form, that the API server would read as a path, is that of nothing.
func TestNamesThatLeadElsewhere(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleCoOwner)
	other.team("press", rosterv1alpha1.TeamSpec{Role: "Editor"})
	for _, bad := range []string{
		"..%2Fpress", "%2E%2E", "press%2Fstatus", "press%3Fwatch=1", "press%00", "..%2F..%2F" + other.ns + "%2Fteams%2Fpress", strings.Repeat("a", 300),
		"pr%C3%A9ss", "press%0A",
	} {
		for _, r := range s.desk() {
			if !strings.Contains(r.Path, "{name}") {
				continue
			}
			page := strings.NewReplacer("{namespace}", w.ns, "{name}", bad).Replace(r.Path)
			for _, a := range []answer{b.get(page), b.post(page, formOfEverything())} {
				if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed && a.StatusCode != http.StatusTemporaryRedirect {
					t.Errorf("%s %s: status %d", a.Request.Method, page, a.StatusCode)
				}
			}
		}
	}
	for _, bad := range []string{"../press", "..", "press/status", "a b", strings.Repeat("a", 300), "PRESS", ""} {
		form := url.Values{"in": {bad}, "sure": {"yes"}}
		if a := b.post(w.personPath("members", "ana", "teams"), form); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("the team %q: status %d", bad, a.StatusCode)
		}
	}
}

// profilesOf are how people know the profiles of the organisation.
func handles() []string { return []string{"acme.social", "@acme@mastodon.example", "Acme EMEA"} }

// TestWhoSeesTheTeamSeesNoProfiles: AG-02. To look at the team, or to look after its members, does not let people look at profiles: they
// see the names that stand in Members and Teams, and nothing of what the profiles say.
func TestWhoSeesTheTeamSeesNoProfiles(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b := w.customConnector(s, "vera", rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers, rosterv1alpha1.PermissionManageTeams)
	w.mayBe(prefix + w.address("vera"))
	w.awaitActing("vera")
	look := func(a answer) {
		t.Helper()
		for _, handle := range append(handles(), "acme-ads") {
			if strings.Contains(a.body, handle) {
				t.Errorf("%s %s tells of %s", a.Request.Method, a.Request.URL.Path, handle)
			}
		}
	}
	for _, r := range s.desk() {
		a := b.get(w.page(r, invited))
		if a.StatusCode == http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", r.Path, a.StatusCode)
		}
		look(a)
	}
	look(b.post(w.personPath("members", "ana", "change"), url.Values{"generation": {"1"}, "role": {"Member"}}))
	look(b.post(w.at("/team/teams/press/profiles"), url.Values{"remove": {"acme-masto"}}))
	// A page that nobody was shown carries what its maker likes.
	draft := forged(t, `{"seat":"full","offer":{"Role":"Member","Profiles":[{"name":"acme-fb","role":"Guest"},{"name":"acme-masto","role":"Guest"}]},`+
		`"people":[{"address":"x@x.example","written":"x@x.example","name":"x"}]}`)
	a := b.post(w.invitePath(), url.Values{"draft": {draft}, "action": {"look"}})
	a.expect(t, http.StatusOK, "acme-fb")
	look(a)
}

// TestNoCoOwnerIsInvitedFromABrowserLeftOpen: as nobody is made one there.
func TestNoCoOwnerIsInvitedFromABrowserLeftOpen(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "otto", rosterv1alpha1.RoleCoOwner)
	form := wanted("zoe@agency.example", "role", "CoOwner")
	checked := b.post(w.invitePath(), form)
	checked.expect(t, http.StatusOK, "1 person gets an email")
	s.clock.SetTime(now().Add(account.ProofLifetime))
	sent := b.post(w.invitePath(), checked.carried(t, "action", "send"))
	sent.expect(t, http.StatusUnprocessableEntity, "first confirm that it’s you", "/sign-in/confirm?next=")
	own := b.post(w.invitePath(), b.post(w.invitePath(), wanted("ida@agency.example")).carried(t,
		"action", "save", "for", "ida@agency.example", "role", "CoOwner"))
	b.post(w.invitePath(), own.carried(t, "action", "send")).expect(t, http.StatusUnprocessableEntity, "first confirm that it’s you")
	if len(w.invitations()) > 0 {
		t.Error("a browser that was left open invites a co-owner")
	}
	// Nothing of the list is lost: the button goes on once they have.
	s.clock.SetTime(now())
	b.follow(b.post(w.invitePath(), sent.carried(t, "action", "send"))).expect(t, http.StatusOK, "Invitations sent: 1")
}

// forged is a draft that no page has made.
func forged(t *testing.T, document string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, written := w.Write([]byte(document))
	if err := errors.Join(written, w.Close()); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// objectsOf are the objects of a list.
func objectsOf(t testing.TB, list client.ObjectList) []client.Object {
	t.Helper()
	items, err := meta.ExtractList(list)
	if err != nil {
		t.Fatal(err)
	}
	var all []client.Object
	for _, o := range items {
		all = append(all, o.(client.Object))
	}
	return all
}

// TestInvitingTellsNothingOfAccounts: What a manager sees of an address does not depend on whether it has an account, or belongs to
// another organisation.
func TestInvitingTellsNothingOfAccounts(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	other.signedIn(s, "known")
	other.joined("known", nil, nil)
	draft := regexp.MustCompile(`name="draft" value="[^"]*"`)
	see := func(local string) string {
		checked := b.post(w.invitePath(), wanted(other.address(local)))
		checked.expect(t, http.StatusOK)
		sent := b.follow(b.post(w.invitePath(), checked.carried(t, "action", "send")))
		var name string
		for _, inv := range w.invitations() {
			if inv.Spec.Email == other.address(local) {
				name = inv.Name
				w.sent(&inv, 1, now().Add(time.Hour))
			}
		}
		page, _, _ := strings.Cut(b.get(w.personPath("invitations", name)).body, `<section class="panel" aria-labelledby="history">`)
		link := b.get(w.invitePath() + "/links/" + name)
		all := draft.ReplaceAllString(checked.body, "") + page + strings.Join(strings.Fields(sent.body)[:40], " ") +
			regexp.MustCompile(`/copied/[A-Za-z0-9_-]+`).ReplaceAllString(link.body, "")
		return strings.ReplaceAll(all, local, "")
	}
	if known, unknown := see("known"), see("nomad"); known != unknown {
		t.Errorf("a manager can tell who has an account:\n%s\n%s", known, unknown)
	}
}

// TestOneOrganisationDoesNotReachAnother: somebody looks after two. What they have prepared or done in one is nothing in the other.
func TestOneOrganisationDoesNotReachAnother(t *testing.T) {
	w, two := newWorld(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	m := two.member("mia", w.address("mia"), func(m *rosterv1alpha1.Member) {
		m.Spec.Role = rosterv1alpha1.RoleManager
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(w.address("mia")).Name}
	})
	two.create(m)
	two.awaitCache(m)
	two.rights(m)
	two.mayActFor(prefix + w.address("mia"))
	await(t, func(context.Context) bool { return b.get(two.peoplePath()).StatusCode == http.StatusOK })

	ana := w.coworker("ana")
	preview := w.preview(b, []string{"Ana"}, url.Values{"action": {"suspend"}})
	two.do(b, preview).expect(t, http.StatusBadRequest)
	if fresh(w, ana).Generation != 1 {
		t.Error("it was done from another organisation")
	}
	b.post(w.at("/team/teams"), url.Values{"displayName": {"Secret team"}, "role": {"Guest"}}).expect(t, http.StatusSeeOther)
	if page := b.get(two.peoplePath()); strings.Contains(page.body, "Secret team") || strings.Contains(page.body, `class="done"`) {
		t.Error("a page of one organisation tells what was done in another")
	}
}
