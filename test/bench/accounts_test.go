// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	people        = 200
	signInsEach   = 4
	benchPassword = "Correct horse, battery"
)

// TestBenchAccounts measures the portal as a process of its own, under its ServiceAccount's rights, against what hashing alone allows.
func TestBenchAccounts(t *testing.T) {
	b, r := start(t), &results{}
	keys := b.portalKeys()
	p := b.startPortal()
	b.organization("people")
	links := b.links("people", keys)
	before := hashing(b)
	accepts := p.accepts(b, links)
	first, again := p.signIns(b)
	// The machine does not always go at one speed.
	after := hashing(b)
	alone := hashed{(before.rate + after.rate) / 2, (before.cost + after.cost) / 2}
	alone.report(r, runtime.GOMAXPROCS(0))
	accepts.report(r, "accepting with a new account", "accepts", alone)
	first.report(r, "signing in from a new device", "sign-ins", alone)
	again.report(r, "signing in from a device in use", "sign-ins", alone)
	p.memoryUnderLoad(b, r)
	r.print()
}

// portalKeys makes the Secrets that the manager makes otherwise.
func (b *bench) portalKeys() keyring.Keys {
	key := bytes.Repeat([]byte("k"), keyring.MinLen)
	for _, name := range []string{"roster-link-keys", "roster-portal-keys", "roster-factor-keys"} {
		b.must(b.client.Create(b.ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: name}, Data: map[string][]byte{keyring.Current: key},
		}))
	}
	return keyring.Keys{key}
}

// benchPortal is a running portal process.
type benchPortal struct {
	url    string
	pid    int
	client *http.Client
	next   atomic.Uint32
}

// startPortal starts the portal, with more lines for that part of its configuration.
func (b *bench) startPortal(more ...string) *benchPortal {
	b.Helper()
	addr, probes := freeport.For(b.T).Addr(), freeport.For(b.T).Addr()
	dir := b.TempDir()
	config := filepath.Join(dir, "portal.yaml")
	// Each request comes from a client of its own, so that the limits of one client do not count.
	b.must(os.WriteFile(config, []byte(fmt.Sprintf(`apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: Roster <roster@mail.example>
  smtp: {address: %q, tls: None}
portal:
  url: "http://%s"
  trustedProxies: [127.0.0.0/8]
%s`, b.sink.Addr(), addr, strings.Join(more, ""))), 0o600))
	b.kubeconfig("roster-portal")
	log, err := os.Create(filepath.Join(testenv.Root(), "bin", "bench-portal.log"))
	b.must(err)
	cmd := exec.Command(filepath.Join(testenv.Root(), "bin/portal"), "--config", config, "--namespace", testenv.SystemNamespace,
		"--kubeconfig", b.kube, "--bind-address", addr, "--metrics-bind-address", "0", "--health-probe-bind-address", probes)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), log, log
	b.must(cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	b.await("the portal to be ready", 20*time.Minute, func() bool {
		resp, err := http.Get("http://" + probes + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	})
	return &benchPortal{url: "http://" + addr, pid: cmd.Process.Pid, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: people},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post sends a form, and expects to be sent on. It returns the cookies.
func (p *benchPortal) post(b *bench, path string, form url.Values, cookies ...*http.Cookie) []*http.Cookie {
	status, answered := p.try(b, path, form, cookies...)
	if status != http.StatusSeeOther {
		b.Errorf("POST %s: status %d", strings.SplitN(path[1:], "/", 2)[0], status)
	}
	return answered
}

// try sends a form. It returns the status and the cookies of the answer.
func (p *benchPortal) try(b *bench, path string, form url.Values, cookies ...*http.Cookie) (int, []*http.Cookie) {
	r, err := http.NewRequestWithContext(b.ctx, http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	b.must(err)
	n := p.next.Add(1)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255))
	for _, c := range cookies {
		r.AddCookie(c)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		b.Error(err)
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, resp.Cookies()
}

// hashing is what it takes to check passwords by nothing but argon2id, on all processors and for as many callers at once.
func hashing(b *bench) hashed {
	hasher, err := account.NewHasher(account.HasherOptions{})
	b.must(err)
	hash, err := hasher.Hash(b.ctx, benchPassword)
	b.must(err)
	const n = people * 2
	used := cpu(os.Getpid())
	took := parallel(n, func(int) {
		if m, err := hasher.Verify(b.ctx, benchPassword, hash); err != nil || !m.OK {
			b.Error(m, err)
		}
	})
	return hashed{rate: n / took.Seconds(), cost: (cpu(os.Getpid()) - used) / n}
}

// links makes invitations as they are once they have been mailed.
func (b *bench) links(namespace string, keys keyring.Keys) []string {
	links := make([]string, people)
	parallel(people, func(i int) {
		inv := newInvitation(namespace, i)
		b.must(b.client.Create(b.ctx, inv))
		asSent(inv, time.Now(), 72*time.Hour)
		b.must(b.client.Status().Update(b.ctx, inv))
		token, err := invitation.Token(keys, string(inv.UID), inv.Status.Attempt, address.Address(inv.Spec.Email))
		b.must(err)
		links[i] = "/invitations/" + token
	})
	return links
}

func (p *benchPortal) accepts(b *bench, links []string) measured {
	form := url.Values{"action": {"accept"}, "displayName": {"Ana"}, "locale": {"en"}, "password": {benchPassword}, "confirm": {benchPassword}}
	b.await("the portal to see the invitations", time.Minute, func() bool {
		resp, err := p.client.Get(p.url + links[people-1])
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	})
	return p.measure(b, people, func(i int) { p.post(b, links[i], form) })
}

func (p *benchPortal) login(b *bench, i int, cookies ...*http.Cookie) []*http.Cookie {
	return p.post(b, "/sign-in", credentials(i), cookies...)
}

func credentials(i int) url.Values {
	return url.Values{"login": {newInvitation("people", i).Spec.Email}, "password": {benchPassword}}
}

func (p *benchPortal) signIns(b *bench) (first, again measured) {
	devices := make([]*http.Cookie, people)
	first = p.measure(b, people, func(i int) {
		for _, c := range p.login(b, i) {
			if c.Name == "roster-device" {
				devices[i] = c
			}
		}
	})
	return first, p.measure(b, people*signInsEach, func(i int) { p.login(b, i%people, devices[i%people]) })
}

// memoryUnderLoad is the most that the portal has held while 200 people signed in at the same moment. Those for whom there is no room in the
// line are asked to come again.
func (p *benchPortal) memoryUnderLoad(b *bench, r *results) {
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			if status, _ := p.try(b, "/sign-in", credentials(i)); status != http.StatusSeeOther && status != http.StatusServiceUnavailable {
				b.Errorf("one of 200 sign-ins at once: status %d", status)
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	b.must(err)
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			b.must(err)
			r.add("memory of the portal, at most, with 200 sign-ins at once", kib/1024, "MiB", "< 512")
		}
	}
}
