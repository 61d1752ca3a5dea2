// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// signedIn is a browser in which somebody with an Account is signed in.
func (w *world) signedIn(s *site, local string) *browser {
	w.t.Helper()
	if w.account(w.address(local)) == nil {
		w.registered(s, local)
	}
	b := s.browser()
	b.post("/sign-in", signIn(w.address(local), goodPassword)).expect(w.t, http.StatusSeeOther)
	return b
}

// joined makes the Member of somebody with an Account, as the operator does.
func (w *world) joined(local string, spec func(*rosterv1alpha1.MemberSpec), status func(*rosterv1alpha1.MemberStatus)) *rosterv1alpha1.Member {
	w.t.Helper()
	m := w.member(local, w.address(local), func(m *rosterv1alpha1.Member) {
		m.Spec.Role = rosterv1alpha1.RoleMember
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(w.address(local)).Name}
		if spec != nil {
			spec(&m.Spec)
		}
	})
	w.create(m)
	m.Status = rosterv1alpha1.MemberStatus{
		State: rosterv1alpha1.MemberActive, Role: string(m.Spec.Role), JoinedTime: &metav1.Time{Time: now()},
	}
	if status != nil {
		status(&m.Status)
	}
	if err := w.admin.Status().Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	return m
}

func TestPersonalPage(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	w.joined("ana", nil, nil)
	waiting := other.invite("x", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = w.address("ana") })
	waiting = other.status(waiting, func(st *rosterv1alpha1.InvitationStatus) { st.Email = w.address("ana") })
	page := b.get("/account")
	page.expect(t, http.StatusOK, "Ana Silva", w.address("ana"), "Silva &amp; Filhos", "English", "23 November 2026",
		"Acme Social", "/organizations/"+w.ns, "Pending invitations", "signed in on 1 device", "Sign out", ">AS<")
	if strings.Contains(page.body, "gravatar") {
		t.Error("the page asks gravatar.com without being asked to")
	}
	link := between(t, page.body, `href="/invitations/`, `"`)
	b.get("/invitations/"+link).expect(t, http.StatusOK, "Accept the invitation", "You are signed in as "+w.address("ana"))
	if strings.Contains(b.get("/invitations/"+link).body, `type="password"`) {
		t.Error("somebody who is signed in is asked for a password")
	}
	b.follow(b.post("/invitations/"+link, url.Values{"action": {"accept"}})).expect(t, http.StatusOK, "Welcome to Acme Social")
	if got := w.fresh(waiting).Status; got.State != rosterv1alpha1.InvitationAccepted || got.AccountRef.Name != w.account(w.address("ana")).Name {
		t.Errorf("status %+v", got)
	}
	other.awaitCache(w.fresh(waiting))
	if body := b.get("/account").body; strings.Contains(body, "Pending invitations") {
		t.Error("the accepted invitation still waits")
	}
}

// Somebody else who is signed in cannot use the link up by pressing a button.
func TestTheWrongPersonIsSignedIn(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	eve := w.signedIn(s, "eve")
	w.registered(s, "ana")
	inv := w.invite("ana")
	eve.get(w.link(inv)).expect(t, http.StatusOK, "Sign in to accept", w.address("ana"))
	eve.post(w.link(inv), url.Values{"action": {"accept"}}).expect(t, http.StatusUnprocessableEntity, "Enter your password.")
	if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationSent {
		t.Errorf("state %s", got)
	}
	eve.follow(eve.post(w.link(inv), signingIn(goodPassword))).expect(t, http.StatusOK, "Welcome to Acme Social")
	eve.get("/account").expect(t, http.StatusOK, w.address("ana"))
}

