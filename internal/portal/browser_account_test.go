// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sigs.k8s.io/controller-runtime/pkg/client"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
)

// acme has a manager of the name, profiles, and first steps.
func (w *world) acme(s *site, local string) *rosterv1alpha1.Account {
	w.t.Helper()
	a := w.registered(s, local)
	w.joined(local, onAllProfiles, nil)
	w.org.Spec.Onboarding.Steps = []rosterv1alpha1.OnboardingStep{{Text: "Read our style guide", URL: "https://intranet.acme.example/style"}}
	if err := w.admin.Update(w.t.Context(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
	return a
}

// onAllProfiles gives a role on each of the profiles of acme.
func onAllProfiles(spec *rosterv1alpha1.MemberSpec) {
	spec.Profiles = []rosterv1alpha1.ProfileGrant{
		{Name: "acme-ads", Role: "Guest"}, {Name: "acme-fb", Role: "Editor"}, {Name: "acme-masto", Role: "Moderator"},
	}
}

// press a link or button that is found by its text, with the keyboard.
func (b *tab) choose(text string) {
	b.t.Helper()
	b.value(`window.isOld = true; [...document.querySelectorAll('main a, main button, header a, header button')].find(e => e.innerText.trim() == ` +
		"`" + text + "`" + `).focus(); 0`)
	b.submit(kb.Enter)
}

func (b *tab) signIn(s *site, login, password string) {
	b.t.Helper()
	b.open(s.url + "/sign-in")
	b.press(kb.Tab)
	b.focused("skip")
	b.fill("login", login)
	b.fill("password", password)
	b.submit(kb.Enter)
}

func TestBrowserSignIn(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site()
	w.acme(s, "ana")
	b.signIn(s, w.address("ana"), "wrong")
	b.focused("errors")
	b.says("Wrong email, user name or password.")
	b.sound("sign-in-page")
	b.signIn(s, w.address("ana"), goodPassword)
	b.says("Ana Silva", "Acme Social", "Sign out")
	b.sound("account")

	b.choose("Change name, company, language and email settings")
	b.sound("profile")
	b.value(`document.getElementById('displayName').select(); document.getElementById('displayName').focus(); 0`)
	b.press("Ana Lima")
	b.submit(kb.Enter)
	b.says("Your details have been saved.", "Ana Lima")

	b.choose("Change user name")
	b.sound("username")
	b.choose("Cancel")
	b.choose("You are signed in on 1 device")
	b.says("This device", "Chrome, Linux")
	b.sound("sessions")
	b.choose("Back")
	b.value(`document.querySelector('.cards a').focus(); 0`)
	b.submit(kb.Enter)
	b.says("What you can do", "view content, plan posts, publish, reply, see reports")
	b.sound("organization")
	b.run(chromedp.Focus("summary"))
	b.press(kb.Enter)
	b.accessible("menu")
	b.choose("First steps")
	b.says("already set up", "Read our style guide", "What you can create")
	b.sound("onboarding")
	b.open(s.url + "/organizations/" + w.ns + "/leave")
	b.says("Leave Acme Social?")
	b.sound("leave")

	b.open(s.url + "/account/password")
	b.sound("password")
	b.press(kb.Tab)
	b.value(`document.getElementById('password').focus(); 0`)
	b.press(newPassword)
	b.fill("confirm", newPassword)
	b.submit(kb.Enter)
	b.says("Your password has been changed.")
	b.choose("Sign out")
	b.says("Forgot your password?")
	if got := b.value(`document.cookie`); got != "" {
		t.Errorf("a script could read the cookies %s", got)
	}
}

func TestBrowserForgotten(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site()
	ana := w.registered(s, "ana")
	b.open(s.url + "/sign-in")
	b.choose("Forgot your password?")
	b.sound("forgotten")
	b.value(`document.getElementById('login').focus(); 0`)
	b.press(w.address("ana"))
	b.submit(kb.Enter)
	b.says("Check your email")
	b.sound("forgotten-sent")
	s.handler.background.Wait()
	b.open(s.url + w.resetLink(ana, w.requested("ana", rosterv1alpha1.MailPasswordReset)))
	b.sound("reset")
	b.value(`document.getElementById('password').focus(); 0`)
	b.press("Password123!")
	b.fill("confirm", "Password123!")
	b.submit(kb.Enter)
	b.focused("errors")
	b.says("Choose a less common password")
	b.sound("reset-corrected")
	b.value(`document.getElementById('password').focus(); 0`)
	b.press(newPassword)
	b.fill("confirm", newPassword)
	b.submit(kb.Enter)
	b.says("Your password has been changed")
	b.sound("reset-done")
	b.choose("Sign in")
	b.signIn(s, w.address("ana"), newPassword)
	b.says("Ana Silva")
	b.open(s.url + "/reset/" + strings.Repeat("A", 75))
	b.says("This link does not work")
	b.sound("reset-dead")
}

func TestBrowserAccountFrench(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site()
	ana := w.acme(s, "ana")
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Locale = "fr" })
	b.signIn(s, w.address("ana"), goodPassword)
	b.says("Vos organisations", "Se déconnecter")
	b.sound("account-fr")
	for _, path := range []string{"/account/profile", "/account/sessions", "/account/password", "/organizations/" + w.ns, "/organizations/" + w.ns + "/welcome"} {
		b.open(s.url + path)
		b.sound(strings.ReplaceAll(path[1:], "/", "-") + "-fr")
	}
}

