// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// browser starts Chromium with a profile of its own, for as long as a test may take.
func browser(t *testing.T, lasts time.Duration) context.Context {
	t.Helper()
	path := testenv.Chromium(t)
	ctx, cancelTimeout := context.WithTimeout(t.Context(), lasts)
	t.Cleanup(cancelTimeout)
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir())))
	t.Cleanup(cancel)
	return ctx
}

// declaredMemberAccepts lets Ana of the sample organisation, who was applied as a Member, accept.
func declaredMemberAccepts(t *testing.T, d *demo) {
	d.t = t
	const ana = "ana@acme.example"
	ctx := browser(t, patience)
	link := d.linkIn(d.mailTo(ana))
	if state := memberState(t, d, "ana"); state != rosterv1alpha1.MemberPending {
		t.Errorf("before she has accepted, Ana is %s", state)
	}
	err := chromedp.Do(ctx, chromedp.Navigate(link), chromedp.SetValue(`#displayName`, "Ana Lima"),
		chromedp.SendKeys(`#password`, goodPassword), chromedp.SendKeys(`#confirm`, goodPassword),
		chromedp.Click(`main form button[type=submit]`), chromedp.WaitNotPresent(`#password`), chromedp.WaitVisible(`main h1`))
	if err != nil {
		t.Fatal(err)
	}
	page, err := chromedp.Run(ctx, chromedp.Text(`main`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Welcome to Acme Social", "Facebook acme", "Editor", "social.acme.example"} {
		if !strings.Contains(page, want) {
			t.Errorf("the welcome page lacks %q: %s", want, page)
		}
	}
	d.waitActive("ana")
	checkEditorOfFacebook(t, d, ana)
	if !d.may(ana, "schedule", "acme-x") || d.may(ana, "publish", "acme-x") {
		t.Error("as a Moderator of acme-x, Ana schedules and does not publish")
	}
}

func memberState(t *testing.T, d *demo, name string) rosterv1alpha1.MemberState {
	t.Helper()
	var member rosterv1alpha1.Member
	if err := d.get(t.Context(), name, &member); err != nil {
		t.Fatal(err)
	}
	return member.Status.State
}
