// SPDX-License-Identifier: Apache-2.0

package queueing

import (
	"k8s.io/utils/third_party/forked/golang/btree"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// shares bound how many workers one namespace takes: one more only while fewer work for it than are free. So the writes of an organisation
// that all hang, as at a webhook that does not answer, take half of the workers, those of a second one half of the rest, and so on. What
// is beyond that is held until others are done.
type shares struct {
	workers int

	total    int            // workers that are taken
	busy     map[string]int // the same, by namespace
	promised map[reconcile.Request]bool
	held     map[string]*btree.BTree[turn]
	turns    map[reconcile.Request]turn // those that are held
	order    uint64
}

// turn of a request that is held.
type turn struct {
	reconcile.Request
	priority int
	order    uint64
}

// before: the higher priority comes first, and the earlier of the same priority.
func before(a, b turn) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return a.order < b.order
}

func newShares(workers int) *shares {
	return &shares{
		workers: workers, busy: map[string]int{}, promised: map[reconcile.Request]bool{},
		held: map[string]*btree.BTree[turn]{}, turns: map[reconcile.Request]turn{},
	}
}

// take gives a worker to a request, or holds it.
func (s *shares) take(r reconcile.Request, priority int) bool {
	switch {
	case s.promised[r]:
		delete(s.promised, r)
	case s.room(r.Namespace):
		s.occupy(r.Namespace)
	default:
		s.hold(r, priority)
		return false
	}
	return true
}

// room reports whether a namespace may take one more worker.
func (s *shares) room(namespace string) bool { return s.busy[namespace] < s.workers-s.total }

func (s *shares) occupy(namespace string) {
	s.busy[namespace]++
	s.total++
}

// hold has a request wait. One that is held already keeps the better of its turns.
func (s *shares) hold(r reconcile.Request, priority int) {
	s.order++
	t := turn{Request: r, priority: priority, order: s.order}
	line, found := s.held[r.Namespace]
	if !found {
		line = btree.New(32, before)
		s.held[r.Namespace] = line
	}
	if former, again := s.turns[r]; again {
		if !before(t, former) {
			return
		}
		line.Delete(former)
	}
	line.ReplaceOrInsert(t)
	s.turns[r] = t
}

// done frees the worker of a namespace, and promises those that are free to requests that are held.
func (s *shares) done(namespace string) []turn {
	s.total--
	if s.busy[namespace]--; s.busy[namespace] == 0 {
		delete(s.busy, namespace)
	}
	var next []turn
	for {
		t, found := s.next()
		if !found {
			return next
		}
		s.release(t)
		next = append(next, t)
	}
}

// next is the held request whose turn it is, among those of namespaces that may take one more worker.
func (s *shares) next() (first turn, found bool) {
	for namespace, line := range s.held {
		if !s.room(namespace) {
			continue
		}
		if t, _ := line.Min(); !found || before(t, first) {
			first, found = t, true
		}
	}
	return first, found
}

func (s *shares) release(t turn) {
	line := s.held[t.Namespace]
	if line.Delete(t); line.Len() == 0 {
		delete(s.held, t.Namespace)
	}
	if delete(s.turns, t.Request); len(s.turns) == 0 {
		s.turns = map[reconcile.Request]turn{} // A map keeps the memory that it took when it was full.
	}
	s.promised[t.Request] = true
	s.occupy(t.Namespace)
}
