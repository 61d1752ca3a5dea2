// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/network/directory"
	"github.com/roster-dev/roster/internal/testpeer"
)

// connects gives a portal its networks.
func (w *world) connects(configured ...config.Network) func(*configure) {
	return func(c *configure) {
		c.UserPrefix = prefix
		c.Networks = directory.Directory{Configured: configured, Namespace: systemNamespace, Reader: w.portal, Clock: c.Clock}
	}
}

// connector is a Member with an Account, and the Role that the operator has compiled for them.
func (w *world) connector(s *site, local string, role rosterv1alpha1.OrganizationRole, connected ...string) *browser {
	w.t.Helper()
	return w.connectorWith(s, local, rosterv1alpha1.MemberSpec{Role: role}, connected...)
}

func (w *world) connectorWith(s *site, local string, has rosterv1alpha1.MemberSpec, connected ...string) *browser {
	w.t.Helper()
	w.registered(s, local)
	for _, name := range connected {
		sp := &rosterv1alpha1.SocialProfile{}
		if err := w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: name}, sp); err != nil {
			w.t.Fatal(err)
		}
		sp.Spec.ConnectedBy = prefix + w.address(local)
		if err := w.admin.Update(context.Background(), sp); err != nil {
			w.t.Fatal(err)
		}
		w.awaitCache(sp)
	}
	m := w.joined(local, func(spec *rosterv1alpha1.MemberSpec) {
		spec.Role, spec.CanManageProfiles = has.Role, has.CanManageProfiles
	}, nil)
	w.rights(m, connected...)
	b := s.browser()
	b.post("/sign-in", signIn(w.address(local), goodPassword)).expect(w.t, http.StatusSeeOther)
	return b
}

// rights are all that a Member has as the operator compiles it, in one Role, once the API server knows.
func (w *world) rights(m *rosterv1alpha1.Member, connected ...string) {
	w.t.Helper()
	user := prefix + m.Spec.Email
	named := metav1.ObjectMeta{Namespace: w.ns, Name: "everything-of-" + m.Name}
	w.create(&rbacv1.Role{ObjectMeta: named, Rules: access.Compile(access.Sources{Spec: m.Spec, Connected: connected}, w.org.Name)})
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})
	await(w.t, func(ctx context.Context) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: w.ns, Group: rosterv1alpha1.GroupVersion.Group, Resource: "organizations", Name: w.org.Name, Verb: "get",
			},
		}}
		return w.admin.Create(ctx, review) == nil && review.Status.Allowed
	})
}

// profile makes a SocialProfile whose account is known.
func (w *world) profile(name string, spec rosterv1alpha1.SocialProfileSpec) *rosterv1alpha1.SocialProfile {
	w.t.Helper()
	sp := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: spec}
	w.create(sp)
	w.awaitCache(sp)
	return sp
}

// planOf lets the organisation have that many profiles, of which some are there.
func (w *world) planOf(limit, wanted int32) {
	w.t.Helper()
	w.org.Status.Plan = rosterv1alpha1.PlanInEffect{
		Name: "small", Contact: "sales@roster.example", SocialProfiles: rosterv1alpha1.Usage{Limit: &limit, Wanted: &wanted},
	}
	if err := w.admin.Status().Update(context.Background(), w.org); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(w.org)
}

// handedOver are the orders for the organisation, and the drafts of everybody.
func (w *world) handedOver() (orders []connection.Order, secrets []*corev1.Secret, drafts int) {
	w.t.Helper()
	var list corev1.SecretList
	if err := w.admin.List(context.Background(), &list, client.InNamespace(rosterv1alpha1.ConnectionNamespace)); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		s := &list.Items[i]
		o, err := connection.OrderOf(s)
		if err != nil {
			w.t.Fatal(err)
		}
		if o == nil {
			drafts++
		} else if o.Namespace == w.ns {
			orders, secrets = append(orders, *o), append(secrets, s)
		}
	}
	return orders, secrets, drafts
}