// TestBrowserAccountPictures takes the pictures of the documentation, where SCREENSHOTS names a folder for them.
func TestBrowserAccountPictures(t *testing.T) {
	if os.Getenv("SCREENSHOTS") == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	b, w := openBrowser(t), newWorld(t)
	s := w.site(w.connects(
		config.Network{Name: "Facebook", Secret: "roster-facebook"}, config.Network{Name: "Instagram", Secret: "roster-instagram"},
		config.Network{Name: "LinkedIn", Secret: "roster-linkedin"}, config.Network{Name: "YouTube", Secret: "roster-youtube"},
		config.Network{Name: "Mastodon", Secret: "roster-mastodon", URL: "https://mastodon.example"},
	))
	s.browser().post(w.link(w.invite("ana", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = "ana.lima@example.com" })), accepting()).
		expect(t, http.StatusSeeOther)
	w.create(w.member("ana", "ana.lima@example.com", func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account("ana.lima@example.com").Name}
		onAllProfiles(&m.Spec)
	}))
	m := &rosterv1alpha1.Member{}
	m.Name, m.Namespace = "ana", w.ns
	w.refresh(m)
	m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, Role: "Member"}
	if err := w.admin.Status().Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(m)
	b.size(1120, 620)
	b.open(s.url + "/sign-in")
	b.shoot("portal-sign-in")
	b.signIn(s, "ana.lima@example.com", goodPassword)
	b.shoot("portal-account")
	for name, path := range map[string]string{
		"portal-profile": "/account/profile", "portal-devices": "/account/sessions", "portal-organization": "/organizations/" + w.ns,
		"portal-first-steps": "/organizations/" + w.ns + "/welcome", "portal-password": "/account/password", "portal-forgotten": "/forgotten",
	} {
		b.open(s.url + path)
		b.shoot(name)
	}
	w.connection("acme-fb", "True", nil)
	w.connection("acme-ads", "True", ptr.To(metav1.NewTime(now().Add(9*24*time.Hour))))
	w.connection("acme-masto", "False", nil)
	m.Spec.Role = "Manager"
	if err := w.admin.Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.Status.Role = "Manager"
	if err := w.admin.Status().Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(m)
	w.rights(m)
	b.open(s.url + "/organizations/" + w.ns + "/profiles")
	b.shoot("portal-profiles")
	b.open(s.url + "/organizations/" + w.ns + "/connect/facebook")
	b.shoot("portal-connect")
	b.size(390, 800)
	b.scheme("dark")
	b.open(s.url + "/account")
	b.shoot("portal-account-phone-dark")
}

// connection has the operator say how the tokens of a profile stand.
func (w *world) connection(profile string, connected metav1.ConditionStatus, until *metav1.Time) {
	w.t.Helper()
	sp := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: profile}}
	if err := w.admin.Get(w.t.Context(), client.ObjectKeyFromObject(sp), sp); err != nil {
		w.t.Fatal(err)
	}
	sp.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: profile}
	if err := w.admin.Update(w.t.Context(), sp); err != nil {
		w.t.Fatal(err)
	}
	since := metav1.NewTime(now())
	sp.Status.Conditions = []metav1.Condition{
		{Type: rosterv1alpha1.ConditionConnected, Status: connected, Reason: "Asked", LastTransitionTime: since},
		{Type: rosterv1alpha1.ConditionTokenExpiring, Status: "False", Reason: "NotExpiring", LastTransitionTime: since},
	}
	if until != nil {
		sp.Status.Conditions[1].Status = "True"
		sp.Status.Credential = &rosterv1alpha1.CredentialStatus{ReconnectByTime: until}
	}
	if err := w.admin.Status().Update(w.t.Context(), sp); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(sp)
}

// refresh reads an object as it is now.
func (w *world) refresh(m *rosterv1alpha1.Member) {
	w.t.Helper()
	if err := w.admin.Get(w.t.Context(), client.ObjectKeyFromObject(m), m); err != nil {
		w.t.Fatal(err)
	}
}

func TestBrowserOtherAddress(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site()
	w.registered(s, "bob")
	link := w.link(w.invite("ana"))
	b.open(s.url + link)
	b.choose("Accept with another account that you already have")
	b.into("login", w.address("bob"))
	b.into("password", goodPassword)
	b.submit(kb.Enter)
	b.says("Confirm that this address is yours")
	b.sound("other-address")
	b.choose("Email me a code")
	b.says("Code from the email")
	b.sound("other-address-code")
	mailed := w.addressCode("bob", "ana")
	b.into("code", wrong(mailed))
	b.submit(kb.Enter)
	b.says("The code is wrong.")
	b.sound("other-address-wrong")
	b.into("code", mailed)
	b.submit(kb.Enter)
	b.says("is also your address", "Accept and join")
	b.open(s.url + "/account")
	b.says("Other addresses", "Confirmed:")
	b.sound("account-addresses")
	b.choose("Remove")
	b.says("The address has been removed.")
}

// into types into a field, in place of what is there.
func (b *tab) into(field, text string) {
	b.t.Helper()
	b.value("{ const e = document.getElementById('" + field + "'); e.value = ''; e.focus(); } 0")
	b.press(text)
}
