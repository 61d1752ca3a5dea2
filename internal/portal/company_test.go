// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/utils/clock"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/testpeer"
)

// issuer is a real OpenID provider, with the portal's client of it.
type issuer struct {
	name   string
	server *testpeer.OIDC
	domain string
	factor bool
}

// startIssuer runs a provider in which everybody is called by their address.
func (w *world) startIssuer(name, domain string, accounts map[string]testpeer.Claims) *issuer {
	w.t.Helper()
	server, err := testpeer.StartOIDC(context.Background(), testpeer.OIDCOptions{
		Clients:  []testpeer.OIDCClient{{ID: "roster", Secret: "secret of " + name, RedirectURIs: []string{redirectOf(name)}}},
		Accounts: accounts,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	return &issuer{name: name, server: server, domain: domain}
}

func redirectOf(name string) string { return "http://127.0.0.1/sign-in/company/" + name + "/callback" }

// companies configures a portal with issuers.
func companies(issuers ...*issuer) func(*configure) {
	return func(c *configure) {
		for _, i := range issuers {
			c.Companies = append(c.Companies, oidc.New(oidc.Issuer{
				Name: i.name, DisplayName: "The " + i.name + " company", URL: i.server.URL, ClientID: "roster", Domains: []string{i.domain}, MultiFactor: i.factor,
				ClientSecret: func(context.Context) (string, error) { return "secret of " + i.name, nil }, HTTP: oidc.NewHTTPClient(nil),
			}, redirectOf(i.name), clock.RealClock{}))
		}
	}
}

// at signs somebody in at their company and returns what the portal says when they come back.
func (b *browser) at(i *issuer, name, next string) answer {
	b.t.Helper()
	a := b.get("/sign-in/company/" + i.name + "?next=" + url.QueryEscape(next))
	a.expect(b.t, http.StatusSeeOther)
	back, err := i.server.SignIn(context.Background(), a.Header.Get("Location"), name)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.get(back.RequestURI())
}

func verified(email string, more ...string) testpeer.Claims {
	c := testpeer.Claims{"email": email, "email_verified": true}
	for i := 0; i+1 < len(more); i += 2 {
		c[more[i]] = more[i+1]
	}
	return c
}

// sso lets the organisation be opened in these ways, with that issuer.
func (w *world) sso(name string, ways ...rosterv1alpha1.SignInMethod) {
	w.t.Helper()
	w.secure(func(p *rosterv1alpha1.SecurityPolicy) {
		p.SignIn, p.SSO = ways, rosterv1alpha1.SSO{Issuer: name}
	})
}

func TestAcceptingByCompany(t *testing.T) {
	w := newWorld(t)
	people := map[string]testpeer.Claims{
		"ana":        verified(w.address("ana"), "name", "Ana Silva"),
		"bo":         verified(w.address("bo")),
		"unverified": {"email": w.address("ana"), "email_verified": false},
		"outsider":   verified("ana@elsewhere.example"),
	}
	acme := w.startIssuer("acme", w.ns+".example", people)
	s := w.site(unlimited, companies(acme))
	inv := w.invite("ana")
	w.sso("acme", rosterv1alpha1.SignInSSO)
	page := s.browser().get(w.link(inv))
	page.expect(t, http.StatusOK, "requires you to sign in with The acme company", "Continue with The acme company")
	if strings.Contains(page.body, `name="password"`) {
		t.Error("a password is asked for")
	}
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusUnprocessableEntity, "requires you to sign in with The acme company")
	for name, text := range map[string]string{
		"bo": "The invitation was sent to a different address", "unverified": "does not confirm that your email address is verified", "outsider": "belongs to another domain",
	} {
		b := s.browser()
		b.at(acme, name, w.link(inv)).expect(t, http.StatusForbidden, "You are not signed in", text)
		if b.isSignedIn() {
			t.Errorf("%s is signed in", name)
		}
	}
	if w.account(w.address("ana")) != nil || w.account(w.address("bo")) != nil {
		t.Error("somebody who was not let in has an Account")
	}

	b := s.browser()
	back := b.at(acme, "ana", w.link(inv))
	b.follow(back).expect(t, http.StatusOK, "Join Acme Social", w.address("ana"))
	if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationSent {
		t.Errorf("coming back made it %s: nobody has said yes yet", got)
	}
	b.follow(b.post(w.link(inv), url.Values{"action": {"accept"}})).expect(t, http.StatusOK, "Welcome to Acme Social")
	ana := w.account(w.address("ana"))
	if ana.Spec.DisplayName != "Ana Silva" || len(w.credentials(w.address("ana")).Data["passwordHash"]) != 0 {
		t.Errorf("account %+v", ana.Spec)
	}

	t.Run("another day", func(t *testing.T) {
		w.joined("ana", nil, nil)
		b := s.browser()
		b.follow(b.at(acme, "ana", "/account")).expect(t, http.StatusOK, "Ana Silva")
	})
	t.Run("a password that there is none of", func(t *testing.T) {
		s.browser().post("/sign-in", signIn(w.address("ana"), "")).expect(t, http.StatusUnprocessableEntity)
		s.browser().post("/sign-in", signIn(w.address("ana"), "x")).expect(t, http.StatusUnprocessableEntity, "Wrong email, user name or password")
	})
	t.Run("what is sensitive needs a proof of one's own", func(t *testing.T) {
		b := s.browser()
		b.follow(b.at(acme, "ana", "/account"))
		b.get("/account/factors/passkey").expect(t, http.StatusSeeOther)
		b.follow(b.get("/account/factors/passkey")).expect(t, http.StatusOK, "Please confirm that it’s you")
		b.post("/sign-in/confirm", url.Values{"password": {"x"}}).expect(t, http.StatusUnprocessableEntity, "no password yet")
	})
}

// An address passes to somebody else: the account does not.
func TestCompanyAccountStaysWithItsPerson(t *testing.T) {
	w := newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{
		"ana": verified(w.address("ana")), "successor": verified(w.address("ana")),
	})
	s := w.site(unlimited, companies(acme))
	ana := w.registered(s, "ana")
	w.joined("ana", nil, nil)
	b := s.browser()
	b.at(acme, "ana", "/account").expect(t, http.StatusForbidden, "None of your organisations uses The acme company to sign in")
	w.sso("acme", rosterv1alpha1.SignInPassword, rosterv1alpha1.SignInSSO)
	b.follow(b.at(acme, "ana", "/account")).expect(t, http.StatusOK, "Ana Silva")
	s.browser().at(acme, "successor", "/account").expect(t, http.StatusForbidden, "belongs to someone else at The acme company")
	b = s.browser()
	b.follow(b.at(acme, "ana", "/account")).expect(t, http.StatusOK, "Ana Silva")
	if got := s.count(`roster_portal_security_events_total{event="company_link",result="success"}`); got != 1 {
		t.Errorf("linked %v times, want once", got)
	}
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = new(true) })
	s.browser().at(acme, "ana", "/account").expect(t, http.StatusForbidden, "Your account is suspended")
}

