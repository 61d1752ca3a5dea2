// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/testenv"
)

// terminal is where somebody types commands: a kubeconfig and a cache of their own.
type terminal struct {
	t   *testing.T
	env []string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "config")
	content, err := os.ReadFile(site.env["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kubeconfig, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return &terminal{t, append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBECACHEDIR="+filepath.Join(t.TempDir(), "cache"), "BROWSER=",
		"PATH="+site.binDir+string(filepath.ListSeparator)+os.Getenv("KUBEBUILDER_ASSETS")+string(filepath.ListSeparator)+os.Getenv("PATH"))}
}

// screen is what a command has said so far, and its reader.
type screen struct {
	mu   sync.Mutex
	said bytes.Buffer
	read func(said string)
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.said.Write(p)
	if s.read != nil {
		s.read(s.said.String())
	}
	return n, err
}

// run runs a command. Read is told what it has said on standard error.
func (c *terminal) run(read func(said string), words ...string) (stdout, stderr string, err error) {
	c.t.Helper()
	path, err := lookPath(c.env, words[0])
	if err != nil {
		c.t.Fatal(err)
	}
	var out bytes.Buffer
	said := &screen{read: read}
	ctx, cancel := context.WithTimeout(c.t.Context(), testenv.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, words[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &out, said
	err = cmd.Run()
	return out.String(), said.said.String(), err
}

func lookPath(env []string, name string) (string, error) {
	for _, variable := range slices.Backward(env) {
		path, ok := strings.CutPrefix(variable, "PATH=")
		if !ok {
			continue
		}
		for _, folder := range filepath.SplitList(path) {
			if info, err := os.Stat(filepath.Join(folder, name)); err == nil && !info.IsDir() {
				return filepath.Join(folder, name), nil
			}
		}
		break
	}
	return "", errors.New(name + " is not on the PATH")
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)

// login signs somebody in whose browser has been at the portal.
func (c *terminal) login(b *browser) {
	c.t.Helper()
	var once sync.Once
	out, said, err := c.run(func(said string) {
		if a := address.FindString(said); a != "" {
			once.Do(func() { go func() { b.allow(b.get(a)) }() })
		}
	}, "kubectl-roster", "login", "--issuer="+site.env["ROSTER_ISSUER"], "--certificate-authority="+site.env["ROSTER_AUTHORITY"], "--skip-open-browser")
	if err != nil || !strings.Contains(out, "You are signed in as ") {
		c.t.Fatalf("%v: %s\n%s", err, out, said)
	}
}

// kubectl runs kubectl, which asks the plugin for a token.
func (c *terminal) kubectl(words ...string) (string, string) {
	c.t.Helper()
	out, said, _ := c.run(nil, append([]string{"kubectl"}, words...)...)
	return strings.TrimSpace(out), said
}

// token is the one that kubectl gets.
func (c *terminal) token() string {
	c.t.Helper()
	out, said, err := c.run(nil, "kubectl-roster", "credential", "--issuer="+site.env["ROSTER_ISSUER"],
		"--certificate-authority="+site.env["ROSTER_AUTHORITY"])
	if err != nil {
		c.t.Fatalf("%v: %s", err, said)
	}
	var credential clientauthentication.ExecCredential
	if err := json.Unmarshal([]byte(out), &credential); err != nil {
		c.t.Fatal(err)
	}
	return credential.Status.Token
}

// The API server knows a person by the address of their account, and RBAC does the rest.
func TestKubectl(t *testing.T) {
	zoe := invited(t, "zoe", rosterv1alpha1.InvitationSpec{
		Role: rosterv1alpha1.RoleMember, Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}},
	})
	c := newTerminal(t)
	c.login(zoe)
	if who, said := c.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"); who != "zoe@acme.example" {
		t.Errorf("kubectl auth whoami says %q\n%s", who, said)
	}
	mayI := func(verb, what string) string {
		answer, _ := c.kubectl("auth", "can-i", verb, what, "-n", namespace)
		return answer
	}
	eventually(t, "Zoe's role is compiled", func(context.Context) error {
		if got := mayI("publish", "socialprofiles/acme-fb"); got != "yes" {
			return errors.New(got)
		}
		return nil
	})
	for _, q := range []struct{ verb, what string }{{"publish", "socialprofiles/acme-x"}, {"get", "secrets"}, {"list", "members"}} {
		if got := mayI(q.verb, q.what); got != "no" {
			t.Errorf("may she %s %s: %s", q.verb, q.what, got)
		}
	}

	t.Run("an API server as the documentation shows it", func(t *testing.T) { exampleAPIServer(t, c.token()) })

	// Her rights end at once, and so does what renews her sign-in.
	suspend(t, "zoe", true)
	eventually(t, "Zoe's rights are gone", func(context.Context) error {
		if got := mayI("publish", "socialprofiles/acme-fb"); got != "no" {
			return errors.New(got)
		}
		return nil
	})
	c.expire()
	if out, said := c.kubectl("auth", "whoami"); !strings.Contains(said, "your sign-in has ended: run kubectl roster login") {
		t.Errorf("the next token: %q\n%s", out, said)
	}
	suspend(t, "zoe", false)
}

