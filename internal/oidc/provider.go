// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
)

const (
	// metadataFor is how long what discovery told is used before it is asked again.
	metadataFor = time.Hour
	// discoverEvery is how often an issuer that does not answer is asked.
	discoverEvery = 5 * time.Second
	// maxAnswer is the largest answer of an issuer in bytes.
	maxAnswer = 1 << 20
)

// provider is what discovery told of an issuer.
type provider struct {
	*goidc.Provider
	// namesItself means that every answer carries the issuer in the parameter iss (RFC 9207).
	namesItself bool
}

// metadata keeps a provider, and asks again when that has grown old.
type metadata struct {
	known atomic.Pointer[known]
	// turn is held by the caller that asks; a channel, because waiting for it ends with the caller's context.
	turn chan struct{}
}

type known struct {
	provider *provider // nil if it has never answered
	until    time.Time // after that it is asked again
	err      error
}

func (c *Client) provider(ctx context.Context) (*provider, error) {
	fresh := func() (*known, bool) {
		k := c.metadata.known.Load()
		return k, k != nil && c.clock.Now().Before(k.until)
	}
	k, ok := fresh()
	if !ok {
		select {
		case c.metadata.turn <- struct{}{}:
			defer func() { <-c.metadata.turn }()
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
		if k, ok = fresh(); !ok {
			k = c.discover(ctx, k)
			c.metadata.known.Store(k)
		}
	}
	if k.provider == nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, c.URL, k.err)
	}
	return k.provider, nil
}

// discover asks the issuer. If it does not answer, what it said before counts for now.
func (c *Client) discover(ctx context.Context, before *known) *known {
	p, err := c.ask(ctx)
	now := c.clock.Now()
	switch {
	case err == nil:
		return &known{provider: p, until: now.Add(metadataFor)}
	case before != nil && before.provider != nil:
		return &known{provider: before.provider, until: now.Add(discoverEvery)}
	}
	return &known{until: now.Add(discoverEvery), err: err}
}

func (c *Client) ask(ctx context.Context) (*provider, error) {
	p, err := goidc.NewProvider(goidc.ClientContext(ctx, c.HTTP), c.URL)
	if err != nil {
		return nil, err
	}
	var more struct {
		NamesItself bool   `json:"authorization_response_iss_parameter_supported"`
		Keys        string `json:"jwks_uri"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, err
	}
	endpoints := []string{p.Endpoint().AuthURL, p.Endpoint().TokenURL, more.Keys}
	if p.UserInfoEndpoint() != "" {
		endpoints = append(endpoints, p.UserInfoEndpoint())
	}
	for _, endpoint := range endpoints {
		if err := CheckURL(endpoint); err != nil {
			return nil, err
		}
	}
	return &provider{Provider: p, namesItself: more.NamesItself}, nil
}

// checkIssuer refuses the answer of another issuer, which somebody may have had sent here (RFC 9207).
func (p *provider) checkIssuer(issuer string, answer url.Values) error {
	if answer.Has("iss") && answer.Get("iss") != issuer || p.namesItself && !answer.Has("iss") {
		return fmt.Errorf("%w: it comes from issuer %q", ErrFlow, printable(answer.Get("iss")))
	}
	return nil
}

// CheckURL wants https, so that nobody in between can say who people are; on this machine, http will do.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q: must be an address such as https://login.example.com", address)
	}
	local := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("%q: must begin with https", address)
	}
	return nil
}

// NewHTTPClient returns what reaches an issuer. The authorities check its certificate; nil stands for the system's.
func NewHTTPClient(authorities *x509.CertPool) *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: httpTimeout, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities},
	}
	return &http.Client{
		Transport: bounded{transport}, Timeout: httpTimeout,
		// No endpoint of the standard redirects; one that did could send a secret elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the issuer redirects") },
	}
}

// bounded cuts answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = &limitedBody{Reader: io.LimitReader(response.Body, maxAnswer), Closer: response.Body}
	}
	return response, err
}

type limitedBody struct {
	io.Reader
	io.Closer
}
