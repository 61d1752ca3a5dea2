// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/portal/web"
)

var sendCode = url.Values{"action": {"send"}}

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
	mailed := w.addressCode("bob", "ana")
	b.post(page, code(" ")).expect(t, http.StatusUnprocessableEntity, "Enter the code from the email.")
	b.post(page, code(wrong(mailed))).expect(t, http.StatusUnprocessableEntity, "The code is wrong.", "Error: ")
	if got := w.account(w.address("bob")).Status.AddressCode.Tries; got != 1 {
		t.Errorf("%d tries counted, want 1", got)
	}
	b.post(link, url.Values{"action": {"accept"}}).expect(t, http.StatusUnprocessableEntity) // not without the code
	if w.fresh(inv).Status.State == rosterv1alpha1.InvitationAccepted {
		t.Fatal("accepted without the code")
	}
	done := b.post(page, code(mailed))
	b.follow(b.follow(done)).expect(t, http.StatusOK, "Accept the invitation", w.address("ana")+" is also your address", "You will join as "+w.address("bob"))
	b.post(page, code(mailed)).expect(t, http.StatusSeeOther) // used up, and not needed any more
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
	for _, secret := range []string{strings.ReplaceAll(mailed, " ", ""), mailed, w.address("ana")} {
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
	mailed := w.addressCode("bob", "ana")
	refused := func(name string, a answer) {
		t.Helper()
		t.Run(name, func(t *testing.T) { a.expect(t, http.StatusUnprocessableEntity, "no longer valid") })
	}
	another := s.browser()
	another.post("/sign-in", signIn(w.address("bob"), goodPassword)).expect(t, http.StatusSeeOther)
	refused("another session", another.post(page, code(mailed)))
	refused("another account", w.signedIn(s, "eve").post(page, code(mailed)))
	refused("another invitation", b.post(w.link(w.invite("carol"))+"/address", code(mailed)))
	for range mailcode.MaxTries {
		b.post(page, code(wrong(mailed))).expect(t, http.StatusUnprocessableEntity)
	}
	refused("after too many wrong ones", b.post(page, code(mailed)))
	s.clock.SetTime(now().Add(time.Minute))
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	mailed = w.addressCode("bob", "ana")
	s.clock.SetTime(now().Add(time.Minute + mailcode.Lifetime))
	refused("too late", b.post(page, code(mailed)))
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
	b.follow(b.post(page, code(w.addressCode("bob", "ana")))).expect(t, http.StatusForbidden, w.address("ana")+" has an account of its own", "Sign out")
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
		mailed := w.addressCode(local, "ana")
		b.post(page, code(wrong(mailed))).expect(t, http.StatusUnprocessableEntity)
		if i == 0 {
			b.post(page, code(wrong(mailed))).expect(t, http.StatusUnprocessableEntity)
			continue
		}
		b.post(page, code(mailed)).expect(t, http.StatusTooManyRequests)
	}
}

// The page is the same, to the letter, whether the address has an account or not.
func TestAnotherAddressTellsNothingBeforeTheCode(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.registered(s, "ana")
	b := w.signedIn(s, "bob")
	see := func(local string) (pages string) {
		link := w.link(w.invite(local))
		for _, a := range []answer{
			b.get(link + "/address"), b.post(link+"/address", sendCode), b.get(link + "/address"), b.post(link+"/address", code("1")),
		} {
			pages += strings.NewReplacer(link, "LINK", w.address(local), "ADDRESS").Replace(a.Status + a.Header.Get("Location") + a.body)
		}
		s.clock.SetTime(s.clock.Now().Add(time.Minute)) // when the next code can be asked for
		return pages
	}
	if with, without := see("ana"), see("eve"); with != without {
		t.Errorf("with an account:\n%s\nwithout:\n%s", with, without)
	}
}

// Somebody who is on the way in has shown too little, and an organisation that demands a second factor gets one as after every acceptance.
func TestAnotherAddressAndSecondFactors(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	w.secure(func(p *rosterv1alpha1.SecurityPolicy) { p.MultiFactor = rosterv1alpha1.MultiFactorRequired })
	link := w.link(w.invite("ana"))
	page := link + "/address"
	w.protected(s, "bob")
	half := w.halfIn(s, "bob")
	for _, a := range []answer{half.get(page), half.post(page, sendCode)} {
		if to := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?") {
			t.Errorf("with a password and no second factor: status %d, to %q", a.StatusCode, to)
		}
	}
	if w.account(w.address("bob")).Status.AddressCode != nil {
		t.Error("a code was asked for without the second factor")
	}

	b := w.signedIn(s, "carol")
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	b.post(page, code(w.addressCode("carol", "ana"))).expect(t, http.StatusSeeOther)
	b.post(link, url.Values{"action": {"accept"}}).expect(t, http.StatusSeeOther)
	m := w.member("ana", w.address("carol"), func(m *rosterv1alpha1.Member) {
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(w.address("carol")).Name}
	})
	w.create(m)
	w.awaitCache(m)
	b.follow(b.get("/organizations/"+w.ns)).expect(t, http.StatusOK, "These organisations require a second factor")
}

// No number of requests at once gets more tries.
func TestWrongAddressCodesAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	page := w.link(w.invite("ana")) + "/address"
	b := w.signedIn(s, "bob")
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	mailed := w.addressCode("bob", "ana")
	var all sync.WaitGroup
	var wrongs atomic.Int32
	for range 4 * mailcode.MaxTries {
		all.Go(func() {
			a, err := b.try(http.MethodPost, page, strings.NewReader(code(wrong(mailed)).Encode()))
			if err != nil {
				t.Error(err)
			}
			if strings.Contains(a.body, "The code is wrong.") {
				wrongs.Add(1)
			}
		})
	}
	all.Wait()
	if n := wrongs.Load(); n > mailcode.MaxTries {
		t.Errorf("%d codes were compared, want %d at the most", n, mailcode.MaxTries)
	}
	for range mailcode.MaxTries { // some of them may have met a conflict too often, and been none
		b.post(page, code(wrong(mailed)))
	}
	if a := b.post(page, code(mailed)); a.StatusCode == http.StatusSeeOther {
		t.Error("the right code counts after too many tries")
	}
}

// What a person has confirmed stands on their page, and they can take it back: the next invitation asks for a code again.
func TestConfirmedAddressesCanBeRemoved(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	page := w.link(w.invite("ana")) + "/address"
	b := w.signedIn(s, "bob")
	if strings.Contains(b.get("/account").body, "Other addresses") {
		t.Error("there are none yet")
	}
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	b.post(page, code(w.addressCode("bob", "ana"))).expect(t, http.StatusSeeOther)
	b.get("/account").expect(t, http.StatusOK, "Other addresses", w.address("ana"), "Remove "+w.address("ana"))
	b.post("/account/addresses", url.Values{"address": {w.address("eve")}}).expect(t, http.StatusSeeOther)
	b.get("/account").expect(t, http.StatusOK, w.address("ana"))
	b.follow(b.post("/account/addresses", url.Values{"address": {w.address("ana")}})).expect(t, http.StatusOK, "The address has been removed.")
	if strings.Contains(b.get("/account").body, w.address("ana")) {
		t.Error("the address is still on the page")
	}
	b.get(page).expect(t, http.StatusOK, "Email me a code")
}
