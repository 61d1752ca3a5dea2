// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// invitePath is the page on which people invite.
func (w *world) invitePath() string { return "/organizations/" + w.ns + "/team/invite" }

// invitations are those that somebody made on the pages, by address.
func (w *world) invitations() map[string]rosterv1alpha1.Invitation {
	w.t.Helper()
	var list rosterv1alpha1.InvitationList
	if err := w.admin.List(context.Background(), &list, client.InNamespace(w.ns)); err != nil {
		w.t.Fatal(err)
	}
	all := map[string]rosterv1alpha1.Invitation{}
	for _, inv := range list.Items {
		if !strings.HasPrefix(inv.Spec.InvitedBy, prefix) {
			continue
		}
		if _, twice := all[inv.Spec.Email]; twice {
			w.t.Errorf("%s is invited twice", inv.Spec.Email)
		}
		all[inv.Spec.Email] = inv
	}
	return all
}

// wanted is the first form, filled in.
func wanted(addresses string, more ...string) url.Values {
	form := url.Values{"seat": {"full"}, "role": {"Member"}, "addresses": {addresses}, "action": {"check"}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// carried is the next form: what the page before carries, and what is pressed on it.
func (a answer) carried(t *testing.T, more ...string) url.Values {
	t.Helper()
	draft := regexp.MustCompile(`name="draft" value="([^"]+)"`).FindStringSubmatch(a.body)
	if draft == nil {
		t.Fatalf("the page carries no draft:\n%s", a.body)
	}
	form := url.Values{"draft": {draft[1]}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// TestInvitingMany: AG-32. A pasted list, one offer for all, a look at it, and one mail each.
func TestInvitingMany(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.get(w.invitePath()).expect(t, http.StatusOK, "Full member", "Profile connector", "Takes no seat")
	b.get(w.invitePath()+"?seat=full").expect(t, http.StatusOK, "Email addresses", "profile.acme-fb")

	checked := b.post(w.invitePath(), wanted("Zoë Lima <zoe@agency.example>; max@agency.example\tida@agency.example\nMAX@agency.example",
		"profile.acme-fb", "Editor", "message", "Welcome!\r\nMia", "validity", "168h0m0s", "locale", "fr", "endTime", "2099-01-31"))
	checked.expect(t, http.StatusOK, "3 people each get an email", "zoe@agency.example", "Editor", "until Saturday", "Also in line 2", "7 days",
		"vous invite", "&gt; Welcome!")
	if len(w.invitations()) > 0 {
		t.Fatal("invited before it was sent")
	}
	sent := b.post(w.invitePath(), checked.carried(t, "action", "send"))
	b.follow(sent).expect(t, http.StatusOK, "Invitations sent: 3")
	all := w.invitations()
	if len(all) != 3 {
		t.Fatalf("%d Invitations", len(all))
	}
	zoe := all["zoe@agency.example"]
	spec := zoe.Spec
	if zoe.Name != "zoe" || spec.InvitedBy != prefix+w.address("mia") || spec.Message != "Welcome!\nMia" || spec.Locale != "fr" ||
		spec.Validity.Duration != 7*24*time.Hour || spec.EndTime.UTC().Format(time.RFC3339) != "2099-01-31T23:59:59Z" ||
		!slices.Equal(spec.Profiles, []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Editor"}}) || spec.Role != "Member" {
		t.Errorf("%s: %+v", zoe.Name, spec)
	}
}

// TestNothingIsSentWhileAPartOfTheListIsBad: AG-32. Each part is told with what to do about it; the others are invited where the person
// says so, and the bad ones stay.
func TestNothingIsSentWhileAPartOfTheListIsBad(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	invited := w.invite("kim")
	w.org.Spec.Invitations.AllowedDomains = []string{w.ns + ".example"}
	w.updateOrg()
	limit, taken := int32(10), int32(8)
	w.org.Status.Plan = rosterv1alpha1.PlanInEffect{Name: "small", Contact: "sales@roster.example",
		Seats: rosterv1alpha1.Usage{Limit: &limit, Wanted: &taken}}
	w.statusOfOrg()

	list := strings.Join([]string{"not-an-address", w.address("mia"), w.address("kim"), "zoe@elsewhere.example", w.address("a"), w.address("b"), w.address("c")}, "\n")
	bad := b.post(w.invitePath(), wanted(list))
	bad.expect(t, http.StatusUnprocessableEntity, "2 of 10 seats in the plan small are free", "5 entries cannot be invited", "not-an-address", "This is not an email address",
		"Already a member", "/team/people/members/mia", "Already invited", "/team/people/invitations/"+invited.Name,
		"does not invite people at elsewhere.example", "There is no seat left", list)
	if len(w.invitations()) > 0 {
		t.Fatal("somebody is invited")
	}
	checked := b.post(w.invitePath(), wanted(list, "others", "yes", "message", "Hello"))
	checked.expect(t, http.StatusOK, "2 people each get an email", "5 more entries of your list")
	left := b.post(w.invitePath(), checked.carried(t, "action", "send"))
	left.expect(t, http.StatusUnprocessableEntity, "Invitations sent: 2", "not-an-address", w.address("c"), "Hello")
	if all := w.invitations(); len(all) != 2 || all[w.address("a")].Name == "" || all[w.address("b")].Name == "" {
		t.Errorf("%v", all)
	}
}

// TestOneOfManyGetsSomethingElse: AG-32. What is chosen for one stays hers, whatever happens to the list; one can be left out.
func TestOneOfManyGetsSomethingElse(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	page := b.post(w.invitePath(), wanted("a@x.example b@x.example c@x.example", "profile.acme-fb", "Guest"))
	page = b.post(w.invitePath(), page.carried(t, "change", "b@x.example"))
	page.expect(t, http.StatusOK, "What b@x.example gets", `value="Guest" selected`)
	page = b.post(w.invitePath(), page.carried(t, "action", "save", "for", "b@x.example", "role", "CoOwner"))
	page.expect(t, http.StatusUnprocessableEntity, "you cannot give")
	page = b.post(w.invitePath(), page.carried(t, "action", "save", "for", "b@x.example", "role", "AdvancedMember"))
	page.expect(t, http.StatusOK, "Changed", "Advanced member")
	page = b.post(w.invitePath(), page.carried(t, "remove", "a@x.example"))
	page.expect(t, http.StatusOK, "2 people each get an email")
	// Back to the form, and on again: what was chosen for one is not lost.
	back := b.post(w.invitePath(), page.carried(t, "action", "back"))
	back.expect(t, http.StatusOK, "a@x.example")
	form := wanted("b@x.example c@x.example", "profile.acme-fb", "Moderator")
	form.Set("draft", back.carried(t).Get("draft"))
	page = b.post(w.invitePath(), form)
	b.follow(b.post(w.invitePath(), page.carried(t, "action", "send")))
	all := w.invitations()
	if b, c := all["b@x.example"].Spec, all["c@x.example"].Spec; len(all) != 2 || b.Role != "AdvancedMember" || b.Profiles != nil ||
		c.Role != "Member" || len(c.Profiles) != 1 || c.Profiles[0].Role != "Moderator" {
		t.Errorf("%+v", all)
	}
}

// TestAFormThatIsSentTwiceInvitesOnce: by an impatient second press, by a reload, and after half of it went through.
func TestAFormThatIsSentTwiceInvitesOnce(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	var list []string
	for i := range 10 {
		list = append(list, fmt.Sprintf("p%d@x.example", i))
	}
	send := b.post(w.invitePath(), wanted(strings.Join(list, "\n"))).carried(t, "action", "send")
	b.post(w.invitePath(), b.post(w.invitePath(), wanted("p3@x.example")).carried(t, "action", "send")) // By another window.
	var both sync.WaitGroup
	answers := make([]answer, 3)
	for i := range answers[:2] {
		both.Go(func() { answers[i], _ = b.try(http.MethodPost, w.invitePath(), strings.NewReader(send.Encode())) })
	}
	both.Wait()
	answers[2] = b.post(w.invitePath(), send)
	for _, a := range answers {
		if a.Response == nil || a.StatusCode != http.StatusSeeOther {
			t.Errorf("%s", a.body)
		}
	}
	if all := w.invitations(); len(all) != 10 {
		t.Errorf("%d Invitations", len(all))
	}
}

// TestInvitationsThatAreRefusedStay: the sentence of the policy is told at the person, who can be changed or left out; the others are
// invited, and not once more.
func TestInvitationsThatAreRefusedStay(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	page := b.post(w.invitePath(), wanted("a@x.example b@x.example"))
	page = b.post(w.invitePath(), page.carried(t, "change", "b@x.example"))
	page = b.post(w.invitePath(), page.carried(t, "action", "save", "for", "b@x.example", "role", "Manager"))
	// Her own role is lowered before she sends it.
	w.lower("mia", "team-lead", rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers)
	page = b.post(w.invitePath(), page.carried(t, "action", "send"))
	page.expect(t, http.StatusUnprocessableEntity, "Invitations sent: 1", "1 invitation was refused", "You cannot give the role Manager")
	page = b.post(w.invitePath(), page.carried(t, "action", "shared", "for", "b@x.example"))
	page.expect(t, http.StatusOK, "Continue: 1 invitation left")
	b.follow(b.post(w.invitePath(), page.carried(t, "action", "send"))).expect(t, http.StatusOK, "Invitations sent: 2")
	if all := w.invitations(); len(all) != 2 || all["b@x.example"].Spec.Role != "Member" {
		t.Errorf("%v", all)
	}
}

// TestTwoHundredAreInvitedByOneForm: in several requests, each of which ends in time; the page after each leads on. More than that is told
// of, and stays.
func TestTwoHundredAreInvitedByOneForm(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	var list strings.Builder
	for i := range 201 {
		fmt.Fprintf(&list, "somebody-with-a-rather-long-name-%03d@marketing.agency.example\n", i)
	}
	b.post(w.invitePath(), wanted(list.String())).expect(t, http.StatusUnprocessableEntity, "You can invite at most 200 people", "-200@")
	page := b.post(w.invitePath(), wanted(list.String(), "others", "yes", "message", strings.Repeat("é", 2000)))
	page.expect(t, http.StatusOK, "200 people each get an email")
	for _, left := range []string{"150 invitations left", "100 invitations left", "50 invitations left"} {
		page = b.post(w.invitePath(), page.carried(t, "action", "send"))
		page.expect(t, http.StatusOK, left)
	}
	b.post(w.invitePath(), page.carried(t, "action", "send")).expect(t, http.StatusUnprocessableEntity, "Invitations sent: 200", "-200@")
	if n := len(w.invitations()); n != 200 {
		t.Errorf("%d Invitations", n)
	}
}

// TestInvitingToALimitedSeat: AG-31. The seat is chosen first; with a limited one, the role is.
func TestInvitingToALimitedSeat(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	b.get(w.invitePath()+"?seat=limited").expect(t, http.StatusOK, `name="role" value="ProfileConnector"`, "Takes no seat")
	form := wanted("kofi@agency.example", "seat", "limited", "role", "Manager")
	b.post(w.invitePath(), form).expect(t, http.StatusUnprocessableEntity, "you cannot give")
	form.Set("role", "ProfileConnector")
	page := b.post(w.invitePath(), form)
	b.follow(b.post(w.invitePath(), page.carried(t, "action", "send")))
	if spec := w.invitations()["kofi@agency.example"].Spec; spec.Role != rosterv1alpha1.RoleProfileConnector {
		t.Errorf("%+v", spec)
	}
}

// TestWhoMayNotInvite: AG-02. Where only the owner invites, a manager is told before anything is typed.
func TestWhoMayNotInvite(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.org.Spec.Invitations.AllowedFor = rosterv1alpha1.InvitersOwner
	w.updateOrg()
	b.get(w.invitePath()).expect(t, http.StatusForbidden, "You cannot invite people here")
	b.post(w.invitePath(), wanted("a@x.example")).expect(t, http.StatusForbidden)
}

// TestThePreviewOfAMailLeadsNowhere: the link of an invitation proves its address, so that nobody but the invited person sees it.
func TestThePreviewOfAMailLeadsNowhere(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	page := b.post(w.invitePath(), wanted("a@x.example"))
	page.expect(t, http.StatusOK, "The email to a@x.example", "Accept", "/invitations/…")
	if regexp.MustCompile(`/invitations/[A-Za-z0-9_-]`).MatchString(page.body) {
		t.Error("there is a link in it")
	}
}

// lower gives somebody a CustomRole instead of their role.
func (w *world) lower(name, role string, permissions ...rosterv1alpha1.RolePermission) {
	w.t.Helper()
	custom := &rosterv1alpha1.CustomRole{Spec: rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeOrganization, Permissions: permissions}}
	custom.Namespace, custom.Name = w.ns, role
	w.create(custom)
	w.awaitCache(custom)
	m := &rosterv1alpha1.Member{}
	if err := w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: name}, m); err != nil {
		w.t.Fatal(err)
	}
	w.rightsInstead(m, access.Sources{Spec: rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.OrganizationRole(role)}, Roles: access.Roles{role: custom.Spec}})
	m.Spec.Role = rosterv1alpha1.OrganizationRole(role)
	if err := w.admin.Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
}

