// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/portal/web"
)

// TestGuessesAtOnceAreAllCounted: AG-16. Codes that are tried at the same time, by copies of one browser, are no more tries than one after
// the other.
func TestGuessesAtOnceAreAllCounted(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, func(c *configure) { c.Limits.AllCodes = web.Rate{Every: time.Millisecond, Burst: 1 << 20} })
	inv := w.invite("ana")
	b, page := s.browser(), w.copied(inv)
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	right := w.invitationCode(inv)
	var all sync.WaitGroup
	told := &lines{}
	head, tail := right[:len(right)-2], right[len(right)-2:]
	last, err := strconv.Atoi(tail)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		guess := fmt.Sprintf("%s%02d", head, (last+1+i)%100) // never the right one
		all.Go(func() {
			if a, err := b.try(http.MethodPost, page, strings.NewReader(code(guess).Encode())); err == nil && strings.Contains(a.body, "The code is wrong") {
				told.add("wrong")
			}
		})
	}
	all.Wait()
	if c := w.fresh(inv).Status.Code; c == nil || c.Tries > mailcode.MaxTries {
		t.Errorf("counted: %+v", c)
	}
	if n := strings.Count(told.String(), "wrong"); n > mailcode.MaxTries {
		t.Errorf("%d guesses have been answered", n)
	}
	for range mailcode.MaxTries {
		b.post(page, code(wrong(right)))
	}
	b.post(page, code(right)).expect(t, http.StatusUnprocessableEntity, "no longer valid")
}

// TestACodeOpensOneInvitationOnce: two browsers with the same cookie send the right code at once; both belong to who read the mail, and the
// code is used up.
func TestACodeOpensOneInvitationOnce(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	inv := w.invite("ana")
	b, page := s.browser(), w.copied(inv)
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	right := w.invitationCode(inv)
	var all sync.WaitGroup
	opened := &lines{}
	for range 8 {
		all.Go(func() {
			if a, err := b.try(http.MethodPost, page, strings.NewReader(code(right).Encode())); err == nil && a.StatusCode == http.StatusSeeOther {
				opened.add("opened")
			}
		})
	}
	all.Wait()
	if opened.String() != "opened" {
		t.Errorf("opened %d times", strings.Count(opened.String(), "opened"))
	}
}

// TestCodesOfAccountsAndOfCopiedLinksAreApart: A code that an account asked for to confirm the invited address opens no copied link,
// and the one of the link confirms no address.
func TestCodesOfAccountsAndOfCopiedLinksAreApart(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, func(c *configure) {
		r := web.Rate{Every: time.Millisecond, Burst: 1 << 20}
		c.Limits.AllCodes, c.Limits.Mails, c.Limits.AllMails = r, r, r
	})
	inv := w.invite("ana")
	bob, stranger := w.signedIn(s, "bob"), s.browser()
	bob.post(w.link(inv)+"/address", sendCode).expect(t, http.StatusSeeOther)
	stranger.post(w.copied(inv), sendCode).expect(t, http.StatusSeeOther)
	ofAccount, ofLink := w.addressCode("bob", w.address("ana")), w.invitationCode(inv)
	if ofAccount == ofLink {
		t.Fatal("both are the same")
	}
	stranger.post(w.copied(inv), code(ofAccount)).expect(t, http.StatusUnprocessableEntity, "The code is wrong")
	bob.post(w.copied(inv), code(ofLink)).expect(t, http.StatusUnprocessableEntity, "no longer valid")
	bob.post(w.link(inv)+"/address", code(ofLink)).expect(t, http.StatusUnprocessableEntity, "The code is wrong")
}

