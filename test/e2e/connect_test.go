// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testpeer"
)

// TestConnectingAProfile is what an outsider is invited for: to connect a profile of their own, and to repair and remove it. The network is
// a real Bluesky server.
func TestConnectingAProfile(t *testing.T) {
	server, err := testpeer.StartBluesky(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	networks := filepath.Join(t.TempDir(), "networks.yaml")
	if err := os.WriteFile(networks, fmt.Appendf(nil, "networks:\n- name: Bluesky\n  url: %s\n", server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, t.TempDir(), append(anyPorts(), "--networks="+networks)...)
	c := &connector{demo: d, visit: visitor(t), bluesky: server}
	c.accept()
	c.connect()
	c.lose()
	c.repair()
	c.remove()
}

// connector is Abena, an outsider, who has a handle on Bluesky.
type connector struct {
	*demo
	visit    func(method, link string, form url.Values) (int, string)
	bluesky  *testpeer.Bluesky
	account  testpeer.BlueskyAccount
	base     string
	password string
}

const abena = "abena@agency.example"

func (c *connector) accept() {
	c.t.Helper()
	if err := c.client.Create(c.t.Context(), &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Name: "abena", Namespace: c.env["ROSTER_NAMESPACE"]},
		Spec:       rosterv1alpha1.InvitationSpec{Email: abena, Role: rosterv1alpha1.RoleProfileConnector, InvitedBy: "olivia@acme.example"},
	}); err != nil {
		c.t.Fatal(err)
	}
	link := c.linkIn(c.mailTo(abena))
	before, _, _ := strings.Cut(link, "/invitations/")
	c.base = before
	c.eventually("the link works", func(context.Context) error { // a mail can be faster than the cluster
		if status, page := c.visit(http.MethodGet, link, nil); status != http.StatusOK {
			return fmt.Errorf("%d: %s", status, page)
		}
		return nil
	})
	c.post(link, "Welcome", url.Values{
		"action": {"accept"}, "displayName": {"Abena Owusu"}, "locale": {"en"}, "password": {goodPassword}, "confirm": {goodPassword},
	})
	c.waitActive(memberOf(c.t, c.demo, "abena"))
	c.eventually("Abena may connect profiles", func(context.Context) error {
		if !c.may(abena, "create", "") {
			return fmt.Errorf("%s may not create socialprofiles", abena)
		}
		return nil
	})
}

// page is one of the organisation's.
func (c *connector) page(path string) string {
	return c.base + "/organizations/" + c.env["ROSTER_NAMESPACE"] + path
}

func (c *connector) post(link, says string, form url.Values) string {
	c.t.Helper()
	status, page := c.visit(http.MethodPost, link, form)
	if status != http.StatusOK || !strings.Contains(page, says) {
		c.t.Fatalf("POST %s: %d, lacks %q: %s", link, status, says, page)
	}
	return page
}

// typePassword makes an app password at Bluesky, types it and chooses the account.
func (c *connector) typePassword(profile, outcome string) {
	c.t.Helper()
	var err error
	if c.password, err = c.bluesky.AppPassword(c.t.Context(), c.account, "roster "+outcome); err != nil {
		c.t.Fatal(err)
	}
	query := ""
	if profile != "" {
		query = "?profile=" + profile
	}
	form := url.Values{"handle": {c.account.Handle}, "appPassword": {c.password}}
	c.post(c.page("/connect/bluesky"+query), "Choose what to connect on Bluesky", form)
	c.post(c.page("/connect/bluesky/choose"), outcome, url.Values{"account": {"Profile/" + c.account.DID}})
}

