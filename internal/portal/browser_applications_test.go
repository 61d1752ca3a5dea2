// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestBrowserApplications: a tool is set up by the keyboard alone, and every page is readable for everybody.
func TestBrowserApplications(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.localSite("127.0.0.1", func(string) []func(*configure) { return []func(*configure){w.connects(), w.console} })
	w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.put(&rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press", Role: rosterv1alpha1.ProfileEditor,
	}})
	w.tool("a-rather-long-name-of-a-tool-that-somebody-has-chosen", &rosterv1alpha1.ApplicationMembers{
		Roles: []string{"Owner", "CoOwner", "gone"}, Teams: []string{"press"},
	})
	b.signIn(s, w.address("mia"), goodPassword)
	b.open(s.url + w.at("/team/applications"))
	b.says("Owner, Co-owner, gone and team Press")
	b.sound("applications")
	b.choose("New web application")
	b.sound("application-new")
	b.run(chromedp.Focus("#displayName"))
	b.press("Studio")
	b.submit(kb.Enter)
	b.says("Enter at least one return address.")
	b.sound("application-wrong")
	b.run(chromedp.Focus("#redirects"))
	b.press("https://studio.acme.example/oauth/callback")
	b.choose("Save")
	b.says("Put this into the settings of Studio", "The client secret is shown only now")
	b.sound("application-secret")
	b.choose("Continue")
	b.says("Shown once, when it was made")
	b.sound("application")
	b.choose("Replace a client secret that was stolen")
	b.says("stops working at once")
	b.sound("application-stolen")
}