// tie ties the Account of an address to a person of a company, as an earlier sign-in did.
func (w *world) tie(s *site, i *issuer, subject string, a *rosterv1alpha1.Account) {
	w.t.Helper()
	if _, _, err := s.store.Link(context.Background(), a, account.Identity{Issuer: i.server.URL, Subject: subject, Linked: now()}); err != nil {
		w.t.Fatal(err)
	}
}

// People marry, move and change departments: the company gives them another address, or none that counts here, and they stay who they are.
func TestCompanyGivesAPersonAnotherAddress(t *testing.T) {
	w := newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{
		"zoe": verified(w.address("zoe.park")), "moved": verified("moved@elsewhere.example"), "silent": {},
		"taken": verified(w.address("eve")), "stranger": {},
	})
	s := w.site(unlimited, companies(acme))
	w.sso("acme", rosterv1alpha1.SignInPassword, rosterv1alpha1.SignInSSO)
	w.registered(s, "eve")
	for _, name := range []string{"zoe", "moved", "silent", "taken"} {
		w.tie(s, acme, name, w.registered(s, name))
		w.joined(name, nil, nil)
		b := s.browser()
		b.follow(b.at(acme, name, "/account")).expect(t, http.StatusOK, w.address(name))
	}
	if w.account(w.address("zoe.park")) != nil {
		t.Error("the other address got an Account of its own")
	}
	s.browser().at(acme, "stranger", "/account").expect(t, http.StatusForbidden, "does not confirm that your email address is verified")

	// A label alone opens nothing: it only finds. An administrator who cuts the tie leaves it.
	secret := w.credentials(w.address("zoe"))
	delete(secret.Data, "identities")
	if err := w.admin.Update(context.Background(), secret); err != nil {
		t.Fatal(err)
	}
	if len(w.account(w.address("zoe")).Labels) == 0 {
		t.Error("the Account has no label")
	}
	s.browser().at(acme, "zoe", "/account").expect(t, http.StatusForbidden, "None of your organisations uses The acme company to sign in")
}

