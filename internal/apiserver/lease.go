// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Lease is how one of several processes is elected. It is not lost while the API server is away, since nobody else can take it then; and it
// knows when this process may not act any more.
type Lease struct {
	resourcelock.Interface
	stop     context.Context //nolint:containedctx // the life of the process, which every request must end with
	validity time.Duration

	mu      sync.Mutex
	renewed time.Time
	lost    context.CancelCauseFunc
}

// ErrLost is why a process ends whose Lease another one has taken.
var ErrLost = errors.New("another process has taken the Lease")

// NewLease prepares to be elected by a Lease. When another process has taken it, lost is called. The process may act for the validity after
// it has renewed it: that has to be less than the time after which others take it. Requests end with stop.
func NewLease(
	stop context.Context, lost context.CancelCauseFunc, config *rest.Config, namespace, name string, validity time.Duration,
) (*Lease, error) {
	client, err := coordinationv1.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &Lease{stop: stop, lost: lost, validity: validity, Interface: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())},
	}}, nil
}

// Get is part of [resourcelock.Interface].
func (l *Lease) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	ctx, cancel := l.patiently(ctx)
	defer cancel()
	record, raw, err := l.Interface.Get(ctx)
	if err == nil && record.HolderIdentity != l.Identity() && l.wasHeld() {
		l.lost(ErrLost) // The elector would try for ten seconds more.
	}
	return record, raw, err
}

// Create is part of [resourcelock.Interface].
func (l *Lease) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Create)
}

// Update is part of [resourcelock.Interface].
func (l *Lease) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Update)
}

func (l *Lease) write(
	ctx context.Context, record resourcelock.LeaderElectionRecord, do func(context.Context, resourcelock.LeaderElectionRecord) error,
) error {
	ctx, cancel := l.patiently(ctx)
	defer cancel()
	begun := time.Now() // Others may have seen the write from its beginning on.
	if err := do(ctx, record); err != nil {
		return err
	}
	if record.HolderIdentity != l.Identity() { // given up
		begun = time.Time{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed = begun
	return nil
}

func (l *Lease) wasHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.renewed.IsZero()
}

// patiently lets a request last longer than the elector would wait for an API server that is away. When the process ends, it does not.
func (l *Lease) patiently(ctx context.Context) (context.Context, func()) {
	if l.stop.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(l.stop, cancel)
	return longer, func() {
		stop()
		cancel()
	}
}

var errNotHeld = errors.New("this process does not hold the Lease")

// Held returns an error when another process may hold the Lease by now. It asks nobody: a process that was stopped for a while, or whose
// machine slept, learns from its clocks that its time is over. The monotonic clock of Linux stands still while the machine sleeps, and the
// other one may be set back, so that neither alone is enough.
func (l *Lease) Held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed.IsZero() {
		return errNotHeld
	}
	now := time.Now()
	since := max(now.Sub(l.renewed), now.Round(0).Sub(l.renewed.Round(0)))
	if since >= l.validity {
		return fmt.Errorf("the Lease was last renewed %s ago", since.Round(time.Second))
	}
	return nil
}
