// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
)

// Hanging keeps the API server's answers to the operator's writes to a namespace until it is let go.
type Hanging struct {
	in, what string
	waiting  atomic.Int32
	released chan struct{}
	// LetGo ends it.
	LetGo func()
}

// Hang starts the operator with the writes of a resource in a namespace hanging, or of all resources. When the test is over, it starts
// without that.
func Hang(in, what string) *Hanging {
	GinkgoHelper()
	Running.Stop()
	h := &Hanging{in: in, what: what, released: make(chan struct{})}
	h.LetGo = sync.OnceFunc(func() { close(h.released) })
	DeferCleanup(func() {
		h.LetGo()
		Running.Stop()
		Running = StartOperator(Cluster.As("roster-manager"))
	})
	config := Cluster.As("roster-manager")
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return transport(func(r *http.Request) (*http.Response, error) {
			if err := h.hang(r); err != nil {
				return nil, err
			}
			return next.RoundTrip(r)
		})
	})
	Running = StartOperator(config)
	return h
}

// Waiting is how many writes hang.
func (h *Hanging) Waiting() int { return int(h.waiting.Load()) }

// hang waits until a write is let go.
func (h *Hanging) hang(r *http.Request) error {
	if r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/namespaces/"+h.in+"/"+h.what) {
		return nil
	}
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	select {
	case <-h.released:
		return nil
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
