// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

const newPassword = "Another horse, another battery"

// forgotten asks for a mail, and waits until that has been dealt with.
func (b *browser) forgotten(login string) answer {
	b.t.Helper()
	a := b.post("/forgotten", url.Values{"login": {login}})
	b.site.handler.background.Wait()
	return a
}

// resetLink is the path of a link to choose a new password, as the mail has it.
func (w *world) resetLink(a *rosterv1alpha1.Account, asked time.Time) string {
	w.t.Helper()
	token, err := account.ResetToken(w.keys, a, asked)
	if err != nil {
		w.t.Fatal(err)
	}
	return "/reset/" + token
}

// requested is when a mail was last asked for.
func (w *world) requested(local string, topic rosterv1alpha1.AccountMailTopic) time.Time {
	w.t.Helper()
	return w.account(w.address(local)).Status.Requested(topic).Time
}

func choosing(password string) url.Values {
	return url.Values{"password": {password}, "confirm": {password}}
}

func TestForgottenPassword(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	ana := w.registered(s, "ana")
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	other := s.browser()
	other.get("/forgotten").expect(t, http.StatusOK, "Forgot your password?")
	other.post("/forgotten", nil).expect(t, http.StatusUnprocessableEntity, "Enter your email address")
	for typed, says := range map[string]string{"ana\u200b@acme.example": "200B ZERO WIDTH SPACE", `"a..b"@mail.example`: "quotation marks"} {
		other.post("/forgotten", url.Values{"login": {typed}}).expect(t, http.StatusUnprocessableEntity, says)
		other.post("/sign-in", signIn(typed, "x")).expect(t, http.StatusUnprocessableEntity, says)
	}
	other.post("/forgotten?lang=fr", url.Values{"login": {"ana\u200b@acme.example"}}).expect(t, http.StatusUnprocessableEntity, "200B ZERO WIDTH SPACE, qui n’a pas sa place")
	other.forgotten(strings.ToUpper(w.address("ana"))).expect(t, http.StatusOK, "Check your email")
	asked := w.requested("ana", rosterv1alpha1.MailPasswordReset)
	if !asked.Equal(now()) {
		t.Fatalf("a mail was asked for at %v", asked)
	}
	link := w.resetLink(ana, asked)
	before := w.credentials(w.address("ana")).ResourceVersion
	other.get(link).expect(t, http.StatusOK, "Choose a new password", w.address("ana"), "at least 12 characters", `autocomplete="new-password"`)
	if w.credentials(w.address("ana")).ResourceVersion != before {
		t.Error("opening the link changed something")
	}
	for typed, want := range map[string]string{
		"": "Choose a password.", "Short1!": "at least 12 characters", "Password123!": "less common password", w.address("ana"): "that is not your address",
	} {
		other.post(link, choosing(typed)).expect(t, http.StatusUnprocessableEntity, want, "Error: ")
	}
	other.post(link, url.Values{"password": {newPassword}, "confirm": {"x"}}).expect(t, http.StatusUnprocessableEntity, "The two passwords do not match")
	other.post(link, choosing(newPassword)).expect(t, http.StatusOK, "Your password has been changed", `href="/sign-in"`)

	if b.isSignedIn() || other.isSignedIn() {
		t.Error("somebody is signed in after the reset")
	}
	s.browser().post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusUnprocessableEntity)
	s.browser().post("/sign-in", signIn(w.address("ana"), newPassword)).expect(t, http.StatusSeeOther)
	if w.requested("ana", rosterv1alpha1.MailPasswordChanged).IsZero() {
		t.Error("nobody asked to tell the person")
	}
	for _, a := range []answer{other.get(link), other.post(link, choosing("Mallory's own horse"))} {
		a.expect(t, http.StatusGone, "This link does not work", `href="/forgotten"`)
	}
	for _, secret := range []string{link[len("/reset/"):], newPassword, w.address("ana")} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

