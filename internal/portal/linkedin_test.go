// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/testpeer"
)

// fakeLinkedIn answers about organisations as its documentation has it ("Organization Access Control by Role", "Organization Lookup"). The
// person looks after the content of Acme, and at the numbers of another.
func fakeLinkedIn(t testing.TB) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("LinkedIn-Version") == "" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/rest/organizationAcls":
			_, _ = io.WriteString(w, `{"elements":[{"role":"CONTENT_ADMINISTRATOR","organization":"urn:li:organization:5","state":"APPROVED"},
				{"role":"ANALYST","organization":"urn:li:organization:8","state":"APPROVED"}]}`)
		case r.URL.RawQuery == "ids=List(5)":
			_, _ = io.WriteString(w, `{"results":{"5":{"vanityName":"acme","localizedName":"Acme Inc.","id":5}}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// linkedIn is LinkedIn with a real OAuth provider.
func (w *world) linkedIn(base string) (config.Network, *testpeer.OIDC) {
	w.t.Helper()
	provider, err := testpeer.StartOIDC(context.Background(), testpeer.OIDCOptions{
		Clients: []testpeer.OIDCClient{{
			ID: "roster", Secret: "app secret", RedirectURIs: []string{base + "/connect/linkedin/callback"}, AuthMethod: "client_secret_post",
		}},
		Scopes:    []string{"r_organization_admin", "w_organization_social", "r_organization_social"},
		TokenPath: "/oauth/v2/accessToken", AuthPath: "/oauth/v2/authorization", PKCEOptional: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := provider.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "roster-linkedin"}, Data: map[string][]byte{
		"client_id": []byte("roster"), "client_secret": []byte("app secret"),
	}}
	w.create(secret)
	w.t.Cleanup(func() { _ = w.admin.Delete(context.Background(), secret) })
	return config.Network{
		Name: rosterv1alpha1.NetworkLinkedIn, URL: fakeLinkedIn(w.t).URL, AuthURL: provider.URL, ConnectURL: provider.URL, Secret: "roster-linkedin",
		Scopes: []string{"w_organization_social", "r_organization_social", "openid"},
	}, provider
}

// TestContentAdministratorsAreOfferedTheirPages: who may publish as an organisation on LinkedIn connects it, without administering it.
func TestContentAdministratorsAreOfferedTheirPages(t *testing.T) {
	w := newWorld(t)
	n, provider := w.linkedIn("http://127.0.0.1")
	s := w.site(unlimited, w.connects(n))
	b := w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector)
	way := "/organizations/" + w.ns + "/connect/linkedin"
	b.there(way+"/go", provider, "kofi").expect(t, http.StatusSeeOther)
	choose := b.get(way + "/choose")
	choose.expect(t, http.StatusOK, "Acme Inc.")
	if strings.Contains(choose.body, "organization:8") {
		t.Error("an organisation is offered whose numbers the person may only look at")
	}
	b.post(way+"/choose", url.Values{"account": {"Profile/urn:li:organization:5"}}).expect(t, http.StatusSeeOther)
	orders, _, _ := w.handedOver()
	if len(orders) != 1 || len(orders[0].Accounts) != 1 || orders[0].Accounts[0].ID != "urn:li:organization:5" || orders[0].Accounts[0].Handle != "acme" {
		t.Errorf("handed over: %+v", orders)
	}
}
