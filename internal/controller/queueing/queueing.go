// SPDX-License-Identifier: Apache-2.0

// Package queueing has one organisation's many changes wait behind another's few.
package queueing

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	// stepSize is how many requests of a namespace wait before the next ones go a step further back.
	stepSize = 16
	// lowest is the furthest back that they go: before what the start of the operator lists (handler.LowPriority).
	lowest = -90
)

// fair is a queue in which the more requests of a namespace wait, the further back the next one goes: a request of a namespace of which
// none waits does not wait for the ten thousand of another. A priority that is given stays.
type fair struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	mu      sync.Mutex
	queued  map[reconcile.Request]bool
	waiting map[string]int // by namespace
}

// NewFair makes the queue of a controller; it goes into controller.Options.NewQueue.
func NewFair(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return &fair{
		PriorityQueue: priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter }),
		queued:        map[reconcile.Request]bool{}, waiting: map[string]int{},
	}
}

// Add queues a request.
func (q *fair) Add(r reconcile.Request) { q.AddWithOpts(priorityqueue.AddOpts{}, r) }

// AddAfter queues a request that is not to be looked at before a pause is over.
func (q *fair) AddAfter(r reconcile.Request, pause time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: pause}, r)
}

// AddRateLimited queues a request that failed.
func (q *fair) AddRateLimited(r reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, r)
}

// AddWithOpts queues requests.
func (q *fair) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	for _, r := range requests {
		with := o
		if place := q.place(r); with.Priority == nil {
			with.Priority = ptr.To(place)
		}
		q.PriorityQueue.AddWithOpts(with, r)
	}
}

// place counts a request in, and returns the priority that it is due.
func (q *fair) place(r reconcile.Request) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := q.waiting[r.Namespace]
	if !q.queued[r] {
		q.queued[r] = true
		q.waiting[r.Namespace]++
	}
	return max(lowest, -(before / stepSize))
}

// Get waits for the next request.
func (q *fair) Get() (reconcile.Request, bool) {
	r, _, shutdown := q.GetWithPriority()
	return r, shutdown
}

// GetWithPriority waits for the next request, and counts it out.
func (q *fair) GetWithPriority() (reconcile.Request, int, bool) {
	r, priority, shutdown := q.PriorityQueue.GetWithPriority()
	if shutdown {
		return r, priority, shutdown
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if delete(q.queued, r); len(q.queued) == 0 {
		q.queued = map[reconcile.Request]bool{} // A map keeps the memory that it took when it was full.
	}
	if q.waiting[r.Namespace] <= 1 {
		delete(q.waiting, r.Namespace)
	} else {
		q.waiting[r.Namespace]--
	}
	return r, priority, shutdown
}
