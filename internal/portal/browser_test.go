// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"k8s.io/apimachinery/pkg/util/wait"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// tab is a page in a real browser, used with the keyboard only.
type tab struct {
	t   *testing.T
	ctx context.Context
	// complaints are what the browser found wrong with a page.
	complaints *lines
}

func openBrowser(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testenv.Chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "en"),
		// A page that comes back as it was left has no events that tell chromedp so.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,BackForwardCache"))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &tab{t: t, complaints: &lines{}}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			// The status of the pages is what is tested; that the browser mentions it is no complaint.
			if !strings.Contains(e.Entry.Text, "the server responded with a status of") {
				b.complaints.add(e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			b.complaints.add(e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	// A page in the background draws no focus.
	if _, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	b.size(1280, 900)
	return b
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) size(width, height int64) { b.run(chromedp.EmulateViewport(width, height)) }

func (b *tab) scheme(name string) {
	b.t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatal(err)
	}
}

// press presses keys, and waits for the page if that leads to another.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.run(chromedp.KeyEvent(k))
	}
}

// follow presses Enter on a link within the page. The link acts when the key goes down; the character that chromedp sends after that
// would arrive in the field that the link leads to, and submit its form.
func (b *tab) follow() {
	b.t.Helper()
	for _, k := range kb.Encode('\r') {
		if k.Type == kb.KeyChar {
			continue
		}
		if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, *k); err != nil {
			b.t.Fatal(err)
		}
	}
}

