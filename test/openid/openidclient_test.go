// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/testpeer"
)

// who is what the application knows of a person.
type who struct {
	Claims struct {
		Sub           string   `json:"sub"`
		Sid           string   `json:"sid"`
		Email         string   `json:"email"`
		EmailVerified bool     `json:"email_verified"`
		Name          string   `json:"name"`
		Locale        string   `json:"locale"`
		AuthTime      int64    `json:"auth_time"`
		AMR           []string `json:"amr"`
		Role          string   `json:"role"`
		Teams         []string `json:"teams"`
		Groups        []string `json:"groups"`
		Organization  struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"organization"`
	} `json:"claims"`
	Userinfo struct {
		Sub   string `json:"sub"`
		Email string `json:"email"`
	} `json:"userinfo"`
}

func (b *browser) who(base string) (who, int) {
	b.t.Helper()
	p := b.get(base + "/me")
	var w who
	if err := json.Unmarshal([]byte(p.text), &w); err != nil {
		b.t.Fatalf("%s: %v", p.text, err)
	}
	return w, p.status
}

func startRelyingParty(t *testing.T, o testpeer.RelyingPartyOptions) *testpeer.RelyingParty {
	t.Helper()
	t.Setenv("NODE_EXTRA_CA_CERTS", site.env["ROSTER_AUTHORITY"])
	rp, err := testpeer.StartRelyingParty(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rp.Stop(); err != nil {
			t.Error(err)
		}
	})
	return rp
}

// A web application with a secret: from the Application to a signed-in person, and until they are suspended.
func TestOpenIDClient(t *testing.T) {
	port := freeport.For(t).Number()
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	tool := register(t, "planner", rosterv1alpha1.ApplicationSpec{
		DisplayName: "Planner", URL: base, RedirectURIs: []string{base + "/callback"}, PostLogoutRedirectURIs: []string{base + "/goodbye"},
		BackChannelLogoutURI: base + "/backchannel-logout", Members: &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}},
	})
	rp := startRelyingParty(t, testpeer.RelyingPartyOptions{
		Port: port, Issuer: tool.issuer, ClientID: tool.id, ClientSecret: tool.secret, Logout: base + "/goodbye",
		Scope: "openid email profile offline_access organization",
	})
	mia := invited(t, "mia", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleManager})

	if p := mia.get(rp.URL + "/login"); p.status != http.StatusOK || p.url.Path != "/me" {
		t.Fatalf("the sign-in ends at %s (%d):\n%s", p.url, p.status, p.text)
	}
	w, _ := mia.who(rp.URL)
	if c := w.Claims; c.Email != "mia@acme.example" || !c.EmailVerified || c.Name != "Mia Park" || c.Locale != "en" || c.Role != "Manager" ||
		c.Organization.ID != namespace || c.AuthTime == 0 || !slices.Contains(c.AMR, "pwd") || c.Sub == "" || c.Sub != w.Userinfo.Sub {
		t.Errorf("the application knows %+v", w)
	}
	for _, asks := range []string{"/refresh", "/introspect"} {
		if p := mia.post(rp.URL+asks, nil); p.status != http.StatusOK || asks == "/introspect" && !strings.Contains(p.text, `"active":true`) {
			t.Errorf("%s is answered with %d: %s", asks, p.status, p.text)
		}
	}

	// Somebody else's role does not get them in.
	noa := invited(t, "noa", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleMember})
	if p := noa.get(rp.URL + "/login"); p.url.Path == "/me" {
		t.Errorf("a Member is signed in to an application for Managers: %s", p.text)
	}

	// The application hears of the end within seconds, without asking.
	suspend(t, "mia", true)
	eventually(t, "the application signs Mia out", func(context.Context) error {
		if _, status := mia.who(rp.URL); status != http.StatusUnauthorized {
			return fmt.Errorf("/me answers %d", status)
		}
		return nil
	})
	if p := mia.get(rp.URL + "/login"); p.url.Path == "/me" {
		t.Errorf("a suspended person is signed in: %s", p.text)
	}
	suspend(t, "mia", false)
}

// Signing out at the application ends the sign-in at the portal's end too, and leads back to where the application wants.
func TestOpenIDClientSignsOut(t *testing.T) {
	port := freeport.For(t).Number()
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	tool := register(t, "inbox", rosterv1alpha1.ApplicationSpec{
		URL: base, RedirectURIs: []string{base + "/callback"}, PostLogoutRedirectURIs: []string{base + "/goodbye"},
	})
	rp := startRelyingParty(t, testpeer.RelyingPartyOptions{
		Port: port, Issuer: tool.issuer, ClientID: tool.id, ClientSecret: tool.secret, Logout: base + "/goodbye", Scope: "openid email offline_access",
	})
	lou := invited(t, "lou", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleMember})
	lou.get(rp.URL + "/login")
	if w, status := lou.who(rp.URL); status != http.StatusOK || w.Claims.Name != "" || w.Claims.Role != "" {
		t.Errorf("for openid and email, the application knows %+v (%d)", w, status)
	}
	if p := lou.post(rp.URL+"/revoke", nil); p.status != http.StatusOK {
		t.Errorf("revoking is answered with %d: %s", p.status, p.text)
	}
	if p := lou.post(rp.URL+"/refresh", nil); p.status != http.StatusUnauthorized || !strings.Contains(p.text, "invalid_grant") {
		t.Errorf("a refresh token that was given back is answered with %d: %s", p.status, p.text)
	}

	// The ID token shows that it is the application that asks, so nobody else has to agree.
	lou.get(rp.URL + "/login")
	if p := lou.get(rp.URL + "/logout"); p.url.String() != base+"/goodbye" {
		t.Errorf("signing out ends at %s (%d): %s", p.url, p.status, p.text)
	}
	if _, status := lou.who(rp.URL); status != http.StatusUnauthorized {
		t.Errorf("after that, /me answers %d", status)
	}
	// She is still signed in at the portal, and so comes back by one click.
	if p := lou.get(rp.URL + "/login"); p.url.Path != "/me" {
		t.Errorf("the next sign-in ends at %s (%d): %s", p.url, p.status, p.text)
	}
}

// A public client has no secret, and asks people before they go on.
func TestOpenIDClientOnADevice(t *testing.T) {
	port := freeport.For(t).Number()
	tool := register(t, "desktop", rosterv1alpha1.ApplicationSpec{
		Type: rosterv1alpha1.ApplicationNative, RedirectURIs: []string{"http://127.0.0.1/callback"}, SubjectType: rosterv1alpha1.SubjectPairwise,
	})
	rp := startRelyingParty(t, testpeer.RelyingPartyOptions{Port: port, Issuer: tool.issuer, ClientID: tool.id, Scope: "openid email offline_access"})
	kim := invited(t, "kim", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleMember})
	asked := kim.get(rp.URL + "/login")
	if p := kim.allow(asked); p.status != http.StatusOK || p.url.Path != "/me" || !strings.Contains(p.text, "kim@acme.example") {
		t.Errorf("the sign-in ends at %s (%d): %s", p.url, p.status, p.text)
	}
	if p := kim.post(rp.URL+"/refresh", nil); p.status != http.StatusOK {
		t.Errorf("a refresh is answered with %d: %s", p.status, p.text)
	}
}
