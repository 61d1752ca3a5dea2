// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mailcode"
)

// copied is the path of the link that people copy.
func (w *world) copied(inv *rosterv1alpha1.Invitation) string {
	w.t.Helper()
	token, err := invitation.Token(invitation.CopiedKeys(w.keys), string(inv.UID), inv.Status.Attempt, address.Address(inv.Spec.Email))
	if err != nil {
		w.t.Fatal(err)
	}
	return "/copied/" + token
}

// invitationCode is the code that the operator mails to the invited address.
func (w *world) invitationCode(inv *rosterv1alpha1.Invitation) string {
	w.t.Helper()
	code, err := mailcode.Code(w.keys, invitation.CodeRequest(w.fresh(inv), address.Address(inv.Spec.Email)))
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// TestACopiedLinkAsksForAProof: AG-16. It tells a stranger the organisation's name alone; a code that is mailed to the invited address opens
// the invitation, once.
func TestACopiedLinkAsksForAProof(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	inv := w.invite("ana")
	page := w.copied(inv)
	b := s.browser()
	a := b.get(page)
	a.expect(t, http.StatusOK, "You are invited to Acme Social", "Email a code to the invited address", "/sign-in?next=")
	for _, secret := range []string{w.address("ana"), "ana", "olivia", "acme-fb", "Editor", strings.TrimPrefix(w.link(inv), "/invitations/")} {
		if strings.Contains(a.body, secret) {
			t.Errorf("a stranger learns %q", secret)
		}
	}
	if w.fresh(inv).Status.Code != nil {
		t.Error("opening the page asks for a code")
	}
	b.follow(b.post(page, sendCode)).expect(t, http.StatusOK, "A code is on its way", "Code from the email")
	right := w.invitationCode(inv)
	b.post(page, code("")).expect(t, http.StatusUnprocessableEntity, "Enter the code")
	b.post(page, code(wrong(right))).expect(t, http.StatusUnprocessableEntity, "The code is wrong")
	opened := b.post(page, code(right))
	if to := opened.Header.Get("Location"); to != w.link(inv) {
		t.Fatalf("the right code leads to %q", to)
	}
	b.follow(opened).expect(t, http.StatusOK, w.address("ana"))
	// Used up: neither here nor in a browser that has seen it.
	b.post(page, code(right)).expect(t, http.StatusUnprocessableEntity, "no longer valid")
}

// TestWhoCannotOpenACopiedLink: who guesses, who saw the code that another browser asked for, and who has another invitation's code.
func TestWhoCannotOpenACopiedLink(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	inv, other := w.invite("ana"), w.invite("eve")
	ana, eve := s.browser(), s.browser()
	ana.post(w.copied(inv), sendCode).expect(t, http.StatusSeeOther)
	eve.post(w.copied(other), sendCode).expect(t, http.StatusSeeOther)
	eve.post(w.copied(inv), code(w.invitationCode(inv))).expect(t, http.StatusUnprocessableEntity, "no longer valid")
	eve.post(w.copied(inv), code(w.invitationCode(other))).expect(t, http.StatusUnprocessableEntity)
	ana.post(w.copied(inv), code(w.invitationCode(other))).expect(t, http.StatusUnprocessableEntity, "The code is wrong")
	right := w.invitationCode(inv)
	for range mailcode.MaxTries {
		ana.post(w.copied(inv), code(wrong(right))).expect(t, http.StatusUnprocessableEntity)
	}
	ana.post(w.copied(inv), code(right)).expect(t, http.StatusUnprocessableEntity, "no longer valid")

	// Somebody who is signed in with another address is told so, and gets no further.
	bob := w.signedIn(s, "bob")
	bob.get(w.copied(inv)).expect(t, http.StatusOK, "signed in as "+w.address("bob"))
	// The mailed link is no copied one, and the copied one no mailed one.
	s.browser().get(strings.Replace(w.link(inv), "/invitations/", "/copied/", 1)).expect(t, http.StatusGone)
	s.browser().get(strings.Replace(w.copied(inv), "/copied/", "/invitations/", 1)).expect(t, http.StatusNotFound)
}

// TestCodesForCopiedLinksAreLimited: at one address, from whatever browsers.
func TestCodesForCopiedLinksAreLimited(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited) // but for mails and codes
	inv := w.invite("ana")
	b := s.browser()
	b.post(w.copied(inv), sendCode).expect(t, http.StatusSeeOther)
	s.browser().post(w.copied(inv), sendCode).expect(t, http.StatusTooManyRequests)
	b.post(w.copied(inv), sendCode).expect(t, http.StatusSeeOther) // to the page that waits for the code
	last := 0
	for range 30 {
		last = s.browser().post(w.copied(inv), code("0000 0000")).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 30th guess is answered with %d", last)
	}
}