func TestResetFollowsTheStrictestOrganisation(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site()
	ana := w.registered(s, "ana")
	for _, o := range []*world{w, other} {
		m := o.member("ana", w.address("ana"), func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: ana.Name}
		})
		o.create(m)
		o.awaitCache(m)
	}
	other.org.Spec.Security.Password = rosterv1alpha1.PasswordPolicy{MinLength: 20}
	if err := w.admin.Update(t.Context(), other.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(other.org)
	s.browser().get(w.resetLink(ana, now())).expect(t, http.StatusOK,
		"at least 20 characters", "contain at least one uppercase letter", "neither a letter nor a digit")
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Username = "ana." + w.ns })
	b := s.browser()
	b.post("/sign-in", signIn(w.address("ana"), goodPassword)).expect(t, http.StatusSeeOther)
	// The words that nobody may choose, as docs/security.md lists them (OWASP ASVS 6.1.2).
	for _, known := range []string{"acme social", w.address("ana"), "ANA", "ana silva", "Silva & Filhos", "ana." + w.ns} {
		for _, page := range []string{w.resetLink(ana, now()), "/account/password"} {
			b.post(page, choosing(known)).expect(t, http.StatusUnprocessableEntity, "Choose a password that is not your address")
		}
	}
}

func TestResetLinksThatAreNotGood(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	ana, bob := w.registered(s, "ana"), w.registered(s, "bob")
	suspended := w.registered(s, "suspended")
	w.update(suspended, func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = new(true) })
	good := w.resetLink(ana, now())
	gone := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "a-" + strings.Repeat("0", 32), UID: "1"}}
	for _, link := range map[string]string{
		"expired": w.resetLink(ana, now().Add(-account.ResetLifetime)), "cut short": good[:len(good)-3], "another person's": good[:8] + w.resetLink(bob, now())[8:30] + good[30:],
		"suspended": w.resetLink(suspended, now()), "of an account that is gone": w.resetLink(gone, now()), "nonsense": "/reset/x",
		"an invitation's": "/reset/" + w.link(w.invite("eve"))[len("/invitations/"):],
	} {
		for _, a := range []answer{s.browser().get(link), s.browser().post(link, choosing(newPassword))} {
			a.expect(t, http.StatusGone, "This link does not work")
		}
	}
	s.browser().get("/invitations/"+good[len("/reset/"):]).expect(t, http.StatusNotFound)
	s.browser().get(good).expect(t, http.StatusOK)
}

// Whatever was typed, the page is the same, and it does not wait for what is done.
func TestForgottenTellsNothing(t *testing.T) {
	w := newWorld(t)
	block := make(chan struct{})
	blocking := false
	s := w.site(unlimited, func(c *configure) {
		c.funcs.Get = func(ctx context.Context, cl client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if _, ok := o.(*rosterv1alpha1.Account); ok && blocking {
				<-block
			}
			return cl.Get(ctx, key, o, opts...)
		}
	})
	w.registered(s, "ana")
	blocking = true
	ask := func(login string) string {
		a := s.browser().post("/forgotten", url.Values{"login": {login}})
		a.expect(t, http.StatusOK, "Check your email")
		return a.body
	}
	want := ask(w.address("ana")) // answered although the API server does not answer yet
	close(block)
	for _, login := range []string{"never@" + w.ns + ".example", "no.such.name", "öäü", strings.Repeat("x", 500)} {
		if got := ask(login); got != want {
			t.Errorf("the page for %s differs", login)
		}
	}
	s.handler.background.Wait()
	if w.requested("ana", rosterv1alpha1.MailPasswordReset).IsZero() {
		t.Error("the request got lost")
	}
}

func TestForgottenIsLimited(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	w.registered(s, "ana")
	asked := func() time.Time { return w.requested("ana", rosterv1alpha1.MailPasswordReset) }
	s.browser().forgotten(w.address("ana"))
	first := asked()
	s.clock.SetTime(now().Add(time.Minute))
	s.browser().forgotten(w.address("ana"))
	if !asked().Equal(first) {
		t.Error("a second mail within five minutes")
	}
	s.clock.SetTime(now().Add(6 * time.Minute))
	s.browser().forgotten(w.address("ana"))
	if asked().Equal(first) {
		t.Error("no second mail after five minutes")
	}
	second := asked()
	s.clock.SetTime(now().Add(9 * time.Minute))
	for range 3 {
		s.browser().forgotten(w.address("ana")).expect(t, http.StatusOK, "Check your email")
	}
	if !asked().Equal(second) {
		t.Error("the limit does not hold")
	}
	if got := s.count(`roster_portal_security_events_total{event="forgotten",result="throttled"}`); got == 0 {
		t.Error("not counted")
	}
}

