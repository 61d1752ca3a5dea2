// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// studioFor is the tool studio for some roles.
func studioFor(roles ...rosterv1alpha1.OrganizationRole) func(*configure) {
	return func(c *configure) {
		studio(c)
		c.OpenID.Clients[len(c.OpenID.Clients)-1].Roles = roles
		c.OpenID.Clients[0].Roles = roles // of kubectl, for devices
	}
}

// TestToolsOfThePlatformAreForRoles: Ana is a Member of one organisation, a Manager of the second, and has a role of its own in the third.
func TestToolsOfThePlatformAreForRoles(t *testing.T) {
	w, other, third := newWorld(t), newWorld(t), newWorld(t)
	s, b := w.provider(studioFor(rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember))
	wide := w.site(unlimited, w.provides, studioFor(rosterv1alpha1.RoleManager, rosterv1alpha1.RoleMember)).today()
	w.joined("eve", nil, nil)
	other.named("Beacon")
	other.joins(w, "ana", "Manager")
	third.named("Circle")
	third.joins(w, "ana", "press")
	p := s.party("studio", "organization", "offline_access")

	t.Run("an organisation in which the role is for it is not chosen from others", func(t *testing.T) {
		f := p.begin()
		back, page := b.through(f.url)
		if back == nil {
			t.Fatalf("%d\n%s", page.StatusCode, page.body)
		}
		if id, role, _ := organizationOf(t, f, back); id != other.ns || role != "Manager" {
			t.Errorf("%s, %s", id, role)
		}
	})
	t.Run("those in which it is are offered", func(t *testing.T) {
		_, page := w.signedIn(wide, "ana").through(wide.party("studio", "organization").begin().url)
		page.expect(t, http.StatusOK, "Choose an organisation", ">Acme Social<", ">Beacon<")
		if _, offered, _ := strings.Cut(page.body, "<main"); strings.Contains(offered, "Circle") {
			t.Error("so is one in which it is not")
		}
	})
	t.Run("the tool asks for one in which it is not", func(t *testing.T) {
		back, page := b.through(p.begin(parameter("organization", w.ns)).url)
		if back != nil {
			t.Fatalf("let in: %s", back)
		}
		page.expect(t, http.StatusForbidden, "You cannot open Studio yet", "In Acme Social, Studio is open to other roles or teams than yours")
		back, page = b.through(p.begin(parameter("organization", w.ns), parameter("prompt", "none")).url)
		if got := errorOf(t, back, page); got != "access_denied" {
			t.Errorf("the tool is told %s", got)
		}
	})
	t.Run("somebody who has the role nowhere", func(t *testing.T) {
		eve := w.signedIn(s, "eve")
		for _, scopes := range [][]string{{"openid"}, {"openid", "organization"}} {
			p := s.party("studio")
			p.config.Scopes = scopes
			back, page := eve.through(p.begin().url)
			if back != nil {
				t.Fatalf("%v: let in: %s", scopes, back)
			}
			page.expect(t, http.StatusForbidden, "Studio is open to other roles than those that you have in your organisations")
			back, page = eve.through(p.begin(parameter("prompt", "none")).url)
			if got := errorOf(t, back, page); got != "access_denied" {
				t.Errorf("the tool is told %s", got)
			}
		}
		s.party("studio").begin().tokens(b) // Ana has it somewhere.
	})
	t.Run("at a device", func(t *testing.T) {
		program := s.party("kubectl", "organization")
		program.config.Endpoint.DeviceAuthURL = "http://127.0.0.1/openid/device-authorization"
		asked, err := program.config.DeviceAuth(program.ctx)
		if err != nil {
			t.Fatal(err)
		}
		b.get("/device/"+asked.UserCode).expect(t, http.StatusOK, "your role and your teams in Beacon")
		eve := w.signedIn(s, "eve")
		eve.get("/device/"+asked.UserCode).expect(t, http.StatusForbidden, "kubectl is open to other roles")
		eve.post("/device/"+asked.UserCode, url.Values{"action": {"approve"}}).expect(t, http.StatusForbidden, "kubectl is open to other roles")
	})
}

// TestRefreshingAsksForTheRole that the tool is for, as the portal has it that is asked.
func TestRefreshingAsksForTheRole(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider(studioFor(rosterv1alpha1.RoleMember))
	narrower := w.site(unlimited, w.provides, studioFor(rosterv1alpha1.RoleManager)).today()
	without := w.site(unlimited, w.provides).today()
	p := s.party("studio", "organization", "offline_access")
	token := p.begin().tokens(b)
	if _, err := narrower.party("studio").refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("at a portal whose configuration has other roles: %v", err)
	}
	if _, err := without.party("studio").refresh(token.RefreshToken); !refusedAs(err, "invalid_client") {
		t.Errorf("at a portal whose configuration has no such tool: %v", err)
	}
	w.signedIn(without, "ana").get("/account/applications").expect(t, http.StatusOK, "studio", "Acme Social")
	token, err := p.refresh(token.RefreshToken)
	if err != nil {
		t.Fatalf("at the first again: %v", err)
	}
	w.changeMember("ana", func(m *rosterv1alpha1.MemberSpec) { m.Role = rosterv1alpha1.RoleAdvancedMember })
	if _, err := p.refresh(token.RefreshToken); !refusedAs(err, "invalid_grant") {
		t.Errorf("once the role is another: %v", err)
	}
}
