// SPDX-License-Identifier: Apache-2.0

package queueing

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// most notes how many requests an inner queue held at most.
type most struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	held int
}

func (q *most) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	q.PriorityQueue.AddWithOpts(o, requests...)
	q.held = max(q.held, q.Len())
}

func patiently(inner priorityqueue.PriorityQueue[reconcile.Request]) (*patient, *most) {
	held := &most{PriorityQueue: inner}
	return newPatient(held), held
}

// TestAStartComesBitByBit: all of it comes, each once and only a few at a time, and what changes meanwhile comes first.
func TestAStartComesBitByBit(t *testing.T) {
	const n = 100 * atOnce
	for name, inner := range map[string]priorityqueue.PriorityQueue[reconcile.Request]{
		"fair": queue(t, 1), "not fair": newQueue("test", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()),
	} {
		t.Run(name, func(t *testing.T) {
			q, held := patiently(inner)
			for i := range n {
				q.AddWithOpts(start(), request("acme", fmt.Sprint(i)))
			}
			if q.Len() != n {
				t.Errorf("%d wait of %d", q.Len(), n)
			}
			seen := map[reconcile.Request]int{}
			take := func() reconcile.Request {
				r, shutdown := q.Get()
				if shutdown {
					t.Fatal("the queue has ended")
				}
				seen[r]++
				q.Done(r)
				return r
			}
			take() // The queue has the next one in hand already.
			q.Add(request("acme", "changed"))
			if first, second := take(), take(); first.Name != "changed" && second.Name != "changed" {
				t.Errorf("a change waits for the start: %s and %s come first", first, second)
			}
			q.Add(request("acme", "1000")) // It is of the start, and changes before its turn.
			for len(seen) < n+1 {
				take()
			}
			for r, times := range seen {
				if times != 1 && r.Name != "1000" {
					t.Errorf("%s came %d times", r, times)
				}
			}
			if held.held > atOnce+2 {
				t.Errorf("the queue held %d", held.held)
			}
			if len(q.listed) > 0 || len(q.queued) > 1 || len(q.turns) > 1 {
				t.Errorf("%v, %v and %v are kept at the end", q.listed, q.queued, q.turns)
			}
		})
	}
}

// TestWhatHangsHoldsUpNoOtherStart: requests of one namespace that are not done leave those of another their turns.
func TestWhatHangsHoldsUpNoOtherStart(t *testing.T) {
	g := NewWithT(t)
	q, _ := patiently(queue(t, 4))
	for i := range 100 * atOnce {
		q.AddWithOpts(start(), request("hangs", fmt.Sprint(i)))
	}
	q.AddWithOpts(start(), request("works", "a"), request("works", "b"))
	seen := make(chan string, 3)
	for range 3 { // of the four workers, two for the first namespace
		go func() {
			for r, shutdown := q.Get(); !shutdown; r, shutdown = q.Get() {
				if r.Namespace == "hangs" {
					return
				}
				seen <- r.Name
				q.Done(r)
			}
		}()
	}
	g.Eventually(seen).Should(Receive(Equal("a")))
	g.Eventually(seen).Should(Receive(Equal("b")))
}

// TestARequestOfTheStartThatIsTriedAgainIsNotHeldBack, nor one that is to be looked at again at a time.
func TestARequestOfTheStartThatIsTriedAgainIsNotHeldBack(t *testing.T) {
	q, _ := patiently(queue(t, 1))
	for i := range 2 * atOnce {
		q.AddWithOpts(start(), request("acme", fmt.Sprint(i)))
	}
	held := len(q.listed["acme"])
	later, failed := start(), start()
	later.After, failed.RateLimited = time.Hour, true
	q.AddWithOpts(later, request("acme", "later"))
	q.AddWithOpts(failed, request("acme", "failed"))
	if len(q.listed["acme"]) != held {
		t.Errorf("%d more are held back", len(q.listed["acme"])-held)
	}
}

// start is how controller-runtime queues what there is at a start.
func start() priorityqueue.AddOpts {
	return priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}
}