func TestProfileForm(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	b.get("/account/profile").expect(t, http.StatusOK, `value="Ana Silva"`, `name="credentials" type="checkbox" value="yes" checked`)
	b.post("/account/profile", url.Values{"displayName": {"Ana\nBcc: eve"}, "locale": {"xx"}}).expect(t, http.StatusUnprocessableEntity,
		"Enter your name on one line", "Choose a language from the list.")
	a := b.post("/account/profile", url.Values{"displayName": {"Ana Lima"}, "locale": {"fr"}, "engagement": {"yes"}, "avatar": {"yes"}})
	page := b.follow(a)
	page.expect(t, http.StatusOK, "Ana Lima", `<html lang="fr">`, "Vos informations ont été enregistrées", "https://gravatar.com/avatar/")
	if got := page.Header.Get("Content-Security-Policy"); !strings.Contains(got, "img-src 'self' https://gravatar.com;") {
		t.Errorf("Content-Security-Policy: %s", got)
	}
	if got := b.get("/account/profile").Header.Get("Content-Security-Policy"); strings.Contains(got, "gravatar") {
		t.Errorf("Content-Security-Policy of another page: %s", got)
	}
	spec := w.account(w.address("ana")).Spec
	if spec.Company != "" || *spec.Notifications.Credentials || !*spec.Notifications.Engagement || spec.Email != w.address("ana") {
		t.Errorf("%+v", spec)
	}
}

func TestUsername(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	b := w.signedIn(s, "ana")
	w.update(w.registered(s, "bob"), func(spec *rosterv1alpha1.AccountSpec) { spec.Username = "bob." + w.ns })
	name := "ana." + w.ns
	for typed, want := range map[string]string{
		"bob." + w.ns: "This user name is taken", "ab": "3 to 60 letters", "-ana": "3 to 60 letters", "ana@x": "3 to 60 letters",
		"a na": "3 to 60 letters", "añaña": "3 to 60 letters", strings.Repeat("a", 61): "3 to 60 letters",
	} {
		b.post("/account/username", url.Values{"username": {typed}}).expect(t, http.StatusUnprocessableEntity, want)
	}
	b.follow(b.post("/account/username", url.Values{"username": {" ANA." + w.ns}})).expect(t, http.StatusOK, "user name has been saved", name)
	s.browser().post("/sign-in", signIn(name, goodPassword)).expect(t, http.StatusSeeOther)
	if w.requested("ana", rosterv1alpha1.MailUsernameChanged).IsZero() {
		t.Error("the person is not told by mail")
	}
	b.follow(b.post("/account/username", url.Values{"username": {""}}))
	s.browser().post("/sign-in", signIn(name, goodPassword)).expect(t, http.StatusUnprocessableEntity)
	s.clock.SetTime(now().Add(account.ProofLifetime))
	if a := b.get("/account/username"); !strings.HasPrefix(a.Header.Get("Location"), "/sign-in/confirm?next=%2Faccount%2Fusername") {
		t.Errorf("after ten minutes: status %d, Location %s", a.StatusCode, a.Header.Get("Location"))
	}
	b.post("/account/username", url.Values{"username": {name}}).expect(t, http.StatusSeeOther)
	if w.account(w.address("ana")).Spec.Username != "" {
		t.Error("changed without the password")
	}
}

func TestChangePasswordPage(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b, phone := w.signedIn(s, "ana"), w.signedIn(s, "ana")
	b.get("/account/password").expect(t, http.StatusOK, "Choose a new password", "Cancel")
	b.post("/account/password", choosing("password")).expect(t, http.StatusUnprocessableEntity, "at least 12 characters")
	b.follow(b.post("/account/password", choosing(newPassword))).expect(t, http.StatusOK, "Your password has been changed")
	for _, link := range []string{"/account", "/account?done=password"} {
		if strings.Contains(b.get(link).body, "Your password has been changed") {
			t.Errorf("%s makes the page say what was not done just now", link)
		}
	}
	if phone.isSignedIn() {
		t.Error("the other device is still signed in")
	}
	s.browser().post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusUnprocessableEntity)
	s.browser().post("/sign-in", signIn(w.address("ana"), newPassword)).expect(t, http.StatusSeeOther)
	if w.requested("ana", rosterv1alpha1.MailPasswordChanged).IsZero() {
		t.Error("the person is not told by mail")
	}
	s.clock.SetTime(now().Add(account.ProofLifetime))
	b.follow(b.get("/account/password")).expect(t, http.StatusOK, "confirm that it’s you")
}

