// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/freeport"
	"github.com/roster-dev/roster/internal/testpeer"
)

// startProxy runs oauth2-proxy in front of a page, as docs/sign-in-to-tools.md shows it.
func startProxy(t *testing.T, tool tool, port int, upstream string, more ...string) {
	t.Helper()
	folder, err := testpeer.Folder()
	if err != nil {
		t.Fatal(err)
	}
	cookieSecret := make([]byte, 32)
	_, _ = rand.Read(cookieSecret)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	args := append([]string{
		"--provider=oidc", "--oidc-issuer-url=" + tool.issuer, "--client-id=" + tool.id, "--client-secret=" + tool.secret,
		"--redirect-url=http://" + address + "/oauth2/callback", "--code-challenge-method=S256", "--insecure-oidc-skip-nonce=false",
		"--scope=openid email profile offline_access organization", "--email-domain=*", "--skip-provider-button",
		"--cookie-secret=" + base64.RawURLEncoding.EncodeToString(cookieSecret), "--cookie-secure=false",
		"--provider-ca-file=" + site.env["ROSTER_AUTHORITY"], "--http-address=" + address, "--upstream=" + upstream, "--pass-user-headers",
	}, more...)
	out := &lines{}
	cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "oauth2-proxy"), args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out)
		}
	})
	eventually(t, "oauth2-proxy answers", func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/ready", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return errors.Join(err, errors.New(out.String()))
		}
		return response.Body.Close()
	})
}

// echo is a page that shows the headers that it is called with.
func echo(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(r.Header)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestOAuth2Proxy(t *testing.T) {
	port := freeport.For(t).Number()
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	tool := register(t, "wiki", rosterv1alpha1.ApplicationSpec{DisplayName: "Wiki", URL: base, RedirectURIs: []string{base + "/oauth2/callback"}})
	// A second is the shortest time after which it renews its tokens.
	startProxy(t, tool, port, echo(t), "--cookie-refresh=1s")
	ida := invited(t, "ida", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleMember})

	headers := func(p page) (h http.Header) {
		if err := json.Unmarshal([]byte(p.text), &h); err != nil {
			t.Fatalf("%s (%d): %s", p.url, p.status, p.text)
		}
		return h
	}
	first := headers(ida.get(base + "/"))
	if first.Get("X-Forwarded-Email") != "ida@acme.example" || !strings.Contains(first.Get("X-Forwarded-Groups"), "Member") {
		t.Errorf("the page is called with %v", first)
	}
	// Nobody else is let in.
	if p := newBrowser(t).get(base + "/"); strings.Contains(p.text, "X-Forwarded-Email") {
		t.Errorf("a stranger sees %s", p.text)
	}
	// It renews its tokens, which takes the refresh token that the portal rotates.
	eventually(t, "the tokens are renewed", func(context.Context) error {
		before := cookies(ida, base)
		if h := headers(ida.get(base + "/")); h.Get("X-Forwarded-Email") != "ida@acme.example" {
			t.Fatalf("the page is called with %v", h)
		}
		if cookies(ida, base) == before {
			return errors.New("the cookie is the same")
		}
		return nil
	})
	suspend(t, "ida", true)
	if p := ida.get(base + "/oauth2/sign_out"); p.status >= http.StatusInternalServerError {
		t.Errorf("signing out: %d", p.status)
	}
	if p := ida.get(base + "/"); strings.Contains(p.text, "X-Forwarded-Email") {
		t.Errorf("a suspended person is let in: %s", p.text)
	}
}

// cookies are those that a browser has for an address.
func cookies(b *browser, address string) string {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	var all strings.Builder
	for _, c := range b.Jar.Cookies(r.URL) {
		all.WriteString(c.String() + "\n")
	}
	return all.String()
}
