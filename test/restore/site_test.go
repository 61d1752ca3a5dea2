// SPDX-License-Identifier: Apache-2.0

// Package restore runs kubectl roster backup on a cluster that has everything in it, and kubectl roster restore on others.
package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/roster-dev/roster/internal/cli"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/testenv"
)

// patience is how long anything may take before it is taken not to happen.
const patience = time.Minute

// pluginEnv makes the test program be the plugin.
const pluginEnv = "ROSTER_TEST_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(pluginEnv) != "" {
		os.Exit(cli.Main(append([]string{"kubectl-roster"}, os.Args[1:]...)))
	}
	ctrllog.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// site is a cluster with Roster in it. Manager and portal run in this process under the rights of their ServiceAccounts.
type site struct {
	*testing.T
	cluster *testenv.Cluster
	client  client.WithWatch
	kube    string
	relay   *smtptest.Server
	config  config.Config
	pages   net.Listener
	stop    func()
}

// newSite starts an API server and a relay, and no Roster yet.
func newSite(t *testing.T, x *httptest.Server) *site {
	t.Helper()
	s := &site{T: t, kube: filepath.Join(t.TempDir(), "kubeconfig"), stop: func() {}}
	var err error
	s.cluster, err = testenv.Start(context.Background())
	s.must(err)
	t.Cleanup(func() { s.must(s.cluster.Stop()) })
	s.client = s.cluster.Client
	s.relay, err = smtptest.Start(smtptest.Options{})
	s.must(err)
	t.Cleanup(func() { _ = s.relay.Close() })
	s.pages, err = net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.config, err = config.Parse(fmt.Appendf(nil, `apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: Roster <roster@mail.example>
  smtp: {address: %q, tls: None}
portal: {url: "http://%s", openID: {issuer: "https://portal.example"}}
networks: [{name: X, url: %q}]
`, s.relay.Addr(), s.pages.Addr(), x.URL))
	s.must(err)
	s.must(s.writeKubeconfig())
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// writeKubeconfig writes that of a person who administers the cluster.
func (s *site) writeKubeconfig() error {
	admin, err := s.cluster.Login("adam@platform.example", "system:masters")
	if err != nil {
		return err
	}
	c := clientcmdapi.NewConfig()
	c.Clusters["c"] = &clientcmdapi.Cluster{
		Server: "https://" + strings.TrimPrefix(admin.Host, "https://"), CertificateAuthorityData: s.cluster.Config.CAData,
	}
	c.AuthInfos["u"] = &clientcmdapi.AuthInfo{ClientCertificateData: admin.CertData, ClientKeyData: admin.KeyData}
	c.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	c.CurrentContext = "x"
	return clientcmd.WriteToFile(*c, s.kube)
}

// plugin runs the plugin as a person who administers the cluster, and returns what it said.
func (s *site) plugin(args ...string) (string, error) {
	s.Helper()
	return run(s, s.kube, args...)
}

func run(s *site, kubeconfig string, args ...string) (string, error) {
	s.Helper()
	program, err := os.Executable()
	s.must(err)
	cmd := exec.CommandContext(s.Context(), program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, pluginEnv+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// cutShort runs the plugin with a connection that breaks at the nth write by a method.
func (s *site) cutShort(method string, nth int32, args ...string) (string, error) {
	s.Helper()
	admin, err := s.cluster.Login("adam@platform.example", "system:masters")
	s.must(err)
	transport, err := rest.TransportFor(admin)
	s.must(err)
	target, _, err := rest.DefaultServerUrlFor(admin)
	s.must(err)
	var count atomic.Int32
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method && !strings.Contains(r.URL.Path, "selfsubjectaccessreviews") && count.Add(1) >= nth {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	c := clientcmdapi.NewConfig()
	c.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL}
	c.Contexts["x"] = &clientcmdapi.Context{Cluster: "c"}
	c.CurrentContext = "x"
	file := filepath.Join(s.TempDir(), "kubeconfig")
	s.must(clientcmd.WriteToFile(*c, file))
	return run(s, file, args...)
}

// start runs manager and portal until stop is called or the test ends.
func (s *site) start() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	s.must(s.startManager(ctx, ended))
	s.must(s.startPortal(ctx, ended))
	stopped := false
	s.stop = func() {
		s.Helper()
		if !stopped {
			stopped = true
			cancel()
			s.must(errors.Join(<-ended, <-ended))
		}
	}
	s.Cleanup(func() { s.stop() })
	s.eventually("the portal answers", func() error {
		answer, err := http.Get("http://" + s.pages.Addr().String() + "/sign-in")
		if err == nil && answer.Body.Close() == nil && answer.StatusCode != http.StatusOK {
			err = errors.New(answer.Status)
		}
		return err
	})
}

func (s *site) startManager(ctx context.Context, ended chan<- error) error {
	options := controller.ManagerOptions(2)
	options.Scheme = s.cluster.Scheme
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	mgr, err := ctrl.NewManager(controller.Unthrottled(s.cluster.As("roster-manager")), options)
	if err != nil {
		return err
	}
	composer, err := mail.NewComposer(s.config.Mail.From, "")
	if err != nil {
		return err
	}
	relay, err := mail.NewRelay(s.config.Mail.SMTP, nil, clock.RealClock{})
	if err != nil {
		return err
	}
	gate := mail.NewGate(s.config.Mail.SMTP, relay, clock.RealClock{}, logr.Discard())
	err = controller.Setup(ctx, mgr, controller.Options{
		Config: s.config, Namespace: testenv.SystemNamespace, Clock: clock.RealClock{}, Composer: composer, Mailer: gate,
		Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	go func() {
		err := mgr.Start(ctx)
		_ = relay.Close()
		ended <- err
	}()
	return nil
}

func (s *site) startPortal(ctx context.Context, ended chan<- error) error {
	mgr, err := ctrl.NewManager(portal.Unthrottled(s.cluster.As("roster-portal")), ctrl.Options{
		Scheme: s.cluster.Scheme, Cache: portal.CacheOptions(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		return err
	}
	err = portal.Setup(ctx, mgr, portal.SetupOptions{
		Config: s.config, Namespace: testenv.SystemNamespace, Listener: s.pages, Clock: clock.RealClock{}, Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	go func() { ended <- mgr.Start(ctx) }()
	return nil
}

// eventually waits for something that other processes do.
func (s *site) eventually(what string, done func() error) {
	s.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := done()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at another process
	}
}

// link is the one in the newest mail to an address.
func (s *site) link(to string) string {
	s.Helper()
	var link string
	s.eventually("a mail to "+to, func() error {
		for _, m := range s.relay.Messages() {
			if bytes.Contains(m.Raw, []byte("To: ")) && strings.Contains(strings.Join(m.To, " "), to) {
				body := strings.ReplaceAll(string(m.Raw), "=\r\n", "")
				if found := linkInMail.FindStringSubmatch(body); found != nil {
					link = found[1]
				}
			}
		}
		if link == "" {
			return errors.New("none came")
		}
		return nil
	})
	return link
}

var linkInMail = regexp.MustCompile(`/invitations/([A-Za-z0-9_-]{40,})`)

// browser keeps cookies and follows redirects.
type browser struct {
	*site
	http.Client
}

func (s *site) browser() *browser {
	s.Helper()
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &browser{site: s, Client: http.Client{Jar: jar}}
}

// send returns the page that the browser ends on, and its path.
func (b *browser) send(method, path string, form url.Values) (page, at string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), method, "http://"+b.pages.Addr().String()+path, strings.NewReader(form.Encode()))
	b.must(err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.Do(request)
	b.must(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	b.must(err)
	return string(body), answer.Request.URL.Path
}