func TestSessionsPage(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b, phone := w.signedIn(s, "ana"), s.browser()
	phone.header.Set("User-Agent", "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1")
	phone.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	page := b.get("/account/sessions")
	page.expect(t, http.StatusOK, "Safari, iPhone", "This device", "Unknown browser")
	_, after, _ := strings.Cut(page.body, "Safari, iPhone")
	s.log.clear()
	b.follow(b.post("/account/sessions", url.Values{"device": {between(t, after, `name="device" value="`, `"`)}})).
		expect(t, http.StatusOK, "The device has been signed out")
	if phone.isSignedIn() || !b.isSignedIn() {
		t.Error("the wrong one was signed out")
	}
	signedOut := regexp.MustCompile(`"event":"sign_out","result":"success".*`).FindString(s.log.String())
	if signedOut == "" || strings.Contains(signedOut, "session") {
		t.Errorf("the log says which session has ended, of a device that is not known here: %s", signedOut)
	}
	phone.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	b.post("/account/sessions", url.Values{"action": {"everywhere"}}).expect(t, http.StatusSeeOther)
	if phone.isSignedIn() || b.isSignedIn() {
		t.Error("somebody is still signed in")
	}
}

func TestOrganizationPage(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	w.create(&rosterv1alpha1.CustomRole{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "reporter"},
		Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: rosterv1alpha1.ScopeProfile, DisplayName: "Reporter", Permissions: []rosterv1alpha1.RolePermission{"get", "report"},
		},
	})
	w.create(&rosterv1alpha1.Team{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "reporters"},
		Spec:       rosterv1alpha1.TeamSpec{Members: []string{"ana"}, Profiles: []string{"acme-masto"}, Role: "reporter"},
	})
	w.joined("ana", func(spec *rosterv1alpha1.MemberSpec) {
		spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Editor"}, {Name: "acme-masto", Role: "Moderator"}}
	}, nil)
	await(t, func(context.Context) bool {
		return strings.Contains(b.get("/organizations/"+w.ns).body, "Reporter")
	})
	b.get("/organizations/"+w.ns).expect(t, http.StatusOK, "Acme Social", "<strong>Member</strong>", "Olivia Martin", "acme.social",
		"<strong>Editor</strong> – view content, plan posts, publish, reply, see reports", "<strong>Moderator &#43; Reporter</strong> – view content, plan posts, reply, see reports",
		"https://social.acme.example", "/organizations/"+w.ns+"/leave", `aria-current="true"`)
	for _, namespace := range []string{"nowhere", newWorld(t).ns, "roster-accounts", "..%2f", "A"} {
		b.get("/organizations/"+namespace).expect(t, http.StatusNotFound, "Page not found")
		b.get("/organizations/"+namespace+"/welcome").expect(t, http.StatusNotFound, "Page not found")
		b.get("/organizations/"+namespace+"/leave").expect(t, http.StatusNotFound, "Page not found")
	}
	w.signedIn(s, "eve").get("/organizations/"+w.ns).expect(t, http.StatusNotFound)
	s.browser().get("/organizations/"+w.ns).expect(t, http.StatusSeeOther)
}

// A Member that names somebody else's Account shows them nothing: who can write Members must not be able to put organisations on people's
// pages.
func TestMembersThatClaimSomebodyElse(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	m := w.member("mallory", w.address("mallory"), func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(w.address("ana")).Name}
	})
	w.create(m)
	w.awaitCache(m)
	b.get("/organizations/"+w.ns).expect(t, http.StatusNotFound)
}

// While a Member is renamed there are two of one person. The portal shows the organisation once.
func TestAMemberThatIsBeingRenamed(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	w.joined("ana", nil, nil)
	once := strings.Count(b.get("/account").body, "/organizations/"+w.ns)
	m := w.member("zz-ana-lima", w.address("ana"), func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(w.address("ana")).Name}
	})
	w.create(m)
	w.awaitCache(m)
	if got := strings.Count(b.get("/account").body, "/organizations/"+w.ns); once == 0 || got != once {
		t.Errorf("the organisation is linked %d times, %d before", got, once)
	}
	b.get("/organizations/"+w.ns).expect(t, http.StatusOK, "Acme Social")
}

