// SPDX-License-Identifier: Apache-2.0

package queueing

import (
	"sync"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// atOnce is how many requests of a start wait in the queue at the same time for each namespace.
const atOnce = 16

// patient is a queue to which the requests of a start come bit by bit: at a start, everything that there is would be in it, and a
// request in a queue takes ten times the memory that its name takes, much of which a queue keeps when it is empty. Each namespace has
// its turns: one whose requests hang holds up no other. Requests of a start are those of handler.LowPriority without a pause. They are
// not looked at for others like them before they are queued, so they have to come once each, as those of the kind do that the controller
// is for.
type patient struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	mu     sync.Mutex
	listed map[string][]string        // names of a start that are not queued yet, by namespace
	queued map[reconcile.Request]bool // of a start, queued and not handed out yet
	turns  map[string]int             // how many these are, by namespace
}

func newPatient(inner priorityqueue.PriorityQueue[reconcile.Request]) *patient {
	return &patient{
		PriorityQueue: inner, listed: map[string][]string{}, queued: map[reconcile.Request]bool{}, turns: map[string]int{},
	}
}

// AddWithOpts queues requests, those of a start when their turn is near.
func (q *patient) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	if ptr.Deref(o.Priority, 0) != handler.LowPriority || o.After > 0 || o.RateLimited {
		q.PriorityQueue.AddWithOpts(o, requests...)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range requests {
		q.listed[r.Namespace] = append(q.listed[r.Namespace], r.Name)
		q.fill(r.Namespace)
	}
}

// fill queues the next of a namespace that were listed.
func (q *patient) fill(namespace string) {
	for q.turns[namespace] < atOnce && len(q.listed[namespace]) > 0 {
		r := reconcile.Request{}
		r.Namespace, r.Name = namespace, q.listed[namespace][0]
		q.listed[namespace] = q.listed[namespace][1:]
		if !q.queued[r] {
			q.queued[r] = true
			q.turns[namespace]++
		}
		q.PriorityQueue.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}, r)
	}
	if len(q.listed[namespace]) == 0 {
		delete(q.listed, namespace) // with the memory that it took
	}
}

// Get waits for the next request.
func (q *patient) Get() (reconcile.Request, bool) {
	r, _, shutdown := q.GetWithPriority()
	return r, shutdown
}

// GetWithPriority waits for the next request. Whatever it was queued for, one of a start makes room for the next of its namespace.
func (q *patient) GetWithPriority() (reconcile.Request, int, bool) {
	r, priority, shutdown := q.PriorityQueue.GetWithPriority()
	q.mu.Lock()
	defer q.mu.Unlock()
	if shutdown || !q.queued[r] {
		return r, priority, shutdown
	}
	delete(q.queued, r)
	if q.turns[r.Namespace]--; q.turns[r.Namespace] == 0 {
		delete(q.turns, r.Namespace)
	}
	q.fill(r.Namespace)
	return r, priority, shutdown
}

// Len is how many requests are to be handed out, with those that are not queued yet.
func (q *patient) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.PriorityQueue.Len()
	for _, names := range q.listed {
		n += len(names)
	}
	return n
}
