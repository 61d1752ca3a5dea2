// SPDX-License-Identifier: Apache-2.0

// Package queueing keeps the organisations out of each other's way: one's many changes wait behind another's few, and one whose writes hang
// does not take all workers.
package queueing

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	// stepSize is how many requests of a namespace wait before the next ones go a step further back.
	stepSize = 16
	// lowest is the furthest back that they go: before what the start of the operator lists (handler.LowPriority).
	lowest = -90
)

// Queues are those of the controllers whose objects are in the namespaces of organisations.
type Queues struct {
	workers int
	held    *prometheus.GaugeVec
}

// New makes the queues of controllers that have so many workers each.
func New(workers int, registry prometheus.Registerer) *Queues {
	q := &Queues{workers: workers, held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "roster_queue_held",
		Help: "Requests that wait until others of their organisation are done, so that it leaves workers to others. " +
			"They are not in workqueue_depth.",
	}, []string{"controller"})}
	registry.MustRegister(q.held)
	return q
}

// Fair are the options of a controller whose queue is fair to all namespaces, and which is queued each object of its kind once at a start.
func (q *Queues) Fair() controller.Options { return q.FairAmong(q.workers) }

// FairAmong is Fair for a controller with so many workers.
func (q *Queues) FairAmong(workers int) controller.Options {
	queue := func(name string, limiter limiter) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		return newPatient(q.fair(name, limiter, workers))
	}
	return controller.Options{MaxConcurrentReconciles: workers, NewQueue: queue}
}

// FairAtOnce is Fair for a controller which is queued many objects for the same at a start.
func (q *Queues) FairAtOnce() controller.Options {
	queue := func(name string, limiter limiter) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		return q.fair(name, limiter, q.workers)
	}
	return controller.Options{MaxConcurrentReconciles: q.workers, NewQueue: queue}
}

// Patient are the options of a controller for objects of which there are many in one namespace, that of no organisation.
func (q *Queues) Patient() controller.Options {
	queue := func(name string, limiter limiter) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		return newPatient(newQueue(name, limiter))
	}
	return controller.Options{MaxConcurrentReconciles: q.workers, NewQueue: queue}
}

type limiter = workqueue.TypedRateLimiter[reconcile.Request]

func newQueue(name string, limiter limiter) priorityqueue.PriorityQueue[reconcile.Request] {
	return priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter })
}

// fair is a queue in which the more requests of a namespace wait, the further back the next one goes: a request of a namespace of which
// none waits does not wait for the ten thousand of another. A priority that is given stays. The workers are shared.
type fair struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	held prometheus.Gauge

	mu      sync.Mutex
	queued  map[reconcile.Request]bool
	waiting map[string]int // by namespace
	shares  *shares
}

func (q *Queues) fair(name string, limiter limiter, workers int) *fair {
	return newFair(name, limiter, workers, q.held.WithLabelValues(name))
}

func newFair(name string, limiter limiter, workers int, held prometheus.Gauge) *fair {
	return &fair{
		PriorityQueue: newQueue(name, limiter), held: held,
		queued: map[reconcile.Request]bool{}, waiting: map[string]int{}, shares: newShares(workers),
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

// GetWithPriority waits for the next request that may have a worker, and counts it out.
func (q *fair) GetWithPriority() (reconcile.Request, int, bool) {
	for {
		r, priority, shutdown := q.PriorityQueue.GetWithPriority()
		if shutdown || q.take(r, priority) {
			return r, priority, shutdown
		}
		q.PriorityQueue.Done(r) // It is held, and comes back when others of its namespace are done.
	}
}

// take counts a request out, if it may have a worker.
func (q *fair) take(r reconcile.Request, priority int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.count()
	if !q.shares.take(r, priority) {
		return false
	}
	if delete(q.queued, r); len(q.queued) == 0 {
		q.queued = map[reconcile.Request]bool{} // A map keeps the memory that it took when it was full.
	}
	if q.waiting[r.Namespace] <= 1 {
		delete(q.waiting, r.Namespace)
	} else {
		q.waiting[r.Namespace]--
	}
	return true
}

// Done frees the worker of a request, and lets go what was held for want of it.
func (q *fair) Done(r reconcile.Request) {
	q.PriorityQueue.Done(r)
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.count()
	for _, t := range q.shares.done(r.Namespace) {
		q.PriorityQueue.AddWithOpts(priorityqueue.AddOpts{Priority: &t.priority}, t.Request)
	}
}

func (q *fair) count() { q.held.Set(float64(len(q.shares.turns))) }
