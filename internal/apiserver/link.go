// SPDX-License-Identifier: Apache-2.0

// Package apiserver waits for an API server that is away, instead of failing: a request is answered when it is back.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
	// maxDenials is how often in a row an API server may refuse to say whether it is ready. One that starts does not know anybody yet; one
	// that goes on keeps it to itself.
	maxDenials = 10
)

// Link is the way to an API server.
type Link struct {
	log   logr.Logger
	clock clock.Clock

	mu sync.Mutex
	// now is the outage that lasts; nil while the API server is there.
	now *outage
}

// outage is a time during which requests wait. It begins when a request fails.
type outage struct {
	why error
	// back is closed when the API server is back. From then on, real reports whether it was away at all: if not, the request failed for a
	// reason of its own.
	back chan struct{}
	real bool
}

// NewLink makes a Link.
func NewLink(log logr.Logger, clk clock.Clock) *Link { return &Link{log: log, clock: clk} }

// Through returns a copy of a configuration whose requests wait while the API server is away, or there and not ready, as when it starts or
// cannot reach its storage. What cannot have reached it, and what only reads, is sent when it is back; a write that may have reached it
// fails, since nobody knows what became of it.
func (l *Link) Through(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return patient{l, next} })
	return config
}

// Ready is Away as a check of [Probes].
func (l *Link) Ready(context.Context) error { return l.Away() }

// Away is why the API server cannot be used; nil while it can.
func (l *Link) Away() error {
	if o := l.lasting(); o != nil {
		return o.why
	}
	return nil
}

func (l *Link) lasting() *outage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

type patient struct {
	link *Link
	next http.RoundTripper
}

// RoundTrip is part of [http.RoundTripper].
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if o := p.link.lasting(); o != nil && !o.wait(r) {
		return nil, fmt.Errorf("%w: %w", r.Context().Err(), o.why)
	}
	for replays := 0; ; replays++ {
		response, err := p.next.RoundTrip(r)
		why := failure(r, response, err)
		if why == nil || r.Context().Err() != nil || replays == maxReplays {
			return response, err
		}
		o := p.link.begin(r, p.next, why)
		if !harmless(r, err) || !o.wait(r) || err == nil && !o.real {
			return response, err
		}
		if response != nil {
			_ = response.Body.Close()
		}
		if r, err = again(r); err != nil {
			return nil, err
		}
	}
}

// failure is why the API server may be away; nil if it has answered.
func failure(r *http.Request, response *http.Response, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("the API server at %s cannot be reached: %w", r.URL.Host, err)
	case response.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("the API server at %s answers %s", r.URL.Host, response.Status)
	}
	return nil
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

// begin returns the outage that a request has come upon.
func (l *Link) begin(r *http.Request, next http.RoundTripper, why error) *outage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		l.now = &outage{why: why, back: make(chan struct{})}
		go l.ask(l.now, question{next: next, host: *r.URL, as: r.Header.Get(authorization)})
	}
	return l.now
}

// wait returns when the API server is back; false when the request is given up before.
func (o *outage) wait(r *http.Request) bool {
	select {
	case <-o.back:
		return true
	case <-r.Context().Done():
		return false
	}
}

// ask looks whether the API server is back until it is. That it was away is told once; where it is there the first time, it was a single
// request that failed.
func (l *Link) ask(o *outage, q question) {
	for denials := 0; ; {
		switch q.ask() {
		case http.StatusOK:
			l.end(o)
			return
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
			if denials++; denials == maxDenials {
				l.end(o)
				return
			}
		default:
			denials = 0
		}
		if !o.real {
			o.real = true
			l.log.Info("Waiting for the API server", "why", o.why.Error())
		}
		l.clock.Sleep(askEvery)
	}
}

func (l *Link) end(o *outage) {
	if o.real {
		l.log.Info("The API server is back")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(o.back)
	l.now = nil
}

const authorization = "Authorization"

// question is how an API server is asked whether it is ready: in the name of the request that failed, since not every one answers
// strangers.
type question struct {
	next http.RoundTripper
	host url.URL
	as   string
}

// ask returns the status of the answer, or 0.
func (q question) ask() int {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	q.host.Path, q.host.RawQuery = "/readyz", ""
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.host.String(), nil)
	if err != nil {
		return 0
	}
	if q.as != "" {
		request.Header.Set(authorization, q.as)
	}
	response, err := q.next.RoundTrip(request)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	return response.StatusCode
}
