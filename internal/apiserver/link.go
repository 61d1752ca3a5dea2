// SPDX-License-Identifier: Apache-2.0

// Package apiserver waits for an API server that is away, instead of failing: whoever asks it something gets the answer when it is back.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// askEvery is how often an API server that is away is asked whether it is back, by one for all.
	askEvery = 500 * time.Millisecond
	// answerWithin is how long it may take to say so.
	answerWithin = 5 * time.Second
	// maxReplays is how often a request is repeated that fails although the API server is there.
	maxReplays = 5
)

// Link is the way to an API server.
type Link struct {
	log   logr.Logger
	clock clock.Clock

	mu sync.Mutex
	// back is closed when the API server is back; nil while it is there.
	back chan struct{}
	why  error
}

// NewLink makes a Link.
func NewLink(log logr.Logger, clk clock.Clock) *Link { return &Link{log: log, clock: clk} }

// Through returns a copy of a configuration whose requests wait while the API server is away. What cannot have reached it, and what only
// reads, is sent when it is back; a write that may have reached it fails, since nobody knows what became of it.
func (l *Link) Through(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return patient{l, next} })
	return config
}

// Away is why the API server cannot be reached; nil while it can.
func (l *Link) Away() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back == nil {
		return nil
	}
	return l.why
}

type patient struct {
	link *Link
	next http.RoundTripper
}

// RoundTrip is part of [http.RoundTripper].
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for replays := 0; ; replays++ {
		response, err := p.next.RoundTrip(r)
		if err == nil || r.Context().Err() != nil || replays == maxReplays || !harmless(r, err) {
			return response, err
		}
		if !p.link.wait(r, p.next, err) {
			return nil, err
		}
		if r, err = again(r); err != nil {
			return nil, err
		}
	}
}

// harmless reports whether a request can be repeated after an error.
func harmless(r *http.Request, err error) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	if r.Method == http.MethodGet {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func again(r *http.Request) (*http.Request, error) {
	r = r.Clone(r.Context())
	if r.GetBody == nil {
		return r, nil
	}
	var err error
	r.Body, err = r.GetBody()
	return r, err
}

// wait returns when the API server is back; false when the request is given up before.
func (l *Link) wait(r *http.Request, next http.RoundTripper, why error) bool {
	l.mu.Lock()
	if l.back == nil {
		l.back, l.why = make(chan struct{}), fmt.Errorf("the API server at %s cannot be reached: %w", r.URL.Host, why)
		ready := *r.URL
		ready.Path, ready.RawQuery = "/readyz", ""
		go l.ask(next, ready.String())
	}
	back := l.back
	l.mu.Unlock()
	select {
	case <-back:
		return true
	case <-r.Context().Done():
		return false
	}
}

// ask looks whether the API server is back until it is. That it was away is told once; where it is there the first time, it was a single
// connection that broke.
func (l *Link) ask(next http.RoundTripper, url string) {
	told := false
	for !isReady(next, url) {
		if !told {
			told = true
			l.log.Info("Waiting for the API server", "why", l.Away().Error())
		}
		l.clock.Sleep(askEvery)
	}
	if told {
		l.log.Info("The API server is back")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.back)
	l.back, l.why = nil, nil
}

// isReady reports whether the API server answers requests. One that wants to know first who asks does.
func isReady(next http.RoundTripper, url string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // the host is that of the kubeconfig
	if err != nil {
		return false
	}
	response, err := next.RoundTrip(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	return response.StatusCode < http.StatusInternalServerError
}