// An invitation to another address of somebody who is signed in: theirs by the word of the company, and by nothing less.
func TestAcceptingByAnotherAddress(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	park := w.address("zoe.park")
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{"zoe": verified(park), "eve": verified(w.address("eve"))})
	s := w.site(unlimited, companies(acme))
	for _, world := range []*world{w, other} {
		world.sso("acme", rosterv1alpha1.SignInPassword, rosterv1alpha1.SignInSSO)
	}
	for _, name := range []string{"zoe", "eve"} {
		w.tie(s, acme, name, w.registered(s, name))
		w.joined(name, nil, nil)
	}
	to := func(i *rosterv1alpha1.Invitation) { i.Spec.Email = park }
	inv := other.invite("park", to)
	accept := url.Values{"action": {"accept"}}
	for name, b := range map[string]*browser{"with a password": s.browser(), "by the company": s.browser()} {
		if name == "by the company" {
			b.at(acme, "eve", "/account").expect(t, http.StatusSeeOther)
		} else {
			b.post("/sign-in", signIn(w.address("zoe"), goodPassword)).expect(t, http.StatusSeeOther)
		}
		b.get(other.link(inv)).expect(t, http.StatusOK, `autocomplete="new-password"`)
		b.post(other.link(inv), accept).expect(t, http.StatusUnprocessableEntity)
		if got := other.fresh(inv).Status.State; got != rosterv1alpha1.InvitationSent {
			t.Fatalf("signed in %s, somebody else accepted: %s", name, got)
		}
	}
	b := s.browser()
	b.follow(b.at(acme, "zoe", other.link(inv))).expect(t, http.StatusOK, park+" is also your address", "You will join as "+w.address("zoe"))
	b.follow(b.post(other.link(inv), accept)).expect(t, http.StatusOK, "Welcome to Acme Social")
	if got := other.fresh(inv).Status.AccountRef; got == nil || got.Name != w.account(w.address("zoe")).Name {
		t.Errorf("accepted by %v", got)
	}
	if w.account(park) != nil {
		t.Error("the other address got an Account of its own")
	}

	t.Run("not for a declared Member, whose address stands there", func(t *testing.T) {
		_, declared := other.declared("zoe-park", func(m *rosterv1alpha1.Member) { m.Spec.Email = park })
		page := b.get(other.linkFor(declared, 1, park))
		if strings.Contains(page.body, "You will join as") {
			t.Error("somebody with another address can accept for a declared Member")
		}
	})
	t.Run("not where the organisation does not sign in with the company", func(t *testing.T) {
		stranger := newWorld(t)
		inv := stranger.invite("park", to)
		b.post("/sign-in/confirm?next=/account", url.Values{"password": {goodPassword}}).expect(t, http.StatusSeeOther)
		b.get(stranger.link(inv)).expect(t, http.StatusOK, `autocomplete="new-password"`)
		b.post(stranger.link(inv), accept).expect(t, http.StatusUnprocessableEntity)
		if got := stranger.fresh(inv).Status.State; got != rosterv1alpha1.InvitationSent {
			t.Errorf("the company of other organisations accepted: %s", got)
		}
	})
	t.Run("not once the address has an Account of its own", func(t *testing.T) {
		w.registered(s, "zoe.park")
		again := other.invite("again", to)
		b.get(other.link(again)).expect(t, http.StatusOK, "Sign in to accept")
	})
}

