// SPDX-License-Identifier: Apache-2.0

package queueing

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// hang takes requests with all workers, of which none comes back. It gives those that were taken.
func hang(q *fair, workers int) func() map[string]int {
	var mu sync.Mutex
	taken := map[string]int{}
	for range workers {
		go func() {
			if r, shutdown := q.Get(); !shutdown {
				mu.Lock()
				defer mu.Unlock()
				taken[r.Namespace]++
			}
		}()
	}
	return func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(taken)
	}
}

func (q *fair) heldNow() (float64, error) {
	var m dto.Metric
	err := q.held.Write(&m)
	return m.GetGauge().GetValue(), err
}

// TestWhatHangsLeavesWorkers: of 16 workers, an organisation whose requests all hang takes 8, the next one 4, and a fifth still gets one.
func TestWhatHangsLeavesWorkers(t *testing.T) {
	g, q := NewWithT(t), queue(t, 16)
	taken, want := hang(q, 16), map[string]int{}
	for i, workers := range []int{8, 4, 2, 1, 1} {
		namespace := fmt.Sprintf("hangs-%d", i)
		for j := range 100 {
			q.Add(request(namespace, fmt.Sprint(j)))
		}
		want[namespace] = workers
		g.Eventually(taken).Should(Equal(want), "%s has its share", namespace)
	}
	g.Expect(q.heldNow()).To(BeEquivalentTo(92+96+98+99), "no worker is left that looks at those of the last one")
}

// TestHeldAreWorkedOn as soon as others of their organisation are done.
func TestHeldAreWorkedOn(t *testing.T) {
	g, q := NewWithT(t), queue(t, 2)
	for _, name := range []string{"a", "b", "c"} {
		q.Add(request("acme", name))
	}
	first, _ := q.Get()
	next := make(chan reconcile.Request)
	go func() {
		for r, shutdown := q.Get(); !shutdown; r, shutdown = q.Get() {
			next <- r
		}
	}()
	g.Eventually(q.heldNow).Should(BeEquivalentTo(2), "the other worker leaves the rest to the first")
	q.Done(first)
	var second reconcile.Request
	g.Eventually(next).Should(Receive(&second))
	q.Done(second)
	g.Eventually(next).Should(Receive())
}

// TestHeldGoInTheirOrder: what is urgent first, also where it was held already, then what came first.
func TestHeldGoInTheirOrder(t *testing.T) {
	s := newShares(2)
	for i, r := range []reconcile.Request{request("acme", "works"), request("acme", "b"), request("acme", "c"), request("acme", "d")} {
		if took := s.take(r, 0); took != (i == 0) {
			t.Fatalf("%s is taken: %t", r.Name, took)
		}
	}
	s.take(request("acme", "d"), 10)
	s.take(request("acme", "d"), 5)
	s.take(request("acme", "b"), -1)
	for _, want := range []string{"d", "b", "c"} {
		next := s.done("acme")
		if len(next) != 1 || next[0].Name != want || !s.take(next[0].Request, next[0].priority) {
			t.Fatalf("%v goes, not %s", next, want)
		}
	}
	if next := s.done("acme"); len(next)+s.total+len(s.busy)+len(s.held)+len(s.promised)+len(s.turns) > 0 {
		t.Errorf("%v goes, and %+v is left", next, s)
	}
}

// TestNothingIsLost: in whatever order requests come and are done, each is worked on, and none is held while its namespace may have a
// worker.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, shares: newShares(rapid.IntRange(1, 8).Draw(t, "workers")), owed: map[reconcile.Request]bool{}}
		t.Repeat(map[string]func(*rapid.T){
			"":     func(*rapid.T) { w.check() },
			"come": func(t *rapid.T) { w.come(rapid.SampledFrom(someRequests).Draw(t, "request")) },
			"work": func(t *rapid.T) { w.work(rapid.IntRange(-2, 2).Draw(t, "priority")) },
			"done": func(t *rapid.T) {
				if len(w.works) > 0 {
					w.done(rapid.IntRange(0, len(w.works)-1).Draw(t, "worker"))
				}
			},
		})
		for len(w.ready)+len(w.works) > 0 {
			w.work(0)
			if len(w.works) > 0 {
				w.done(0)
			}
			w.check()
		}
		if s := w.shares; len(w.owed)+s.total+len(s.busy)+len(s.held)+len(s.turns)+len(s.promised) > 0 {
			t.Errorf("all workers are free, but nobody has worked on %v; %+v", w.owed, s)
		}
	})
}

var someRequests = []reconcile.Request{
	request("acme", "a"), request("acme", "b"), request("acme", "c"), request("acme", "d"), request("bolt", "a"), request("bolt", "b"),
	request("cove", "a"),
}

// world of a queue and its workers.
type world struct {
	*rapid.T
	shares *shares
	ready  []reconcile.Request // in the queue below
	works  []reconcile.Request
	owed   map[reconcile.Request]bool // have come, and nobody has worked on them since
}

func (w *world) come(r reconcile.Request) {
	w.owed[r] = true
	if !slices.Contains(w.ready, r) {
		w.ready = append(w.ready, r)
	}
}

// work has a free worker look at the first request that nobody works on.
func (w *world) work(priority int) {
	i := slices.IndexFunc(w.ready, func(r reconcile.Request) bool { return !slices.Contains(w.works, r) })
	if i < 0 || len(w.works) == w.shares.workers {
		return
	}
	r := w.ready[i]
	w.ready = slices.Delete(w.ready, i, i+1)
	if w.shares.take(r, priority) {
		w.works = append(w.works, r)
		delete(w.owed, r)
	}
}

func (w *world) done(i int) {
	r := w.works[i]
	w.works = slices.Delete(w.works, i, i+1)
	for _, t := range w.shares.done(r.Namespace) {
		w.come(t.Request)
	}
}

func (w *world) check() {
	if s := w.shares; s.total != len(w.works)+len(s.promised) || s.total > s.workers {
		w.Fatalf("%v are worked on and %v promised, but %d of %d workers are counted", w.works, s.promised, s.total, s.workers)
	}
	for r := range w.shares.turns {
		if w.shares.room(r.Namespace) {
			w.Fatalf("%s is held, and may have a worker", r)
		}
	}
}
