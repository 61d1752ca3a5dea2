// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/portal/web"
)

var sendCode = url.Values{"action": {"send"}}

func typing(code string) url.Values { return url.Values{"code": {code}} }

// addressCode is the code that the operator mails for the Account of that address, to another.
func (w *world) addressCode(local, to string) string {
	w.t.Helper()
	code, err := mailcode.Code(w.keys, account.CodeRequest(w.account(w.address(local)), address.Address(w.address(to))))
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// wrong is a code that is not that one.
func wrong(code string) string {
	if strings.HasPrefix(code, "0") {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func TestAcceptWithAnotherAddress(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	inv := w.invite("ana")
	link := w.link(inv)
	page := link + "/address"

	s.browser().get(link).expect(t, http.StatusOK, "Accept with another account that you already have", `href="`+page+`"`)
	if to := s.browser().get(page).Header.Get("Location"); to != "/sign-in?next="+url.QueryEscape(page) {
		t.Errorf("a stranger is sent to %q", to)
	}
	b := w.signedIn(s, "bob")
	b.get(page).expect(t, http.StatusOK, "Confirm that this address is yours", w.address("ana"), "signed in as "+w.address("bob"), "Email me a code")
	if w.account(w.address("bob")).Status.AddressCode != nil {
		t.Error("opening the page asks for a code")
	}
	b.follow(b.post(page, sendCode)).expect(t, http.StatusOK, "We are sending a code to "+w.address("ana"), "Code from the email")
	if got := w.requested("bob", rosterv1alpha1.MailAddressCode); !got.Equal(now()) {
		t.Fatalf("a mail was asked for at %v", got)
	}
	code := w.addressCode("bob", "ana")
	b.post(page, typing(" ")).expect(t, http.StatusUnprocessableEntity, "Enter the code from the email.")
	b.post(page, typing(wrong(code))).expect(t, http.StatusUnprocessableEntity, "The code is wrong.", "Error: ")
	if got := w.account(w.address("bob")).Status.AddressCode.Tries; got != 1 {
		t.Errorf("%d tries counted, want 1", got)
	}
	b.post(link, url.Values{"action": {"accept"}}).expect(t, http.StatusUnprocessableEntity) // not without the code
	if w.fresh(inv).Status.State == rosterv1alpha1.InvitationAccepted {
		t.Fatal("accepted without the code")
	}
	done := b.post(page, typing(code))
	b.follow(b.follow(done)).expect(t, http.StatusOK, "Accept the invitation", w.address("ana")+" is also your address", "You will join as "+w.address("bob"))
	b.post(page, typing(code)).expect(t, http.StatusSeeOther) // used up, and not needed any more
	b.follow(b.post(link, url.Values{"action": {"accept"}})).expect(t, http.StatusOK, "Welcome to Acme Social")
	accepted := w.fresh(inv)
	if ref := accepted.Status.AccountRef; ref == nil || ref.Name != w.account(w.address("bob")).Name {
		t.Errorf("accepted by %v", ref)
	}
	if _, _, err := s.store.Find(t.Context(), address.Address(w.address("ana"))); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the invited address has an Account of its own: %v", err)
	}
	if confirmed := w.account(w.address("bob")).Status.ConfirmedAddresses; len(confirmed) != 1 || confirmed[0].Email != w.address("ana") {
		t.Errorf("confirmed addresses: %v", confirmed)
	}
	for _, secret := range []string{strings.ReplaceAll(code, " ", ""), code, w.address("ana")} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

// What is mailed for one session, invitation and Account opens nothing for another.
func TestAddressCodesOfOthers(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	page := w.link(w.invite("ana")) + "/address"
	b := w.signedIn(s, "bob")
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	code := w.addressCode("bob", "ana")
	refused := func(name string, a answer) {
		t.Helper()
		t.Run(name, func(t *testing.T) { a.expect(t, http.StatusUnprocessableEntity, "no longer valid") })
	}
	another := s.browser()
	another.post("/sign-in", signIn(w.address("bob"), goodPassword)).expect(t, http.StatusSeeOther)
	refused("another session", another.post(page, typing(code)))
	refused("another account", w.signedIn(s, "eve").post(page, typing(code)))
	refused("another invitation", b.post(w.link(w.invite("carol"))+"/address", typing(code)))
	for range mailcode.MaxTries {
		b.post(page, typing(wrong(code))).expect(t, http.StatusUnprocessableEntity)
	}
	refused("after too many wrong ones", b.post(page, typing(code)))
	s.clock.SetTime(now().Add(time.Minute))
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	code = w.addressCode("bob", "ana")
	s.clock.SetTime(now().Add(time.Minute + mailcode.Lifetime))
	refused("too late", b.post(page, typing(code)))
	if len(w.account(w.address("bob")).Status.ConfirmedAddresses) > 0 {
		t.Error("an address was confirmed")
	}
}

// Nobody learns who has an account before they have shown that they read its mail.
func TestAnotherAddressWithAnAccount(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.registered(s, "ana")
	page := w.link(w.invite("ana")) + "/address"
	b := w.signedIn(s, "bob")
	b.get(page).expect(t, http.StatusOK, "Email me a code")
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	b.follow(b.post(page, typing(w.addressCode("bob", "ana")))).expect(t, http.StatusForbidden, w.address("ana")+" has an account of its own", "Sign out")
}

func TestAnotherAddressThatTheOrganisationDoesNotTake(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	b := w.signedIn(s, "bob")
	link := w.link(w.invite("ana"))
	w.sso("acme", rosterv1alpha1.SignInSSO)
	b.get(link+"/address").expect(t, http.StatusForbidden, "This account cannot accept the invitation")
	b.post(link+"/address", sendCode).expect(t, http.StatusForbidden)
	if w.account(w.address("bob")).Status.AddressCode != nil {
		t.Error("a code was asked for")
	}
}

// A link that was passed on does not let anybody fill the mailbox of the invited person.
func TestAddressCodesAreNotMailedAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	b := w.signedIn(s, "bob")
	page, other := w.link(w.invite("ana"))+"/address", w.link(w.invite("carol"))+"/address"
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	b.post(page, sendCode).expect(t, http.StatusSeeOther) // a double click
	b.post(other, sendCode).expect(t, http.StatusTooManyRequests)
	var refused int
	for i := range 20 {
		s.clock.SetTime(now().Add(time.Duration(i+1) * time.Minute))
		if b.post(page, sendCode).StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 10 {
		t.Errorf("%d of 20 more mails in 20 minutes refused", refused)
	}
}

// Wrong codes for one address count together, whatever accounts they come from.
func TestWrongAddressCodesCountTogether(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, func(c *configure) { c.Limits.AllCodes = web.Rate{Burst: 3, Every: time.Hour} })
	page := w.link(w.invite("ana")) + "/address"
	for i, local := range []string{"bob", "carol"} {
		b := w.signedIn(s, local)
		b.post(page, sendCode).expect(t, http.StatusSeeOther)
		code := w.addressCode(local, "ana")
		b.post(page, typing(wrong(code))).expect(t, http.StatusUnprocessableEntity)
		if i == 0 {
			b.post(page, typing(wrong(code))).expect(t, http.StatusUnprocessableEntity)
			continue
		}
		b.post(page, typing(code)).expect(t, http.StatusTooManyRequests)
	}
}