// rightsInstead gives a Member other rights, as the operator compiles them, once the API server knows.
func (w *world) rightsInstead(m *rosterv1alpha1.Member, sources access.Sources) {
	w.t.Helper()
	role := &rbacv1.Role{}
	key := client.ObjectKey{Namespace: w.ns, Name: "everything-of-" + m.Name}
	if err := w.admin.Get(context.Background(), key, role); err != nil {
		w.t.Fatal(err)
	}
	role.Rules = access.Compile(sources, w.org.Name)
	if err := w.admin.Update(context.Background(), role); err != nil {
		w.t.Fatal(err)
	}
	await(w.t, func(ctx context.Context) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: prefix + m.Spec.Email, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: w.ns, Group: rosterv1alpha1.GroupVersion.Group, Resource: "orgroles", Name: "Manager", Verb: "grant",
			},
		}}
		return w.admin.Create(ctx, review) == nil && !review.Status.Allowed
	})
}

// updateOrg writes the Organization, and statusOfOrg its status.
func (w *world) updateOrg() {
	w.t.Helper()
	if err := w.admin.Update(context.Background(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
}

func (w *world) statusOfOrg() {
	w.t.Helper()
	if err := w.admin.Status().Update(context.Background(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
}

// TestBrowserInviting: the whole way by keyboard, with a list that has to be corrected and one person who gets something else.
func TestBrowserInviting(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	for i := range 20 {
		w.profile(fmt.Sprintf("more-%02d", i), rosterv1alpha1.SocialProfileSpec{Network: "Instagram", Handle: fmt.Sprintf("acme%02d", i)})
	}
	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + w.invitePath())
	b.says("What kind of access do they need?")
	b.sound("inviting-seat")
	b.value(`[...document.querySelectorAll('.choices a')][0].focus(); 0`)
	b.submit(kb.Enter)
	b.sound("inviting-form")
	b.write("addresses", "zoe@agency.example, max")
	b.choose("Review invitations")
	b.focused("errors")
	b.says("This is not an email address", "Invite the others now")
	b.sound("inviting-bad")
	b.value(`document.getElementById('addresses').value = ''; 0`)
	b.write("addresses", "zoe@agency.example, max@agency.example")
	b.value(`document.getElementById('role').focus(); 0`)
	b.press(kb.ArrowDown) // the next role
	b.choose("Review invitations")
	b.says("2 people each get an email", "zoe@agency.example")
	b.run(chromedp.Focus(".mail summary"))
	b.press(kb.Enter)
	b.says("invites you to join", "/invitations/…")
	b.sound("inviting-check")
	b.value(`window.isOld = true; document.querySelector('button[name=change][value="max@agency.example"]').focus(); 0`)
	b.submit(kb.Enter)
	b.says("What max@agency.example gets")
	b.sound("inviting-one")
	b.value(`document.querySelector('input[name=role][value=Member]').focus(); 0`)
	b.press(" ")
	b.choose("Apply")
	b.says("Changed")
	b.choose("Send 2 invitations")
	b.says("Invitations sent: 2")
	all := w.invitations()
	if len(all) != 2 {
		t.Errorf("%d Invitations", len(all))
	}
	zoe := all["zoe@agency.example"]
	zoe = *w.sent(&zoe, 1, now().Add(72*time.Hour))
	b.open(s.url + w.invitePath() + "/links/" + zoe.Name)
	b.says("Link for zoe@agency.example", "Works until")
	b.sound("inviting-link")
	b.open(s.url + w.copied(&zoe))
	b.says("You are invited to Acme Social", "You are signed in as")
	b.sound("copied-link")
	b.open(s.url + w.invitePath() + "?seat=full&lang=fr")
	b.says("Inviter des personnes", "Adresses de courriel")
	b.sound("inviting-french")
}

// write types into a field.
func (b *tab) write(field, text string) {
	b.t.Helper()
	b.value("document.getElementById('" + field + "').focus(); 0")
	b.press(text)
}
