// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
)

func TestLinkShowsWhoInvitesToWhatUntilWhen(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana", func(i *rosterv1alpha1.Invitation) {
		i.Spec.Message = "Looking forward to it!\nOlivia"
		i.Spec.Profiles = append(i.Spec.Profiles,
			rosterv1alpha1.ProfileGrant{Name: "acme-ads", Role: rosterv1alpha1.ProfileGuest},
			rosterv1alpha1.ProfileGrant{Name: "not-there-yet", Role: rosterv1alpha1.ProfileAdministrator})
	})
	s := w.site()
	s.browser().get(w.link(inv)).expect(t, http.StatusOK,
		"<title>Invitation to Acme Social · Roster</title>",
		"Olivia Martin invites you to join the social media team of",
		"Looking forward to it!\nOlivia",
		w.address("ana"),
		"<strong>Member</strong><br>You work on the social profiles that you are given.",
		`<span class="network">Facebook</span> <span class="handle">acme.social</span>`, "<strong>Editor</strong> – plan, publish, answer and see reports",
		`<span class="network">Mastodon</span> <span class="handle">@acme@mastodon.example</span>`, "<strong>Moderator</strong>",
		"LinkedIn ad account", "Acme EMEA", "<strong>Guest</strong>",
		"not-there-yet",
		`<time datetime="2026-11-26T09:30:00Z">Thursday, 26 November 2026, 09:30 UTC</time>`, "3 days left",
		"at least 10 characters", "contain at least one uppercase letter", "neither a letter nor a digit",
		`autocomplete="new-password"`,
	)
	if got := s.writes.String(); got != "" {
		t.Errorf("opening the link wrote: %s", got)
	}
	if after := w.fresh(inv); after.ResourceVersion != inv.ResourceVersion {
		t.Error("opening the link changed the Invitation")
	}
	if w.account(w.address("ana")) != nil {
		t.Error("opening the link made an Account")
	}
}

func TestAcceptAsNewPerson(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b := s.browser()
	answer := b.post(w.link(inv), accepting())
	if cookie := answer.Header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || strings.Contains(cookie, w.link(inv)) {
		t.Errorf("Set-Cookie: %s", cookie)
	}
	b.follow(answer).expect(t, http.StatusOK,
		"Welcome to Acme Social", w.address("ana"),
		`href="https://social.acme.example"`, "Live", `href="https://beta.social.acme.example"`, "Beta",
		"<strong>Member</strong>", "acme.social", "<strong>Editor</strong>", "Olivia Martin", "mailto:Olivia@acme.example")

	inv = w.fresh(inv)
	acct := w.account(w.address("ana"))
	if acct == nil {
		t.Fatal("no Account")
	}
	if inv.Status.State != rosterv1alpha1.InvitationAccepted || inv.Status.AccountRef == nil || inv.Status.AccountRef.Name != acct.Name ||
		!inv.Status.AcceptedTime.Time.Equal(now()) {
		t.Errorf("the Invitation's status is %+v", inv.Status)
	}
	spec := acct.Spec
	if spec.Email != w.address("ana") || spec.DisplayName != "Ana Silva" || spec.Company != "Silva & Filhos" || spec.Locale != "en" ||
		acct.Status.LastSignInTime == nil || !acct.Status.LastSignInTime.Time.Equal(now()) {
		t.Errorf("the Account is %+v, %+v", acct.Spec, acct.Status)
	}
	secret := w.credentials(w.address("ana"))
	if hash := string(secret.Data["passwordHash"]); !strings.HasPrefix(hash, "$argon2id$v=19$") {
		t.Errorf("the password is stored as %q", hash)
	}
	// The clocks of this test and of the API server are days apart: what the Account says of the sign-in does not count, and it is noted again.
	wantWrites := "create *v1alpha1.Account\ncreate *v1.Secret\nupdate status *v1alpha1.Invitation\npatch status *v1alpha1.Account"
	if got := s.writes.String(); got != wantWrites {
		t.Errorf("writes:\n%s\nwant, in this order:\n%s", got, wantWrites)
	}

	t.Run("reloading the welcome page", func(t *testing.T) {
		b.get(w.link(inv)+"/welcome").expect(t, http.StatusOK, "Welcome to Acme Social")
	})
	t.Run("opening the link again in the same browser", func(t *testing.T) {
		b.follow(b.get(w.link(inv))).expect(t, http.StatusOK, "Welcome to Acme Social")
	})
	t.Run("the welcome page in another browser", func(t *testing.T) {
		other := s.browser()
		other.follow(other.get(w.link(inv)+"/welcome")).expect(t, http.StatusGone, "Already accepted")
	})
	t.Run("the welcome page when the session has ended", func(t *testing.T) {
		s.clock.SetTime(now().Add(account.SessionIdle))
		defer s.clock.SetTime(now())
		b.follow(b.get(w.link(inv)+"/welcome")).expect(t, http.StatusGone, "Already accepted", "https://social.acme.example")
	})
	t.Run("somebody else's session", func(t *testing.T) {
		second := w.invite("second")
		b.follow(b.get(w.link(second)+"/welcome")).expect(t, http.StatusOK, "Create your account")
		s.browser().post(w.link(second), accepting()).expect(t, http.StatusSeeOther)
		b.get(w.link(second)).expect(t, http.StatusGone, "Already accepted")
	})
	t.Run("accepting once more", func(t *testing.T) {
		s.browser().post(w.link(inv), accepting("password", "Another password!", "confirm", "Another password!")).
			expect(t, http.StatusGone, "Already accepted")
		if after := w.credentials(w.address("ana")); after.ResourceVersion != secret.ResourceVersion {
			t.Error("the password was written again")
		}
	})
}

