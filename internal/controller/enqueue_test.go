// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// failing is a reader of one Member, whose first lists fail.
type failing struct {
	client.Reader
	times int
	// told is called with each failure.
	told func()
}

func (f *failing) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if f.times > 0 {
		f.times--
		f.told()
		return errors.New("the cache cannot be read")
	}
	list.(*rosterv1alpha1.MemberList).Items = []rosterv1alpha1.Member{{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana"}}}
	return nil
}

// A change is not forgotten when those whom it concerns cannot be found at once, and nothing goes on when the manager stops.
func TestFinderThatFailsIsAskedAgain(t *testing.T) {
	organization := event.CreateEvent{Object: &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}}}
	workspace := event.CreateEvent{Object: &rosterv1alpha1.Workspace{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "north"}}}
	for name, c := range map[string]struct {
		handler func(f finder) handler.EventHandler
		event   event.CreateEvent
	}{
		"enqueue":       {func(f finder) handler.EventHandler { return enqueue(f.membersOfWorkspace) }, workspace},
		"enqueueChange": {func(f finder) handler.EventHandler { return enqueueChange(f.membersOfOrganization, 0) }, organization},
	} {
		t.Run(name, func(t *testing.T) {
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer q.ShutDown()
			ctx, stop := context.WithCancel(t.Context())
			failures := 0
			reader := &failing{times: 2, told: func() { failures++ }}
			c.handler(finder{reader: reader}).Create(ctx, c.event, q)
			if q.Len() != 1 || failures != 2 {
				t.Fatalf("%d are queued after %d failures", q.Len(), failures)
			}
			if got, _ := q.Get(); got.Name != "ana" {
				t.Errorf("%s is queued", got)
			}
			reader.times, reader.told = 100, stop
			c.handler(finder{reader: reader}).Create(ctx, c.event, q)
			if reader.times != 99 || q.Len() != 0 {
				t.Errorf("asked %d times after the manager was stopped", 100-reader.times)
			}
		})
	}
}

// What an Organization counts has it looked at again only after a while, or each count would have the next one written at once while
// people come in. Everything else is looked at as it comes.
func TestCountsAreLookedAtAfterAWhile(t *testing.T) {
	counted := func(o *rosterv1alpha1.Organization) {
		o.Status.ActiveMembers, o.Status.Plan.Seats.Wanted = ptr.To(int32(2)), ptr.To(int32(2))
		o.Status.Conditions[0].Message = "2 of 5 seats are taken."
	}
	for name, c := range map[string]struct {
		change func(o *rosterv1alpha1.Organization)
		atOnce bool
	}{
		"a count":     {counted, false},
		"the spec":    {func(o *rosterv1alpha1.Organization) { o.Generation++ }, true},
		"a deletion":  {func(o *rosterv1alpha1.Organization) { o.DeletionTimestamp = &metav1.Time{} }, true},
		"an owner":    {func(o *rosterv1alpha1.Organization) { o.Status.OwnerRef = &rosterv1alpha1.LocalReference{Name: "ana"} }, true},
		"a condition": {func(o *rosterv1alpha1.Organization) { o.Status.Conditions[0].Status = metav1.ConditionFalse }, true},
		"a plan":      {func(o *rosterv1alpha1.Organization) { o.Status.Plan.Seats.Limit = ptr.To(int32(9)) }, true},
		"a mark":      {func(o *rosterv1alpha1.Organization) { o.Annotations = map[string]string{"a": "b"} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := &rosterv1alpha1.Organization{Status: rosterv1alpha1.OrganizationStatus{
				ActiveMembers: ptr.To(int32(1)), Conditions: []metav1.Condition{{
					Type: rosterv1alpha1.ConditionWithinPlan, Status: metav1.ConditionTrue, Message: "1 of 5 seats is taken.",
				}},
			}}
			after := before.DeepCopy()
			c.change(after)
			update := event.UpdateEvent{ObjectOld: before, ObjectNew: after}
			if atOnce := changed(organizationButCounts).Update(update); atOnce != c.atOnce {
				t.Errorf("looked at as it comes: %v", atOnce)
			}
			if !updates().Update(update) {
				t.Error("not looked at after a while")
			}
		})
	}
	if updates().Create(event.CreateEvent{}) || updates().Delete(event.DeleteEvent{}) {
		t.Error("what comes and goes is looked at twice")
	}
}

// What there is at the start is passed over by what looks at all of its own kind then, and not by what has no such kind: the Roles that
// there should be are found by the Members, whether they are there or not.
func TestWhatThereIsAtTheStart(t *testing.T) {
	organization := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}}
	one := []client.ObjectKey{{Namespace: "acme", Name: "ana"}}
	related := func(context.Context, client.Object) ([]client.ObjectKey, error) { return one, nil }
	change := func(context.Context, *rosterv1alpha1.Organization, *rosterv1alpha1.Organization) ([]client.ObjectKey, error) {
		return one, nil
	}
	for name, c := range map[string]struct {
		handler handler.EventHandler
		start   int
	}{
		"enqueue":       {enqueue(related), 0},
		"enqueueChange": {enqueueChange(change, 0), 0},
		"enqueueListed": {enqueueListed(related, 0), 1},
		"enqueueRoles":  {enqueueRoles(losing(change), newJoining().pause), 1},
	} {
		for _, initial := range []bool{true, false} {
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			c.handler.Create(t.Context(), event.CreateEvent{Object: organization, IsInInitialList: initial}, q)
			if want := map[bool]int{true: c.start, false: 1}[initial]; q.Len() != want {
				t.Errorf("%s, at the start: %v: %d are queued", name, initial, q.Len())
			}
			q.ShutDown()
		}
	}
}