var (
	prompt     = regexp.MustCompile(`Open (\S+) in a browser on any machine, and type in the code (\S+)\n`)
	formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

// On a machine without a browser, the person types a code in on another.
func TestKubectlWithACode(t *testing.T) {
	eve := invited(t, "eve", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleMember})
	c := newTerminal(t)
	var once sync.Once
	out, said, err := c.run(func(said string) {
		if p := prompt.FindStringSubmatch(said); p != nil {
			once.Do(func() { go eve.typeCode(p[1], p[2], "approve") })
		}
	}, "kubectl-roster", "login", "--issuer="+site.env["ROSTER_ISSUER"], "--certificate-authority="+site.env["ROSTER_AUTHORITY"])
	if err != nil || !strings.Contains(out, "You are signed in as eve@acme.example.") {
		t.Fatalf("%v: %s\n%s", err, out, said)
	}
	if who, said := c.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"); who != "eve@acme.example" {
		t.Errorf("kubectl auth whoami says %q\n%s", who, said)
	}
	if out, _, err := c.run(nil, "kubectl-roster", "logout"); err != nil || !strings.Contains(out, "You are signed out of") {
		t.Errorf("logout: %s, %v", out, err)
	}

	// Somebody who did not begin this says no.
	var again sync.Once
	_, said, err = c.run(func(said string) {
		if p := prompt.FindStringSubmatch(said); p != nil {
			again.Do(func() { go eve.typeCode(p[1], p[2], "deny") })
		}
	}, "kubectl-roster", "login")
	if err == nil || !strings.Contains(said, "the sign-in was refused") {
		t.Errorf("a sign-in that was refused on the page: %v, %s", err, said)
	}
}

// typeCode types a code in on the page for it, and answers what it asks.
func (b *browser) typeCode(address, code, answer string) {
	send := func(p page, form url.Values) page {
		_, main, _ := strings.Cut(p.text, "<main")
		action := formAction.FindStringSubmatch(main)
		if action == nil {
			b.t.Errorf("%s (%d) has no form:\n%s", p.url, p.status, p.text)
			return p
		}
		to, err := p.url.Parse(html.UnescapeString(action[1]))
		if err != nil {
			b.t.Error(err)
			return p
		}
		return b.post(to.String(), form)
	}
	asked := send(b.get(address), url.Values{"user_code": {code}})
	if !strings.Contains(asked.text, code) {
		b.t.Errorf("the page does not show the code to compare:\n%s", asked.text)
	}
	send(asked, url.Values{"action": {answer}})
}

// expire makes the token that is kept one that has ended, so that the next kubectl renews it.
func (c *terminal) expire() {
	c.t.Helper()
	for _, v := range c.env {
		folder, ok := strings.CutPrefix(v, "KUBECACHEDIR=")
		if !ok {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(folder, "roster", "*.json"))
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				c.t.Fatal(err)
			}
			ended := regexp.MustCompile(`"expiry":"[^"]+"`).ReplaceAll(content, []byte(`"expiry":"2020-01-01T00:00:00Z"`))
			if err := os.WriteFile(file, ended, 0o600); err != nil {
				c.t.Fatal(err)
			}
			return
		}
	}
	c.t.Fatal("no token is kept")
}

// exampleAPIServer starts one with docs/examples/kubectl-login, at this portal.
func exampleAPIServer(t *testing.T, token string) {
	example, err := os.ReadFile(filepath.Join(testenv.Root(), "docs/examples/kubectl-login/authentication.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(site.env["ROSTER_AUTHORITY"])
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(string(authority))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "url: https://roster.acme.example",
		"url: "+site.env["ROSTER_ISSUER"]+"\n      certificateAuthority: "+string(quoted), 1)
	path := filepath.Join(t.TempDir(), "authentication.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := testenv.StartEmpty(context.Background(), testenv.Flag{Name: "authentication-config", Value: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	config := rest.AnonymousClientConfig(cluster.Config)
	config.BearerToken = token
	people, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the API server has found the portal's keys", func(ctx context.Context) error {
		review, err := people.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if got := review.Status.UserInfo; got.Username != "zoe@acme.example" || got.UID == "" {
			t.Fatalf("the API server takes her for %+v", got)
		}
		return nil
	})
	// What a stolen key is good for: people, and no other users (docs/security.md).
	for name, counts := range map[string]bool{"ben@acme.example": true, "kubernetes-admin": false, "system:admin@acme.example": false} {
		config := rest.AnonymousClientConfig(cluster.Config)
		config.BearerToken = forged(t, name)
		thief, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		review, err := thief.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if counts && (err != nil || review.Status.UserInfo.Username != name || len(review.Status.UserInfo.Groups) != 1) ||
			!counts && !apierrors.IsUnauthorized(err) {
			t.Errorf("a forged token for %s: %+v, %v", name, review.Status.UserInfo, err)
		}
	}
}

// forged is a token for kubectl that somebody with the portal's keys makes up.
func forged(t *testing.T, email string) string {
	t.Helper()
	secret := &corev1.Secret{}
	if err := site.client.Get(t.Context(), client.ObjectKey{Namespace: "roster-system", Name: "roster-openid-keys"}, secret); err != nil {
		t.Fatal(err)
	}
	set, err := signing.FromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := set.Signing(time.Now())
	if !ok {
		t.Fatal("no key signs")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: signing.Algorithm, Key: jose.JSONWebKey{Key: key.Private, KeyID: key.ID}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": site.env["ROSTER_ISSUER"], "aud": "kubectl", "sub": "x", "email": email, "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
