// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// passkeySite is a portal where browsers offer passkeys: at localhost.
func (w *world) passkeySite() *site {
	return w.localSite("localhost", func(string) []func(*configure) { return nil })
}

// localSite is a portal that knows its address, with the port that it really has.
func (w *world) localSite(host string, with func(base string) []func(*configure)) *site {
	w.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	base := strings.Replace("http://"+listener.Addr().String(), "127.0.0.1", host, 1)
	s := w.site(append(with(base), unlimited, func(c *configure) { c.BaseURL = base })...)
	server := &http.Server{Handler: s.handler}
	w.t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	s.url = base
	return s
}

// authenticator gives the browser a virtual authenticator that verifies its person.
func (b *tab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return added.AuthenticatorID
}

// activate presses Enter on an element that leads to another page.
func (b *tab) activate(selector string) {
	b.t.Helper()
	b.run(chromedp.Focus(selector))
	b.submit(kb.Enter)
}

const passkeyButton = `form[data-passkey] button`

func TestBrowserPasskey(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.passkeySite()
	w.registered(s, "ana")
	w.joined("ana", nil, nil)
	w.secure(func(p *rosterv1alpha1.SecurityPolicy) { p.MultiFactor = rosterv1alpha1.MultiFactorRequired })
	authenticator := b.authenticator()
	signIn := func() {
		t.Helper()
		b.open(s.url + "/sign-in?next=/account")
		b.run(chromedp.Focus("#login"))
		b.press(w.address("ana"), kb.Tab, goodPassword)
		b.submit(kb.Enter)
	}
	signOut := func() {
		t.Helper()
		b.open(s.url + "/account")
		b.activate(`form[action*="sign-out"] button`)
	}

	signIn()
	b.says("These organisations require a second factor", "Acme Social")
	b.sound("factors-owed")
	b.activate(`a[href*="/account/factors/passkey"]`)
	b.says("Add a passkey")
	b.sound("passkey")
	b.run(chromedp.Focus("#name"))
	b.press("Work laptop")
	b.submit(kb.Enter)
	b.says("Save these recovery codes")
	b.sound("codes")
	b.activate(`main a.button`)
	b.open(s.url + "/account/factors")
	b.says("Work laptop", "10 codes have not been used")
	b.sound("factors")
	if got := w.account(w.address("ana")).Status.UserHandle; len(got) != 43 {
		t.Errorf("the handle in the status is %q", got)
	}

	t.Run("alone", func(*testing.T) {
		signOut()
		b.says("Sign in with a passkey")
		b.sound("sign-in-passkey")
		b.activate(passkeyButton)
		b.says("Ana Silva")
	})
	t.Run("again, before what is sensitive", func(*testing.T) {
		defer s.clock.SetTime(now())
		s.clock.SetTime(now().Add(11 * time.Minute))
		b.open(s.url + "/account/sessions")
		b.says("Please confirm that it’s you", "Use a passkey")
		b.sound("confirm-passkey")
		b.activate(passkeyButton)
		b.says("Where you are signed in")
		if !strings.Contains(s.log.String(), `"event":"confirm","result":"success"`) {
			t.Error("no audit line")
		}
	})
	t.Run("after the password", func(*testing.T) {
		signOut()
		s.clock.SetTime(now().Add(12 * time.Minute)) // of two ceremonies the later one counts
		signIn()
		b.says("One more step")
		b.sound("second-passkey")
		b.activate(passkeyButton)
		b.says("Ana Silva")
	})
	t.Run("by nobody whom it belongs to", func(*testing.T) {
		signOut()
		b.open(s.url + "/sign-in")
		params := webauthn.ClearCredentialsParams{AuthenticatorID: authenticator}
		if _, err := chromedp.Call(b.ctx, webauthn.ClearCredentials, params); err != nil {
			t.Fatal(err)
		}
		b.run(chromedp.Focus(passkeyButton))
		b.press(kb.Enter)
		await(t, func(context.Context) bool {
			return b.value(`document.querySelector('[data-failed]').hidden`) == "false"
		})
		b.says("No passkey was used")
	})
}