// answered does what the operator does with the only order.
func (w *world) answered(outcomes ...connection.Outcome) {
	w.t.Helper()
	_, secrets, _ := w.handedOver()
	if len(secrets) != 1 {
		w.t.Fatalf("%d orders", len(secrets))
	}
	if err := (connection.Answer{Outcomes: outcomes}).Put(secrets[0], now()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.admin.Update(context.Background(), secrets[0]); err != nil {
		w.t.Fatal(err)
	}
}

// fakeMastodon is the API of a server of Mastodon as its documentation has it ("accounts API methods", verify_credentials), in front of a real
// OAuth provider: that one issues the tokens, and says whose they are.
func fakeMastodon(t testing.TB, provider string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/accounts/verify_credentials", func(rw http.ResponseWriter, r *http.Request) {
		who, err := http.NewRequestWithContext(r.Context(), http.MethodGet, provider+"/me", nil)
		if err != nil {
			t.Error(err)
			return
		}
		who.Header.Set("Authorization", r.Header.Get("Authorization"))
		answer, err := http.DefaultClient.Do(who)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		var me struct {
			Sub string `json:"sub"`
		}
		if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&me) != nil {
			rw.WriteHeader(http.StatusUnauthorized)
			_, _ = rw.Write([]byte(`{"error":"The access token is invalid"}`))
			return
		}
		_ = json.NewEncoder(rw).Encode(map[string]string{"id": "10" + me.Sub, "acct": me.Sub, "display_name": "The " + me.Sub})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// mastodon is a server that people can connect accounts of.
func (w *world) mastodon(base string) (config.Network, *testpeer.OIDC) {
	w.t.Helper()
	provider, err := testpeer.StartOIDC(context.Background(), testpeer.OIDCOptions{
		Clients: []testpeer.OIDCClient{{
			ID: "roster", Secret: "app secret", RedirectURIs: []string{base + "/connect/mastodon/callback"}, AuthMethod: "client_secret_post",
		}},
		Scopes: []string{"read", "write"}, TokenPath: "/oauth/token", AuthPath: "/oauth/authorize",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := provider.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	// The name of the app's Secret is one that the portal may read.
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "roster-mastodon"}, Data: map[string][]byte{
		"client_id": []byte("roster"), "client_secret": []byte("app secret"),
	}}
	w.create(secret)
	w.t.Cleanup(func() { _ = w.admin.Delete(context.Background(), secret) })
	return config.Network{
		Name: rosterv1alpha1.NetworkMastodon, URL: fakeMastodon(w.t, provider.URL).URL, AuthURL: provider.URL, ConnectURL: provider.URL,
		Secret: "roster-mastodon", Scopes: []string{"openid", "read", "write"},
	}, provider
}

// wayTo is the page that leads to a Mastodon.
func wayTo(w *world, n config.Network, page string, more ...string) string {
	query := url.Values{"server": {n.Host()}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return "/organizations/" + w.ns + "/connect/mastodon" + page + "?" + query.Encode()
}

// there goes to the network, signs in as somebody and comes back.
func (b *browser) there(way string, provider *testpeer.OIDC, name string) answer {
	b.t.Helper()
	a := b.get(way)
	a.expect(b.t, http.StatusSeeOther)
	back, err := provider.SignIn(context.Background(), a.Header.Get("Location"), name)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.get(back.RequestURI())
}

func TestConnectingByRedirect(t *testing.T) {
	w := newWorld(t)
	n, provider := w.mastodon("http://127.0.0.1")
	s := w.site(unlimited, w.connects(n))
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector)

	profiles := "/organizations/" + w.ns + "/profiles"
	b.get("/organizations/"+w.ns).expect(t, http.StatusOK, profiles)
	b.get(profiles).expect(t, http.StatusOK, "do not manage the connection of any social profile", "Mastodon ("+n.Host()+")", "Bluesky")
	b.get(wayTo(w, n, "")).expect(t, http.StatusOK, "Continue to Mastodon")

	back := b.there(wayTo(w, n, "/go"), provider, "acme")
	back.expect(t, http.StatusSeeOther)
	if leaks := back.Header.Get("Location"); leaks != "/organizations/"+w.ns+"/connect/mastodon/choose" {
		t.Errorf("the browser is sent on to %s", leaks)
	}
	choose := back.Header.Get("Location")
	handle := "@acme@" + n.Host()
	b.get(choose).expect(t, http.StatusOK, handle, "The acme", "checked")
	b.post(choose, url.Values{}).expect(t, http.StatusUnprocessableEntity, "Choose at least one account")
	b.post(choose, url.Values{"account": {"Profile/somebody-elses"}}).expect(t, http.StatusUnprocessableEntity, "Choose at least one account")
	if orders, _, _ := w.handedOver(); len(orders) > 0 {
		t.Fatal("something was handed over before anything was chosen")
	}
	b.post(choose, url.Values{"account": {"Profile/10acme"}}).expect(t, http.StatusSeeOther)

	orders, _, _ := w.handedOver()
	if len(orders) != 1 || len(orders[0].Accounts) != 1 {
		t.Fatalf("orders %+v", orders)
	}
	o, acct := orders[0], orders[0].Accounts[0]
	member := &rosterv1alpha1.Member{}
	if err := w.admin.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: "kofi"}, member); err != nil {
		t.Fatal(err)
	}
	if o.Member != "kofi" || o.MemberUID != string(member.UID) || o.AccountUID != string(w.account(w.address("kofi")).UID) ||
		o.Network != rosterv1alpha1.NetworkMastodon || o.Server != n.Host() || o.Draft == "" {
		t.Errorf("the order is %+v", o)
	}
	if acct.ID != "10acme" || acct.Handle != handle || acct.Type != rosterv1alpha1.TypeProfile || acct.Repair != nil || acct.Renewable {
		t.Errorf("the account is %+v", acct)
	}
	if len(acct.Entries[network.KeyAccess]) == 0 || strings.Contains(s.log.String(), string(acct.Entries[network.KeyAccess])) {
		t.Errorf("the entries are %v, or are in the log", slices.Collect(maps.Keys(acct.Entries)))
	}

	w.answered(connection.Outcome{Profile: "mastodon-acme", Handle: handle, Result: connection.Added})
	b.get(profiles+"/outcome").expect(t, http.StatusOK, handle+" is connected")
	if !strings.Contains(s.log.String(), `"event":"connect","result":"success"`) {
		t.Error("the log does not say that something was connected")
	}
}

