// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/playground/mailbox"
)

// goodPassword is what the policy of the sample organisation asks for.
const goodPassword = "Correct-horse-battery-9"

// TestTheMainJob: X-01. It is what Roster is for, from an applied Invitation to a person who may publish.
func TestTheMainJob(t *testing.T) {
	d := start(t, t.TempDir(), anyPorts()...)
	t.Run("everything listens on loopback", func(t *testing.T) { checkListeners(t, d) })
	t.Run("manager and portal are no administrators", func(t *testing.T) { checkIdentities(t, d) })
	t.Run("an invited person accepts over HTTP", func(t *testing.T) { invitedPersonAccepts(t, d) })
	t.Run("a declared member accepts in a browser", func(t *testing.T) { declaredMemberAccepts(t, d) })
	t.Run("an organisation ends with its namespace, and a person with the Account", func(t *testing.T) { deletingTakesAlong(t, d) })
	t.Run("Ctrl-C ends everything", func(t *testing.T) { interruptEndsEverything(t, d) })
}

func invitedPersonAccepts(t *testing.T, d *demo) {
	d.t = t
	const zoe = "zoe@acme.example"
	if err := d.client.Create(t.Context(), &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Name: "zoe", Namespace: d.env["ROSTER_NAMESPACE"]},
		Spec: rosterv1alpha1.InvitationSpec{
			Email: "Zoe@Acme.example", Role: rosterv1alpha1.RoleMember, InvitedBy: "olivia@acme.example",
			Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	mail := d.mailTo(zoe)
	if !strings.Contains(mail.Subject, "Acme Social") || len(mail.ReplyTo) != 1 || mail.ReplyTo[0].Address != "olivia@acme.example" {
		t.Errorf("subject %q, answers to %v", mail.Subject, mail.ReplyTo)
	}
	link := d.linkIn(mail)
	visit := visitor(t)
	if d.may(zoe, "publish", "acme-fb") {
		t.Error("Zoe may publish before she has accepted")
	}

	// A mail scanner opens the link. That changes nothing.
	if status, _ := visit(http.MethodGet, link, nil); status != http.StatusOK {
		t.Errorf("the link answers %d", status)
	}
	form := url.Values{"action": {"accept"}, "displayName": {"Zoe Park"}, "locale": {"en"}, "password": {"short"}, "confirm": {"short"}}
	if status, _ := visit(http.MethodPost, link, form); status < 400 {
		t.Errorf("a weak password is answered with %d", status)
	}
	if state := invitationState(t, d, "zoe"); state != rosterv1alpha1.InvitationSent {
		t.Fatalf("before Zoe has accepted, the Invitation is %s", state)
	}

	form.Set("password", goodPassword)
	form.Set("confirm", goodPassword)
	if status, page := visit(http.MethodPost, link, form); status >= 400 || !strings.Contains(page, "Welcome to Acme Social") {
		t.Errorf("accepting is answered with %d: %s", status, page)
	}
	if state := invitationState(t, d, "zoe"); state != rosterv1alpha1.InvitationAccepted {
		t.Fatalf("the Invitation is %s", state)
	}
	d.waitActive(memberOf(t, d, "zoe"))
	checkEditorOfFacebook(t, d, zoe)
}

// visitor is a browser as far as it follows redirects and keeps cookies.
func visitor(t *testing.T) func(method, link string, form url.Values) (int, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	return func(method, link string, form url.Values) (int, string) {
		t.Helper()
		return visit(t, browser, method, link, form)
	}
}

func visit(t *testing.T, browser *http.Client, method, link string, form url.Values) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(page)
}

func invitationState(t *testing.T, d *demo, name string) rosterv1alpha1.InvitationState {
	t.Helper()
	var inv rosterv1alpha1.Invitation
	if err := d.get(t.Context(), name, &inv); err != nil {
		t.Fatal(err)
	}
	return inv.Status.State
}

// memberOf waits for the Member that an accepted Invitation led to, and returns its name.
func memberOf(t *testing.T, d *demo, invitation string) string {
	t.Helper()
	var inv rosterv1alpha1.Invitation
	d.eventually("the Member of Invitation "+invitation, func(ctx context.Context) error {
		if err := d.get(ctx, invitation, &inv); err != nil {
			return err
		}
		if inv.Status.MemberRef == nil {
			return fmt.Errorf("none yet: %+v", inv.Status)
		}
		return nil
	})
	return inv.Status.MemberRef.Name
}

// waitActive waits until a Member is active and its roles are granted.
func (d *demo) waitActive(name string) {
	d.t.Helper()
	d.eventually("Member "+name+" is active", func(ctx context.Context) error {
		var member rosterv1alpha1.Member
		if err := d.get(ctx, name, &member); err != nil {
			return err
		}
		for _, c := range member.Status.Conditions {
			if c.Type == rosterv1alpha1.ConditionRolesGranted && c.Status == metav1.ConditionTrue &&
				member.Status.State == rosterv1alpha1.MemberActive {
				return nil
			}
		}
		return fmt.Errorf("%+v", member.Status)
	})
}

