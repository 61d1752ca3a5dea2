// SPDX-License-Identifier: Apache-2.0

package login_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/cli"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/testpeer"
)

// desk is where somebody sits: a kubeconfig, a cache folder, a clock, and a provider to sign in at.
type desk struct {
	t          *testing.T
	peer       *testpeer.OIDC
	stop       func() error
	clock      *clocktesting.FakePassiveClock
	kubeconfig string
	cache      string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	peer, err := testpeer.StartOIDC(t.Context(), testpeer.OIDCOptions{
		Clients: []testpeer.OIDCClient{{
			ID: "kubectl", AuthMethod: "none", Type: "native", RedirectURIs: []string{"http://127.0.0.1/callback"},
			GrantTypes: []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"},
		}},
		Accounts: map[string]testpeer.Claims{"zoe": {"email": "zoe@acme.example", "email_verified": true}, "ana": {"email": "ana@acme.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{
		t: t, peer: peer, clock: clocktesting.NewFakePassiveClock(time.Now()),
		kubeconfig: filepath.Join(t.TempDir(), "config"), cache: filepath.Join(t.TempDir(), "cache"),
	}
	d.stop = sync.OnceValue(peer.Stop)
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	config := clientcmdapi.NewConfig()
	config.Clusters["prod"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1", CertificateAuthorityData: []byte("the cluster's")}
	config.AuthInfos["root"] = &clientcmdapi.AuthInfo{Token: "of-the-administrator"}
	config.Contexts["admin@prod"] = &clientcmdapi.Context{Cluster: "prod", AuthInfo: "root", Namespace: "acme"}
	config.CurrentContext = "admin@prod"
	if err := clientcmd.WriteToFile(*config, d.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return d
}

// errOut is what a command says while it runs. What it waits for happens as soon as it has said it.
type errOut struct {
	mu   sync.Mutex
	said bytes.Buffer
	then func(said string)
}

func (e *errOut) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, err := e.said.Write(p)
	if e.then != nil {
		e.then(e.said.String())
	}
	return n, err
}

// run runs kubectl roster. While is told what the command has said so far.
func (d *desk) run(ctx context.Context, while func(said string), args ...string) (string, string, error) {
	d.t.Helper()
	out, said := &bytes.Buffer{}, &errOut{then: while}
	factory, err := kube.New(genericiooptions.IOStreams{In: strings.NewReader(""), Out: out, ErrOut: said}, d.clock, false)
	if err != nil {
		d.t.Fatal(err)
	}
	root := cli.New(factory)
	root.SetArgs(append(args, "--kubeconfig="+d.kubeconfig, "--cache-dir="+d.cache))
	err = root.ExecuteContext(ctx)
	return out.String(), said.said.String(), err
}

var loopback = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)

// inBrowser signs somebody in at the address that a command prints.
func (d *desk) inBrowser(name string) (while func(said string), page func() string) {
	var once sync.Once
	pages := make(chan string, 1)
	return func(said string) {
		address := loopback.FindString(said)
		if address == "" {
			return
		}
		once.Do(func() {
			go func() {
				back, err := d.peer.SignIn(d.t.Context(), address, name)
				if err != nil {
					pages <- err.Error()
					return
				}
				pages <- get(back.String())
			}()
		})
	}, func() string { return <-pages }
}

func get(address string) string {
	response, err := http.Get(address)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// signIn runs kubectl roster login as somebody.
func (d *desk) signIn(name string, args ...string) string {
	d.t.Helper()
	while, page := d.inBrowser(name)
	args = append([]string{"login", "--issuer=" + d.peer.URL, "--skip-open-browser"}, args...)
	out, said, err := d.run(d.t.Context(), while, args...)
	if err != nil {
		d.t.Fatalf("%v\n%s", err, said)
	}
	if text := page(); !strings.Contains(text, "<h1>You are signed in</h1>") {
		d.t.Errorf("the browser shows %s", text)
	}
	return out
}

// credential runs what kubectl runs, with nobody to ask.
func (d *desk) credential() (clientauthentication.ExecCredential, error) {
	d.t.Helper()
	var got clientauthentication.ExecCredential
	out, _, err := d.run(d.t.Context(), nil, "credential", "--issuer="+d.peer.URL)
	if err == nil {
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			d.t.Fatal(err)
		}
	}
	return got, err
}

func nobodyToAsk(t *testing.T) {
	t.Setenv("KUBERNETES_EXEC_INFO", `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`)
}

func (d *desk) tokenFiles() []string {
	files, err := filepath.Glob(filepath.Join(d.cache, "roster", "*.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	return files
}

// From a kubeconfig with an administrator in it to a person, and back.
func TestTheLifeOfASignIn(t *testing.T) {
	d := newDesk(t)
	nobodyToAsk(t)
	if _, err := d.credential(); err == nil || err.Error() != "you are not signed in: run kubectl roster login" {
		t.Errorf("before the sign-in: %v", err)
	}
	out := d.signIn("zoe")
	if want := "You are signed in as zoe@acme.example.\nkubectl now uses the context " + d.user() + "@prod. " +
		"Back to the one before: kubectl config use-context admin@prod\n"; out != want {
		t.Errorf("login says %q, want %q", out, want)
	}
	d.checkKubeconfig()
	d.checkModes()

	first, err := d.credential()
	if err != nil {
		t.Fatal(err)
	}
	if first.APIVersion != "client.authentication.k8s.io/v1" || first.Status.Token == "" || !first.Status.ExpirationTimestamp.After(d.clock.Now()) {
		t.Errorf("the credential is %+v", first)
	}
	again, err := d.credential()
	if err != nil || again.Status.Token != first.Status.Token {
		t.Errorf("a token that counts was replaced: %v", err)
	}

	// The clock of this machine runs away, and the tokens are renewed all the same.
	before := d.kept()
	d.clock.SetTime(first.Status.ExpirationTimestamp.Add(time.Second))
	next, err := d.credential()
	if err != nil || !next.Status.ExpirationTimestamp.After(d.clock.Now()) {
		t.Errorf("the next credential is %+v, %v", next.Status, err)
	}
	if d.kept() == before {
		t.Error("the refresh token was not replaced")
	}

	out, _, err = d.run(t.Context(), nil, "logout")
	if err != nil || out != "You are signed out of "+d.peer.URL+".\n" {
		t.Errorf("logout says %q, %v", out, err)
	}
	if files := d.tokenFiles(); len(files) > 0 {
		t.Errorf("tokens are left: %v", files)
	}
	if out, _, err = d.run(t.Context(), nil, "logout"); err != nil || !strings.HasPrefix(out, "You were not signed in") {
		t.Errorf("a second logout says %q, %v", out, err)
	}
}

// kept is the refresh token in the cache.
func (d *desk) kept() string {
	d.t.Helper()
	content, err := os.ReadFile(d.tokenFiles()[0])
	if err != nil {
		d.t.Fatal(err)
	}
	var entry struct {
		RefreshToken string `json:"refreshToken"`
	}
	if err := json.Unmarshal(content, &entry); err != nil || entry.RefreshToken == "" {
		d.t.Fatalf("the cache holds %s, %v", content, err)
	}
	return entry.RefreshToken
}

// user is what the entry in the kubeconfig is called.
func (d *desk) user() string {
	return "roster-" + strings.ReplaceAll(strings.TrimPrefix(d.peer.URL, "http://"), ":", "-")
}

func (d *desk) checkKubeconfig() {
	d.t.Helper()
	config, err := clientcmd.LoadFromFile(d.kubeconfig)
	if err != nil {
		d.t.Fatal(err)
	}
	if config.Contexts["admin@prod"].AuthInfo != "root" || config.AuthInfos["root"].Token != "of-the-administrator" {
		d.t.Error("the administrator's own context was changed")
	}
	context := config.Contexts[config.CurrentContext]
	if context.Cluster != "prod" || context.Namespace != "acme" || context.AuthInfo != d.user() {
		d.t.Errorf("the context is %+v", context)
	}
	exec := config.AuthInfos[d.user()].Exec
	if exec.Command != "kubectl-roster" || strings.Join(exec.Args, " ") != "credential --issuer="+d.peer.URL+" --client-id=kubectl --skip-open-browser" ||
		exec.InteractiveMode != clientcmdapi.IfAvailableExecInteractiveMode {
		d.t.Errorf("kubectl runs %+v", exec)
	}
}

// checkModes: nobody else on the machine reads the tokens.
func (d *desk) checkModes() {
	d.t.Helper()
	files := d.tokenFiles()
	if len(files) != 1 {
		d.t.Fatalf("the tokens are in %v", files)
	}
	for path, want := range map[string]os.FileMode{files[0]: 0o600, filepath.Dir(files[0]): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			d.t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			d.t.Errorf("%s has the mode %o, want %o", path, info.Mode().Perm(), want)
		}
	}
}

// The provider ends the family of a refresh token that comes twice: without the lock, all but one of these would fail, and every later one.
func TestManyKubectlRenewOnce(t *testing.T) {
	d := newDesk(t)
	nobodyToAsk(t)
	d.signIn("zoe")
	first, err := d.credential()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d.clock.SetTime(first.Status.ExpirationTimestamp.Add(time.Second))
		const many = 8
		tokens, errs := make([]string, many), make([]error, many)
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				got, err := d.credential()
				if errs[i] = err; err == nil {
					tokens[i] = got.Status.Token
				}
			})
		}
		all.Wait()
		for i := range many {
			if errs[i] != nil || tokens[i] != tokens[0] {
				t.Fatalf("number %d: %v", i, errs[i])
			}
		}
		if first, err = d.credential(); err != nil || !first.Status.ExpirationTimestamp.After(d.clock.Now()) {
			t.Fatalf("%+v, %v", first.Status, err)
		}
	}
}

