// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

// bench is an API server, a mail sink, and the manager as a process of its own under its ServiceAccount's rights and its default
// configuration.
type bench struct {
	*testing.T
	ctx     context.Context
	cluster *testenv.Cluster
	client  client.WithWatch
	// bare has the identity of the manager, so that its writes pass the same authorization and fairness.
	bare    client.Client
	sink    *smtptest.Server
	social  *social
	manager *manager
	config  string
	kube    string
}

// manager is a running manager process.
type manager struct {
	cmd     *exec.Cmd
	metrics string
}

func start(t *testing.T, flags ...testenv.Flag) *bench {
	t.Helper()
	b := &bench{T: t, ctx: t.Context()}
	var err error
	// Without kube-controller-manager, which in a cluster has other processors than those that are measured here.
	b.cluster, err = testenv.StartEmpty(context.Background(), flags...)
	b.must(err)
	t.Cleanup(func() { _ = b.cluster.Stop() })
	b.must(b.cluster.Install(b.ctx))
	b.client, err = client.NewWithWatch(b.cluster.Config, client.Options{Scheme: b.cluster.Scheme})
	b.must(err)
	b.sink, err = smtptest.Start(smtptest.Options{CountOnly: true})
	b.must(err)
	t.Cleanup(func() { _ = b.sink.Close() })
	b.social = startSocial(b)
	dir := t.TempDir()
	b.config, b.kube = filepath.Join(dir, "config.yaml"), filepath.Join(dir, "kubeconfig")
	b.must(os.WriteFile(b.config, []byte(fmt.Sprintf(`apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: Roster <roster@mail.example>
  smtp: {address: %q, tls: None}
portal: {url: https://portal.example}
networks: [{name: X, url: %q, checksPerMinute: 60000}]
`, b.sink.Addr(), b.social.URL)), 0o600))
	b.kubeconfig("roster-manager")
	config, err := clientcmd.BuildConfigFromFlags("", b.kube)
	b.must(err)
	config.QPS = -1
	b.bare, err = client.New(config, client.Options{Scheme: b.cluster.Scheme})
	b.must(err)
	return b
}

// kubeconfig writes one for a ServiceAccount, with a token as a Pod has it.
func (b *bench) kubeconfig(serviceAccount string) {
	set, err := kubernetes.NewForConfig(b.cluster.Config)
	b.must(err)
	seconds := int64(4 * 3600)
	token, err := set.CoreV1().ServiceAccounts(testenv.SystemNamespace).CreateToken(b.ctx, serviceAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
	b.must(err)
	way := rest.AnonymousClientConfig(b.cluster.Config)
	way.BearerToken = token.Status.Token
	b.must(testenv.WriteKubeconfig(b.kube, way, ""))
}

func (b *bench) startManager() {
	b.Helper()
	metrics, probes := freeport.For(b.T).Addr(), freeport.For(b.T).Addr()
	log, err := os.Create(filepath.Join(testenv.Root(), "bin", "bench-manager.log"))
	b.must(err)
	cmd := exec.Command(filepath.Join(testenv.Root(), "bin/manager"), "--config", b.config, "--namespace", testenv.SystemNamespace,
		"--kubeconfig", b.kube, "--metrics-bind-address", metrics, "--health-probe-bind-address", probes)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), log, log
	b.must(cmd.Start())
	b.manager = &manager{cmd: cmd, metrics: "http://" + metrics + "/metrics"}
	b.Cleanup(b.stopManager)
	b.await("the manager to be ready", time.Hour, func() bool {
		resp, err := http.Get("http://" + probes + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	})
}

// ensureManager starts it unless an earlier measure has left it running.
func (b *bench) ensureManager() {
	if b.manager == nil {
		b.startManager()
	}
}

func (b *bench) stopManager() {
	if b.manager == nil {
		return
	}
	_ = b.manager.cmd.Process.Signal(syscall.SIGTERM)
	_ = b.manager.cmd.Wait()
	b.manager = nil
}

// memory is the manager's resident set in MiB.
func (b *bench) memory() float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.manager.cmd.Process.Pid))
	b.must(err)
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			b.must(err)
			return kib / 1024
		}
	}
	return 0
}

// cpu is the processor time that a process has used, in seconds (proc(5), utime and stime in 1/100 s).
func cpu(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// apiWrites counts the writes that the API server has answered, by resource, without leases and events.
func (b *bench) apiWrites(resource string) float64 {
	return b.apiRequests(resource, "POST", "PUT", "PATCH", "APPLY", "DELETE")
}

// apiRequests counts the requests that the API server has answered, by resource and verb.
func (b *bench) apiRequests(resource string, verbs ...string) float64 {
	total := 0.0
	for line := range strings.Lines(b.apiMetrics()) {
		if !strings.HasPrefix(line, "apiserver_request_total{") || !strings.Contains(line, `resource="`+resource+`"`) {
			continue
		}
		for _, verb := range verbs {
			if strings.Contains(line, `verb="`+verb+`"`) {
				total += value(line)
			}
		}
	}
	return total
}

func (b *bench) apiMetrics() string {
	set, err := kubernetes.NewForConfig(b.cluster.Config)
	b.must(err)
	raw, err := set.RESTClient().Get().AbsPath("/metrics").DoRaw(b.ctx)
	b.must(err)
	return string(raw)
}

// waiting is how many objects the manager has to look at now.
func (b *bench) waiting() float64 { return b.metrics([]string{"workqueue_depth", "roster_queue_held"}) }

// metric sums the samples of a metric of the manager whose labels contain all the given texts.
func (b *bench) metric(name string, labels ...string) float64 {
	return b.metrics([]string{name}, labels...)
}

// metrics sums those of several metrics. Each call costs the manager some 6 ms.
func (b *bench) metrics(names []string, labels ...string) float64 {
	resp, err := http.Get(b.manager.metrics)
	b.must(err)
	defer func() { _ = resp.Body.Close() }()
	total := 0.0
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		fits := slices.ContainsFunc(names, func(name string) bool {
			return strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ")
		})
		for _, label := range labels {
			fits = fits && strings.Contains(line, label)
		}
		if fits {
			total += value(line)
		}
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return total
}

func value(line string) float64 {
	v, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(strings.TrimSpace(line), ' '):]), 64)
	return v
}

func (b *bench) organization(namespace string) {
	b.Helper()
	b.must(b.cluster.Namespace(b.ctx, namespace))
	b.must(b.client.Create(b.ctx, &rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "acme"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme Social"},
	}))
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// await asks again and again; it fails the benchmark only when something hangs.
func (b *bench) await(what string, limit time.Duration, done func() bool) {
	b.Helper()
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			b.Fatalf("waited %s for %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
