// SPDX-License-Identifier: Apache-2.0

package queueing

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func request(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: name}}
}

func queue(t *testing.T, workers int) *fair {
	t.Helper()
	held := New(workers, prometheus.NewRegistry()).held.WithLabelValues("test")
	q := newFair("test", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request](), workers, held)
	t.Cleanup(q.ShutDown)
	return q
}

// TestFewDoNotWaitForMany: one change of another organisation comes before most of ten thousand that came earlier.
func TestFewDoNotWaitForMany(t *testing.T) {
	q := queue(t, 1)
	for i := range 10_000 {
		q.Add(request("large", fmt.Sprint(i)))
	}
	q.Add(request("small", "one"))
	q.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(10)}, request("large", "urgent"))
	for i := range 10_001 {
		switch r, _ := q.Get(); {
		case r == request("large", "urgent") && i > 0:
			t.Errorf("what is urgent comes after %d others", i)
		case r == request("small", "one") && i > stepSize+1:
			t.Errorf("the one of another organisation comes after %d", i)
		case i == 10_000:
			if r.Namespace != "large" {
				t.Errorf("the last is %s", r)
			}
		default:
			q.Done(r)
		}
	}
	if _, queued := q.waiting["small"]; queued || len(q.queued) != 1 {
		t.Errorf("%v and %d requests are counted that do not wait any more", q.waiting, len(q.queued))
	}
}

// TestTheSameRequestIsCountedOnce, however often it is queued.
func TestTheSameRequestIsCountedOnce(t *testing.T) {
	q := queue(t, 1)
	for range 1000 {
		q.AddAfter(request("acme", "ana"), 0)
	}
	if n := q.waiting["acme"]; n != 1 {
		t.Errorf("%d are counted", n)
	}
	r, _ := q.Get()
	q.Done(r)
	if len(q.waiting)+len(q.queued) > 0 {
		t.Errorf("%v are counted when none waits", q.waiting)
	}
}