// TestCopiedLinksCauseFewMails: Strangers who have a link cannot have somebody mailed again and again, from whatever browsers and by
// whatever invitations to the mailbox.
func TestCopiedLinksCauseFewMails(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := w.site(unlimited, behindProxy)
	one := w.invite("ana")
	two := other.invite("ana", func(i *rosterv1alpha1.Invitation) {
		i.Spec.Email = strings.ToUpper(w.address("ana")[:1]) + w.address("ana")[1:]
	})
	mails := 0
	for i := range 60 {
		s.clock.SetTime(now().Add(time.Duration(i) * 61 * time.Second))
		for _, page := range []string{w.copied(one), other.copiedTo(two, w.address("ana"))} {
			b := from(s.browser(), "203.0."+strconv.Itoa(i)+".7")
			if b.post(page, sendCode).StatusCode == http.StatusSeeOther {
				mails++
			}
		}
	}
	if mails == 0 || mails > 30 {
		t.Errorf("%d mails in an hour", mails)
	}
}

// copiedTo is copied where the address is written in another way.
func (w *world) copiedTo(inv *rosterv1alpha1.Invitation, to string) string {
	w.t.Helper()
	token, err := invitation.Token(invitation.CopiedKeys(w.keys), string(inv.UID), inv.Status.Attempt, address.Address(to))
	if err != nil {
		w.t.Fatal(err)
	}
	return "/copied/" + token
}

// TestCopiedLinksOfOtherKeys: links that were signed with a key that is gone, with the key of another use, or for another invitation, lead
// nowhere, and look like those that were never made.
func TestCopiedLinksOfOtherKeys(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	inv, other := w.invite("ana"), w.invite("eve")
	b := s.browser()
	dead := b.get("/copied/" + strings.Repeat("A", 70))
	sign := func(keys keyring.Keys, id string, attempt int32, to string) string {
		token, err := invitation.Token(keys, id, attempt, address.Address(to))
		if err != nil {
			t.Fatal(err)
		}
		return "/copied/" + token
	}
	foreign := keyring.Keys{bytes.Repeat([]byte("x"), 32)}
	good := w.copied(inv)
	for name, page := range map[string]string{
		"another key":        sign(invitation.CopiedKeys(foreign), string(inv.UID), 1, inv.Spec.Email),
		"the key of mails":   sign(w.keys, string(inv.UID), 1, inv.Spec.Email),
		"derived twice":      sign(invitation.CopiedKeys(invitation.CopiedKeys(w.keys)), string(inv.UID), 1, inv.Spec.Email),
		"another invitation": sign(invitation.CopiedKeys(w.keys), string(other.UID), 1, inv.Spec.Email),
		"another attempt":    sign(invitation.CopiedKeys(w.keys), string(inv.UID), 2, inv.Spec.Email),
		"another address":    sign(invitation.CopiedKeys(w.keys), string(inv.UID), 1, other.Spec.Email),
		"nobody":             sign(invitation.CopiedKeys(w.keys), "00000000-0000-4000-8000-000000000000", 1, inv.Spec.Email),
		"a byte more":        good + "A",
		"a byte less":        good[:len(good)-1],
		"another byte":       good[:len(good)-2] + flip(good[len(good)-2]) + good[len(good)-1:],
	} {
		for _, a := range []answer{b.get(page), b.post(page, sendCode), b.post(page, code("1234 5678"))} {
			if a.StatusCode != dead.StatusCode || a.body != dead.body {
				t.Errorf("%s: %s: status %d, and another page", name, a.Request.Method, a.StatusCode)
			}
		}
	}
	if w.fresh(inv).Status.Code != nil || w.fresh(other).Status.Code != nil {
		t.Error("a code has been asked for")
	}
	b.get(good).expect(t, http.StatusOK, "You are invited to Acme Social")
}

// TestTheCookieOfACopiedLinkIsSealed: knowing the status of the Invitation, where the browser stands, makes nobody that browser.
func TestTheCookieOfACopiedLinkIsSealed(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	inv := w.invite("ana")
	s.browser().post(w.copied(inv), sendCode).expect(t, http.StatusSeeOther)
	id := w.fresh(inv).Status.Code.Browser
	thief := s.browser()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	home, _ := url.Parse(s.url)
	jar.SetCookies(home, []*http.Cookie{{Name: "roster-copied", Value: id, Path: "/"}, {Name: "__Host-roster-copied", Value: id, Path: "/"}})
	thief.client.Jar = jar
	thief.post(w.copied(inv), code(w.invitationCode(inv))).expect(t, http.StatusUnprocessableEntity, "no longer valid")
}
