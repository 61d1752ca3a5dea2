// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestSecurityEventsAreLogged: what people do about their account is in the log, with the same fields first; nothing that opens anything is.
// The tests of second factors, companies and connections look for their own events.
func TestSecurityEventsAreLogged(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects())
	ana := w.registered(s, "ana")
	own := w.profile("own", rosterv1alpha1.SocialProfileSpec{Network: "Bluesky", Handle: "own.example", ConnectedBy: w.address("ana")})
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector, own.Name)
	b.post("/organizations/"+w.ns+"/profiles/own/remove", url.Values{"confirm": {"yes"}}).expect(t, http.StatusSeeOther)

	w.joined("ana", nil, nil)
	w.org.Spec.OwnerRef.Name = "ana"
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(w.org)
	b = w.signedIn(s, "ana")
	b.post("/organizations/"+w.ns+"/ownership", url.Values{"own": {"no"}}).expect(t, http.StatusSeeOther)
	b.post("/organizations/"+w.ns+"/leave", url.Values{"confirm": {"yes"}}).expect(t, http.StatusSeeOther)
	b.post("/account/username", url.Values{"username": {"ana." + w.ns}}).expect(t, http.StatusSeeOther)
	b.post("/account/password", choosing(newPassword)).expect(t, http.StatusSeeOther)
	b.post("/account/sessions", url.Values{"action": {"everywhere"}}).expect(t, http.StatusSeeOther)

	page := w.link(w.invite("ana-at-home")) + "/address"
	b.post("/sign-in", signIn(w.address("ana"), newPassword)).expect(t, http.StatusSeeOther)
	b.post(page, sendCode).expect(t, http.StatusSeeOther)
	code := w.addressCode("ana", "ana-at-home")
	b.post(page, url.Values{"code": {wrong(code)}}).expect(t, http.StatusUnprocessableEntity)
	b.post(page, url.Values{"code": {code}}).expect(t, http.StatusSeeOther)
	s.clock.SetTime(now().Add(time.Minute)) // a new password voids the links from before it
	b.forgotten(w.address("ana"))
	link := w.resetLink(w.account(ana.Spec.Email), s.clock.Now())
	b.post(link, choosing(goodPassword)).expect(t, http.StatusOK)
	b.post(link, choosing(goodPassword)).expect(t, http.StatusGone)
	w.update(ana, func(spec *rosterv1alpha1.AccountSpec) { spec.Suspended = new(true) })
	b.post("/sign-in", signIn(w.address("ana"), goodPassword))

	for _, want := range []string{
		"sign_in success ana", "sign_in refused", "sign_out success ana", "sign_out_everywhere success ana", "accept success ana",
		"forgotten success", "reset success ana", "reset failure", "password success ana", "username success ana", "leave success ana",
		"ownership success ana", "remove success", "address failure ana", "address success ana",
	} {
		event, rest, _ := strings.Cut(want, " ")
		result, who, _ := strings.Cut(rest, " ")
		account := `"[^"]*"`
		if who != "" {
			account = `"` + ana.Name + `"`
		}
		line := `"msg":"Security event","event":"` + event + `","result":"` + result + `","account":` + account + `,"client":"127.0.0.1"`
		if !regexp.MustCompile(line).MatchString(s.log.String()) {
			t.Errorf("the log has no %s:\n%s", line, s.log)
		}
	}
	secrets := []string{goodPassword, newPassword, w.address("ana"), w.address("ana-at-home"), link, page, code, strings.ReplaceAll(code, " ", "")}
	site, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(site) {
		secrets = append(secrets, cookie.Value)
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(s.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}
