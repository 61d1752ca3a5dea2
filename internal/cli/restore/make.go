// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/cli/archive"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/progress"
)

// second is how long it takes until times of creation, which have seconds, differ.
const second = 1100 * time.Millisecond

// endSessions removes the keys of sessions, which the manager makes again: sessions that had ended must not begin again with what the
// Accounts held at the time of the backup.
func (r *run) endSessions(ctx context.Context) error {
	if r.saved.Namespace != "" {
		return nil // no sessions are saved with an organisation
	}
	keys := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.saved.SystemNamespace, Name: archive.SessionKeys}}
	return client.IgnoreNotFound(r.client.Delete(ctx, keys))
}

// pass waits for a while, or until ctx ends.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// make makes the objects, step by step, and tells how many. It ends with the first step in which one is refused; a dry run goes on.
func (r *run) make(ctx context.Context) error {
	var failed error
	for _, s := range archive.Steps() {
		if len(r.items[s.Name]) == 0 {
			continue
		}
		err := r.makeStep(ctx, s.Name)
		if failed = errors.Join(failed, err); failed != nil && (r.dryRun == kube.DryRunNone || ctx.Err() != nil) {
			return failed
		}
	}
	return failed
}

func (r *run) makeStep(ctx context.Context, name string) error {
	turns := map[int][]*item{}
	for _, i := range r.items[name] {
		if i.live == nil || !i.stays && !i.same(r.now) {
			turns[i.turn] = append(turns[i.turn], i)
		}
	}
	t := &tally{}
	for n, turn := range slices.Sorted(maps.Keys(turns)) {
		if n > 0 && r.dryRun == kube.DryRunNone {
			pass(ctx, second)
		}
		if err := r.each(ctx, t, name, turns[turn], r.write); err != nil {
			return err
		}
		for _, i := range turns[turn] {
			if i.live != nil {
				r.now[i.saved.GetUID()] = i.live.GetUID()
			}
		}
	}
	fmt.Fprintf(r.factory.Out, "%s: %s\n", name, r.dryRun.Would(t.said(len(r.items[name]))))
	return nil
}

// each does something with each object, several at a time, and counts what became of them. When the API server does not answer any more,
// the rest is left.
func (r *run) each(
	ctx context.Context, t *tally, name string, items []*item, do func(context.Context, *item) (string, error),
) error {
	answered, cancel := context.WithCancel(ctx)
	defer cancel()
	_ = progress.Each(answered, r.factory.ErrOut, r.factory.Terminal, name, len(items), func(ctx context.Context, n int) {
		done, err := do(ctx, items[n])
		t.count(items[n], done, err)
		if err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown {
			cancel()
		}
	})
	return errors.Join(t.err(), ctx.Err())
}

// write makes an object, or makes of one that differs what was saved.
func (r *run) write(ctx context.Context, i *item) (string, error) {
	o := fresh(i.saved, r.now)
	if i.live != nil {
		o.SetUID(i.live.GetUID())
		o.SetResourceVersion(i.live.GetResourceVersion())
		i.live = o
		return "overwritten", r.client.Update(ctx, o)
	}
	if r.dryRun == kube.DryRunServer && r.absent[o.GetNamespace()] {
		return "not checked, since their namespace is not there yet", nil
	}
	err := r.client.Create(ctx, o)
	i.live = o
	return "created", err
}

// writeStatuses writes back what has happened so far: who was mailed what, who accepted, who joined when.
func (r *run) writeStatuses(ctx context.Context) error {
	var wanted []*item
	all := 0
	for _, s := range archive.Steps() {
		for _, i := range r.items[s.Name] {
			if !has(i.saved, "status") {
				continue
			}
			all++
			if !i.stays && !i.statusWritten(r.now) {
				wanted = append(wanted, i)
			}
		}
	}
	t := &tally{}
	err := r.each(ctx, t, "statuses", wanted, func(ctx context.Context, i *item) (string, error) {
		o := i.live.DeepCopy()
		o.Object["status"] = i.status(r.now)
		return "written", r.client.Status().Update(ctx, o)
	})
	if err == nil {
		fmt.Fprintf(r.factory.Out, "statuses: %s\n", t.said(all))
	}
	return err
}

// tally counts what became of objects.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	failed []error
}

func (t *tally) count(i *item, done string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed = append(t.failed, fmt.Errorf("%s: %s", i, kube.Explain(err)))
		return
	}
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[done]++
}

// err names the objects that were refused.
func (t *tally) err() error {
	if more := len(t.failed) - listed; more > 0 {
		return errors.Join(append(t.failed[:listed:listed], fmt.Errorf("and %d more", more))...)
	}
	return errors.Join(t.failed...)
}

// said tells the counts, and how many of all stayed as they were.
func (t *tally) said(all int) string {
	var parts []string
	for _, done := range slices.Sorted(maps.Keys(t.counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", t.counts[done], done))
		all -= t.counts[done]
	}
	if all > 0 {
		parts = append(parts, fmt.Sprintf("%d left as they are", all))
	}
	return strings.Join(parts, ", ")
}
