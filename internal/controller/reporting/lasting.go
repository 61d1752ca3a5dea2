// SPDX-License-Identifier: Apache-2.0

package reporting

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Grace is how long something has to stay wrong until a Warning tells of it. What is applied in one go comes one after the other, and names
// what comes a moment later: the status says so at once, and no Warning is left behind that nothing is wrong with.
const Grace = 30 * time.Second

const (
	// remembered is how long Kubernetes keeps an event, by default. What has been wrong for longer when a manager starts had its Warning.
	remembered = time.Hour
	// unreadable is the pause after an object could not be read.
	unreadable = 5 * time.Second
)

// Lasting warns of conditions that last. It is told of each that is not as it should be, whenever the object is looked at, and looks again
// when the grace is over. The time is that of the condition itself, so a manager that takes over goes on where the last one was; at worst
// it repeats a Warning of the last hour.
type Lasting struct {
	live   client.Reader
	scheme *runtime.Scheme
	grace  time.Duration
	clock  clock.PassiveClock
	queue  workqueue.TypedDelayingInterface[trouble]
	// known are those that this process is to warn of, or has warned of.
	known *cache.Expiring
}

// trouble is a condition of an object that is not as it should be.
type trouble struct {
	kind      schema.GroupVersionKind
	key       client.ObjectKey
	uid       types.UID
	condition string
	status    metav1.ConditionStatus
	action    string
}

// NewLasting makes one that reads objects with the reader, as they are then. Ages go by the first clock, the pauses by the other.
func NewLasting(
	live client.Reader, scheme *runtime.Scheme, grace time.Duration, now clock.PassiveClock, pauses clock.WithTicker,
) *Lasting {
	return &Lasting{
		live: live, scheme: scheme, grace: grace, clock: now, known: cache.NewExpiringWithClock(pauses),
		queue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[trouble]{Clock: pauses}),
	}
}

// consider has a condition looked at again that is not as it should be, unless that is on its way. It has turned if it has just come to be
// so, or to have another reason.
func (l *Lasting) consider(o client.Object, c *metav1.Condition, turned bool, action string) {
	kind, err := apiutil.GVKForObject(o, l.scheme)
	if err != nil {
		log.Log.Error(err, "no event can tell of an object of an unknown kind") // a mistake in the program
		return
	}
	t := trouble{kind: kind, key: client.ObjectKeyFromObject(o), uid: o.GetUID(), condition: c.Type, status: c.Status, action: action}
	age := l.clock.Since(c.LastTransitionTime.Time)
	if _, known := l.known.Get(t); !turned && (known || age >= remembered) {
		return
	}
	l.known.Set(t, nil, remembered)
	wait := l.grace - age
	if wait <= 0 && turned { // It was wrong for another reason, and the person who mended that may be about to mend this.
		wait = l.grace
	}
	l.queue.AddAfter(t, wait)
}

// run warns until the context ends.
func (l *Lasting) run(ctx context.Context, warn func(o runtime.Object, reason, action, note string)) error {
	stop := context.AfterFunc(ctx, l.queue.ShutDown)
	defer stop()
	for {
		t, ended := l.queue.Get()
		if ended {
			return nil
		}
		l.look(ctx, t, warn)
		l.queue.Done(t)
	}
}

// look warns of what is as it should not be still.
func (l *Lasting) look(ctx context.Context, t trouble, warn func(o runtime.Object, reason, action, note string)) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(t.kind)
	if err := l.live.Get(ctx, t.key, o); err != nil {
		if !apierrors.IsNotFound(err) && ctx.Err() == nil {
			l.queue.AddAfter(t, unreadable)
		}
		return
	}
	c := conditionOf(o, t.condition)
	if o.GetUID() != t.uid || o.GetDeletionTimestamp() != nil || c == nil || c.Status != t.status {
		return
	}
	if left := l.grace - l.clock.Since(c.LastTransitionTime.Time); left > 0 { // It was as it should be in between.
		l.queue.AddAfter(t, left)
		return
	}
	warn(o, c.Reason, t.action, c.Message)
}

func conditionOf(o *unstructured.Unstructured, kind string) *metav1.Condition {
	var status struct {
		Conditions []metav1.Condition `json:"conditions"`
	}
	of, _, err := unstructured.NestedMap(o.Object, "status")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(of, &status)
	}
	if err != nil {
		log.Log.Error(err, "the status of an object cannot be read", "object", client.ObjectKeyFromObject(o))
		return nil
	}
	return meta.FindStatusCondition(status.Conditions, kind)
}