// What the portal has ended is forgotten, and the person is told what to do.
func TestASignInThatHasEnded(t *testing.T) {
	d := newDesk(t)
	nobodyToAsk(t)
	d.signIn("zoe")
	first, err := d.credential()
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := os.ReadFile(d.tokenFiles()[0])
	if err != nil {
		t.Fatal(err)
	}
	d.clock.SetTime(first.Status.ExpirationTimestamp.Add(time.Second))
	if _, err := d.credential(); err != nil {
		t.Fatal(err)
	}
	// Somebody else uses a copy of the older tokens, which ends the sign-in on both sides.
	if err := os.WriteFile(d.tokenFiles()[0], stolen, 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "your sign-in has ended: run kubectl roster login"
	if _, err := d.credential(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if files := d.tokenFiles(); len(files) > 0 {
		t.Errorf("tokens that are of no use are left: %v", files)
	}
	// Somebody who can be asked signs in there and then.
	t.Setenv("KUBERNETES_EXEC_INFO", `{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":true}}`)
	while, _ := d.inBrowser("zoe")
	out, said, err := d.run(t.Context(), while, "credential", "--issuer="+d.peer.URL, "--skip-open-browser")
	if err != nil || !strings.Contains(out, `"apiVersion":"client.authentication.k8s.io/v1beta1"`) || strings.Contains(out, "Open") {
		t.Errorf("%v, %s\n%s", err, out, said)
	}
}

// A provider that is away is no reason to sign in again.
func TestAProviderThatIsAway(t *testing.T) {
	d := newDesk(t)
	nobodyToAsk(t)
	d.signIn("zoe")
	first, err := d.credential()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.credential(); err != nil {
		t.Errorf("a token that counts needs no provider: %v", err)
	}
	d.clock.SetTime(first.Status.ExpirationTimestamp.Add(time.Second))
	_, err = d.credential()
	if err == nil || !strings.Contains(kube.Explain(err), "the provider cannot be reached") || !strings.Contains(kube.Explain(err), "Try again in a moment") {
		t.Errorf("got %v", err)
	}
	if len(d.tokenFiles()) != 1 {
		t.Error("the sign-in was forgotten because the provider is away")
	}
	_, _, err = d.run(t.Context(), nil, "logout")
	if err == nil || !strings.Contains(err.Error(), "the tokens are removed from this machine, and the portal could not be told") {
		t.Errorf("logout: %v", err)
	}
	if len(d.tokenFiles()) != 0 {
		t.Error("logout left the tokens")
	}
}

func TestACodeForAnotherMachine(t *testing.T) {
	d := newDesk(t)
	prompt := regexp.MustCompile(`Open (\S+) in a browser on any machine, and type in the code (\S+)`)
	var once sync.Once
	typed := make(chan error, 1)
	while := func(said string) {
		if p := prompt.FindStringSubmatch(said); p != nil {
			once.Do(func() { go func() { typed <- d.peer.TypeCode(t.Context(), p[1], p[2], "ana") }() })
		}
	}
	out, said, err := d.run(t.Context(), while, "login", "--issuer="+d.peer.URL, "--device")
	if err != nil || !strings.HasPrefix(out, "You are signed in as ana@acme.example.\n") {
		t.Fatalf("%q, %v\n%s", out, err, said)
	}
	if err := <-typed; err != nil {
		t.Error(err)
	}
	config, err := clientcmd.LoadFromFile(d.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if args := config.AuthInfos[d.user()].Exec.Args; args[len(args)-1] != "--device" {
		t.Errorf("the next sign-in is another one: %v", args)
	}
}

// Without a context of ours, a person is told what to write; with one, they need to write nothing.
func TestLoginKnowsWhereFromTheContext(t *testing.T) {
	d := newDesk(t)
	if _, _, err := d.run(t.Context(), nil, "login"); err == nil || !strings.Contains(err.Error(), "--issuer https://roster.acme.example") {
		t.Errorf("got %v", err)
	}
	d.signIn("zoe")
	while, page := d.inBrowser("ana")
	out, said, err := d.run(t.Context(), while, "login")
	if err != nil || out != "You are signed in as ana@acme.example.\n" {
		t.Fatalf("%q, %v\n%s", out, err, said)
	}
	page()
}

// A kubeconfig to hand out has the cluster and no secret.
func TestPrintKubeconfig(t *testing.T) {
	d := newDesk(t)
	out, _, err := d.run(t.Context(), nil, "login", "--issuer=https://roster.acme.example", "--print-kubeconfig")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.Load([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	context := config.Contexts[config.CurrentContext]
	if strings.Contains(out, "of-the-administrator") || len(config.AuthInfos) != 1 || context == nil || context.AuthInfo != "roster-roster.acme.example" ||
		string(config.Clusters["prod"].CertificateAuthorityData) != "the cluster's" {
		t.Errorf("handed out:\n%s", out)
	}
}