// The company of one organisation does not open another one's invitation, even to the same person.
func TestCompanyOpensItsOwnOrganisationOnly(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	email := w.address("ana")
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{"ana": verified(email)})
	s := w.site(unlimited, companies(acme))
	w.registered(s, "ana")
	w.joined("ana", nil, nil)
	w.sso("acme", rosterv1alpha1.SignInSSO, rosterv1alpha1.SignInPassword)
	inv := other.invite("ana", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = email })
	b := s.browser()
	b.follow(b.at(acme, "ana", "/account")).expect(t, http.StatusOK, "Ana Silva")
	page := b.get(other.link(inv))
	page.expect(t, http.StatusOK, "Join Acme Social", `name="password"`)
	b.post(other.link(inv), url.Values{"action": {"accept"}}).expect(t, http.StatusUnprocessableEntity, "Enter your password")
	if got := other.fresh(inv).Status.State; got != rosterv1alpha1.InvitationSent {
		t.Fatalf("the company of one organisation accepted for another: %s", got)
	}
	b.follow(b.post(other.link(inv), signingIn(goodPassword))).expect(t, http.StatusOK, "Welcome to Acme Social")

	t.Run("nor its pages, once the person belongs to it", func(t *testing.T) {
		other.secure(func(*rosterv1alpha1.SecurityPolicy) {})
		member := other.member("ana", email, func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(email).Name}
		})
		other.create(member)
		other.awaitCache(member)
		pending := other.invite("again", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = email })
		other.status(pending, func(st *rosterv1alpha1.InvitationStatus) { st.Email = email })
		b := s.browser()
		page := b.follow(b.at(acme, "ana", "/account"))
		page.expect(t, http.StatusOK, "/organizations/"+w.ns, "One more of your organisations requires another way to sign in", "Enter your password as well")
		if strings.Contains(page.body, other.ns) || strings.Contains(page.body, "/invitations/") {
			t.Error("the page tells of the other organisation")
		}
		for _, path := range []string{"", "/welcome"} {
			b.get("/organizations/"+other.ns+path).expect(t, http.StatusNotFound)
		}
		b.get("/organizations/"+w.ns).expect(t, http.StatusOK)
		b.post("/sign-in/confirm?next=/account", url.Values{"password": {goodPassword}}).expect(t, http.StatusSeeOther)
		b.get("/account").expect(t, http.StatusOK, "/organizations/"+w.ns, "/organizations/"+other.ns, "/invitations/")
	})
	t.Run("the other way round", func(t *testing.T) {
		w.sso("acme", rosterv1alpha1.SignInSSO)
		b := s.browser()
		page := b.follow(b.post("/sign-in", signIn(email, goodPassword)))
		page.expect(t, http.StatusOK, "/organizations/"+other.ns, "Continue with The acme company")
		b.get("/organizations/"+w.ns).expect(t, http.StatusNotFound)
		b.follow(b.at(acme, "ana", "/account")).expect(t, http.StatusOK, "/organizations/"+w.ns, "/organizations/"+other.ns)
	})
}

// A second factor is asked for after the company's sign-in, unless the platform relies on the company for that.
func TestCompanyAndSecondFactor(t *testing.T) {
	w := newWorld(t)
	people := map[string]testpeer.Claims{"ana": verified(w.address("ana")), "cleo": verified(w.address("cleo"))}
	acme := w.startIssuer("acme", w.ns+".example", people)
	s := w.site(unlimited, companies(acme))
	_, a, _ := w.protected(s, "ana")
	w.joined("ana", nil, nil)
	w.sso("acme", rosterv1alpha1.SignInSSO)
	b := s.browser()
	half := b.at(acme, "ana", "/account")
	b.follow(half).expect(t, http.StatusOK, "One more step")
	b.follow(b.post(half.Header.Get("Location"), code(a.code(0)))).expect(t, http.StatusOK, "Ana Silva")

	acme.factor = true
	relying := w.site(unlimited, companies(acme))
	b = relying.browser()
	b.follow(b.at(acme, "ana", "/account")).expect(t, http.StatusOK, "Ana Silva")

	t.Run("who has neither password nor factor sets an app up", func(t *testing.T) {
		acme.factor = false
		inv := w.invite("cleo")
		b := s.browser()
		b.follow(b.at(acme, "cleo", w.link(inv))).expect(t, http.StatusOK, "Join Acme Social")
		b.post(w.link(inv), url.Values{"action": {"accept"}}).expect(t, http.StatusSeeOther)
		w.joined("cleo", nil, nil)
		w.secure(func(p *rosterv1alpha1.SecurityPolicy) { p.MultiFactor = rosterv1alpha1.MultiFactorRequired })
		b.follow(b.get("/account")).expect(t, http.StatusOK, "These organisations require a second factor")
		b.get("/account/factors/passkey").expect(t, http.StatusSeeOther)
		b.addApp()
		if !b.isSignedIn() {
			t.Error("not let in after enrolling")
		}
		b.get("/account/factors/passkey").expect(t, http.StatusSeeOther)
		b.post("/account/factors", url.Values{"action": {"remove-app"}}).expect(t, http.StatusSeeOther)
		b.get("/account/factors").expect(t, http.StatusOK, "Remove the app")
	})
}