func TestFirstSteps(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	manager, member, connector := w.signedIn(s, "mia"), w.signedIn(s, "ana"), w.signedIn(s, "con")
	w.joined("mia", func(spec *rosterv1alpha1.MemberSpec) { spec.Role = rosterv1alpha1.RoleManager }, nil)
	w.joined("ana", func(spec *rosterv1alpha1.MemberSpec) {
		spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Moderator"}}
	}, nil)
	w.joined("con", func(spec *rosterv1alpha1.MemberSpec) { spec.Role = rosterv1alpha1.RoleProfileConnector }, nil)
	path := "/organizations/" + w.ns + "/welcome"
	expect := func(b *browser, yes, no []string) {
		t.Helper()
		page := b.get(path)
		page.expect(t, http.StatusOK, yes...)
		for _, text := range no {
			if strings.Contains(page.body, text) {
				t.Errorf("the page says %q", text)
			}
		}
	}
	expect(manager, []string{"already set up", "talk to Olivia Martin", "invitations for new people", "teams and workspaces", "posts, and publish them"},
		[]string{"Invite the people"})
	expect(member, []string{"talk to Olivia Martin", "posts for others to publish", `<a href="/organizations/` + w.ns + `" rel="noreferrer">Look around`}, []string{"invitations for new", "teams and workspaces"})
	expect(connector, []string{"connections to your own social profiles"}, []string{"posts"})

	w.org.Spec.Onboarding = rosterv1alpha1.Onboarding{
		Mode: rosterv1alpha1.OnboardingNew, ContactRef: &rosterv1alpha1.LocalReference{Name: "mia"},
		Steps: []rosterv1alpha1.OnboardingStep{{Text: "Read our style guide <b>", URL: "https://intranet.acme.example/style"}},
	}
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	expect(manager, []string{"is new here", "Connect the social profiles", "Invite the people", "Group people and profiles"}, []string{"talk to"})
	expect(member, []string{"is new here", w.address("mia"), `<a href="https://intranet.acme.example/style" rel="noreferrer">Read our style guide &lt;b&gt;</a>`},
		[]string{"Invite the people", "Olivia"})
}

func TestLeave(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "ana")
	m := w.joined("ana", nil, nil)
	path := "/organizations/" + w.ns + "/leave"
	b.get(path).expect(t, http.StatusOK, "Leave Acme Social?")
	b.post(path, url.Values{}).expect(t, http.StatusUnprocessableEntity, "Tick the box to leave.")
	for range 2 { // a double click
		b.follow(b.post(path, url.Values{"confirm": {"yes"}})).expect(t, http.StatusOK, "You are leaving", "Your access will end in a few seconds")
	}
	want := rosterv1alpha1.Leaving{UID: string(m.UID), Namespace: w.ns, Member: "ana", RequestedTime: metav1.NewTime(now())}
	got := w.account(w.address("ana")).Status.Leaving
	if len(got) != 1 || got[0].UID != want.UID || got[0].Namespace != want.Namespace || got[0].Member != want.Member {
		t.Errorf("leaving %+v", got)
	}
	if strings.Contains(b.get("/organizations/"+w.ns).body, path) {
		t.Error("leaving is offered again")
	}
	s.clock.SetTime(now().Add(account.ProofLifetime))
	b.get(path).expect(t, http.StatusSeeOther)
}

// The owner may leave and give the ownership up, and is told what comes of it. The person who is named the owner says if they agree.
func TestOwnership(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "zoe")
	m := w.joined("zoe", nil, nil)
	page := "/organizations/" + w.ns
	path := page + "/ownership"
	answers := func(want ...bool) {
		t.Helper()
		got := w.account(w.address("zoe")).Status.Ownership
		if len(got) != len(want) || len(want) == 1 && (got[0].UID != string(m.UID) || got[0].Namespace != w.ns || got[0].Member != "zoe" || *got[0].Agrees != want[0]) {
			t.Errorf("answers %+v, want %v", got, want)
		}
	}
	b.get(path).expect(t, http.StatusNotFound)
	b.post(path, url.Values{"own": {"yes"}}).expect(t, http.StatusNotFound)
	answers()

	w.org.Spec.OwnerRef.Name = "zoe"
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	b.get(page).expect(t, http.StatusOK, "You are asked to become the owner of Acme Social", path)
	b.get(path+"?lang=fr").expect(t, http.StatusOK, "Reprendre Acme Social", "Non, merci")
	b.get(path).expect(t, http.StatusOK, "Take over Acme Social?", "Take over", "No thanks")
	b.post(path, url.Values{}).expect(t, http.StatusUnprocessableEntity, "Choose one of the two answers")
	answers()
	b.follow(b.post(path, url.Values{"own": {"no"}})).expect(t, http.StatusOK, "you do not want to own Acme Social")
	answers(false)
	b.follow(b.post(path, url.Values{"own": {"yes"}})).expect(t, http.StatusOK, "You are taking over Acme Social")
	answers(true)

	w.saysOwnership(m, rosterv1alpha1.OwnershipDeclined)
	b.get(page).expect(t, http.StatusOK, "You can still change your mind")
	if strings.Contains(b.get(path).body, "No thanks") {
		t.Error("saying no again is offered")
	}
	w.saysOwnership(m, rosterv1alpha1.OwnershipAgreed)
	w.org.Status.OwnerRef, w.org.Status.Owner = &rosterv1alpha1.LocalReference{Name: "zoe"}, m.Spec.Email
	if err := w.admin.Status().Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	b.get(page).expect(t, http.StatusOK, "Give up ownership", page+"/leave")
	b.get(path).expect(t, http.StatusOK, "Give up ownership of Acme Social?", "Until another owner is named")
	b.post(path, url.Values{}).expect(t, http.StatusUnprocessableEntity, "Tick the box to give up")
	b.get(page+"/leave").expect(t, http.StatusOK, "You own Acme Social")
	b.follow(b.post(path, url.Values{"confirm": {"yes"}})).expect(t, http.StatusOK, "you do not want to own Acme Social")
	answers(false)
	b.follow(b.post(page+"/leave", url.Values{"confirm": {"yes"}})).expect(t, http.StatusOK, "You are leaving")
	s.clock.SetTime(now().Add(account.ProofLifetime))
	b.get(path).expect(t, http.StatusSeeOther)
}

