// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// The API server asks as soon as it starts, and again ten seconds later: it must get an answer the first time.
func TestTheIssuerAnswersWhenThePortalIsReady(t *testing.T) {
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+r.URL.Path+r.Header.Get("X-Forwarded-For"))
	}))
	t.Cleanup(portal.Close)
	ca, err := newAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	i, err := openIssuer("127.0.0.1:0", portal.URL, ca)
	if err != nil {
		t.Fatal(err)
	}
	// Until then, nobody gets an answer, and not a bad one either.
	gone, leave := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer leave()
	early := httptest.NewRecorder()
	i.ServeHTTP(early, httptest.NewRequestWithContext(gone, http.MethodGet, i.URL(), nil))
	if early.Code != http.StatusOK || early.Body.Len() > 0 {
		t.Errorf("somebody who came too early and left was answered %d %s", early.Code, early.Body)
	}

	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- i.serve(ctx) }()

	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(ca.pem())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}}}
	answers := make(chan string, 1)
	go func() {
		response, err := client.Get(i.URL() + "/.well-known/openid-configuration")
		if err != nil {
			answers <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		answers <- string(body)
	}()
	close(i.open)
	if answer := <-answers; answer != strings.TrimPrefix(i.URL(), "https://")+"/.well-known/openid-configuration" {
		t.Errorf("the portal was asked for %s", answer)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTheAPIServerIsToldWhomToBelieve(t *testing.T) {
	ca, err := newAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text, err := authentication("https://127.0.0.1:8443", ca.pem())
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		JWT []struct {
			Issuer struct {
				URL, CertificateAuthority string
				Audiences                 []string
			}
		}
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if issuer := c.JWT[0].Issuer; issuer.URL != "https://127.0.0.1:8443" || issuer.CertificateAuthority != string(ca.pem()) ||
		len(issuer.Audiences) != 1 || issuer.Audiences[0] != "kubectl" {
		t.Errorf("the API server is told of %+v", issuer)
	}
}