// checkEditorOfFacebook checks what an Editor of acme-fb, who is nothing else there, may do, and what not.
func checkEditorOfFacebook(t *testing.T, d *demo, user string) {
	t.Helper()
	for _, q := range []struct {
		verb, profile string
		want          bool
	}{
		{"get", "acme-fb", true},
		{"publish", "acme-fb", true},
		{"schedule", "acme-fb", true},
		{"moderate", "acme-fb", true},
		{"configure", "acme-fb", false},
		{"connect", "acme-fb", false},
		{"delete", "acme-fb", false},
		{"publish", "acme-bsky", false},
		{"get", "acme-bsky", false},
		{"publish", "", false},
	} {
		if got := d.may(user, q.verb, q.profile); got != q.want {
			t.Errorf("%s may %s socialprofiles/%s: %v, want %v", user, q.verb, q.profile, got, q.want)
		}
	}
}

// deletingTakesAlong: with what somebody deletes goes what belongs to it, as in any cluster. People outlive their organisations.
func deletingTakesAlong(t *testing.T, d *demo) {
	d.t = t
	gone := func(what string, o client.Object) {
		t.Helper()
		d.eventually(what, func(ctx context.Context) error {
			err := d.client.Get(ctx, client.ObjectKeyFromObject(o), o)
			if err == nil {
				return fmt.Errorf("it is still there: %v", o)
			}
			return client.IgnoreNotFound(err)
		})
	}
	of, err := address.Parse("zoe@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	named := metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: of.AccountName()}
	account, secret := &rosterv1alpha1.Account{ObjectMeta: named}, &corev1.Secret{ObjectMeta: named}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.env["ROSTER_NAMESPACE"]}}
	if err := d.client.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	gone("the namespace, with the organisation in it, goes", namespace)
	if err := d.client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatalf("the password of somebody who was in it: %v", err)
	}
	if err := d.client.Delete(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	gone("the password goes with the Account", secret)
}

func interruptEndsEverything(t *testing.T, d *demo) {
	d.t = t
	children := childrenOf(t, d)
	d.end(os.Interrupt)
	if d.exit != nil {
		t.Errorf("the playground ended with %v:\n%s", d.exit, d.out)
	}
	checkGone(t, d, children)
	if log, err := os.ReadFile(filepath.Join(d.dataDir, "manager.log")); err != nil || !strings.Contains(string(log), "Stopping and waiting") {
		t.Errorf("the manager was not given the time to end by itself (%v); its log:\n%s", err, log)
	}
	if _, err := os.Stat(filepath.Join(d.dataDir, "env")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the env file still points to where nothing is")
	}
}

func TestASecondStartAfterAKill(t *testing.T) {
	dataDir := t.TempDir()
	first := start(t, dataDir, anyPorts()...)
	samePorts := []string{
		"--mailbox-addr=" + hostPort(t, first.env["ROSTER_MAILBOX_URL"]), "--smtp-addr=" + first.env["ROSTER_SMTP_ADDR"],
		"--portal-addr=" + hostPort(t, first.env["ROSTER_PORTAL_URL"]), "--api-port=" + apiPort(t, first),
		"--issuer-addr=" + hostPort(t, first.env["ROSTER_ISSUER"]),
	}

	while := launch(t, dataDir, samePorts...)
	while.waitEnded()
	if while.exit == nil || !strings.Contains(while.out.String(), "already running") {
		t.Errorf("a second start while the first runs: %v\n%s", while.exit, while.out)
	}

	children := childrenOf(t, first)
	first.end(syscall.SIGKILL)
	second := start(t, dataDir, samePorts...)
	checkGone(t, first, children)
	if second.env["ROSTER_MAILBOX_URL"] != first.env["ROSTER_MAILBOX_URL"] {
		t.Errorf("the mailbox moved to %s", second.env["ROSTER_MAILBOX_URL"])
	}
	second.mailTo("ana@acme.example")
}

func TestAChildThatDiesEndsThePlayground(t *testing.T) {
	d := start(t, t.TempDir(), anyPorts()...)
	children := childrenOf(t, d)
	if err := syscall.Kill(children["manager"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.waitEnded()
	if out := d.out.String(); d.exit == nil || !strings.Contains(out, "manager ended with signal: killed") || !strings.Contains(out, "manager.log:\n    {") {
		t.Errorf("the playground ended with %v and does not say why:\n%s", d.exit, out)
	}
	checkGone(t, d, children)
}

func TestMailToAnotherRelay(t *testing.T) {
	relay := start(t, t.TempDir(), anyPorts()...)
	d := start(t, t.TempDir(), append(anyPorts(), "--smtp="+relay.env["ROSTER_SMTP_ADDR"], "--namespace=elsewhere")...)
	if d.env["ROSTER_MAILBOX_URL"] != "" || d.env["ROSTER_SMTP_ADDR"] != relay.env["ROSTER_SMTP_ADDR"] || d.env["ROSTER_NAMESPACE"] != "elsewhere" {
		t.Errorf("env %v", d.env)
	}
	relay.eventually("the mails of both", func(ctx context.Context) error { return twoMails(ctx, relay) })
}

func twoMails(ctx context.Context, relay *demo) error {
	var found mailbox.MessagesSummary
	err := relay.getJSON(ctx, relay.env["ROSTER_MAILBOX_URL"]+"/api/v1/search?query=to:ana@acme.example", &found)
	if err == nil && len(found.Messages) != 2 {
		err = fmt.Errorf("%d mails to Ana, want one of each playground", len(found.Messages))
	}
	return err
}

func hostPort(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func apiPort(t *testing.T, d *demo) string {
	t.Helper()
	config, err := os.ReadFile(d.env["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(config), "server: ")
	server, _, _ := strings.Cut(rest, "\n")
	_, port, err := net.SplitHostPort(hostPort(t, server))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