func TestAcceptWithExistingAccount(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	s.browser().post(w.link(w.invite("ana")), accepting()).expect(t, http.StatusSeeOther)
	password := w.credentials(w.address("ana"))
	other := newWorld(t)
	inv := other.invite("x", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = strings.ToUpper(w.address("ana")) })
	b := s.browser()

	page := b.get(other.link(inv))
	page.expect(t, http.StatusOK, "Sign in to accept", `autocomplete="current-password"`, w.address("ana"))
	if strings.Contains(page.body, "new-password") || strings.Contains(page.body, `name="displayName"`) {
		t.Error("the page offers to set a password or a name")
	}
	for _, wrong := range []string{"wrong", strings.ToUpper(goodPassword), strings.Repeat("x", 2000)} {
		b.post(other.link(inv), signingIn(wrong)).expect(t, http.StatusUnprocessableEntity,
			"Wrong password", `href="#password"`, `aria-invalid="true"`, "Error: ")
	}
	b.post(other.link(inv), signingIn("")).expect(t, http.StatusUnprocessableEntity, "Enter your password.")
	if state := other.fresh(inv).Status.State; state != rosterv1alpha1.InvitationSent {
		t.Errorf("a wrong password made the invitation %s", state)
	}

	t.Run("the form for new people does not change the account", func(t *testing.T) {
		form := accepting("displayName", "Mallory", "password", "Mallory's own 1", "confirm", "Mallory's own 1")
		b.post(other.link(inv), form).expect(t, http.StatusUnprocessableEntity, "This address now has an account")
		if w.account(w.address("ana")).Spec.DisplayName != "Ana Silva" {
			t.Error("the name was changed")
		}
		if after := w.credentials(w.address("ana")); after.ResourceVersion != password.ResourceVersion {
			t.Error("the password was written")
		}
	})
	t.Run("the right password", func(t *testing.T) {
		s.clock.SetTime(now().Add(time.Minute))
		b.follow(b.post(other.link(inv), signingIn(goodPassword))).expect(t, http.StatusOK, "Welcome to Acme Social")
		if got := other.fresh(inv).Status; got.State != rosterv1alpha1.InvitationAccepted || got.AccountRef.Name != password.Name {
			t.Errorf("status %+v", got)
		}
		if after := w.credentials(w.address("ana")); string(after.Data["passwordHash"]) != string(password.Data["passwordHash"]) {
			t.Error("the password was written")
		}
	})
}

