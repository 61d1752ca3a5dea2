// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestSignInToTheCluster: X-11. It is what the demonstration shows: from a mail to kubectl as oneself.
func TestSignInToTheCluster(t *testing.T) {
	d := start(t, t.TempDir(), anyPorts()...)
	ctx := browser(t, patience)
	invite(t, d)
	acceptInBrowser(ctx, t, d)
	d.waitActive(memberOf(t, d, "zoe"))

	home := newHome(t, d)
	printed := home.login(ctx)
	if !strings.Contains(printed, "You are signed in as zoe@acme.example.") || !strings.Contains(printed, "kubectl config use-context roster-playground") {
		t.Errorf("kubectl roster login says %s", printed)
	}
	if who, said, err := home.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"); err != nil || who != "zoe@acme.example" {
		t.Errorf("kubectl auth whoami says %q, %v\n%s", who, err, said)
	}
	checkHerRights(t, d, home)
	if _, said, err := home.kubectl("get", "secrets"); err == nil || !strings.Contains(said, `User "zoe@acme.example" cannot list`) {
		t.Errorf("kubectl get secrets: %v, %s", err, said)
	}

	suspendZoe(t, d)
	d.eventually("Zoe's rights are gone", func(context.Context) error {
		if got, _, _ := home.kubectl("auth", "can-i", "publish", "socialprofiles/acme-fb"); got != "no" {
			return errors.New(got)
		}
		return nil
	})
	// Her token counts for some minutes, and opens nothing. There is no next one.
	home.expire()
	if _, said, err := home.kubectl("auth", "whoami"); err == nil || !strings.Contains(said, "your sign-in has ended: run kubectl roster login") {
		t.Errorf("the next token: %v, %s", err, said)
	}
	// The administrator's own context is as it was.
	if who, said, err := home.kubectl("--context", "roster-playground", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"); err != nil ||
		who != "playground-admin" {
		t.Errorf("the administrator is %q, %v\n%s", who, err, said)
	}
}

func invite(t *testing.T, d *demo) {
	t.Helper()
	if err := d.client.Create(t.Context(), &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Name: "zoe", Namespace: d.env["ROSTER_NAMESPACE"]},
		Spec: rosterv1alpha1.InvitationSpec{
			Email: "zoe@acme.example", Role: rosterv1alpha1.RoleMember, InvitedBy: "olivia@acme.example",
			Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}},
		},
	}); err != nil {
		t.Fatal(err)
	}
}

func acceptInBrowser(ctx context.Context, t *testing.T, d *demo) {
	t.Helper()
	err := chromedp.Do(ctx, chromedp.Navigate(d.linkIn(d.mailTo("zoe@acme.example"))), chromedp.SetValue(`#displayName`, "Zoe Park"),
		chromedp.SendKeys(`#password`, goodPassword), chromedp.SendKeys(`#confirm`, goodPassword),
		chromedp.Click(`main form button[type=submit]`), chromedp.WaitNotPresent(`#password`), chromedp.WaitVisible(`main h1`))
	if err != nil {
		t.Fatal(err)
	}
}

func checkHerRights(t *testing.T, d *demo, home *home) {
	t.Helper()
	for profile, want := range map[string]string{"acme-fb": "yes", "acme-x": "no"} {
		d.eventually("whether she publishes on "+profile, func(context.Context) error {
			got, said, _ := home.kubectl("auth", "can-i", "publish", "socialprofiles/"+profile)
			if got != want {
				return errors.New(got + said)
			}
			return nil
		})
	}
}

func suspendZoe(t *testing.T, d *demo) {
	t.Helper()
	var m rosterv1alpha1.Member
	if err := d.get(t.Context(), "zoe", &m); err != nil {
		t.Fatal(err)
	}
	before, suspended := m.DeepCopy(), true
	m.Spec.Suspended = &suspended
	if err := d.client.Patch(t.Context(), &m, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// home is where somebody types commands after ". bin/demo/env": with a kubeconfig and a cache of their own.
type home struct {
	t     *testing.T
	d     *demo
	cache string
	env   []string
}

func newHome(t *testing.T, d *demo) *home {
	t.Helper()
	h := &home{t: t, d: d, cache: t.TempDir()}
	path := strings.Join([]string{binDir, assets(t), os.Getenv("PATH")}, string(filepath.ListSeparator))
	h.env = append(os.Environ(), "KUBECONFIG="+d.env["KUBECONFIG"], "KUBECACHEDIR="+h.cache, "PATH="+path)
	return h
}

// screen is what a command has said so far, and somebody who reads it.
type screen struct {
	output
	read func(said string) bool
}

func (s *screen) Write(p []byte) (int, error) {
	n, err := s.output.Write(p)
	if s.read != nil && s.read(s.String()) {
		s.read = nil
	}
	return n, err
}

var loopbackAddress = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)

// login runs the command that the overview of the demonstration shows, and goes on in the browser.
func (h *home) login(ctx context.Context) string {
	h.t.Helper()
	signedIn := make(chan error, 1)
	said := &screen{read: func(said string) bool {
		address := loopbackAddress.FindString(said)
		if address == "" {
			return false
		}
		go func() {
			err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitVisible(`main a.button`), chromedp.Click(`main a.button`),
				chromedp.WaitNotPresent(`main a.button`), chromedp.WaitVisible(`main h1`))
			if err == nil {
				var heading string
				if heading, err = chromedp.Run(ctx, chromedp.Text(`main h1`)); err == nil && heading != "You are signed in" {
					err = errors.New(heading)
				}
			}
			signedIn <- err
		}()
		return true
	}}
	var out bytes.Buffer
	cmd := exec.CommandContext(h.t.Context(), filepath.Join(binDir, "kubectl-roster"), "login", "--issuer", h.d.env["ROSTER_ISSUER"],
		"--certificate-authority", h.d.env["ROSTER_AUTHORITY"], "--skip-open-browser")
	cmd.Env, cmd.Stdout, cmd.Stderr = h.env, &out, said
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("kubectl roster login: %v\n%s", err, said)
	}
	if err := <-signedIn; err != nil {
		h.t.Errorf("the browser: %v", err)
	}
	return out.String()
}

// kubectl runs kubectl, which asks the plugin for a token.
func (h *home) kubectl(args ...string) (stdout, stderr string, err error) {
	h.t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(h.t.Context(), filepath.Join(assets(h.t), "kubectl"), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = h.env, &out, &said
	err = cmd.Run()
	return strings.TrimSpace(out.String()), said.String(), err
}

// expire makes the token that is kept one that has ended.
func (h *home) expire() {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.cache, "roster", "*.json"))
	if err != nil || len(files) != 1 {
		h.t.Fatalf("tokens are kept in %v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		h.t.Fatal(err)
	}
	long := []byte(`"expiry":"` + time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339) + `"`)
	ended := regexp.MustCompile(`"expiry":"[^"]+"`).ReplaceAll(content, long)
	if err := os.WriteFile(files[0], ended, 0o600); err != nil {
		h.t.Fatal(err)
	}
}
