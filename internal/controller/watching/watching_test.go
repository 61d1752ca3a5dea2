// SPDX-License-Identifier: Apache-2.0

package watching

import (
	"context"
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// ofController is what a controller gives its context.
type ofController struct{}

// A handler is told of what happens from when its controller starts, with the queue and the context of that, and of nothing that happened
// before.
func TestChangesAreToldFromTheStartOn(t *testing.T) {
	q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer q.ShutDown()
	ctx := context.WithValue(t.Context(), ofController{}, true)
	var told []string
	note := func(ctx context.Context, what string, o client.Object, with queue) {
		if told = append(told, what+" "+o.GetName()); with != q || ctx.Value(ofController{}) == nil {
			t.Errorf("%s %s comes with the queue %v and the context %v", what, o.GetName(), with, ctx)
		}
	}
	tell := handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { note(ctx, "created", e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { note(ctx, "updated", e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { note(ctx, "deleted", e.Object, q) },
	}
	informers := &informertest.FakeInformers{Scheme: testenv.NewScheme()}
	changes := Changes(informers, &rosterv1alpha1.Member{}, tell, predicate.NewPredicateFuncs(func(o client.Object) bool {
		return o.GetName() != "nobody"
	}))
	informer, err := informers.FakeInformerFor(ctx, &rosterv1alpha1.Member{})
	if err != nil {
		t.Fatal(err)
	}
	happens := func(names ...string) {
		for _, name := range names {
			m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name}}
			informer.Add(m)
			informer.Update(m, m)
			informer.Delete(m)
		}
	}
	happens("ana")
	if len(told) > 0 {
		t.Errorf("before its controller has started, a handler is told: %q", told)
	}
	if err := changes.Start(ctx, q); err != nil {
		t.Fatal(err)
	}
	happens("ben", "nobody")
	if want := []string{"created ben", "updated ben", "deleted ben"}; !slices.Equal(told, want) {
		t.Errorf("a handler is told %q, want %q", told, want)
	}
}

// A controller does not start when it cannot be told of something.
func TestWhatCannotBeWatchedFailsTheStart(t *testing.T) {
	informers := &informertest.FakeInformers{Scheme: testenv.NewScheme(), Error: errors.New("no such kind")}
	if err := Changes(informers, &rosterv1alpha1.Member{}, handler.Funcs{}).Start(t.Context(), nil); err == nil {
		t.Error("it starts")
	}
}
