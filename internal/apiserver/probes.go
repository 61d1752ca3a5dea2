// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Probes serves /healthz and /readyz from the first moment on, so that a process that waits is alive and says what it waits for.
type Probes struct {
	link   *Link
	server *http.Server

	mu      sync.Mutex
	waiting string
}

// headerWithin is how long a request may take to arrive.
const headerWithin = 10 * time.Second

// ServeProbes listens until Close. For an address of 0 it serves nothing.
func ServeProbes(address string, link *Link) (*Probes, error) {
	p := &Probes{link: link, waiting: "the API server"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.ready()) })
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

// Waiting reports what the process waits for; nothing when it is empty.
func (p *Probes) Waiting(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = what
}

func (p *Probes) ready() error {
	if err := p.link.Away(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting != "" {
		return errors.New("waiting for " + p.waiting)
	}
	return nil
}

// Close stops listening.
func (p *Probes) Close() error { return p.server.Close() }

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(err.Error() + "\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
