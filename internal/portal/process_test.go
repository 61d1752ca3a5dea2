// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/testenv"
)

// built is the portal as it is installed.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "roster-portal")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "portal")
	output, err := exec.CommandContext(context.Background(), "go", "build", "-o", path, "../../cmd/portal").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

// program is a portal in a process of its own.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *lines
	exited chan error
	// url of the pages, of the probes and of the metrics.
	url, probes, metrics string
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.add(string(b))
	return len(b), nil
}

// kubeconfig writes the way to an API server into a file.
func kubeconfig(t *testing.T, way *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := testenv.WriteKubeconfig(path, way, ""); err != nil {
		t.Fatal(err)
	}
	return path
}

// startProgram starts a portal.
func startProgram(t *testing.T, way *rest.Config, portal string, env ...string) *program {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	content := "apiVersion: config.roster.dev/v1alpha1\nkind: RosterConfig\nmail: {from: roster@mail.example, smtp: {address: \"127.0.0.1:25\"}}\nportal: " + portal
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	pages, probes, metrics := freeport.For(t).Addr(), freeport.For(t).Addr(), freeport.For(t).Addr()
	p := &program{
		t: t, log: &lines{}, exited: make(chan error, 1), url: "http://" + pages, probes: "http://" + probes, metrics: "http://" + metrics + "/metrics",
	}
	p.cmd = exec.CommandContext(context.Background(), path, "--config="+file, "--kubeconfig="+kubeconfig(t, way), "--namespace="+systemNamespace,
		"--bind-address="+pages, "--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), env...), p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

func (p *program) ready(ctx context.Context) bool {
	return fetch(ctx, p.probes+"/readyz") == http.StatusOK
}

func (p *program) awaitReady() *program {
	p.t.Helper()
	await(p.t, p.ready)
	return p
}

// stop has the process end, as the kubelet does, and waits for it.
func (p *program) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := <-p.exited; err != nil {
		p.t.Errorf("stopping: %v\n%s", err, p.log)
	}
}

// balancer hands requests to portals in turn, to those that were ready when it last looked: it keeps connections open, and tries nothing
// twice.
type balancer struct {
	mu       sync.Mutex
	backends []*program
	ready    map[*program]bool
	next     int
}

func (b *balancer) set(backends ...*program) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = backends
}

func (b *balancer) look(ctx context.Context) {
	b.mu.Lock()
	backends := b.backends
	b.mu.Unlock()
	ready := map[*program]bool{}
	for _, p := range backends {
		ready[p] = p.ready(ctx)
	}
	b.mu.Lock()
	b.ready = ready
	b.mu.Unlock()
}

func (b *balancer) pick(r *httputil.ProxyRequest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		p := b.backends[b.next%len(b.backends)]
		b.next++
		if b.ready[p] {
			if u, err := url.Parse(p.url); err == nil {
				r.SetURL(u)
			}
			return
		}
	}
}

// TestRollingRestartFailsNoRequest replaces two portals one after the other, at thirty requests a second.
func TestRollingRestartFailsNoRequest(t *testing.T) {
	w := newWorld(t)
	b := &balancer{}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: b.pick, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}})
	defer front.Close()
	start := func() *program {
		limits := "limits: {requests: {burst: 100000}}"
		return startProgram(t, w.userConfig, fmt.Sprintf("{url: %q, drainPeriod: 2s, %s}", front.URL, limits))
	}
	one, two := start().awaitReady(), start().awaitReady()
	b.set(one, two)
	b.look(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	every := func(d time.Duration, do func()) {
		all.Go(func() {
			tick := time.NewTicker(d)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					do()
				}
			}
		})
	}
	var mu sync.Mutex
	answers := map[string]int{}
	every(100*time.Millisecond, func() { b.look(ctx) })
	every(time.Second/30, func() {
		all.Go(func() {
			got := tell(front.URL + "/sign-in")
			mu.Lock()
			defer mu.Unlock()
			answers[got]++
		})
	})
	for _, old := range []*program{one, two} {
		fresh := start().awaitReady()
		b.set(one, two, fresh)
		old.stop()
		if old == one {
			one = fresh
		}
	}
	cancel()
	all.Wait()
	if len(answers) != 1 || answers["200"] < 60 {
		t.Errorf("answers: %v, want 200 and nothing else", answers)
	}
}

// tell is the status of an address, or why there is none.
func tell(address string) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode == http.StatusOK {
		return "200"
	}
	return fmt.Sprint(response.StatusCode, ": ", string(body[:min(len(body), 500)]))
}