func TestBrowserAuthenticatorApp(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.passkeySite()
	w.registered(s, "ana")
	b.open(s.url + "/sign-in?next=/account/factors")
	b.run(chromedp.Focus("#login"))
	b.press(w.address("ana"), kb.Tab, goodPassword)
	b.submit(kb.Enter)
	b.activate(`a[href*="/account/factors/app"]`)
	b.says("Set up an authenticator app")
	b.sound("app")
	a := app{t: t, site: s, seed: decodeSeed(t, b.value(`document.querySelector('.secret').textContent`))}
	b.run(chromedp.Focus("#code"))
	b.press("000000")
	b.submit(kb.Enter)
	b.focused("errors")
	b.says("The code is wrong")
	b.sound("app-corrected")
	b.run(chromedp.Focus("#code"))
	b.press(a.code(-1))
	b.submit(kb.Enter)
	b.says("Save these recovery codes")
	b.open(s.url + "/account")
	b.activate(`form[action*="sign-out"] button`)
	b.run(chromedp.Focus("#login"))
	b.press(w.address("ana"), kb.Tab, goodPassword)
	b.submit(kb.Enter)
	b.says("One more step")
	b.sound("second-app")
	b.run(chromedp.Focus("#code"))
	b.press(a.code(0))
	b.submit(kb.Enter)
	b.says("Ana Silva")
}

// Without JavaScript, passkeys are not offered; everything else works.
func TestOnlyPagesOfPasskeysHaveAScript(t *testing.T) {
	w := newWorld(t)
	s := w.passkeySite()
	inv := w.invite("ana")
	for path, want := range map[string]bool{"/sign-in": true, "/forgotten": false, "/sign-in/company": false, w.link(inv): false, "/": false} {
		a := s.browser().get(path)
		policy := a.Header.Get("Content-Security-Policy")
		if has := strings.Contains(policy, "script-src 'self'"); has != want || strings.Contains(a.body, "<script") != want || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q, script on the page: %v, want %v", path, policy, strings.Contains(a.body, "<script"), want)
		}
	}
	page := w.site().browser().get("/sign-in") // at an IP address
	if strings.Contains(page.body, "data-passkey") {
		t.Error("passkeys are offered where browsers have none")
	}
}

// TestBrowserFactorPictures takes the pictures of second factors for the documentation, where SCREENSHOTS names a folder for them.
func TestBrowserFactorPictures(t *testing.T) {
	if os.Getenv("SCREENSHOTS") == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	b, w := openBrowser(t), newWorld(t)
	s := w.passkeySite()
	w.registered(s, "ana")
	b.authenticator()
	b.size(1120, 700)
	b.open(s.url + "/sign-in?next=/account/factors")
	b.run(chromedp.Focus("#login"))
	b.press(w.address("ana"), kb.Tab, goodPassword)
	b.submit(kb.Enter)
	b.activate(`a[href*="/account/factors/passkey"]`)
	b.run(chromedp.Focus("#name"))
	b.press("Work laptop")
	b.shoot("portal-passkey")
	b.submit(kb.Enter)
	b.shoot("portal-recovery-codes")
	b.activate(`main a.button`)
	b.open(s.url + "/account/factors/app")
	b.shoot("portal-authenticator-app")
	a := app{t: t, site: s, seed: decodeSeed(t, b.value(`document.querySelector('.secret').textContent`))}
	b.run(chromedp.Focus("#code"))
	b.press(a.code(-1))
	b.submit(kb.Enter)
	b.open(s.url + "/account/factors")
	b.shoot("portal-second-factors")
	b.open(s.url + "/account")
	b.activate(`form[action*="sign-out"] button`)
	b.run(chromedp.Focus("#login"))
	b.press(w.address("ana"), kb.Tab, goodPassword)
	b.submit(kb.Enter)
	b.shoot("portal-second-factor")
}
