// SPDX-License-Identifier: Apache-2.0

// Package openid_test has applications of others sign people in at the portal, as make demo starts it: one with the certified library
// openid-client, oauth2-proxy, and the API server with kubectl.
package openid_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/playground"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	namespace = "acme"
)

// site is the playground that all tests share.
var site struct {
	client  client.Client
	env     map[string]string
	binDir  string
	dataDir string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctrllog.SetLogger(logr.Discard()) // Or the client complains.
	dir, err := os.MkdirTemp("", "roster-openid-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stop, err := start(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	return m.Run()
}

// lines collects what the playground says.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start builds what there is to run, and returns when all of it is ready.
func start(dir string) (stop func(), err error) {
	site.binDir, site.dataDir = filepath.Join(dir, "bin"), filepath.Join(dir, "data")
	build := exec.Command("go", "build", "-o", site.binDir+string(filepath.Separator), "./cmd/manager", "./cmd/portal", "./cmd/kubectl-roster")
	build.Dir = testenv.Root()
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := &lines{}, make(chan error, 1)
	go func() {
		ended <- playground.Run(ctx, playground.Options{
			BinDir: site.binDir, ConfigDir: filepath.Join(testenv.Root(), "config"), DataDir: site.dataDir, AssetsDir: os.Getenv("KUBEBUILDER_ASSETS"),
			Namespace: namespace, MailboxAddr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0", PortalAddr: "127.0.0.1:0", IssuerAddr: "127.0.0.1:0",
			Out: out, Clock: clock.RealClock{},
		})
	}()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			fmt.Fprintln(os.Stderr, "the playground ended with:", err)
		}
	}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, testenv.Patience, true, func(context.Context) (bool, error) {
		select {
		case err := <-ended:
			ended <- err
			return false, fmt.Errorf("the playground ended: %w\n%s", err, out)
		default:
			return strings.Contains(out.String(), playground.ReadyLine), nil
		}
	})
	if err == nil {
		err = connect()
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

var export = regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`)

// connect reads where everything is.
func connect() error {
	content, err := os.ReadFile(filepath.Join(site.dataDir, "env"))
	if err != nil {
		return err
	}
	site.env = map[string]string{}
	for _, line := range export.FindAllStringSubmatch(string(content), -1) {
		site.env[line[1]] = line[2]
	}
	config, err := clientcmd.BuildConfigFromFlags("", site.env["KUBECONFIG"])
	if err != nil {
		return err
	}
	site.client, err = client.New(config, client.Options{Scheme: testenv.NewScheme()})
	return err
}

// eventually tries until there is no error.
func eventually(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, testenv.Patience, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, errors.Join(last, err))
	}
}

// tool is what the program of an Application is configured with.
type tool struct{ id, secret, issuer string }

// register creates an Application, and waits until people can sign in to it. One with a client secret makes that itself.
func register(t *testing.T, name string, spec rosterv1alpha1.ApplicationSpec) tool {
	t.Helper()
	made := tool{id: namespace + "." + name, issuer: site.env["ROSTER_ISSUER"]}
	if spec.Type != rosterv1alpha1.ApplicationNative {
		random := make([]byte, 32)
		_, _ = rand.Read(random)
		made.secret = base64.RawURLEncoding.EncodeToString(random)
		hash := sha256.Sum256([]byte(made.secret))
		spec.SecretHash = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	a := &rosterv1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
	if err := site.client.Create(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Application "+name+" is ready", func(ctx context.Context) error {
		if err := site.client.Get(ctx, client.ObjectKeyFromObject(a), a); err != nil {
			return err
		}
		for _, c := range a.Status.Conditions {
			if c.Type == rosterv1alpha1.ConditionReady && c.Status == metav1.ConditionTrue && a.Status.ClientID == made.id {
				return nil
			}
		}
		return fmt.Errorf("%+v", a.Status)
	})
	return made
}

// suspend takes a person out of the organisation for a while.
func suspend(t *testing.T, member string, suspended bool) {
	t.Helper()
	var m rosterv1alpha1.Member
	if err := site.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: member}, &m); err != nil {
		t.Fatal(err)
	}
	before := m.DeepCopy()
	m.Spec.Suspended = &suspended
	if err := site.client.Patch(t.Context(), &m, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}