// TestPortalSaysWhatItWaitsFor: a portal that lacks its keys names the Secret, at /readyz and in the log.
func TestPortalSaysWhatItWaitsFor(t *testing.T) {
	w := newWorld(t)
	p := startProgram(t, w.userConfig, "{url: http://127.0.0.1, keySecret: nowhere}")
	const why = "keys in Secret " + systemNamespace + "/nowhere: "
	await(t, func(context.Context) bool {
		got := tell(p.probes + "/readyz")
		return strings.Contains(got, "[+]api-server ok\n[+]not-stopping ok\n[+]filled-cache ok\n[+]secret-"+keySecretName+" ok\n[-]secret-nowhere: "+why)
	})
	await(t, func(context.Context) bool { return strings.Contains(p.log.String(), `"msg":"Not ready","why":"`+why) })
	if got := tell(p.probes + "/readyz"); strings.Contains(got, "openid") {
		t.Errorf("a portal that is no provider waits for a key that signs tokens: %s", got)
	}
	p.stop()
	provider := startProgram(t, w.userConfig,
		"{url: https://team.acme.example, trustedProxies: [127.0.0.1/32], openID: {issuer: \"https://team.acme.example\", keySecret: unsigned-openid}}")
	await(t, func(context.Context) bool {
		return strings.Contains(tell(provider.probes+"/readyz"), "[-]secret-unsigned-openid: keys in Secret "+systemNamespace+"/unsigned-openid: ")
	})
	provider.stop()
}

// TestPortalWaitsForTheAPIServer: a portal that starts first waits, and says what for.
func TestPortalWaitsForTheAPIServer(t *testing.T) {
	w := newWorld(t)
	target, err := url.Parse(w.userConfig.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(w.userConfig)
	if err != nil {
		t.Fatal(err)
	}
	address := freeport.For(t).Addr()
	p := startProgram(t, &rest.Config{Host: "http://" + address}, "{url: http://127.0.0.1}")
	await(t, func(ctx context.Context) bool { return fetch(ctx, p.probes+"/healthz") == http.StatusOK })
	await(t, func(context.Context) bool { return strings.Contains(tell(p.probes+"/readyz"), "connection refused") })
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}}
	go func() { _ = front.Serve(listener) }()
	defer front.Close()
	p.awaitReady()
	if got := tell(p.url + "/"); got != "200" {
		t.Errorf("the home page: %s", got)
	}
	await(t, func(context.Context) bool {
		return strings.Contains(p.log.String(), `"logger":"readiness","msg":"Ready"`)
	})
	p.stop()
}

// TestPortalServesItsMetrics: the alerts and dashboards about the portal ask for these, from its first start on.
func TestPortalServesItsMetrics(t *testing.T) {
	w := newWorld(t)
	p := startProgram(t, w.userConfig, "{url: http://127.0.0.1}").awaitReady()
	tell(p.url + "/sign-in")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`roster_build_info{`, `roster_portal_requests_total{code="200",method="GET",route="/sign-in"} 1`, `roster_portal_request_duration_seconds_bucket{`,
		`roster_portal_claims_total{result="failed"} 0`, `roster_portal_untrusted_proxy_requests_total 0`, `roster_portal_password_hash_wait_seconds_bucket{`,
		`rest_client_requests_total{`, `process_resident_memory_bytes `, `go_gc_gomemlimit_bytes `,
		`process_start_time_seconds `,
	} {
		if !strings.Contains(string(metrics), "\n"+want) {
			t.Errorf("a scrape of the portal has no %s", want)
		}
	}
	p.stop()
}

// TestPortalTellsAboutItsPod: what is wrong with the configuration is an event of the Pod that the downward API names, by the portal's own
// rights.
func TestPortalTellsAboutItsPod(t *testing.T) {
	w := newWorld(t)
	p := startProgram(t, w.userConfig, "{url: https://team.acme.example}", "POD_NAME=roster-portal-7", "POD_UID=0c4d").awaitReady()
	await(t, func(ctx context.Context) bool {
		var events corev1.EventList
		err := w.admin.List(ctx, &events, client.InNamespace(systemNamespace))
		return err == nil && slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
			of := e.InvolvedObject
			return e.Reason == reasonUntrustedProxy && e.Type == corev1.EventTypeWarning && of.Kind == "Pod" && of.Name == "roster-portal-7" && of.UID == "0c4d"
		})
	})
	p.stop()
}
