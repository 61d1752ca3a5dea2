// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// Probes serves /healthz and /readyz from the first moment on, so that a process that waits is alive and says what it waits for: there, and
// in the log whenever that changes.
type Probes struct {
	log    logr.Logger
	server *http.Server

	mu      sync.Mutex
	checks  []check
	waiting string
	// told is what the log has said last.
	told string
}

// check is something that has to be there before the process is ready.
type check struct {
	name  string
	ready func(ctx context.Context) error
}

// headerWithin is how long a request may take to arrive.
const headerWithin = 10 * time.Second

// ServeProbes listens until Close. For an address of 0 it serves nothing.
func ServeProbes(address string, log logr.Logger) (*Probes, error) {
	p := &Probes{log: log, waiting: "the API server"}
	p.Check("started", p.started)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", p.serveReady)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: headerWithin}
	if address == "0" {
		return p, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Check adds something that the process waits for. The error says what is missing.
func (p *Probes) Check(name string, ready func(ctx context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checks = append(p.checks, check{name, ready})
}

// Waiting reports what the process waits for as long as it starts; nothing when it is empty.
func (p *Probes) Waiting(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = what
}

func (p *Probes) started(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting != "" {
		return errors.New("waiting for " + p.waiting)
	}
	return nil
}

// look asks all checks. It returns a line for each, as Kubernetes' own components write it but with the reason, and what is missing.
func (p *Probes) look(ctx context.Context) (lines []string, missing error) {
	p.mu.Lock()
	checks := p.checks
	p.mu.Unlock()
	var missed []error
	for _, c := range checks {
		if err := c.ready(ctx); err != nil {
			lines = append(lines, fmt.Sprintf("[-]%s: %v", c.name, err))
			missed = append(missed, err)
			continue
		}
		lines = append(lines, fmt.Sprintf("[+]%s ok", c.name))
	}
	return lines, errors.Join(missed...)
}

func (p *Probes) serveReady(w http.ResponseWriter, r *http.Request) {
	lines, missing := p.look(r.Context())
	p.tell(missing)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch {
	case missing != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Query().Has("verbose"):
		lines = append(lines, "ready")
	default:
		lines = []string{"ok"}
	}
	_, _ = w.Write([]byte(strings.Join(lines, "\n") + "\n"))
}

// ready is what the log says of a process that lacks nothing.
const ready = "Ready"

// tell writes into the log what a process waits for, or that it is ready, if that is new.
func (p *Probes) tell(missing error) {
	now := ready
	if missing != nil {
		now = strings.ReplaceAll(missing.Error(), "\n", "; ")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case now == p.told:
		return
	case missing == nil:
		p.log.Info(ready)
	default:
		p.log.Info("Not ready", "why", now)
	}
	p.told = now
}

// Close stops listening.
func (p *Probes) Close() error { return p.server.Close() }