// declared makes a Member as in Git, and the Invitation that the operator makes for it.
func (w *world) declared(name string, mods ...func(*rosterv1alpha1.Member)) (*rosterv1alpha1.Member, *rosterv1alpha1.Invitation) {
	w.t.Helper()
	m := w.member(name, w.address(name), mods...)
	w.create(m)
	w.awaitCache(m)
	inv := w.invite(name, func(i *rosterv1alpha1.Invitation) {
		i.Spec = rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: name}}
	})
	inv = w.status(inv, func(s *rosterv1alpha1.InvitationStatus) {
		s.Email, s.MemberUID = w.address(name), string(m.UID)
	})
	return m, inv
}

// replaced deletes the Member of an invitation, and makes one of the same name for somebody else.
func (w *world) replaced(name string, attempt int32, expires time.Time) (link string) {
	w.t.Helper()
	m, inv := w.declared(name)
	link = w.linkFor(inv, 1, m.Spec.Email)
	w.status(w.sent(inv, attempt, expires), func(s *rosterv1alpha1.InvitationStatus) { s.MemberUID = "" })
	if err := w.admin.Delete(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
	w.create(w.member(name, w.address("somebody-else-"+name)))
	return link
}

func TestAcceptAsDeclaredMember(t *testing.T) {
	w := newWorld(t)
	m, inv := w.declared("bruno", func(m *rosterv1alpha1.Member) {
		m.Spec.DisplayName, m.Spec.Company, m.Spec.Role = "Bruno Costa", "Costa", rosterv1alpha1.RoleManager
	})
	s := w.site()
	b := s.browser()
	link := w.linkFor(inv, 1, m.Spec.Email)
	b.get(link).expect(t, http.StatusOK,
		"You are invited to join the social media team", "<strong>Manager</strong>", "All profiles, as an administrator",
		`value="Bruno Costa"`, `value="Costa"`)
	b.follow(b.post(link, accepting("displayName", "Bruno", "company", ""))).expect(t, http.StatusOK, "<strong>Manager</strong>")
	if got := w.account(m.Spec.Email).Spec; got.DisplayName != "Bruno" || got.Company != "" {
		t.Errorf("account %+v", got)
	}
}

func TestOwnerIsToldSo(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("olivia", func(i *rosterv1alpha1.Invitation) {
		i.Spec = rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "olivia"}}
	})
	w.site().browser().get(w.linkFor(inv, 1, "olivia@acme.example")).
		expect(t, http.StatusOK, "<strong>Owner</strong>", "All profiles, as an administrator")
}