// submit presses a key that leads to another page.
func (b *tab) submit(key string) {
	b.t.Helper()
	b.value(`window.isOld = true`)
	b.press(key)
	await(b.t, func(context.Context) bool {
		// While one page gives way to the next, there is nobody to ask.
		loaded, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!window.isOld && document.readyState == 'complete'`))
		return err == nil && loaded
	})
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.run(chromedp.Navigate(url), chromedp.WaitReady("footer"))
}

// value asks the page.
func (b *tab) value(script string) string {
	b.t.Helper()
	v, err := b.ask(script)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// ask asks the page, which fails while the browser is on the way to another one.
func (b *tab) ask(script string) (string, error) {
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](script))
	return fmt.Sprint(v), err
}

// focused expects the focus on an element, named by its id, else its class, else its tag. Following a link within the page takes a moment.
func (b *tab) focused(want string) {
	b.t.Helper()
	var got string
	err := wait.PollUntilContextTimeout(b.ctx, 5*time.Millisecond, testenv.Patience, true, func(context.Context) (bool, error) {
		got = b.value(`(e => e ? e.id || e.className || e.tagName : 'nothing')(document.activeElement)`)
		return got == want, nil
	})
	if err != nil {
		b.t.Fatalf("the focus is on %s, want %s", got, want)
	}
	if got := b.value(`getComputedStyle(document.activeElement).outlineStyle`); got == "none" {
		b.t.Errorf("the focus on %s cannot be seen", want)
	}
}

// fill moves to a field and types.
func (b *tab) fill(field, text string) {
	b.t.Helper()
	b.press(kb.Tab)
	b.focused(field)
	b.press(text)
}

func (b *tab) says(texts ...string) {
	b.t.Helper()
	page := b.value(`document.body.innerText`)
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.t.Errorf("the page does not say %q:\n%s", text, page)
		}
	}
}

// sound holds for every page in every state.
func (b *tab) sound(name string) {
	b.t.Helper()
	for what, script := range map[string]string{
		"a field without a label":    `[...document.querySelectorAll('input:not([type=hidden]),select')].every(e => e.labels.length > 0)`,
		"a reference to nothing":     `[...document.querySelectorAll('[aria-describedby]')].every(e => e.getAttribute('aria-describedby').split(' ').every(id => document.getElementById(id)))`,
		"an id twice":                `(ids => new Set(ids).size == ids.length)([...document.querySelectorAll('[id]')].map(e => e.id))`,
		"not one heading of level 1": `document.querySelectorAll('h1').length == 1`,
		"no title":                   `document.title.length > 0`,
		"a link or button too small": `[...document.querySelectorAll('a:not(.skip),button,input[type=checkbox]')].every(e => e.getBoundingClientRect().height >= 24 || e.closest('p,li') && getComputedStyle(e).display == 'inline')`,
	} {
		if b.value(script) != "true" {
			b.t.Errorf("%s: %s", name, what)
		}
	}
	for _, width := range []int64{1280, 700, 320} {
		b.size(width, 800)
		const tooWide = `[document.documentElement, ...document.querySelectorAll('main *')].
			filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && e.tagName != 'INPUT' || e.getBoundingClientRect().right > innerWidth).
			map(e => e.outerHTML.slice(0, 80)).join(' ')`
		if got := b.value(tooWide); got != "" {
			b.t.Errorf("%s: at a width of %d pixels this is wider than its place: %s", name, width, got)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.contrast(name + ", " + scheme)
		b.accessible(name + ", " + scheme)
		b.shoot(name + "-phone-" + scheme)
		b.size(1280, 900)
		b.shoot(name + "-" + scheme)
		b.size(320, 640)
	}
	b.scheme("light")
	b.size(1280, 900)
	if got := b.complaints.String(); got != "" {
		b.t.Errorf("%s: the browser complains: %s", name, got)
	}
}

// contrast checks every text against what it stands on (WCAG 2.2, 1.4.3 and 1.4.11 for the edges of fields).
func (b *tab) contrast(name string) {
	b.t.Helper()
	const script = `(() => {
		const rgb = c => c.match(/[\d.]+/g).map(Number);
		const lum = c => { const [r, g, b] = rgb(c).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
		const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if ((rgb(c)[3] ?? 1) > 0) return c } return 'rgb(255,255,255)' };
		const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + .05) / (y + .05) };
		const bad = [];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			const e = walk.currentNode.parentElement;
			if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
			const r = ratio(getComputedStyle(e).color, ground(e));
			if (r < 4.5) bad.push(walk.currentNode.data.trim() + ' ' + r.toFixed(2));
		}
		for (const e of document.querySelectorAll('input:not([type=hidden]):not([readonly]):not([type=checkbox]),select')) {
			const r = ratio(getComputedStyle(e).borderTopColor, ground(e));
			if (r < 3) bad.push('edge of ' + e.id + ' ' + r.toFixed(2));
		}
		return bad.join('; ');
	})()`
	if got := b.value(script); got != "" {
		b.t.Errorf("%s: too little contrast: %s", name, got)
	}
}

// shoot takes a picture of the whole page, where somebody wants to look at it.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func TestBrowserAccept(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b.open(s.url + w.link(inv))
	b.says("Join Acme Social", "Olivia Martin invites you", "at least 10 characters")
	b.sound("accept")

	b.press(kb.Tab)
	b.focused("skip")
	b.press(kb.Tab)
	b.focused("email")
	b.fill("displayName", "Ana Silva")
	b.fill("company", "Silva & Filhos")
	b.fill("locale", "Fr") // a list is chosen from by typing
	b.fill("password", "weak")
	b.fill("confirm", "weak")
	b.submit(kb.Enter)
	b.focused("errors")
	b.says("Please fix the following", "Choose a password of at least 10 characters.")
	if got := b.value(`document.getElementById('password-error').checkVisibility() && document.getElementById('password').getAttribute('aria-describedby')`); !strings.Contains(got, "password-error") {
		t.Errorf("the password field is described by %s", got)
	}
	b.sound("accept-corrected")

	b.press(kb.Tab)
	if got := b.value(`document.activeElement.getAttribute('href')`); got != "#password" {
		t.Fatalf("the first link in the summary leads to %s", got)
	}
	b.follow()
	b.focused("password")
	if got := b.value(`['displayName', 'company', 'locale', 'password'].map(id => document.getElementById(id).value).join()`); got != "Ana Silva,Silva & Filhos,fr," {
		t.Errorf("the form holds %s", got)
	}
	b.press(goodPassword)
	b.fill("confirm", goodPassword)
	b.press(kb.Tab)
	b.focused("BUTTON")
	b.submit(kb.Enter)
	b.says("Bienvenue chez Acme Social", "Live", "Beta", "Olivia Martin") // in the language that was chosen
	b.sound("welcome")
	b.run(chromedp.Reload())
	b.says("Bienvenue chez Acme Social")
	if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationAccepted {
		t.Errorf("state %s", got)
	}
	if got := w.account(w.address("ana")).Spec; got.Locale != "fr" || got.DisplayName != "Ana Silva" {
		t.Errorf("account %+v", got)
	}

	t.Run("a second invitation asks for the password", func(*testing.T) {
		inv := w.invite("ana")
		b.open(s.url + w.link(inv))
		b.says("Accept the invitation")
		b.sound("accept-signed-in")
		b.open(s.url + "/account")
		b.choose("Se déconnecter")
		b.open(s.url + w.link(inv))
		b.sound("sign-in")
		b.press(kb.Tab, kb.Tab)
		b.fill("password", "not it")
		b.submit(kb.Enter)
		b.focused("errors")
		b.says("Wrong password.")
		b.press(kb.Tab)
		b.follow()
		b.focused("password")
		b.press(goodPassword)
		b.submit(kb.Enter)
		b.says("Bienvenue chez Acme Social")
	})
}

func TestBrowserDecline(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	inv, s := w.invite("ana"), w.site()
	b.open(s.url + w.link(inv) + "/decline")
	b.press(kb.Tab, kb.Tab, kb.Tab)
	b.focused("quiet")
	b.submit(kb.Enter)
	b.says("Tick the box to decline.")
	b.sound("decline")
	b.press(kb.Tab)
	b.follow()
	b.focused("confirm")
	b.press(" ", kb.Tab)
	b.submit(kb.Enter)
	b.says("Declined", "ask Olivia Martin to invite you again")
	b.sound("declined")
	if got := w.fresh(inv).Status.State; got != rosterv1alpha1.InvitationDeclined {
		t.Errorf("state %s", got)
	}
}

func TestBrowserFrench(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	inv, s := w.invite("luc", func(i *rosterv1alpha1.Invitation) {
		i.Spec.Role, i.Spec.Locale, i.Spec.Message = rosterv1alpha1.RoleManager, "fr", "Bienvenue dans l’équipe !"
	}), w.site()
	b.open(s.url + w.link(inv))
	b.says("Rejoindre Acme Social", "Olivia Martin vous invite", "Gestionnaire", "jeudi 26 novembre 2026")
	b.sound("accept-fr")
	b.open(s.url + w.link(inv) + "?lang=en")
	b.says("Join Acme Social")
	b.run(chromedp.Focus(`a[hreflang=fr]`))
	b.submit(kb.Enter)
	b.says("Rejoindre Acme Social")
}

func TestBrowserDeadLinks(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	s := w.site()
	b.open(s.url + w.link(w.sent(w.invite("late"), 1, now())))
	b.says("The link has expired")
	b.sound("expired")
	w.org.Spec.Invitations.SelfRenewal = new(true)
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	b.open(s.url + w.link(w.sent(w.invite("renewable"), 1, now())))
	b.sound("renewable")
	b.press(kb.Tab, kb.Tab)
	b.submit(kb.Enter)
	b.says("A new link is on its way")
	b.sound("renewing")
	b.open(s.url + "/invitations/" + strings.Repeat("A", 70))
	b.says("This link does not work")
	b.sound("unknown")
	b.open(s.url + "/")
	b.sound("home")
}

// A name of one long word, many profiles and a long note must not break the page.
func TestBrowserLongTexts(t *testing.T) {
	b, w := openBrowser(t), newWorld(t)
	w.org.Spec.DisplayName = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	inv, s := w.invite("a-rather-long-local-part-of-an-address-that-somebody-has", func(i *rosterv1alpha1.Invitation) {
		i.Spec.InvitedBy = ""
		i.Spec.Message = strings.Repeat("https://www.example.com/a-very-long-path-without-any-place-to-break/", 4)
		for n := range 30 {
			i.Spec.Profiles = append(i.Spec.Profiles, rosterv1alpha1.ProfileGrant{
				Name: fmt.Sprintf("profile-with-a-long-name-that-does-not-exist-%d", n), Role: rosterv1alpha1.ProfileAdministrator,
			})
		}
	}), w.site()
	s.browser().get(w.link(inv)).expect(t, http.StatusOK, "24 more")
	b.open(s.url + w.link(inv))
	b.sound("long")
}

// TestBrowserPictures takes the pictures of the documentation, where SCREENSHOTS names a folder for them.
func TestBrowserPictures(t *testing.T) {
	if os.Getenv("SCREENSHOTS") == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	b, w := openBrowser(t), newWorld(t)
	inv := w.invite("ana", func(i *rosterv1alpha1.Invitation) {
		i.Spec.Email, i.Spec.Message = "ana.silva@example.com", "Welcome aboard, Ana! Facebook and Mastodon are yours from Monday."
	})
	s := w.site()
	b.size(1120, 700)
	b.open(s.url + w.link(inv))
	b.press(kb.Tab, kb.Tab)
	b.fill("displayName", "Ana Silva")
	b.fill("company", "Silva Studio")
	b.run(chromedp.Blur("#company"))
	b.shoot("portal-accept")
	b.run(chromedp.Focus("#password"))
	b.press(goodPassword)
	b.fill("confirm", goodPassword)
	b.submit(kb.Enter)
	b.shoot("portal-welcome")
	w.org.Spec.Invitations.SelfRenewal = new(true)
	if err := w.admin.Update(t.Context(), w.org); err != nil {
		t.Fatal(err)
	}
	late := w.invite("late", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = "ana.silva@example.com" })
	b.size(1120, 560)
	b.open(s.url + w.link(w.sent(late, 1, now().Add(-time.Hour))))
	b.shoot("portal-expired")
}