func (c *connector) connect() {
	c.t.Helper()
	var err error
	if c.account, err = c.bluesky.CreateAccount(c.t.Context(), "abena-social", "correct horse battery"); err != nil {
		c.t.Fatal(err)
	}
	c.typePassword("", c.account.Handle+" is connected")
	sp := c.profile()
	if sp.Spec.Network != rosterv1alpha1.NetworkBluesky || sp.Spec.AccountID != c.account.DID || sp.Spec.ConnectedBy != abena ||
		sp.Spec.Refresh != rosterv1alpha1.RefreshBeforeExpiry || sp.Spec.ResponsibleRef != nil {
		c.t.Errorf("the profile is %+v", sp.Spec)
	}
	c.waitConnected(metav1.ConditionTrue)
	secret := c.tokens(sp)
	if len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != sp.UID || string(secret.Data["app_password"]) != c.password {
		c.t.Errorf("the Secret belongs to %v", secret.OwnerReferences)
	}
	c.eventually("Abena looks after the profile", func(context.Context) error {
		if !c.may(abena, "connect", sp.Name) {
			return fmt.Errorf("%s may not connect %s", abena, sp.Name)
		}
		return nil
	})
	if c.may(abena, "publish", sp.Name) || c.may(abena, "connect", "acme-fb") {
		c.t.Error("Abena may do more than connect what she connected")
	}
}

// profile is the one on Bluesky that Abena connected.
func (c *connector) profile() *rosterv1alpha1.SocialProfile {
	c.t.Helper()
	var list rosterv1alpha1.SocialProfileList
	if err := c.client.List(c.t.Context(), &list, client.InNamespace(c.env["ROSTER_NAMESPACE"])); err != nil {
		c.t.Fatal(err)
	}
	var found []*rosterv1alpha1.SocialProfile
	for i := range list.Items {
		if list.Items[i].Spec.ConnectedBy == abena {
			found = append(found, &list.Items[i])
		}
	}
	if len(found) != 1 {
		c.t.Fatalf("Abena connected %d profiles", len(found))
	}
	return found[0]
}

func (c *connector) tokens(sp *rosterv1alpha1.SocialProfile) *corev1.Secret {
	c.t.Helper()
	secret := &corev1.Secret{}
	if err := c.get(c.t.Context(), sp.Spec.CredentialsSecretRef.Name, secret); err != nil {
		c.t.Fatal(err)
	}
	return secret
}

func (c *connector) waitConnected(want metav1.ConditionStatus) {
	c.t.Helper()
	c.eventually("Connected is "+string(want), func(context.Context) error {
		sp := c.profile()
		got := meta.FindStatusCondition(sp.Status.Conditions, rosterv1alpha1.ConditionConnected)
		if got == nil || got.Status != want {
			return fmt.Errorf("Connected is %+v", got)
		}
		return nil
	})
}

// lose has the moderators of the server suspend nobody, but the person take the app password back and somebody break the tokens.
func (c *connector) lose() {
	c.t.Helper()
	if err := c.bluesky.RevokeAppPassword(c.t.Context(), c.account, "roster "+c.account.Handle+" is connected"); err != nil {
		c.t.Fatal(err)
	}
	secret := c.tokens(c.profile())
	delete(secret.Data, "access_token")
	delete(secret.Data, "refresh_token")
	if err := c.client.Update(c.t.Context(), secret); err != nil {
		c.t.Fatal(err)
	}
	c.waitConnected(metav1.ConditionFalse)
	if _, page := c.visit(http.MethodGet, c.page("/profiles"), nil); !strings.Contains(page, "Access lost") {
		c.t.Errorf("the page does not say that access is lost: %s", page)
	}
}

func (c *connector) repair() {
	c.t.Helper()
	before := c.profile()
	c.typePassword(before.Name, c.account.Handle+" has a new connection")
	c.waitConnected(metav1.ConditionTrue)
	if after := c.profile(); after.UID != before.UID || string(c.tokens(after).Data["app_password"]) != c.password {
		c.t.Error("it is not the same profile, or not the new password")
	}
}

func (c *connector) remove() {
	c.t.Helper()
	sp := c.profile()
	c.post(c.page("/profiles/"+sp.Name+"/remove"), c.account.Handle+" has been removed", url.Values{"confirm": {"yes"}})
	if err := c.get(c.t.Context(), sp.Name, sp); client.IgnoreNotFound(err) != nil || err == nil {
		c.t.Errorf("the profile is still there: %v", err)
	}
}