func TestFormIsCheckedOnTheServer(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b := s.browser()
	for name, c := range map[string]struct {
		form url.Values
		want []string
	}{
		"no name":            {accepting("displayName", "  "), []string{"Enter your name.", `href="#displayName"`, `id="displayName-error"`}},
		"long name":          {accepting("displayName", strings.Repeat("é", 121)), []string{"at most 120 characters"}},
		"two lines":          {accepting("displayName", "Ana\nSilva"), []string{"Enter your name on one line"}},
		"invisible name":     {accepting("displayName", "\u200b\u200d"), []string{"Enter your name on one line"}},
		"reversed name":      {accepting("displayName", "Ana \u202eavliS"), []string{"Enter your name on one line"}},
		"not UTF-8":          {accepting("displayName", "Ana\xff"), []string{"Enter your name on one line"}},
		"long company":       {accepting("company", strings.Repeat("c", 121)), []string{"a company name of at most 120 characters", `href="#company"`}},
		"company with tab":   {accepting("company", "A\tB"), []string{"Enter the company name on one line"}},
		"unknown language":   {accepting("locale", "tlh"), []string{"Choose a language from the list"}},
		"no password":        {accepting("password", "", "confirm", ""), []string{"Choose a password."}},
		"weak password":      {accepting("password", "weak", "confirm", "weak"), []string{"at least 10 characters.", "at least one uppercase letter to", "neither a letter nor a digit to the password.", `id="password-error"`}},
		"address":            {accepting("password", w.address("Ana")), []string{"not your address"}},
		"long password":      {accepting("password", strings.Repeat("Aa!", 500)), []string{"Choose a shorter password"}},
		"no confirmation":    {accepting("confirm", ""), []string{"Repeat the password."}},
		"other confirmation": {accepting("confirm", goodPassword+" "), []string{"The two passwords do not match."}},
	} {
		t.Run(name, func(t *testing.T) {
			page := b.post(w.link(inv), c.form)
			page.expect(t, http.StatusUnprocessableEntity, append(c.want, `role="alert"`, "<title>Error: ")...)
			if strings.Contains(page.body, goodPassword) {
				t.Error("the page gives the password back")
			}
		})
	}
	page := b.post(w.link(inv), accepting("displayName", `Ana "the <b>boss</b>"`, "confirm", "", "locale", "fr"))
	page.expect(t, http.StatusUnprocessableEntity,
		`value="Ana &#34;the &lt;b&gt;boss&lt;/b&gt;&#34;"`, `value="Silva &amp; Filhos"`, `<option value="fr" lang="fr" selected>`)
	if got := s.writes.String(); got != "" {
		t.Errorf("refused forms wrote: %s", got)
	}
}

