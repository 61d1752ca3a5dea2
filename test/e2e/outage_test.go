// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

// outage is longer than the Lease, and than all that a client backs off for: an upgrade of a control plane takes as long.
const outage = 3 * time.Minute

// TestAPIServerAwayForMinutes ends the process of the API server and brings it back, under a manager and a portal that run, and others that
// start meanwhile. The minutes are real, since the timers of client libraries take no other clock; other tests run meanwhile.
func TestAPIServerAwayForMinutes(t *testing.T) {
	t.Parallel()
	cluster, err := testenv.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	b := newBureau(t, cluster).organize()
	b.direct()
	manager, portal := b.start(), b.startPortal()
	b.invite(1, "before")
	b.awaitSent()
	portal.awaitReady()

	over := time.After(outage)
	b.cluster.StopAPIServer()
	late := []*office{b.start(), b.startPortal().office}
	b.checkAway(portal, append(late, manager)...)
	select {
	case <-over:
	case <-t.Context().Done():
	}

	b.must(b.cluster.StartAPIServer())
	b.eventually("the API server takes invitations again", func() error {
		inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: b.space, Name: "dry"}}
		inv.Spec.Email = "dry@" + b.space + ".example"
		return b.cluster.Client.Create(b.t.Context(), inv, client.DryRunAll)
	})
	b.invite(20, "after")
	b.awaitSent()
	b.noMailTwice(21)
	for _, o := range append(late, manager, portal.office) {
		o.awaitReady()
		select {
		case <-o.ended:
			b.t.Errorf("%s has ended: %v", o.cmd.Path, o.err)
		default:
		}
	}
	for _, m := range b.post.Messages() {
		b.eventually("the link of a mail opens", func() error { return portal.open(linkOf(m)) })
	}
}

// checkAway looks at a portal that runs, and at others that wait, while the API server is away.
func (b *bureau) checkAway(portal pages, waiting ...*office) {
	b.t.Helper()
	for _, o := range waiting {
		b.eventually("it reports what it waits for", func() error {
			if code, body := o.readiness(); code != http.StatusServiceUnavailable || !strings.Contains(body, "connection refused") {
				return fmt.Errorf("%d %s", code, body)
			}
			return nil
		})
	}
	if code, body := portal.readiness(); code != http.StatusOK {
		b.t.Errorf("a portal that runs is not ready while nothing else could answer: %d %s", code, body)
	}
	if err := portal.open(linkOf(b.post.Messages()[0])); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "try again in a minute") {
		b.t.Errorf("a link that cannot be checked: %v", err)
	}
}

// direct has processes find the API server where it is.
func (b *bureau) direct() {
	b.t.Helper()
	host, err := url.Parse(b.cluster.Config.Host)
	b.must(err)
	for _, account := range []string{"roster-manager", "roster-portal"} {
		b.kubeconfig(account, host.Host)
	}
}

// TestMissingKinds starts manager and portal in a cluster that does not know Roster's kinds yet.
func TestMissingKinds(t *testing.T) {
	cluster, err := testenv.StartEmpty(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	b := newBureau(t, cluster)
	b.direct()
	both := []*office{b.start(), b.startPortal().office}
	for _, o := range both {
		b.eventually("it reports which kinds are missing", func() error {
			code, body := o.readiness()
			if code != http.StatusServiceUnavailable || !strings.Contains(body, "Account") || !strings.Contains(body, "CustomResourceDefinitions") {
				return fmt.Errorf("%d %s", code, body)
			}
			return nil
		})
		if n := strings.Count(o.log.String(), `"msg":"Waiting for `); n != 1 {
			t.Errorf("the log of %s reports it %d times:\n%s", o.cmd.Path, n, o.log)
		}
	}
	b.must(cluster.Install(t.Context()))
	b.organize()
	b.invite(1, "person")
	b.awaitSent()
	for _, o := range both {
		o.awaitReady()
	}
}

func linkOf(m smtptest.Message) string {
	return linkIn.FindString(strings.ReplaceAll(string(m.Raw), "=\r\n", ""))
}

var linkIn = regexp.MustCompile(`/invitations/[A-Za-z0-9_-]{40,}`)

// pages is a portal and the address of its pages.
type pages struct {
	*office
	address string
}

func (b *bureau) startPortal() pages {
	b.t.Helper()
	address := freeport.For(b.t).Addr()
	return pages{b.run("portal", "--bind-address="+address), address}
}

// open looks at the page of a link, as its person does.
func (p pages) open(link string) error {
	request, err := http.NewRequestWithContext(p.b.t.Context(), http.MethodGet, "http://"+p.address+link, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is %s:\n%s", link, response.Status, body)
	}
	return err
}
