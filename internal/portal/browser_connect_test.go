// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/connection"
)

// atProvider signs in on the page of the provider and consents there. It leaves the browser where the provider sends it.
func (b *tab) atProvider(name string) {
	b.t.Helper()
	b.run(chromedp.WaitReady(`input[name="login"]`), chromedp.Focus(`input[name="login"]`))
	b.press(name, kb.Tab, "any")
	b.submit(kb.Enter)
	b.run(chromedp.WaitReady(`button[type="submit"]`), chromedp.Focus(`button[type="submit"]`))
	b.submit(kb.Enter)
	b.complaints.clear() // about the pages of the provider
}

func TestBrowserConnect(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	var n config.Network
	s := w.localSite("127.0.0.1", func(base string) []func(*configure) {
		n, _ = w.mastodon(base)
		return []func(*configure){w.connects(n)}
	})
	lost := w.profile("lost", rosterv1alpha1.SocialProfileSpec{
		Network: "Mastodon", Handle: "@acme@" + n.Host(), AccountID: "10acme", ConnectedBy: w.address("kofi"),
		CredentialsSecretRef: ptr.To(rosterv1alpha1.LocalReference{Name: "tokens"}),
	})
	lost.Status.Conditions = []metav1.Condition{{
		Type: rosterv1alpha1.ConditionConnected, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonTokenInvalid,
		LastTransitionTime: metav1.NewTime(now()),
	}}
	if err := w.admin.Status().Update(context.Background(), lost); err != nil {
		t.Fatal(err)
	}
	w.awaitCache(lost)
	w.connector(s, "kofi", rosterv1alpha1.RoleProfileConnector, lost.Name)

	b.signIn(s, w.address("kofi"), goodPassword)
	b.open(s.url + "/organizations/" + w.ns)
	b.says("Connected by you", "view content, manage the connection")
	b.choose("Social profile connections")
	b.says("Access lost: reconnect it", "Add a profile")
	b.sound("profiles")
	b.choose("Mastodon (" + n.Host() + ")")
	b.sound("connect")
	b.choose("Continue to Mastodon (" + n.Host() + ")")
	b.atProvider("globex")
	b.says("Choose what to connect on Mastodon", "@globex@"+n.Host())
	b.sound("choose")
	b.value(`document.getElementById('account').click(); 0`)
	b.choose("Connect")
	b.focused("errors")
	b.says("Choose at least one account")
	b.sound("choose-corrected")
	b.value(`document.getElementById('account').click(); 0`)
	// The operator answers while the page waits.
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		await(t, func(context.Context) bool { orders, _, _ := w.handedOver(); return len(orders) == 1 })
		w.answered(connection.Outcome{Profile: "mastodon-globex", Handle: "@globex@" + n.Host(), Result: connection.Added})
	}()
	b.choose("Connect")
	<-answered
	b.says("Done", "@globex@"+n.Host()+" is connected")
	b.sound("outcome")
	b.choose("Go to social profiles")

	b.choose("Remove")
	b.says("Remove " + lost.Spec.Handle + "?")
	b.sound("remove")
	b.open(s.url + "/organizations/" + w.ns + "/connect/bluesky")
	b.says("App password")
	b.sound("connect-app-password")
	b.value(`document.getElementById('handle').focus(); 0`)
	b.press("acme.bsky.social")
	b.submit(kb.Enter)
	b.focused("errors")
	b.sound("connect-app-password-corrected")
	b.open(s.url + "/organizations/" + w.ns + "/profiles?lang=fr")
	b.says("Reconnecter", "Ajouter un profil")
	b.sound("profiles-fr")
}
