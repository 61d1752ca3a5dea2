// SPDX-License-Identifier: Apache-2.0

// Package site is a cluster with Roster in it, and the people of an organisation that has everything, for tests that take all this away and
// bring it back.
package site

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
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
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/portal"
	"github.com/roster-dev/roster/internal/testenv"
	"github.com/roster-dev/roster/internal/testpeer"
)

// patience is how long anything may take, on a machine that is busy with other things, before it is taken not to happen.
const patience = 5 * time.Minute

// pluginEnv makes the test program be the plugin.
const pluginEnv = "ROSTER_TEST_PLUGIN"

// Main is the main function of the tests of a package.
func Main(m *testing.M) {
	if os.Getenv(pluginEnv) != "" {
		os.Exit(cli.Main(append([]string{"kubectl-roster"}, os.Args[1:]...)))
	}
	ctrllog.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// Outside is the world around clusters, which stays when one of them is lost.
type Outside struct {
	// Host and port of the portal, wherever it runs.
	Address string
	// X is the network of that name, which takes every token.
	X *httptest.Server
	// Company is the OpenID provider of Acme.
	Company *testpeer.OIDC
	// Kept is what people keep: their secrets, and the links that they were mailed.
	Kept *Kept
}

// Issuer is the name of Acme's OpenID provider.
const Issuer = "acme"

// NewOutside starts the network and the company.
func NewOutside(t *testing.T) *Outside {
	t.Helper()
	_, port, _ := net.SplitHostPort(freeport.For(t).Addr())
	// Browsers offer passkeys at localhost, and at no address.
	o := &Outside{Address: "localhost:" + port, Kept: &Kept{Links: map[string]string{}}}
	o.X = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{"id":"4711","username":"acme","name":"Acme"}}`))
	}))
	t.Cleanup(o.X.Close)
	company, err := testpeer.StartOIDC(context.Background(), testpeer.OIDCOptions{
		Clients: []testpeer.OIDCClient{{
			ID: "roster", Secret: companySecret, RedirectURIs: []string{o.URL("/sign-in/company/" + Issuer + "/callback")},
		}},
		Accounts: map[string]testpeer.Claims{"chloe": {"email": mailOf("chloe"), "email_verified": true, "name": "Chloe"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Company = company
	t.Cleanup(func() { _ = o.Company.Stop() })
	return o
}

// URL is that of a page of the portal.
func (o *Outside) URL(path string) string { return "http://" + o.Address + path }

const companySecret = "secret of Acme"

// Site is a cluster with Roster in it. Manager and portal run in this process under the rights of their ServiceAccounts.
type Site struct {
	*testing.T
	*Outside
	Cluster *testenv.Cluster
	Client  client.WithWatch
	Relay   *smtptest.Server
	// ConfigText is the configuration of manager and portal.
	ConfigText []byte
	// Stop ends manager and portal.
	Stop       func()
	kubeconfig string
	config     config.Config
}

// New starts an API server and a relay, and no Roster yet. A nil cluster is a fresh one with everything installed.
func New(t *testing.T, o *Outside, cluster *testenv.Cluster) *Site {
	t.Helper()
	s := &Site{T: t, Outside: o, Cluster: cluster, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig"), Stop: func() {}}
	var err error
	if cluster == nil {
		s.Cluster, err = testenv.Start(context.Background())
		s.Must(err)
		t.Cleanup(func() { s.Must(s.Cluster.Stop()) })
	}
	s.Client = s.Cluster.Client
	s.Relay, err = smtptest.Start(smtptest.Options{})
	s.Must(err)
	t.Cleanup(func() { _ = s.Relay.Close() })
	s.ConfigText = fmt.Appendf(nil, `apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail:
  from: Roster <roster@mail.example>
  smtp: {address: %q, tls: None}
portal:
  url: %q
  issuers: [{name: %s, displayName: Acme, url: %q, clientID: roster, domains: [acme.example]}]
networks: [{name: X, url: %q}]
`, s.Relay.Addr(), o.URL(""), Issuer, o.Company.URL, o.X.URL)
	s.config, err = config.Parse(s.ConfigText)
	s.Must(err)
	s.config.Portal.OpenID.Issuer = "https://portal.example" // An older release would not know what this is.
	s.Must(s.writeKubeconfig())
	return s
}

// Must ends the test at an error.
func (s *Site) Must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// writeKubeconfig writes that of a person who administers the cluster.
func (s *Site) writeKubeconfig() error {
	admin, err := s.Cluster.Login("adam@platform.example", "system:masters")
	if err != nil {
		return err
	}
	return testenv.WriteKubeconfig(s.kubeconfig, admin, "")
}

// Plugin runs the plugin as a person who administers the cluster, and returns what it said.
func (s *Site) Plugin(args ...string) (string, error) {
	s.Helper()
	return run(s, s.kubeconfig, args...)
}

func run(s *Site, kubeconfig string, args ...string) (string, error) {
	s.Helper()
	program, err := os.Executable()
	s.Must(err)
	cmd := exec.CommandContext(s.Context(), program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, pluginEnv+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// CutShort runs the plugin with a connection that breaks at the nth write by a method.
func (s *Site) CutShort(method string, nth int32, args ...string) (string, error) {
	s.Helper()
	admin, err := s.Cluster.Login("adam@platform.example", "system:masters")
	s.Must(err)
	transport, err := rest.TransportFor(admin)
	s.Must(err)
	target, _, err := rest.DefaultServerUrlFor(admin)
	s.Must(err)
	var count atomic.Int32
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method && !strings.Contains(r.URL.Path, "selfsubjectaccessreviews") && count.Add(1) >= nth {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	file := filepath.Join(s.TempDir(), "kubeconfig")
	s.Must(testenv.WriteKubeconfig(file, &rest.Config{Host: server.URL}, ""))
	return run(s, file, args...)
}

// Start runs manager and portal until Stop is called or the test ends.
func (s *Site) Start() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	pages, err := net.Listen("tcp", s.Address)
	s.Must(err)
	ended := make(chan error, 2)
	s.Must(s.startManager(ctx, ended))
	s.Must(s.startPortal(ctx, pages, ended))
	stopped := false
	s.Stop = func() {
		s.Helper()
		if !stopped {
			stopped = true
			cancel()
			s.Must(errors.Join(<-ended, <-ended))
		}
	}
	s.Cleanup(func() { s.Stop() })
	s.Eventually("the portal answers", func() error {
		answer, err := http.Get(s.URL("/sign-in"))
		if err == nil && answer.Body.Close() == nil && answer.StatusCode != http.StatusOK {
			err = errors.New(answer.Status)
		}
		return err
	})
}

func (s *Site) startManager(ctx context.Context, ended chan<- error) error {
	options := controller.ManagerOptions(2)
	options.Scheme = s.Cluster.Scheme
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = ptr.To(true)
	mgr, err := ctrl.NewManager(controller.Unthrottled(s.Cluster.As("roster-manager")), options)
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

func (s *Site) startPortal(ctx context.Context, pages net.Listener, ended chan<- error) error {
	mgr, err := ctrl.NewManager(portal.Unthrottled(s.Cluster.As("roster-portal")), ctrl.Options{
		Scheme: s.Cluster.Scheme, Cache: portal.CacheOptions(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		return err
	}
	err = portal.Setup(ctx, mgr, portal.SetupOptions{
		Config: s.config, Namespace: testenv.SystemNamespace, Listener: pages, Clock: clock.RealClock{}, Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	go func() { ended <- mgr.Start(ctx) }()
	return nil
}

// Eventually waits for something that other processes do.
func (s *Site) Eventually(what string, done func() error) {
	s.Helper()
	s.Must(s.Await(what, done))
}

// Await is Eventually for other goroutines than that of the test.
func (s *Site) Await(what string, done func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := done()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", what, err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at another process
	}
}

// Link is the one in the newest mail to an address.
func (s *Site) Link(to string) string {
	s.Helper()
	link, err := s.AwaitLink(to)
	s.Must(err)
	return link
}

// AwaitLink is Link for other goroutines than that of the test.
func (s *Site) AwaitLink(to string) (link string, _ error) {
	err := s.Await("a mail to "+to, func() error {
		for _, m := range s.Relay.Messages() {
			if strings.Contains(strings.Join(m.To, " "), to) {
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
	return link, err
}

var linkInMail = regexp.MustCompile(`/invitations/([A-Za-z0-9_-]{40,})`)