// What the form takes, the API server takes.
func TestUnusualNames(t *testing.T) {
	w := newWorld(t)
	b := w.site(unlimited).browser()
	for i, name := range []string{
		"李小龍", "Ana-María d’Ávila, Jr.", strings.Repeat("𝒜", 120), "👩‍👩‍👧", "محمد", "O'Neil <o@neil.example>", "{{.Org}}", "null", "-", "e\u0301",
	} {
		inv := w.invite("ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = w.address(fmt.Sprintf("name%d", i)) })
		b.post(w.link(inv), accepting("displayName", name, "company", name)).expect(t, http.StatusSeeOther)
		if got := w.account(inv.Spec.Email).Spec.DisplayName; got != norm.NFC.String(name) {
			t.Errorf("%q is stored as %q", name, got)
		}
	}
}

func TestDecline(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b := s.browser()
	b.get(w.link(inv)).expect(t, http.StatusOK, `href="`+w.link(inv)+`/decline"`)
	b.get(w.link(inv)+"/decline").expect(t, http.StatusOK, "Decline this invitation?")
	b.post(w.link(inv), url.Values{"action": {"decline"}}).expect(t, http.StatusUnprocessableEntity, "Tick the box to decline.")
	if got := s.writes.String(); got != "" {
		t.Fatalf("nothing was ticked, but: %s", got)
	}
	ticked := url.Values{"action": {"decline"}, "confirm": {"yes"}}
	b.follow(b.post(w.link(inv), ticked)).expect(t, http.StatusGone, "Declined", "ask Olivia Martin to invite you again")
	if got := w.fresh(inv).Status; got.State != rosterv1alpha1.InvitationDeclined || !got.DeclinedTime.Time.Equal(now()) {
		t.Errorf("status %+v", got)
	}
	b.follow(b.post(w.link(inv), ticked)).expect(t, http.StatusGone, "Declined")
	b.post(w.link(inv), accepting()).expect(t, http.StatusGone, "Declined")
	if w.account(w.address("ana")) != nil {
		t.Error("an Account was made")
	}
}

func TestRenew(t *testing.T) {
	w := newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b, renew := s.browser(), url.Values{"action": {"renew"}}
	b.post(w.link(inv), renew).expect(t, http.StatusGone)
	s.clock.SetTime(now().Add(72 * time.Hour))
	b.post(w.link(inv), renew).expect(t, http.StatusGone, "The link has expired")
	if got := s.writes.String(); got != "" {
		t.Fatalf("the organisation does not allow it, but: %s", got)
	}
	w.org.Spec.Invitations.SelfRenewal = new(true)
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	b.get(w.link(inv)).expect(t, http.StatusGone, "The link has expired", "Thursday, 26 November 2026, 09:30 UTC",
		"Send me a new link", w.address("ana"))
	b.follow(b.post(w.link(inv), renew)).expect(t, http.StatusGone, "A new link is on its way", w.address("ana"))
	if got := w.fresh(inv).Status.RenewalRequestedTime; got == nil || !got.Time.Equal(now().Add(72*time.Hour)) {
		t.Errorf("renewalRequestedTime %v", got)
	}
	before := s.writes.String()
	b.follow(b.post(w.link(inv), renew)).expect(t, http.StatusGone, "A new link is on its way")
	if after := s.writes.String(); after != before {
		t.Errorf("asking twice wrote twice: %s", after)
	}
}

func TestDeadLinks(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	for name, c := range map[string]struct {
		prepare func(t *testing.T) string
		status  int
		want    []string
	}{
		"superseded": {func(*testing.T) string {
			inv := w.invite("superseded")
			link := w.link(inv)
			w.sent(inv, 2, now().Add(time.Hour))
			return link
		}, http.StatusGone, []string{"There is a newer link", w.address("superseded"), "latest email"}},
		"not ready": {func(*testing.T) string {
			inv := w.invite("early")
			return w.linkFor(inv, 2, inv.Spec.Email)
		}, http.StatusServiceUnavailable, []string{"One moment, please"}},
		"revoked": {func(t *testing.T) string {
			inv := w.invite("revoked")
			inv.Spec.Revoked = new(true)
			if err := w.admin.Update(t.Context(), inv); err != nil {
				t.Fatal(err)
			}
			return w.link(inv)
		}, http.StatusGone, []string{"Withdrawn", "Olivia Martin"}},
		"expired by the clock alone": {func(*testing.T) string {
			return w.link(w.sent(w.invite("expired"), 1, now()))
		}, http.StatusGone, []string{"The link has expired", "Ask Olivia Martin to invite you again."}},
		"member suspended": {func(*testing.T) string {
			m, inv := w.declared("suspended", func(m *rosterv1alpha1.Member) { m.Spec.Suspended = new(true) })
			return w.linkFor(inv, 1, m.Spec.Email)
		}, http.StatusForbidden, []string{"suspended"}},
		"membership over by the clock alone": {func(*testing.T) string {
			return w.link(w.invite("over", func(inv *rosterv1alpha1.Invitation) { inv.Spec.EndTime = &metav1.Time{Time: now()} }))
		}, http.StatusForbidden, []string{"This membership has ended", "until Monday, 23 November 2026, 09:30 UTC", "Ask Olivia Martin to extend it."}},
		"member whose membership is over": {func(*testing.T) string {
			m, inv := w.declared("ended", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &metav1.Time{Time: now()} })
			return w.linkFor(inv, 1, m.Spec.Email)
		}, http.StatusForbidden, []string{"This membership has ended"}},
		"member deleted": {func(t *testing.T) string {
			m, inv := w.declared("removed")
			if err := w.admin.Delete(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			return w.linkFor(inv, 1, m.Spec.Email)
		}, http.StatusGone, []string{"Withdrawn"}},
		"member replaced by somebody else": {func(*testing.T) string {
			return w.replaced("replaced", 1, now().Add(time.Hour))
		}, http.StatusGone, []string{"Withdrawn"}},
		"member replaced by somebody else, who has had a mail": {func(*testing.T) string {
			return w.replaced("mailed", 2, now().Add(time.Hour))
		}, http.StatusGone, []string{"Withdrawn"}},
		"member replaced by somebody else, expired": {func(*testing.T) string {
			return w.replaced("late", 1, now())
		}, http.StatusGone, []string{"Withdrawn"}},
	} {
		t.Run(name, func(t *testing.T) {
			link := c.prepare(t)
			before := s.writes.String()
			s.browser().get(link).expect(t, c.status, c.want...)
			s.browser().get(link+"/decline").expect(t, c.status, c.want...)
			s.browser().post(link, accepting()).expect(t, c.status, c.want...)
			s.browser().post(link, url.Values{"action": {"decline"}, "confirm": {"yes"}}).expect(t, c.status, c.want...)
			if after := s.writes.String(); after != before {
				t.Errorf("a dead link wrote: %s", after)
			}
		})
	}
	t.Run("domain no longer allowed", func(t *testing.T) {
		other := newWorld(t)
		inv := other.invite("ana")
		other.org.Spec.Invitations.AllowedDomains = []string{"acme.example"}
		if err := other.admin.Update(t.Context(), other.org); err != nil {
			t.Fatal(err)
		}
		other.site().browser().post(other.link(inv), accepting()).expect(t, http.StatusForbidden, "no longer invites addresses", other.ns+".example")
	})
	t.Run("organisation deleted", func(t *testing.T) {
		other := newWorld(t)
		inv := other.invite("ana")
		if err := other.admin.Delete(t.Context(), other.org); err != nil {
			t.Fatal(err)
		}
		other.site().browser().post(other.link(inv), accepting()).expect(t, http.StatusGone, "Withdrawn")
	})
}

func TestOlderOrganizationCounts(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	// Creation times have whole seconds: the second one must be younger.
	await(t, func(context.Context) bool { return time.Since(w.org.CreationTimestamp.Time) > time.Second })
	w.create(&rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "aaa-intruder"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Intruder"},
	})
	w.site().browser().get(w.link(inv)).expect(t, http.StatusOK, "Join Acme Social")
}

