// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestBrowserSignInToApplications: QU-17. Somebody opens a tool of their organisation, signs in on the way, and lands in the tool; and a program on
// their device, a device without a browser, and the pages on which something stands in the way.
func TestBrowserSignInToApplications(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){w.provides} })
	tool := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte(`<!doctype html><html lang="en"><title>Wiki</title><main><h1>Welcome to the wiki</h1><p>` +
			map[bool]string{true: "with a code", false: "without a code"}[r.URL.Query().Get("code") != ""] + `</p></main>`))
	}))
	t.Cleanup(tool.Close)
	for _, name := range []string{"ana", "eve"} {
		w.registered(s, name)
	}
	w.joined("ana", nil, nil)
	s.today()
	at := func(clientID string) *party {
		p := s.party(clientID, "email", "profile", "organization", "offline_access")
		p.config.RedirectURL = tool.URL + "/callback"
		return p
	}
	here := func(a *rosterv1alpha1.ApplicationSpec) { a.RedirectURIs = []string{tool.URL + "/callback"} }
	wiki := w.application("wiki", here)
	cli := w.application("cli", native, here)

	// The last page of the portal sends the browser on.
	lands := func() {
		t.Helper()
		await(t, func(context.Context) bool {
			text, err := b.ask(`document.body?.innerText ?? ""`)
			return err == nil && strings.Contains(text, "Welcome to the wiki")
		})
		b.says("with a code")
	}
	f := at(wiki.ClientID()).begin()
	b.open(f.url)
	b.says("Sign in")
	b.press(kb.Tab)
	b.fill("login", w.address("ana"))
	b.fill("password", goodPassword)
	b.submit(kb.Enter)
	lands()
	if _, err := f.exchange(b.value(`new URLSearchParams(location.search).get("code")`)); err != nil {
		t.Fatal(err)
	}

	b.open(at(cli.ClientID()).begin().url)
	b.says("Continue to The cli?", "while you are away")
	b.sound("openid-ask")
	b.choose("Continue")
	lands()
	b.open(at(cli.ClientID()).begin().url + "&ui_locales=fr")
	b.says("Continuer vers The cli")
	b.sound("openid-ask-fr")

	kubectl := s.party("kubectl", "email")
	kubectl.config.Endpoint.DeviceAuthURL = s.url + "/openid/device-authorization"
	asked, err := kubectl.config.DeviceAuth(kubectl.ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.open(s.url + "/device")
	b.says("Sign in on another device")
	b.sound("openid-device")
	b.open(s.url + "/device/BBBB-BBBB")
	b.says("does not exist")
	b.sound("openid-device-wrong")
	b.open(s.url + "/device/" + asked.UserCode)
	b.says("Sign in to kubectl?", asked.UserCode)
	b.sound("openid-device-ask")
	b.choose("Sign in")
	b.says("You are signed in")
	b.sound("openid-device-done")
	b.open(s.url + "/account/applications")
	b.says("Tools you are signed in to", "The wiki", "Acme Social")
	b.sound("openid-sign-ins")

	b.open(s.url + "/openid/logout?client_id=" + wiki.ClientID())
	b.says("Sign out of The wiki")
	b.sound("openid-sign-out")

	p := at(wiki.ClientID())
	p.config.RedirectURL = "https://wiki.acme.example/a/rather/long/address/that/nobody/has/registered/at/all/callback"
	b.open(p.begin().url)
	b.says("is not set up correctly")
	b.sound("openid-redirect")
	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) {
		a.MultiFactor = rosterv1alpha1.ApplicationFactorPhishingResistant
	})
	b.open(at(wiki.ClientID()).begin().url)
	b.says("asks for a passkey")
	b.sound("openid-passkey")
	w.applicationSpec(wiki, func(a *rosterv1alpha1.ApplicationSpec) {
		a.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}
	})
	b.open(at(wiki.ClientID()).begin().url)
	b.says("other roles or teams")
	b.sound("openid-not-admitted")
}

// TestBrowserChoosesAnOrganisation: AG-21. Somebody of two organisations opens a tool of the platform, and a program on a device.
func TestBrowserChoosesAnOrganisation(t *testing.T) {
	b, w, other := openBrowser(t), newWorld(t), newWorld(t)
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){w.provides, studio} })
	w.registered(s, "ana")
	w.joined("ana", nil, nil)
	other.named("Beacon")
	other.joins(w, "ana", "Manager")
	s.today()
	p := s.party("studio", "email", "organization")
	b.open(p.begin().url)
	b.says("Sign in")
	b.press(kb.Tab)
	b.fill("login", w.address("ana"))
	b.fill("password", goodPassword)
	b.submit(kb.Enter)
	b.says("Choose an organisation", "Studio works with one organisation at a time", "Beacon")
	b.sound("openid-choose")
	b.open(p.begin().url + "&ui_locales=fr")
	b.says("Choisissez une organisation")
	b.sound("openid-choose-fr")

	kubectl := s.party("kubectl", "email", "organization")
	kubectl.config.Endpoint.DeviceAuthURL = s.url + "/openid/device-authorization"
	asked, err := kubectl.config.DeviceAuth(kubectl.ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.open(s.url + "/device/" + asked.UserCode)
	b.choose("Sign in")
	b.says("Choose the organisation that you want to work in")
	b.sound("openid-device-choose")
}