func TestConnectingGoesWrong(t *testing.T) {
	w := newWorld(t)
	n, provider := w.mastodon("http://127.0.0.1")
	s := w.site(unlimited, w.connects(n))
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector)
	callback := "/connect/mastodon/callback"
	b.get(callback+"?state=x&code=y").expect(t, http.StatusBadRequest, "does not match a connection")

	location := func(b *browser) url.Values {
		a := b.get(wayTo(w, n, "/go"))
		a.expect(t, http.StatusSeeOther)
		u, err := url.Parse(a.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return u.Query()
	}
	q := location(b)
	if q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != "http://127.0.0.1"+callback {
		t.Errorf("the network is asked with %v", q)
	}
	state := q.Get("state")
	b.get(callback+"?state=other&code=y").expect(t, http.StatusBadRequest, "does not match a connection")
	b.get("/connect/x/callback?state="+state+"&code=y").expect(t, http.StatusBadRequest, "does not match a connection")
	b.get(callback+"?error=access_denied&state="+state).expect(t, http.StatusForbidden, "without granting access", "Nothing has been changed")
	b.get(callback+"?code=made-up&state="+state).expect(t, http.StatusBadGateway, "rejected the request")
	// Somebody else's answer, in this browser.
	other := w.connector(s, "eve", rosterv1alpha1.RoleAdvancedMember)
	b.get(callback+"?code=made-up&state="+location(other).Get("state")).expect(t, http.StatusBadRequest, "does not match a connection")
	s.clock.SetTime(now().Add(connection.DraftLifetime))
	b.get(callback+"?code=made-up&state="+state).expect(t, http.StatusBadRequest, "took too long")
	if orders, _, _ := w.handedOver(); len(orders) > 0 {
		t.Errorf("%d orders came of that", len(orders))
	}
	// From another site, another host of the same domain or a mail, a click is asked for first.
	for _, site := range []string{"cross-site", "same-site", "none"} {
		b.header.Set("Sec-Fetch-Site", site)
		b.get(wayTo(w, n, "/go")).expect(t, http.StatusOK, "Continue to Mastodon")
	}
	b.header.Set("Sec-Fetch-Site", "same-origin")
	b.get(wayTo(w, n, "/go")).expect(t, http.StatusSeeOther)
	b.header.Del("Sec-Fetch-Site")
	// The app of the network is missing.
	if err := w.admin.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "roster-mastodon"}}); err != nil {
		t.Fatal(err)
	}
	b.get(wayTo(w, n, "/go")).expect(t, http.StatusServiceUnavailable, "is not set up here yet")
	_ = provider
}

