// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// summaryDelay is how long the counts in a status may lag behind: however many objects change meanwhile, they cost one write.
const summaryDelay = 2 * time.Second

// countDelay is the same where people wait for the count, since the plan limits how many there may be.
const countDelay = 200 * time.Millisecond

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// related finds the objects that another object's change concerns.
type related func(ctx context.Context, o client.Object) ([]client.ObjectKey, error)

// enqueue queues what a change concerns, as the object was and as it is. It is for controllers that look at everything of their own kind
// when they start, by builder.For: of the other kinds, what there is at the start queues nothing then.
func enqueue(find related) handler.EventHandler { return enqueueAfter(find, 0) }

// enqueueAfter is enqueue after a pause, in which further changes add nothing to the queue.
func enqueueAfter(find related, pause time.Duration) handler.EventHandler {
	h := enqueueListed(find, pause)
	h.CreateFunc = unlessListed(h.CreateFunc)
	return h
}

// unlessListed passes over what there is at the start. Workers wait until all that a controller watches has been handed out, so whatever
// they look at first, they see it as it is then.
func unlessListed(create onCreate) onCreate {
	return func(ctx context.Context, e event.CreateEvent, q queue) {
		if !e.IsInInitialList {
			create(ctx, e, q)
		}
	}
}

type onCreate = func(ctx context.Context, e event.CreateEvent, q queue)

// enqueueListed is enqueueAfter for controllers that do not look at everything of their own kind when they start: it also queues what an
// object concerns that is there at the start.
func enqueueListed(find related, pause time.Duration) handler.Funcs {
	add := func(ctx context.Context, q queue, objects ...client.Object) {
		for _, o := range objects {
			insist(ctx, q, pause, o, func() ([]client.ObjectKey, error) { return find(ctx, o) })
		}
	}
	return handler.Funcs{
		CreateFunc:  func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, q, e.Object) },
		UpdateFunc:  func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, q, e.ObjectOld, e.ObjectNew) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q queue) { add(ctx, q, e.Object) },
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, q, e.Object) },
	}
}

// How long insist waits before it asks again: the pause doubles from the first to the last.
const (
	firstAsk = 10 * time.Millisecond
	lastAsk  = 30 * time.Second
)

// insist queues what is found, and asks until there is an answer: no event comes again, and somebody who is not queued may keep rights
// that they should not have. Meanwhile the events that follow wait in their informer. Finders read the cache, so what fails for one fails
// for all.
func insist(ctx context.Context, q queue, pause time.Duration, o client.Object, find func() ([]client.ObjectKey, error)) {
	for again := firstAsk; ; again = min(2*again, lastAsk) {
		keys, err := find()
		for _, key := range keys {
			q.AddAfter(reconcile.Request{NamespacedName: key}, pause)
		}
		if err == nil {
			return
		}
		log.FromContext(ctx).Error(err, "Cannot find what a change concerns, asking again", "object", client.ObjectKeyFromObject(o))
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// concerns finds the objects that the difference between two versions of an object concerns: before is nil for one that is new, after for
// one that is gone.
type concerns[T client.Object] func(ctx context.Context, before, after T) ([]client.ObjectKey, error)

// enqueueChange queues what a change concerns as enqueue does, where that depends on what has changed.
func enqueueChange[T client.Object](find concerns[T], pause time.Duration) handler.EventHandler {
	var none T
	add := func(ctx context.Context, q queue, before, after T) {
		insist(ctx, q, pause, either(before, after), func() ([]client.ObjectKey, error) { return find(ctx, before, after) })
	}
	return handler.Funcs{
		CreateFunc: unlessListed(func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, q, none, e.Object.(T)) }),
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, q, e.ObjectOld.(T), e.ObjectNew.(T)) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, q, e.Object.(T), none) },
	}
}

// either is the newer of two versions that is there.
func either[T client.Object](before, after T) client.Object {
	if isNil(after) {
		return before
	}
	return after
}

func isNil[T client.Object](o T) bool {
	var none T
	return any(o) == any(none)
}

// differs reports whether what is asked about two versions of an object has different answers; one that is not there answers nothing.
func differs[T client.Object](before, after T, about func(o T) any) bool {
	if isNil(before) || isNil(after) {
		return true
	}
	return !equality.Semantic.DeepEqual(about(before), about(after))
}

// changed lets an update through when what is asked about the object has another answer than before.
func changed[T client.Object](about func(o T) any) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return differs(e.ObjectOld.(T), e.ObjectNew.(T), about)
	}}
}

// updates lets nothing else through.
func updates() predicate.Predicate {
	none := predicate.NewPredicateFuncs(func(client.Object) bool { return false })
	return predicate.Funcs{CreateFunc: none.Create, DeleteFunc: none.Delete, GenericFunc: none.Generic}
}
