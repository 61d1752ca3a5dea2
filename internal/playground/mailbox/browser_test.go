// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/roster-dev/roster/internal/playground/mailbox"
	"github.com/roster-dev/roster/internal/testenv"
)

// browserPatience is how long a test waits for the browser before it is taken to hang.
const browserPatience = time.Minute

// browser starts Chromium with a profile of its own.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := testenv.Chromium(t)
	ctx, cancelTimeout := context.WithTimeout(t.Context(), browserPatience)
	t.Cleanup(cancelTimeout)
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir())))
	t.Cleanup(cancel)
	return ctx
}

func TestTheButtonInAMailOpensAPageThatWorks(t *testing.T) {
	ctx := browser(t)
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<title>without script</title><p id="referrer">%s</p><script>document.title = "with script"</script>`, r.Referer())
	}))
	t.Cleanup(portal.Close)
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"b@acme.example"}, strings.Join([]string{
		"From: a@acme.example", "To: b@acme.example", "Subject: Join us", "Content-Type: text/html", "",
		`<!doctype html><body style="margin:0"><script>document.title="bad";document.body.innerHTML="script ran"</script>`,
		`<a href="` + portal.URL + `" style="display:block;height:200px;background:#ddf">Accept</a>`,
	}, "\n"))

	err := chromedp.Do(ctx, chromedp.Navigate(r.url), chromedp.Click(`#rows a`), chromedp.WaitVisible(`iframe.body`))
	if err != nil {
		t.Fatal(err)
	}
	frame, err := chromedp.Run(ctx, chromedp.Evaluate[struct{ Left, Top float64 }](`new Promise(done => {
		const frame = document.querySelector("iframe.body")
		frame.addEventListener("load", () => { const {left, top} = frame.getBoundingClientRect(); done({Left: left, Top: top}) })
		frame.src = frame.src
	})`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	opened := waitForPage(ctx, t, portal.URL)
	// The frame has a process of its own: until it is drawn, a click there reaches nothing.
	if _, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.MouseClickXY(frame.Left+30, frame.Top+30)); err != nil {
		t.Fatal(err)
	}
	var id target.ID
	select {
	case id = <-opened:
	case <-ctx.Done():
		t.Fatal("the button opened no page")
	}
	page, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(id))
	defer cancel()
	referrer, err := chromedp.Run(page, chromedp.TextContent("#referrer"))
	if err != nil {
		t.Fatal(err)
	}
	title, err := chromedp.Run(page, chromedp.Title())
	if err != nil {
		t.Fatal(err)
	}
	if title != "with script" || referrer != "" {
		t.Errorf("the page is %q and was told that it was opened from %q", title, referrer)
	}
}

// waitForPage notices a tab with that address, no matter who opened it: a link without an opener names none.
func waitForPage(ctx context.Context, t *testing.T, url string) <-chan target.ID {
	t.Helper()
	found := make(chan target.ID, 1)
	err := chromedp.ListenBrowser(ctx, func(event any) {
		if changed, ok := event.(*target.EventTargetInfoChanged); ok && strings.HasPrefix(changed.TargetInfo.URL, url) {
			select {
			case found <- changed.TargetInfo.TargetID:
			default:
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNewMailAppearsByItself(t *testing.T) {
	ctx := browser(t)
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", "first"))
	if err := chromedp.Do(ctx, chromedp.Navigate(r.url), chromedp.Click(`#rows a`), chromedp.WaitVisible(`article h2`)); err != nil {
		t.Fatal(err)
	}
	r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", "second"))
	if err := chromedp.Do(ctx, chromedp.WaitVisible(`#rows .unread`)); err != nil {
		t.Fatal(err)
	}
	count, err := chromedp.Run(ctx, chromedp.TextContent(`#listhead .count`))
	if err != nil {
		t.Fatal(err)
	}
	reading, err := chromedp.Run(ctx, chromedp.TextContent(`article h2`))
	if err != nil {
		t.Fatal(err)
	}
	if count != "1 unread of 2" || reading != "first" {
		t.Errorf("the list says %q while %q is open", count, reading)
	}
}
