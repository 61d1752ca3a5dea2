// SPDX-License-Identifier: Apache-2.0

// Package watching tells controllers of changes.
package watching

import (
	"context"
	"sync/atomic"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Changes is a source for a handler that passes over what there is at a start, in a controller that looks at everything of its own kind
// then. The handler is told of what happens from when the controller starts, as with builder.Watches, but is there before the informer has
// any object. One that comes later is handed a notice of each object at once; they wait in a list of its own, which client-go keeps as long
// as it has ever been.
func Changes(
	informers cache.Informers, of client.Object, h handler.EventHandler, predicates ...predicate.Predicate,
) source.Source {
	g := &gate{handler: h}
	informer, err := informers.GetInformer(context.Background(), of, cache.BlockUntilSynced(false))
	if err == nil {
		err = (&source.Informer{Informer: informer, Handler: g, Predicates: predicates}).Start(context.Background(), nil)
	}
	return source.Func(func(ctx context.Context, q queue) error {
		g.started.Store(&started{ctx, q})
		return err
	})
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// gate lets events through from when its controller starts. What was before that, the controller finds when it looks at everything: the
// cache shows it before any handler is told.
type gate struct {
	handler handler.EventHandler
	started atomic.Pointer[started]
}

// started is what a controller starts its sources with.
type started struct {
	ctx   context.Context
	queue queue
}

// Create is part of [handler.EventHandler].
func (g *gate) Create(_ context.Context, e event.CreateEvent, _ queue) {
	if s := g.started.Load(); s != nil {
		g.handler.Create(s.ctx, e, s.queue)
	}
}

// Update is part of [handler.EventHandler].
func (g *gate) Update(_ context.Context, e event.UpdateEvent, _ queue) {
	if s := g.started.Load(); s != nil {
		g.handler.Update(s.ctx, e, s.queue)
	}
}

// Delete is part of [handler.EventHandler].
func (g *gate) Delete(_ context.Context, e event.DeleteEvent, _ queue) {
	if s := g.started.Load(); s != nil {
		g.handler.Delete(s.ctx, e, s.queue)
	}
}

// Generic is part of [handler.EventHandler]. No informer tells of such events.
func (g *gate) Generic(context.Context, event.GenericEvent, queue) {}