func TestWhoMayConnect(t *testing.T) {
	w := newWorld(t)
	n, _ := w.mastodon("http://127.0.0.1")
	s := w.site(unlimited, w.connects(n))
	own := w.profile("own", rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@own@" + n.Host(), ConnectedBy: w.address("kofi")})
	other := w.profile("other", rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@other@" + n.Host()})
	connector := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector, own.Name)
	member := w.connector(s, "mia", rosterv1alpha1.RoleMember)
	switched := w.connectorWith(s, "sam", rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleMember, CanManageProfiles: ptr.To(true)})
	advanced := w.connector(s, "ada", rosterv1alpha1.RoleAdvancedMember)
	manager := w.connector(s, "max", rosterv1alpha1.RoleManager)
	elsewhere := newWorld(t)
	outsider := elsewhere.connector(elsewhere.site(unlimited, elsewhere.connects(n)), "out", rosterv1alpha1.RoleManager)
	profiles := "/organizations/" + w.ns + "/profiles"

	page := connector.get(profiles)
	page.expect(t, http.StatusOK, own.Spec.Handle, "Not connected", "Choose its network")
	if strings.Contains(page.body, other.Spec.Handle) {
		t.Error("a ProfileConnector sees the profile of somebody else")
	}
	connector.get(wayTo(w, n, "", "profile", own.Name)).expect(t, http.StatusOK, "Reconnect "+own.Spec.Handle)
	for _, page := range []string{"", "/go"} {
		hidden, none := connector.get(wayTo(w, n, page, "profile", other.Name)), connector.get(wayTo(w, n, page, "profile", "none"))
		hidden.expect(t, http.StatusNotFound, "Page not found")
		if none.StatusCode != hidden.StatusCode || none.body != hidden.body {
			t.Errorf("%q tells which profiles there are", page)
		}
	}
	connector.get(profiles+"/"+own.Name+"/remove").expect(t, http.StatusOK, "Remove "+own.Spec.Handle)
	connector.get(profiles+"/"+other.Name+"/remove").expect(t, http.StatusNotFound)
	connector.get(profiles+"/none/remove").expect(t, http.StatusNotFound)

	member.get(profiles).expect(t, http.StatusOK, "You do not have permission to add profiles here", "Olivia Martin")
	member.get(wayTo(w, n, "")).expect(t, http.StatusForbidden, "You cannot connect this profile")
	member.get(wayTo(w, n, "/go")).expect(t, http.StatusForbidden, "You cannot connect this profile")
	member.post("/organizations/"+w.ns+"/connect/bluesky", url.Values{"handle": {"a"}, "appPassword": {"b"}}).expect(t, http.StatusForbidden)

	for _, b := range []*browser{switched, advanced} {
		b.get(wayTo(w, n, "/go")).expect(t, http.StatusSeeOther)
		b.get(wayTo(w, n, "/go", "profile", own.Name)).expect(t, http.StatusNotFound)
	}
	manager.get(profiles).expect(t, http.StatusOK, own.Spec.Handle, other.Spec.Handle)
	manager.get("/organizations/"+w.ns+"/connect/facebook").expect(t, http.StatusNotFound) // there is no app
	manager.get("/organizations/"+w.ns+"/connect/mastodon?server=evil.example").expect(t, http.StatusNotFound)
	outsider.get(profiles).expect(t, http.StatusNotFound)
	s.browser().get(profiles).expect(t, http.StatusSeeOther)

	w.planOf(5, 5)
	manager.get(profiles).expect(t, http.StatusOK, "as many social profiles as its plan allows", "sales@roster.example")
	manager.get(wayTo(w, n, "/go")).expect(t, http.StatusForbidden, "Profile limit reached", "sales@roster.example")
	manager.get(wayTo(w, n, "", "profile", own.Name)).expect(t, http.StatusOK) // it has its place
}

func TestConnectingAnew(t *testing.T) {
	w := newWorld(t)
	n, provider := w.mastodon("http://127.0.0.1")
	s := w.site(unlimited, w.connects(n))
	own := w.profile("own", rosterv1alpha1.SocialProfileSpec{
		Network: "Mastodon", Handle: "@acme@" + n.Host(), AccountID: "10acme", ConnectedBy: w.address("kofi"),
	})
	taken := w.profile("taken", rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@taken@" + n.Host(), AccountID: "10taken"})
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector, own.Name)

	repair := wayTo(w, n, "/go", "profile", own.Name)
	wrong := b.there(repair, provider, "elsewhere")
	b.get(wrong.Header.Get("Location")).expect(t, http.StatusForbidden, "does not give access to "+own.Spec.Handle, "Nothing has been changed")
	right := b.there(repair, provider, "acme").Header.Get("Location")
	b.get(right).expect(t, http.StatusOK, own.Spec.Handle+" gets a new connection")
	b.post(right, url.Values{"account": {"Profile/10acme"}}).expect(t, http.StatusSeeOther)
	orders, _, _ := w.handedOver()
	if len(orders) != 1 || orders[0].Accounts[0].Repair == nil || *orders[0].Accounts[0].Repair != (connection.Profile{Name: own.Name, UID: string(own.UID)}) {
		t.Fatalf("orders %+v", orders)
	}
	w.answered(connection.Outcome{Profile: own.Name, Handle: own.Spec.Handle, Result: connection.Repaired})
	b.get("/organizations/"+w.ns+"/profiles/outcome").expect(t, http.StatusOK, own.Spec.Handle+" has a new connection")

	// As if it were new: it is known; what others connected is not given.
	again := b.there(wayTo(w, n, "/go"), provider, "acme").Header.Get("Location")
	b.get(again).expect(t, http.StatusOK, "Already connected: it gets a new connection")
	others := b.there(wayTo(w, n, "/go"), provider, "taken").Header.Get("Location")
	b.get(others).expect(t, http.StatusOK, "Already connected by someone else", "disabled")
	b.post(others, url.Values{"account": {"Profile/" + taken.Spec.AccountID}}).expect(t, http.StatusUnprocessableEntity, "Choose at least one")
}

