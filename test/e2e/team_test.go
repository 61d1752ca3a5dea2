// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// TestATeamOfTwenty: an owner who has never seen Kubernetes sets up a team in the browser, invites it, suspends somebody and hands the
// organisation over (AG-16, AG-18, AG-31, AG-32, CC-04, CC-18, FL-13, FL-14). Nobody but the people themselves acts.
// Where Kubernetes is too old, she reads that.
func TestATeamOfTwenty(t *testing.T) {
	d := start(t, t.TempDir(), anyPorts()...)
	d.accepts("ben@acme.example")
	d.waitActive("ben")
	olivia := d.tab()
	olivia.accepts("olivia@acme.example")
	d.waitActive("olivia")

	var newcomers []string
	for i := range 20 {
		newcomers = append(newcomers, fmt.Sprintf("newcomer%02d@acme.example", i+1))
	}
	olivia.open("/organizations/acme")
	olivia.link("/team/people")
	if !d.servesConsole() {
		d.eventually("Olivia reads why she cannot do it here", func(context.Context) error {
			olivia.reload()
			return cmp.Or(olivia.lacks("This page needs a newer Kubernetes"), olivia.lacks("Kubernetes 1.36"), olivia.lacks("kubectl roster"))
		})
		return
	}
	d.eventually("the portal may act for Olivia", func(context.Context) error {
		olivia.reload()
		return olivia.lacks("Ana Lima")
	})
	olivia.link("/team/invite")
	olivia.link("seat=full")
	olivia.fill("#addresses", strings.Join(newcomers, ", "))
	olivia.click(`input[name=role][value=Member]`)
	olivia.fill(`[id='profile.acme-fb']`, "Editor")
	olivia.submit(`button[value=check]`)
	olivia.says("newcomer20@acme.example")
	olivia.submit(`button[value=send]`)
	for _, address := range newcomers[:3] {
		d.accepts(address)
		d.eventually(address+" may publish", func(context.Context) error { return d.mayNow(address, "acme-fb", true) })
	}

	olivia.link("/team/teams")
	olivia.fill("#displayName", "Press")
	olivia.fill("#role", "Editor")
	olivia.submit(`main form[method=post] button[type=submit]`)
	olivia.link("/team/teams/press/people")
	olivia.fill("#q", "newcomer01")
	olivia.submit(`form[role=search] button`)
	olivia.click(`main input[type=checkbox]`)
	olivia.submit(`main form[method=post] button[type=submit]`)
	olivia.says("newcomer01")

	suspended := memberOf(t, d, d.invitationOf(newcomers[0]))
	olivia.open("/organizations/acme/team/people/members/" + suspended)
	olivia.link("/suspend")
	olivia.submit(`main form button[type=submit]`)
	d.eventually("the suspension is in force", func(context.Context) error { return d.mayNow(newcomers[0], "acme-fb", false) })

	onlyThoseWhoLookAfterTheTeam(d, newcomers[1])

	olivia.open("/organizations/acme/team/owner?q=ben")
	olivia.click(`main input[type=radio]`)
	olivia.submit(`main form[method=post]:has(fieldset) button[type=submit]`)
	olivia.submit(`main form button[type=submit]`)
	d.agrees("ben@acme.example")
	d.eventually("Ben owns the organisation", func(ctx context.Context) error {
		var o rosterv1alpha1.Organization
		if err := d.get(ctx, "acme", &o); err != nil {
			return err
		}
		if o.Status.OwnerRef == nil || o.Status.OwnerRef.Name != "ben" {
			return fmt.Errorf("the owner is %+v", o.Status.OwnerRef)
		}
		return nil
	})
}

// servesConsole asks the API server.
func (d *demo) servesConsole() bool {
	d.t.Helper()
	serves, err := testenv.ServesConsole(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	return serves
}

// onlyThoseWhoLookAfterTheTeam see it: a manager does, and cannot suspend the owner. To a member, to an outsider and to the owner of
// another organisation, none of the pages is there.
func onlyThoseWhoLookAfterTheTeam(d *demo, member string) {
	d.t.Helper()
	const people = "/organizations/acme/team/people"
	ben := d.tab()
	ben.signsIn("ben@acme.example")
	ben.open(people)
	ben.says("Ana Lima")
	ben.open(people + "/members/olivia/suspend")
	ben.says("Hand over the organisation first")

	d.organization("rivals", "rita@rivals.example")
	d.accepts("rita@rivals.example")
	for _, stranger := range []string{member, "rita@rivals.example"} {
		tab := d.tab()
		tab.signsIn(stranger)
		for _, page := range []string{people, people + "/members/ben", "/organizations/acme/team/invite", "/organizations/acme/team/settings"} {
			tab.open(page)
			tab.says("Page not found")
		}
	}
	ben.open("/organizations/rivals/team/people")
	ben.says("Page not found")
	outsider := d.tab()
	outsider.open(people)
	outsider.says("Sign in")
}

// organization makes another one, whose owner is invited.
func (d *demo) organization(name, owner string) {
	d.t.Helper()
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: name},
			Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Rivals", OwnerRef: &rosterv1alpha1.LocalReference{Name: "owner"}},
		},
		&rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "owner"},
			Spec:       rosterv1alpha1.MemberSpec{Email: owner, Role: rosterv1alpha1.RoleCoOwner},
		},
	} {
		if err := d.client.Create(d.t.Context(), o); err != nil {
			d.t.Fatal(err)
		}
	}
}