// TestUnknownLinksAllLookTheSame: X-04. Links are signed.
func TestUnknownLinksAllLookTheSame(t *testing.T) {
	w := newWorld(t)
	inv, other, s := w.invite("ana"), w.invite("bea"), w.site()
	deleted := w.invite("deleted")
	deletedLink := w.link(deleted)
	if err := w.admin.Delete(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	foreign := keyring.Keys{[]byte(strings.Repeat("f", 32))}
	forged, err := invitation.Token(foreign, string(inv.UID), 1, address.Address(inv.Spec.Email))
	if err != nil {
		t.Fatal(err)
	}
	good := w.link(inv)
	first := s.browser().get("/invitations/x")
	first.expect(t, http.StatusNotFound, "This link does not work")
	for name, link := range map[string]string{
		"cut short":                   good[:len(good)-1],
		"cut to nothing much":         good[:len(good)-40],
		"longer":                      good + "A",
		"full stop":                   good + ".",
		"one letter changed":          good[:len(good)-5] + flip(good[len(good)-5]) + good[len(good)-4:],
		"another key":                 "/invitations/" + forged,
		"another address":             w.linkFor(inv, 1, other.Spec.Email),
		"another attempt":             good[:len("/invitations/")+25] + "g" + good[len("/invitations/")+26:],
		"an invitation never made":    w.linkFor(&rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{UID: "0b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d"}}, 1, inv.Spec.Email),
		"an invitation that was once": deletedLink,
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range []answer{s.browser().get(link), s.browser().post(link, accepting())} {
				if a.StatusCode != http.StatusNotFound || a.body != first.body {
					t.Errorf("status %d, page the same: %v", a.StatusCode, a.body == first.body)
				}
			}
			s.browser().get(link+"/decline").expect(t, http.StatusNotFound)
			s.browser().get(link+"/welcome").expect(t, http.StatusNotFound)
		})
	}
	if got := s.writes.String(); got != "" {
		t.Errorf("writes: %s", got)
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