// TestTheInvitedPersonSignsIn: somebody with an account of the invited address needs no code.
func TestTheInvitedPersonSignsIn(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	b := w.signedIn(s, "ana")
	inv := w.invite("ana")
	if to := b.get(w.copied(inv)).Header.Get("Location"); to != w.link(inv) {
		t.Errorf("the invited person is led to %q", to)
	}
	stranger := s.browser()
	next := regexp.MustCompile(`/sign-in\?next=[^"]+`).FindString(stranger.get(w.copied(inv)).body)
	in := stranger.post(next, signIn(w.address("ana"), goodPassword))
	if to := in.Header.Get("Location"); to != w.copied(inv) {
		t.Errorf("after the sign-in, the person is led to %q", to)
	}
	if to := stranger.follow(in).Header.Get("Location"); to != w.link(inv) {
		t.Errorf("and then to %q", to)
	}
}

// TestACopiedLinkDiesWithTheMailedOne: by its time, by another mail, by withdrawing, and by an answer. All of them look the same.
func TestACopiedLinkDiesWithTheMailedOne(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	for name, end := range map[string]func(inv *rosterv1alpha1.Invitation){
		"expired": func(inv *rosterv1alpha1.Invitation) { w.sent(inv, 1, now().Add(-time.Minute)) },
		"resent":  func(inv *rosterv1alpha1.Invitation) { w.sent(inv, 2, now().Add(time.Hour)) },
		"revoked": func(inv *rosterv1alpha1.Invitation) {
			inv = w.fresh(inv)
			inv.Spec.Revoked = ptr.To(true)
			if err := w.admin.Update(t.Context(), inv); err != nil {
				t.Fatal(err)
			}
		},
		"declined": func(inv *rosterv1alpha1.Invitation) {
			w.status(inv, func(s *rosterv1alpha1.InvitationStatus) { s.State = rosterv1alpha1.InvitationDeclined })
		},
	} {
		inv := w.invite(name)
		b, page := s.browser(), w.copied(inv)
		b.post(page, sendCode).expect(t, http.StatusSeeOther)
		right := w.invitationCode(inv)
		end(inv)
		for _, a := range []answer{b.get(page), b.post(page, sendCode), b.post(page, code(right)), b.get("/copied/" + strings.Repeat("A", 70))} {
			a.expect(t, http.StatusGone, "This link no longer works")
			if strings.Contains(a.body, "Acme") {
				t.Errorf("%s: it tells whose it was", name)
			}
		}
	}
}

// TestCopyingALink: AG-16. The page shows another link than the mail brings, and none where none works.
func TestCopyingALink(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	inv := w.invite("ana")
	a := b.get(w.invitePath() + "/links/" + inv.Name)
	a.expect(t, http.StatusOK, "Link for "+w.address("ana"), "http://127.0.0.1"+w.copied(inv))
	if strings.Contains(a.body, w.link(inv)) {
		t.Error("the page shows the link of the mail")
	}
	w.status(inv, func(s *rosterv1alpha1.InvitationStatus) { s.State = rosterv1alpha1.InvitationExpired })
	b.get(w.invitePath()+"/links/"+inv.Name).expect(t, http.StatusOK, "There is no link")
	b.get(w.invitePath()+"/links/nobody").expect(t, http.StatusNotFound)
}