func TestCompanySignInPages(t *testing.T) {
	w := newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", nil)
	s := w.site(unlimited, companies(acme))
	b := s.browser()
	b.get("/sign-in").expect(t, http.StatusOK, "Sign in with your company")
	b.get("/sign-in/company").expect(t, http.StatusOK, "Enter your work email address.")
	b.post("/sign-in/company", url.Values{"login": {"nobody@" + w.ns + ".example"}}).expect(t, http.StatusOK, "Continue with The acme company")
	b.post("/sign-in/company", url.Values{"login": {"x@globex.example"}}).expect(t, http.StatusUnprocessableEntity, "No company sign-in is set up for globex.example")
	b.post("/sign-in/company", url.Values{"login": {"x"}}).expect(t, http.StatusUnprocessableEntity, "Enter a full email address")
	b.post("/sign-in/company", url.Values{"login": {"x\u200b@globex.example"}}).expect(t, http.StatusUnprocessableEntity, "200B ZERO WIDTH SPACE")
	b.post("/sign-in/company?lang=fr", url.Values{"login": {"q＠x@globex.example"}}).expect(t, http.StatusUnprocessableEntity, "FF20 FULLWIDTH COMMERCIAL AT")
	b.get("/sign-in/company/globex").expect(t, http.StatusNotFound)
	b.get("/sign-in/company/globex/callback").expect(t, http.StatusNotFound)
	for _, query := range []string{"", "?code=x&state=y", "?error=access_denied", "?state=%ff&code=%00"} {
		b.get("/sign-in/company/acme/callback"+query).expect(t, http.StatusBadRequest, "does not match a sign-in started in your browser")
	}
	for _, site := range []string{"cross-site", "same-site", "none"} {
		b.header.Set("Sec-Fetch-Site", site)
		b.get("/sign-in/company/acme").expect(t, http.StatusOK, "Continue with The acme company")
	}
	b.header.Set("Sec-Fetch-Site", "same-origin")
	b.get("/sign-in/company/acme").expect(t, http.StatusSeeOther)
	b.header.Del("Sec-Fetch-Site")
	away := b.get("/sign-in/company/acme?next=//evil.example")
	away.expect(t, http.StatusSeeOther)
	if got := away.Header.Get("Location"); !strings.HasPrefix(got, acme.server.URL+"/auth?") || strings.Contains(got, "evil") {
		t.Errorf("sent to %s", got)
	}
	b.get("/sign-in/company/acme/callback?state=x&code=y").expect(t, http.StatusBadRequest)
	b.get("/sign-in/company/acme/callback?state=x&code=y").expect(t, http.StatusBadRequest, "started in your browser") // the first used the flow up
}

// Two browsers that come back at the same moment tie the account to one person of the company.
func TestTwoPeopleOfOneAddress(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited)
	ana := w.registered(s, "ana")
	store := s.store
	subjects := []string{"one", "two", "three", "four"}
	results := make([]error, len(subjects))
	var all sync.WaitGroup
	for i, subject := range subjects {
		all.Go(func() {
			_, _, results[i] = store.Link(context.Background(), ana, account.Identity{Issuer: "https://login.example", Subject: subject, Linked: now()})
		})
	}
	all.Wait()
	linked := 0
	for i, err := range results {
		switch {
		case err == nil:
			linked++
		case !errors.Is(err, account.ErrOtherPerson):
			t.Errorf("%s: %v", subjects[i], err)
		}
	}
	if linked != 1 {
		t.Errorf("%d were linked, want 1: %v", linked, results)
	}
}

// What a browser carries from one request to the next can be taken by any replica.
func TestAnyReplicaTakesTheAnswer(t *testing.T) {
	w := newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{"ana": verified(w.address("ana"))})
	one, two := w.site(unlimited, companies(acme)), w.site(unlimited, companies(acme))
	_, a, _ := w.protected(one, "ana")
	w.joined("ana", nil, nil)
	w.sso("acme", rosterv1alpha1.SignInSSO)
	b := one.browser()
	begun := b.get("/sign-in/company/acme?next=/account")
	back, err := acme.server.SignIn(t.Context(), begun.Header.Get("Location"), "ana")
	if err != nil {
		t.Fatal(err)
	}
	b.site = two
	half := b.get(back.RequestURI())
	half.expect(t, http.StatusSeeOther)
	b.site = one
	b.follow(half).expect(t, http.StatusOK, "One more step")
	b.site = two
	done := b.post(half.Header.Get("Location"), code(a.code(0)))
	done.expect(t, http.StatusSeeOther)
	b.site = one
	b.follow(done).expect(t, http.StatusOK, "Ana Silva")
	w.halfIn(two, "ana").post("/sign-in/second", code(a.code(0))).expect(t, http.StatusUnprocessableEntity, "has already been used")
}
