// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/playground"
	"github.com/roster-dev/roster/internal/playground/mailbox"
)

// patience is how long anything may take before it is taken not to happen, on a machine that does much else.
const patience = 5 * time.Minute

// demo is a playground that was started as a user starts it.
type demo struct {
	t       *testing.T
	cmd     *exec.Cmd
	out     *output
	dataDir string
	ended   chan struct{}
	exit    error
	env     map[string]string
	config  *rest.Config
	client  client.Client
}

// output collects what a program prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// assets returns the folder with the programs of the control plane; a machine without them skips the test.
func assets(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return dir
	}
	built, _ := filepath.Glob(filepath.Join(root(), "bin", "k8s", "*", "kube-apiserver"))
	if len(built) == 0 {
		t.Skip("no control plane: run the tests with make test, which supplies them, or set KUBEBUILDER_ASSETS")
	}
	return filepath.Dir(built[len(built)-1])
}

// anyPorts lets the playground choose ports that nobody has.
func anyPorts() []string {
	return []string{"--mailbox-addr=127.0.0.1:0", "--smtp-addr=127.0.0.1:0", "--portal-addr=127.0.0.1:0", "--api-port=0", "--issuer-addr=127.0.0.1:0"}
}

// launch starts the playground and does not wait for it.
func launch(t *testing.T, dataDir string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, out: &output{}, dataDir: dataDir, ended: make(chan struct{})}
	args = append([]string{"--data-dir=" + dataDir, "--config-dir=" + filepath.Join(root(), "config")}, args...)
	d.cmd = exec.Command(filepath.Join(binDir, "playground"), args...)
	d.cmd.Env = append(os.Environ(), "KUBEBUILDER_ASSETS="+assets(t))
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.exit = d.cmd.Wait()
		close(d.ended)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.ended
	})
	return d
}

// start starts the playground and returns when it says that it is ready.
func start(t *testing.T, dataDir string, args ...string) *demo {
	t.Helper()
	d := launch(t, dataDir, args...)
	d.eventually("Roster is ready", func(context.Context) error {
		select {
		case <-d.ended:
			t.Fatalf("the playground ended: %v\n%s", d.exit, d.out)
		default:
		}
		if !slices.Contains(strings.Split(d.out.String(), "\n"), playground.ReadyLine) {
			return errors.New(d.out.String())
		}
		return nil
	})
	d.readEnv()
	return d
}

// readEnv reads the env file as a shell does.
func (d *demo) readEnv() {
	d.t.Helper()
	const names = "KUBECONFIG ROSTER_NAMESPACE ROSTER_PORTAL_URL ROSTER_ISSUER ROSTER_AUTHORITY ROSTER_MAILBOX_URL ROSTER_SMTP_ADDR"
	script := `. "$1"; for name in ` + names + `; do eval "printf '%s=%s\n' $name \"\$$name\""; done`
	out, err := exec.Command("sh", "-c", script, "sh", filepath.Join(d.dataDir, "env")).Output()
	if err != nil {
		d.t.Fatalf("reading the env file: %v", err)
	}
	d.env = map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		d.env[name] = value
	}
	if d.config, err = clientcmd.BuildConfigFromFlags("", d.env["KUBECONFIG"]); err != nil {
		d.t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme)); err != nil {
		d.t.Fatal(err)
	}
	if d.client, err = client.New(d.config, client.Options{Scheme: scheme}); err != nil {
		d.t.Fatal(err)
	}
}

// end sends a signal and waits for the playground to end.
func (d *demo) end(signal os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(signal); err != nil {
		d.t.Fatal(err)
	}
	d.waitEnded()
}

func (d *demo) waitEnded() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	select {
	case <-d.ended:
	case <-ctx.Done():
		d.t.Fatalf("the playground does not end:\n%s", d.out)
	}
}

// eventually tries until there is no error.
func (d *demo) eventually(what string, try func(context.Context) error) {
	d.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(d.t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		d.t.Fatalf("%s: %v", what, cmp.Or(last, err))
	}
}

// get reads an object of the sample organisation.
func (d *demo) get(ctx context.Context, name string, into client.Object) error {
	return d.client.Get(ctx, client.ObjectKey{Namespace: d.env["ROSTER_NAMESPACE"], Name: name}, into)
}

// mailTo waits for the newest mail to an address.
func (d *demo) mailTo(address string) mailbox.Message {
	d.t.Helper()
	var message mailbox.Message
	d.eventually("a mail to "+address, func(ctx context.Context) error {
		var found mailbox.MessagesSummary
		if err := d.getJSON(ctx, d.env["ROSTER_MAILBOX_URL"]+"/api/v1/search?query=to:"+address, &found); err != nil {
			return err
		}
		if len(found.Messages) == 0 {
			return errors.New("none")
		}
		return d.getJSON(ctx, d.env["ROSTER_MAILBOX_URL"]+"/api/v1/message/"+found.Messages[0].ID, &message)
	})
	return message
}

func (d *demo) getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s: %w", url, response.Status, content, err)
	}
	return json.Unmarshal(content, into)
}

// linkIn returns the link to the portal in a mail.
func (d *demo) linkIn(m mailbox.Message) string {
	d.t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(d.env["ROSTER_PORTAL_URL"]) + `/invitations/[\w-]+`).FindString(m.Text)
	if link == "" || !strings.Contains(m.HTML, `"`+link+`"`) {
		d.t.Fatalf("no link, or not the same in both texts:\n%s\n%s", m.Text, m.HTML)
	}
	return link
}

// may asks the API server whether a user may do something to a profile.
func (d *demo) may(user, verb, profile string) bool {
	d.t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: d.env["ROSTER_NAMESPACE"], Group: rosterv1alpha1.GroupVersion.Group, Resource: "socialprofiles", Verb: verb, Name: profile,
		},
	}}
	if err := d.client.Create(d.t.Context(), review); err != nil {
		d.t.Fatal(err)
	}
	return review.Status.Allowed
}