// QE-06: somebody who let an invitation expire uses "forgotten password", and gets a new mail.
func TestForgottenRenewsExpiredInvitations(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	expired := w.sent(w.invite("late"), 1, now().Add(-time.Hour))
	open := w.invite("early")
	for _, inv := range []*rosterv1alpha1.Invitation{expired, open} {
		w.status(inv, func(st *rosterv1alpha1.InvitationStatus) { st.Email = inv.Spec.Email })
	}
	s.browser().forgotten(w.address("late"))
	if w.fresh(expired).Status.RenewalRequestedTime != nil {
		t.Error("renewed although the organisation does not allow it")
	}
	w.org.Spec.Invitations.SelfRenewal = new(true)
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	before := w.fresh(open).ResourceVersion
	s.browser().forgotten(w.address("late")).expect(t, http.StatusOK, "Check your email")
	if got := w.fresh(expired).Status.RenewalRequestedTime; got == nil || !got.Time.Equal(now()) {
		t.Errorf("renewalRequestedTime = %v", got)
	}
	after := w.fresh(expired).ResourceVersion
	s.browser().forgotten(w.address("late"))
	s.browser().forgotten(w.address("early"))
	if w.fresh(expired).ResourceVersion != after || w.fresh(open).ResourceVersion != before {
		t.Error("renewed again, or before it expired")
	}
}

func TestTwoResetsAtOnceAtTwoReplicas(t *testing.T) {
	w := newWorld(t)
	one, two := w.site(), w.site()
	ana := w.registered(one, "ana")
	link := w.resetLink(ana, now())
	codes := make(chan int, 8)
	for i := range 8 {
		b := one.browser()
		if i%2 == 1 {
			b = two.browser()
		}
		go func() {
			a, err := b.try(http.MethodPost, link, strings.NewReader(choosing(fmt.Sprintf("%s %d", newPassword, i)).Encode()))
			if err != nil {
				codes <- 0
				return
			}
			codes <- a.StatusCode*10 + i
		}()
	}
	winner := -1
	for range 8 {
		switch code := <-codes; {
		case code/10 == http.StatusOK && winner < 0:
			winner = code % 10
		case code/10 != http.StatusGone:
			t.Errorf("status %d", code/10)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	one.browser().post("/sign-in", signIn(w.address("ana"), fmt.Sprintf("%s %d", newPassword, winner))).expect(t, http.StatusSeeOther)
}

// The portal dies between any two writes of a reset: either nothing has happened and the link still works, or the password is set.
func TestResetIsCutShort(t *testing.T) {
	w := newWorld(t)
	for writes := range 3 {
		name := fmt.Sprintf("cut%d", writes)
		s := w.site()
		a := w.registered(s, name)
		n := 0
		die := func() error {
			if n++; n > writes {
				return errors.New("connection refused")
			}
			return nil
		}
		broken := w.site(func(c *configure) {
			c.funcs.Update = func(ctx context.Context, cl client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				if err := die(); err != nil {
					return err
				}
				return cl.Update(ctx, o, opts...)
			}
			c.funcs.SubResourcePatch = func(ctx context.Context, cl client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if err := die(); err != nil {
					return err
				}
				return cl.SubResource(sub).Patch(ctx, o, p, opts...)
			}
		})
		link := w.resetLink(a, now())
		got := broken.browser().post(link, choosing(newPassword)).StatusCode
		if writes == 0 {
			if got != http.StatusServiceUnavailable {
				t.Errorf("status %d", got)
			}
			s.browser().post(link, choosing(newPassword)).expect(t, http.StatusOK)
		} else if got != http.StatusOK {
			t.Errorf("status %d after %d writes", got, writes)
		}
		s.browser().post("/sign-in", signIn(w.address(name), newPassword)).expect(t, http.StatusSeeOther)
		if w.requested(name, rosterv1alpha1.MailPasswordChanged).IsZero() {
			t.Errorf("%d: the person is not told", writes)
		}
	}
}
