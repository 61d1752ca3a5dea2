// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"slices"
	"sync"
)

type requesterKey struct{}

// As returns a context in which passwords are hashed on behalf of that requester.
func As(ctx context.Context, requester string) context.Context {
	return context.WithValue(ctx, requesterKey{}, requester)
}

// line hands out memory. Who waits stands in a queue of their requester's, and the queues take turns.
type line struct {
	all  int64
	most int

	mu      sync.Mutex
	free    int64
	waiting int
	queues  map[string][]*turn
	// order of the queues: the first is next.
	order []string
}

// turn is what somebody waits for.
type turn struct {
	weight int64
	come   chan struct{}
}

func newLine(all int64, most int) *line {
	return &line{all: all, free: all, most: most, queues: map[string][]*turn{}}
}

// acquire waits for memory. The error is ErrBusy, or that of the context.
func (l *line) acquire(ctx context.Context, weight int64) error {
	requester, _ := ctx.Value(requesterKey{}).(string)
	t := &turn{weight: weight, come: make(chan struct{})}
	if err := l.enter(requester, t); err != nil {
		return err
	}
	select {
	case <-t.come:
		return nil
	case <-ctx.Done():
	}
	l.leave(requester, t)
	return ctx.Err()
}

func (l *line) enter(requester string, t *turn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting >= l.most {
		return ErrBusy
	}
	if len(l.queues[requester]) == 0 {
		l.order = append(l.order, requester)
	}
	l.queues[requester] = append(l.queues[requester], t)
	l.waiting++
	l.next()
	return nil
}

// leave is for somebody who does not wait any longer.
func (l *line) leave(requester string, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queues[requester], t)
	if i < 0 {
		l.free += t.weight // their turn has just come
	} else {
		l.queues[requester] = slices.Delete(l.queues[requester], i, i+1)
		l.waiting--
		l.settle(requester)
	}
	l.next()
}

func (l *line) release(weight int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free += weight
	l.next()
}

// next gives memory to as many as there is enough for, one of each queue in turn. One that needs more than there is holds up the others, or
// its turn would never come.
func (l *line) next() {
	for len(l.order) > 0 {
		requester := l.order[0]
		t := l.queues[requester][0]
		if t.weight > l.free {
			return
		}
		l.free -= t.weight
		l.waiting--
		l.order = append(l.order[1:], requester)
		l.queues[requester] = l.queues[requester][1:]
		l.settle(requester)
		close(t.come)
	}
}

// settle forgets a queue that nobody stands in.
func (l *line) settle(requester string) {
	if len(l.queues[requester]) > 0 {
		return
	}
	delete(l.queues, requester)
	l.order = slices.DeleteFunc(l.order, func(s string) bool { return s == requester })
}
