// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/testpeer"
)

// studio is a tool of the platform that all organisations work with: on a server, with a secret.
func studio(c *configure) {
	sum := sha256.Sum256([]byte(wikiSecret))
	c.OpenID.Clients = append(c.OpenID.Clients, config.OpenIDClient{
		ID: "studio", DisplayName: "Studio", Type: rosterv1alpha1.ApplicationWeb, RedirectURIs: []string{callback},
		SecretHashes: []string{base64.RawURLEncoding.EncodeToString(sum[:])},
	})
}

// named gives the organisation a name of its own.
func (w *world) named(name string) {
	w.t.Helper()
	o := w.organization()
	o.Spec.DisplayName = name
	if err := w.admin.Update(context.Background(), o); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(o)
}

// joins makes somebody of another organisation a member of this one, too.
func (w *world) joins(other *world, local, role string) *rosterv1alpha1.Member {
	w.t.Helper()
	m := w.member(local, other.address(local), func(m *rosterv1alpha1.Member) {
		m.Spec.Role = rosterv1alpha1.OrganizationRole(role)
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(other.address(local)).Name}
	})
	w.create(m)
	m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, Role: role}
	if err := w.admin.Status().Update(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(m)
	return m
}

// choice is where the page leads that asks for an organisation; the menu has a link of that name, too.
func choice(t *testing.T, page answer, organization string) string {
	t.Helper()
	_, page.body, _ = strings.Cut(page.body, "<main")
	return goOn(t, page, organization)
}

