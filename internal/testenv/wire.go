// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
)

// Wire stands between a process and the API server, and can be cut.
type Wire struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// NewWire leads to a server, such as the host of a rest.Config.
func NewWire(server string) (*Wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Wire{listener: listener, server: strings.TrimSuffix(strings.TrimPrefix(server, "https://"), "/")}
	go w.serve()
	return w, nil
}

// Addr is where to connect instead.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Close cuts the wire for good.
func (w *Wire) Close() {
	w.SetCut(true)
	_ = w.listener.Close()
}

// SetCut breaks every connection and refuses new ones, or lets them through again.
func (w *Wire) SetCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.conns = nil
	}
}

func (w *Wire) serve() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.join(conn)
	}
}

func (w *Wire) join(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !w.keep(client, server) {
		return
	}
	go func() { _, _ = io.Copy(server, client) }()
	_, _ = io.Copy(client, server)
}

// keep remembers connections so that they can be cut; false if the wire is cut already.
func (w *Wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conns...)
	return !w.cut
}