// accepts has somebody accept the invitation in their mailbox.
func (d *demo) accepts(address string) {
	d.t.Helper()
	name, _, _ := strings.Cut(address, "@")
	form := url.Values{"action": {"accept"}, "displayName": {name}, "locale": {"en"}, "password": {goodPassword}, "confirm": {goodPassword}}
	link := d.linkIn(d.mailTo(address))
	d.eventually(address+" accepts", func(context.Context) error {
		if status, page := visitor(d.t)(http.MethodPost, link, form); status >= 400 { // On a busy machine the link may be prepared yet.
			return fmt.Errorf("status %d: %s", status, page)
		}
		return nil
	})
}

// agrees has somebody agree to own the organisation.
func (d *demo) agrees(address string) {
	d.t.Helper()
	visit, portal := visitor(d.t), d.env["ROSTER_PORTAL_URL"]
	if status, page := visit(http.MethodPost, portal+"/sign-in", url.Values{"login": {address}, "password": {goodPassword}}); status >= 400 {
		d.t.Fatalf("%s signs in: status %d: %s", address, status, page)
	}
	d.eventually(address+" is asked", func(context.Context) error {
		if _, page := visit(http.MethodGet, portal+"/organizations/acme/ownership", nil); !strings.Contains(page, `name="own"`) {
			return errors.New("not yet")
		}
		return nil
	})
	form := url.Values{"own": {"yes"}}
	if status, page := visit(http.MethodPost, portal+"/organizations/acme/ownership", form); status >= 400 {
		d.t.Fatalf("%s agrees: status %d: %s", address, status, page)
	}
}

// mayNow compares what the API server says.
func (d *demo) mayNow(user, profile string, want bool) error {
	if got := d.may(user, "publish", profile); got != want {
		return fmt.Errorf("%s may publish on %s: %t", user, profile, got)
	}
	return nil
}

// invitationOf is the Invitation to an address.
func (d *demo) invitationOf(address string) string {
	d.t.Helper()
	var list rosterv1alpha1.InvitationList
	if err := d.client.List(d.t.Context(), &list, client.InNamespace("acme")); err != nil {
		d.t.Fatal(err)
	}
	for _, inv := range list.Items {
		if inv.Spec.Email == address {
			return inv.Name
		}
	}
	d.t.Fatalf("nobody invited %s", address)
	return ""
}

// visitorTab is a page in a real browser, used with the mouse.
type visitorTab struct {
	t   *testing.T
	d   *demo
	ctx context.Context
}

// tab opens a browser.
func (d *demo) tab() *visitorTab {
	d.t.Helper()
	v := &visitorTab{t: d.t, d: d, ctx: browser(d.t, 4*patience)}
	if err := chromedp.Do(v.ctx, chromedp.Navigate("about:blank")); err != nil { // It lives as long as the context of this.
		d.t.Fatal(err)
	}
	return v
}

// do gives up on what does not come: a field that is not there is waited for.
func (v *visitorTab) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience/4)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		page, _ := chromedp.Run(v.ctx, chromedp.Text(`body`))
		v.t.Fatalf("%v, on the page: %s", err, page)
	}
}

func (v *visitorTab) accepts(address string) {
	v.t.Helper()
	name, _, _ := strings.Cut(address, "@")
	v.do(chromedp.Navigate(v.d.linkIn(v.d.mailTo(address))), chromedp.SetValue(`#displayName`, name),
		chromedp.SendKeys(`#password`, goodPassword), chromedp.SendKeys(`#confirm`, goodPassword))
	v.submit(`main form button[type=submit]`)
}

func (v *visitorTab) signsIn(address string) {
	v.t.Helper()
	v.open("/sign-in")
	v.do(chromedp.SendKeys(`#login`, address), chromedp.SendKeys(`#password`, goodPassword))
	v.submit(`main form button[type=submit]`)
}

func (v *visitorTab) open(path string) {
	v.t.Helper()
	v.do(chromedp.Navigate(v.d.env["ROSTER_PORTAL_URL"]+path), chromedp.WaitReady(`footer`))
}

func (v *visitorTab) reload() {
	v.t.Helper()
	v.do(chromedp.Reload(), chromedp.WaitReady(`footer`))
}

func (v *visitorTab) click(selector string) {
	v.t.Helper()
	v.do(chromedp.Click(selector))
}

func (v *visitorTab) fill(selector, text string) {
	v.t.Helper()
	v.do(chromedp.SetValue(selector, text))
}

// link follows the first link on the page whose address ends like that.
func (v *visitorTab) link(to string) {
	v.t.Helper()
	v.submit(fmt.Sprintf(`a[href$=%q], main a[href*=%q]`, to, to))
}

// submit clicks on what leads to another page.
func (v *visitorTab) submit(selector string) {
	v.t.Helper()
	if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[any](`window.isOld = true`)); err != nil {
		v.t.Fatal(err)
	}
	v.click(selector)
	v.d.eventually("the page behind "+selector, func(context.Context) error {
		loaded, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](`!window.isOld && document.readyState == 'complete'`))
		if err == nil && !loaded {
			err = errors.New("it is still loading")
		}
		return err
	})
}

func (v *visitorTab) lacks(text string) error {
	page, err := chromedp.Run(v.ctx, chromedp.Text(`main`))
	if err == nil && !strings.Contains(page, text) {
		err = fmt.Errorf("the page does not say %q: %s", text, page)
	}
	return err
}

func (v *visitorTab) says(text string) {
	v.t.Helper()
	if err := v.lacks(text); err != nil {
		v.t.Error(err)
	}
}