func TestConnectingByAppPassword(t *testing.T) {
	w := newWorld(t)
	server, err := testpeer.StartBluesky(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	acme, err := server.CreateAccount(t.Context(), "acme-social", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	password, err := server.AppPassword(t.Context(), acme, "roster")
	if err != nil {
		t.Fatal(err)
	}
	s := w.site(unlimited, w.connects(config.Network{Name: rosterv1alpha1.NetworkBluesky, URL: server.URL}))
	b := w.connector(s, "kofi", rosterv1alpha1.RoleAdvancedMember)
	page := "/organizations/" + w.ns + "/connect/bluesky"
	b.get(page).expect(t, http.StatusOK, "App password")
	b.post(page, url.Values{}).expect(t, http.StatusUnprocessableEntity, "Enter the handle", "Enter an app password")
	for _, other := range []string{"@acme@mastodon.example", "https://mastodon.example/@acme", "acme"} {
		b.post(page, url.Values{"handle": {other}, "appPassword": {"wxyz-wxyz-wxyz-wxyz"}}).expect(t, http.StatusUnprocessableEntity,
			"not a Bluesky handle", "acme.bsky.social")
	}
	typed := url.Values{"handle": {"@" + acme.Handle}, "appPassword": {"wxyz-wxyz-wxyz-wxyz"}}
	refused := b.post(page, typed)
	refused.expect(t, http.StatusUnprocessableEntity, "Wrong handle or app password", acme.Handle)
	if strings.Contains(refused.body, "wxyz") {
		t.Error("the app password is on the page")
	}
	for _, pasted := range []string{"\u202a" + acme.Handle + "\u202c", "https://bsky.app/profile/" + acme.Handle} {
		b.post(page, url.Values{"handle": {pasted}, "appPassword": {password}}).expect(t, http.StatusSeeOther)
	}
	typed.Set("appPassword", password)
	a := b.post(page, typed)
	a.expect(t, http.StatusSeeOther)
	choose := a.Header.Get("Location")
	b.get(choose).expect(t, http.StatusOK, acme.Handle)
	b.post(choose, url.Values{"account": {"Profile/" + acme.DID}}).expect(t, http.StatusSeeOther)
	orders, secrets, _ := w.handedOver()
	if len(orders) != 1 || "http://"+orders[0].Server != server.URL || string(orders[0].Accounts[0].Entries[network.KeyAppPassword]) != password || !orders[0].Accounts[0].Renewable {
		t.Fatalf("orders %+v", orders)
	}
	if strings.Contains(s.log.String(), password) {
		t.Error("the app password is in the log")
	}

	// The operator may not store it yet.
	secrets[0].Annotations = map[string]string{connection.Waiting: connection.WaitsForSecrets}
	if err := w.admin.Update(t.Context(), secrets[0]); err != nil {
		t.Fatal(err)
	}
	outcome := "/organizations/" + w.ns + "/profiles/outcome"
	b.get(outcome).expect(t, http.StatusAccepted, "This is taking a little longer", "does not have permission to store connections", "Check again")
	w.answered(connection.Outcome{Handle: acme.Handle, Result: connection.ProfileLimit, Contact: "sales@roster.example"})
	b.get(outcome).expect(t, http.StatusOK, "Some changes could not be made", "allows no more profiles", "sales@roster.example")
	other := w.connector(s, "eve", rosterv1alpha1.RoleManager)
	other.get(outcome).expect(t, http.StatusSeeOther) // hers to see is nothing
}