// organizationOf is what the tokens of a flow say of organisations.
func organizationOf(t *testing.T, f flow, back *url.URL) (id, role string, sid any) {
	t.Helper()
	token, err := f.exchange(back.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	_, claims := f.claims(token)
	o, _ := claims["organization"].(map[string]any)
	id, _ = o["id"].(string)
	role, _ = claims["role"].(string)
	return id, role, claims["sid"]
}

// TestThePersonChoosesTheOrganisation: AG-21. One account, several organisations: a token speaks of one of them.
func TestThePersonChoosesTheOrganisation(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s, b := w.provider(studio)
	other.named("Beacon")
	p := s.party("studio", "organization")

	t.Run("there is nothing to choose in one organisation", func(t *testing.T) {
		f := p.begin()
		back, page := b.through(f.url)
		if back == nil {
			t.Fatalf("%d\n%s", page.StatusCode, page.body)
		}
		if id, role, _ := organizationOf(t, f, back); id != w.ns || role != "Member" {
			t.Errorf("%s, %s", id, role)
		}
	})
	other.joins(w, "ana", "Manager")
	f := p.begin()
	back, page := b.through(f.url)
	if back != nil {
		t.Fatalf("nobody was asked, and Ana is sent to %s", back)
	}
	page.expect(t, http.StatusOK, "Choose an organisation", "Studio works with one organisation at a time", w.address("ana"),
		"your role and your teams in the organisation that you choose", "Use another account")
	if strings.Index(page.body, ">Acme Social<") > strings.Index(page.body, ">Beacon<") {
		t.Error("the organisations are in no order")
	}
	sessions := map[any]string{}
	for name, want := range map[string]struct{ id, role string }{"Acme Social": {w.ns, "Member"}, "Beacon": {other.ns, "Manager"}} {
		f := p.begin()
		_, page := b.through(f.url)
		back, after := b.through(choice(t, page, name))
		if back == nil {
			t.Fatalf("%s was chosen: %d\n%s", name, after.StatusCode, after.body)
		}
		id, role, sid := organizationOf(t, f, back)
		if id != want.id || role != want.role {
			t.Errorf("%s was chosen, the token speaks of %s, %s", name, id, role)
		}
		if sessions[sid] != "" {
			t.Errorf("%s and %s are one session for the tool: when one of them ends, it is not told", name, sessions[sid])
		}
		sessions[sid] = name
	}
	if cancel, _ := url.Parse(goOn(t, page, "Cancel")); errorOf(t, cancel, page) != "access_denied" {
		t.Errorf("cancelling leads to %s", cancel)
	}

	t.Run("the tool can say which", func(t *testing.T) {
		f := p.begin(parameter("organization", other.ns), parameter("prompt", "none"))
		back, page := b.through(f.url)
		if back == nil {
			t.Fatalf("%d\n%s", page.StatusCode, page.body)
		}
		if id, _, _ := organizationOf(t, f, back); id != other.ns {
			t.Errorf("the token speaks of %s", id)
		}
	})
	for name, tc := range map[string]struct {
		of       *browser
		more     []oauth2.AuthCodeOption
		scopes   []string
		clientID string
		want     string
	}{
		"a choice needs a page":           {of: b, want: "interaction_required"},
		"of an organisation of others":    {of: w.signedIn(s, "eve"), more: []oauth2.AuthCodeOption{parameter("organization", w.ns)}, want: "access_denied"},
		"of none that there is":           {of: b, more: []oauth2.AuthCodeOption{parameter("organization", "nowhere")}, want: "access_denied"},
		"without the scope":               {of: b, more: []oauth2.AuthCodeOption{parameter("organization", w.ns)}, scopes: []string{"openid"}, want: "invalid_request"},
		"of another than the application": {of: b, more: []oauth2.AuthCodeOption{parameter("organization", other.ns)}, clientID: w.application("wiki").ClientID(), want: "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.party("studio", "organization")
			if tc.clientID != "" {
				p.config.ClientID = tc.clientID
			}
			if tc.scopes != nil {
				p.config.Scopes = tc.scopes
			}
			back, page := tc.of.through(p.begin(append(tc.more, parameter("prompt", "none"))...).url)
			if got := errorOf(t, back, page); got != tc.want {
				t.Errorf("the tool is told %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("a stranger's page tells of no organisation", func(t *testing.T) {
		_, page := w.signedIn(s, "eve").through(p.begin(parameter("organization", other.ns)).url)
		page.expect(t, http.StatusForbidden, "asks for an organisation that you do not belong to")
		if strings.Contains(page.body, "Beacon") {
			t.Error("it does")
		}
	})
	t.Run("a choice is good for the person who made it", func(t *testing.T) {
		_, page := b.through(p.begin().url)
		link := choice(t, page, "Beacon")
		_, page = w.signedIn(s, "eve").through(link)
		page.expect(t, http.StatusForbidden, "asks for an organisation that you do not belong to")
	})
	t.Run("being suspended in one organisation ends what spoke of it, and only that", func(t *testing.T) {
		p := s.party("studio", "organization", "offline_access")
		refresh := map[string]string{}
		for _, ns := range []string{w.ns, other.ns} {
			f := p.begin(parameter("organization", ns))
			refresh[ns] = f.tokens(b).RefreshToken
		}
		other.changeMember("ana", func(spec *rosterv1alpha1.MemberSpec) { spec.Suspended = ptr.To(true) })
		if _, err := p.refresh(refresh[other.ns]); !refusedAs(err, "invalid_grant") {
			t.Errorf("once she is suspended there: %v", err)
		}
		if _, err := p.refresh(refresh[w.ns]); err != nil {
			t.Errorf("in the other organisation: %v", err)
		}
	})
}

// An organisation that asks for its company's sign-in is not shown to a session that does not have it; the way to it is.
func TestOrganisationsThatRequireAnotherWay(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{"ana": verified(w.address("ana"))})
	s, b := w.provider(studio, companies(acme))
	other.named("Beacon")
	other.joins(w, "ana", "Manager")
	w.sso("acme", rosterv1alpha1.SignInSSO)
	f := s.party("studio", "organization").begin()
	_, page := b.through(f.url)
	page.expect(t, http.StatusOK, "Choose an organisation", ">Beacon<", "It requires another way to sign in", "Continue with The acme company")
	if strings.Contains(page.body, "Acme Social") {
		t.Error("the page tells of the organisation that the session does not open")
	}
	_, page = b.through(b.at(acme, "ana", page.Request.URL.RequestURI()).Header.Get("Location"))
	page.expect(t, http.StatusOK, ">Acme Social<")
	back, _ := b.through(choice(t, page, "Acme Social"))
	if back == nil {
		t.Fatal("the company's sign-in does not open its organisation")
	}
	if id, _, _ := organizationOf(t, f, back); id != w.ns {
		t.Errorf("the token speaks of %s", id)
	}
}

// Somebody at a device chooses, too.
func TestDevicesAskForTheOrganisation(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s, b := w.provider()
	other.named("Beacon")
	other.joins(w, "ana", "Manager")
	p := s.party("kubectl", "organization")
	p.config.Endpoint.DeviceAuthURL = "http://127.0.0.1/openid/device-authorization"
	asked, err := p.config.DeviceAuth(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	at := "/device/" + asked.UserCode
	b.get(at).expect(t, http.StatusOK, "Choose an organisation", "Acme Social", "Beacon")
	b.post(at, url.Values{"action": {"approve"}}).expect(t, http.StatusUnprocessableEntity, "Choose the organisation that you want to work in")
	b.post(at, url.Values{"action": {"approve"}, "organization": {"nowhere"}}).expect(t, http.StatusForbidden)
	b.post(at, url.Values{"action": {"approve"}, "organization": {other.ns}}).expect(t, http.StatusOK, "You are signed in")
	s.clock.SetTime(s.clock.Now().Add(5 * time.Second))
	_, said := p.post("/openid/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {asked.DeviceCode}, "client_id": {"kubectl"},
	})
	_, claims := p.claims((&oauth2.Token{}).WithExtra(said))
	if o, _ := claims["organization"].(map[string]any); o["id"] != other.ns || claims["role"] != "Manager" {
		t.Errorf("%v", claims)
	}
	if status, said := p.post("/openid/device-authorization", url.Values{
		"client_id": {"kubectl"}, "scope": {"openid"}, "organization": {w.ns},
	}); status != http.StatusBadRequest || said["error"] != "invalid_request" {
		t.Errorf("an organisation without the scope: %d %v", status, said)
	}
	hinted, err := p.config.DeviceAuth(p.ctx, parameter("organization", w.ns))
	if err != nil {
		t.Fatal(err)
	}
	page := b.get("/device/" + hinted.UserCode)
	page.expect(t, http.StatusOK, "your role and your teams in Acme Social")
	if strings.Contains(page.body, "Choose an organisation") {
		t.Error("it asks, although the program has said which")
	}
}

// The secrets of a tool of the platform are known by their hashes.
func TestPlatformToolsHaveSecrets(t *testing.T) {
	w := newWorld(t)
	s, b := w.provider(studio)
	p := s.party("studio")
	p.begin().tokens(b)
	p.config.ClientSecret = "a guess"
	f := p.begin()
	if _, err := f.exchange(f.code(b)); !refusedAs(err, "invalid_client") {
		t.Errorf("with another secret: %v", err)
	}
	p.config.ClientSecret, p.config.Endpoint.AuthStyle = "", oauth2.AuthStyleInParams
	f = p.begin()
	if _, err := f.exchange(f.code(b)); !refusedAs(err, "invalid_client") {
		t.Errorf("without a secret: %v", err)
	}
}

// People see what they are signed in to, and sign out of it there.
func TestSignInsAreListed(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s, b := w.provider(studio)
	other.named("Beacon")
	other.joins(w, "ana", "Manager")
	b.get("/account").expect(t, http.StatusOK, `href="/account/applications"`)
	b.get("/account/applications").expect(t, http.StatusOK, "You are not signed in to any tool from here")
	wiki := s.party(w.application("wiki").ClientID(), "offline_access")
	studios := s.party("studio", "organization", "offline_access")
	signIn := func(b *browser, p *party, ns string) string {
		if ns == "" {
			return p.begin().tokens(b).RefreshToken
		}
		return p.begin(parameter("organization", ns)).tokens(b).RefreshToken
	}
	tokens := map[string]string{"The wiki": signIn(b, wiki, ""), "Studio": signIn(b, studios, other.ns)}
	eves := w.signedIn(s, "eve")
	w.joined("eve", nil, nil)
	evesToken := signIn(eves, wiki, "")
	page := b.get("/account/applications")
	page.expect(t, http.StatusOK, "The wiki", "Acme Social", "Studio", "Beacon", "Last used:")
	if n := strings.Count(page.body, `name="grant"`); n != 2 {
		t.Errorf("%d sign-ins are listed", n)
	}
	grantOf := func(local, clientID string) string {
		for _, g := range w.grants(local) {
			if g.Client == clientID {
				return g.ID
			}
		}
		return ""
	}
	b.post("/account/applications", url.Values{"grant": {grantOf("eve", wiki.config.ClientID)}}).expect(t, http.StatusSeeOther)
	if _, err := wiki.refresh(evesToken); err != nil {
		t.Errorf("Ana has signed Eve out: %v", err)
	}
	b.post("/account/applications", url.Values{"grant": {grantOf("ana", wiki.config.ClientID)}}).expect(t, http.StatusSeeOther)
	if _, err := wiki.refresh(tokens["The wiki"]); !refusedAs(err, "invalid_grant") {
		t.Errorf("signed out of the wiki: %v", err)
	}
	page = b.get("/account/applications")
	page.expect(t, http.StatusOK, "Studio")
	if strings.Contains(page.body, "The wiki") {
		t.Error("what somebody has signed out of is still listed")
	}
	other.sso("acme", rosterv1alpha1.SignInSSO)
	page = b.get("/account/applications")
	if strings.Contains(page.body, "Beacon") || strings.Contains(page.body, "Studio") {
		t.Error("the page tells of an organisation that the session does not open")
	}
	b.post("/account/applications", url.Values{"action": {"everything"}}).expect(t, http.StatusSeeOther)
	for _, g := range w.grants("ana") {
		if g.Ending == nil {
			t.Errorf("still signed in to %s", g.Client)
		}
	}
}