// saysOwnership has a Member say how its person stands to owning the organisation, and forgets what they have answered, as the operator
// does.
func (w *world) saysOwnership(m *rosterv1alpha1.Member, says string) {
	w.t.Helper()
	metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, says)
	a := w.account(m.Spec.Email)
	a.Status.Ownership = nil
	if err := errors.Join(w.admin.Update(context.Background(), m), w.admin.Status().Update(context.Background(), a)); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
}

// An invitation to own an organisation is agreed to on the page that says so. Where ownership was offered after the page was shown, the
// person becomes a member, and is asked.
func TestAcceptingToOwn(t *testing.T) {
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"the page says so":  {accepting("as", "Owner"), "Owner"},
		"it was not so yet": {accepting(), "Manager"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := w.member("owen", w.address("owen"), func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
			w.create(m)
			w.org.Spec.OwnerRef.Name = "owen"
			if err := w.admin.Update(t.Context(), w.org); err != nil {
				t.Fatal(err)
			}
			w.awaitCache(m)
			w.awaitCache(w.org)
			inv := w.invite("owen", func(inv *rosterv1alpha1.Invitation) {
				inv.Spec = rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "owen"}}
			})
			link := w.linkFor(inv, 1, m.Spec.Email)
			b := w.site().browser()
			b.get(link).expect(t, http.StatusOK, "Owner", `name="as" value="Owner"`)
			b.post(link, c.form).expect(t, http.StatusSeeOther)
			if got := w.fresh(inv).Status; got.State != rosterv1alpha1.InvitationAccepted || got.Role != c.want {
				t.Errorf("accepted as %q: %+v", got.Role, got)
			}
		})
	}
}

// A sign-in that runs while the account is being suspended leads to a session that does not count.
func TestSignInDuringSuspension(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	ana := w.registered(s, "ana")
	done := make(chan bool)
	browsers := make([]*browser, 8)
	for i := range browsers {
		browsers[i] = s.browser()
		go func() {
			_, err := browsers[i].try(http.MethodPost, "/sign-in", strings.NewReader(signIn(w.address("ana"), goodPassword).Encode()))
			done <- err == nil
		}()
	}
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = new(true) })
	for range browsers {
		if !<-done {
			t.Error("a request failed")
		}
	}
	for i, b := range browsers {
		if b.isSignedIn() {
			t.Errorf("browser %d is signed in to a suspended account", i)
		}
	}
	// The operator notes the suspension; when it ends, no older session comes back.
	a := w.account(w.address("ana"))
	a.Status.SuspendedTime = &metav1.MicroTime{Time: now().Add(time.Second)}
	if err := w.admin.Status().Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = nil })
	for i, b := range browsers {
		if b.isSignedIn() {
			t.Errorf("browser %d is signed in again", i)
		}
	}
}
