// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// joining are the people who are to be active, or to hold something else, and whose status does not say so yet: it does as soon as they are
// bound to the Roles of everything that they have, so that nobody is said to hold what they cannot use. It is in memory: after a restart,
// their Members are decided again.
type joining struct {
	mu     sync.Mutex
	people map[client.ObjectKey]*joiner
	// namespaces are how many of them are joining in each.
	namespaces map[string]int
	// members are those to decide again. Roles are those to bind somebody to, and leaving those that somebody is to be taken out of.
	members, roles, leaving chan event.GenericEvent
}

type joiner struct {
	uid types.UID
	// generation of the spec that is to come into force.
	generation int64
	// roles are those that the person is bound to until their status says that they are active, which has them bound from then on.
	roles []client.ObjectKey
	// left are the Roles that the person is not bound to yet, and what Kubernetes refuses of each; nil for nothing.
	left map[client.ObjectKey]*access.Problem
}

// problem is the first of what is refused, by the name of the Role.
func (p *joiner) problem() *access.Problem {
	for _, role := range slices.SortedFunc(maps.Keys(p.left), func(a, b client.ObjectKey) int { return strings.Compare(a.Name, b.Name) }) {
		if p.left[role] != nil {
			return p.left[role]
		}
	}
	return nil
}

func newJoining() *joining {
	return &joining{
		people: map[client.ObjectKey]*joiner{}, namespaces: map[string]int{},
		members: make(chan event.GenericEvent), roles: make(chan event.GenericEvent), leaving: make(chan event.GenericEvent),
	}
}

// pause is how long giving waits in a namespace for more to give by the same Role: the longer, the more people are joining there. Each look
// at a Role goes through everybody who has it, so while thousands come in, it is looked at once a second for all that have come meanwhile.
func (j *joining) pause(namespace string) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return min(grantDelay*time.Duration(1+j.namespaces[namespace]/10), longestGrantDelay)
}

// await reports whether a Member is bound to everything, or what keeps it from that. It is asked for that first, if it was not before. If
// its spec has changed meanwhile, the person may be bound already to what it does not name any more, and is taken out of that.
func (j *joining) await(ctx context.Context, m *rosterv1alpha1.Member, roles []client.ObjectKey) (bound bool, problem *access.Problem) {
	j.mu.Lock()
	key := client.ObjectKeyFromObject(m)
	p := j.people[key]
	isNew := p == nil || p.uid != m.UID || p.generation != m.Generation
	var former []client.ObjectKey
	if isNew {
		if before := j.remove(key); before != nil {
			former = slices.DeleteFunc(slices.Clone(before.roles), func(role client.ObjectKey) bool { return slices.Contains(roles, role) })
		}
		p = &joiner{uid: m.UID, generation: m.Generation, roles: roles, left: map[client.ObjectKey]*access.Problem{}}
		for _, role := range roles {
			p.left[role] = nil
		}
		j.people[key] = p
		j.namespaces[key.Namespace]++
	}
	bound, problem = len(p.left) == 0, p.problem()
	j.mu.Unlock()
	if isNew {
		signal(ctx, j.leaving, former...)
		signal(ctx, j.roles, roles...)
	}
	return bound, problem
}

// problem is what keeps a Member from being bound; nil for nothing.
func (j *joining) problem(m client.ObjectKey) *access.Problem {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p := j.people[m]; p != nil {
		return p.problem()
	}
	return nil
}

// giveUp is for those who are not to be active after all: who is bound to some of the Roles already is taken out again.
func (j *joining) giveUp(ctx context.Context, m client.ObjectKey) {
	j.mu.Lock()
	p := j.remove(m)
	j.mu.Unlock()
	if p != nil {
		signal(ctx, j.leaving, p.roles...)
	}
}

// remove has a Member join no more; nil if it did not.
func (j *joining) remove(m client.ObjectKey) *joiner {
	p := j.people[m]
	if p == nil {
		return nil
	}
	delete(j.people, m)
	if j.namespaces[m.Namespace]--; j.namespaces[m.Namespace] == 0 {
		delete(j.namespaces, m.Namespace)
	}
	return p
}

// forget is for those whose status says that they are active.
func (j *joining) forget(m client.ObjectKey) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.remove(m)
}

// has reports whether a Member is about to be active.
func (j *joining) has(m client.Object) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.people[client.ObjectKeyFromObject(m)]
	return p != nil && p.uid == m.GetUID()
}

// among are the Members who are to be bound to a Role, and those of them who wait for it.
func (j *joining) among(role client.ObjectKey) (all, waiting []client.ObjectKey) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key, p := range j.people {
		if key.Namespace != role.Namespace || !slices.Contains(p.roles, role) {
			continue
		}
		all = append(all, key)
		if _, waits := p.left[role]; waits {
			waiting = append(waiting, key)
		}
	}
	return all, waiting
}

// settled tells those who waited for a Role that they are bound to it, or why not.
func (j *joining) settled(ctx context.Context, role client.ObjectKey, waited []client.ObjectKey, problem *access.Problem) {
	var again []client.ObjectKey
	j.mu.Lock()
	for _, key := range waited {
		p := j.people[key]
		if p == nil {
			continue
		}
		before := p.problem()
		if p.left[role] = problem; problem == nil {
			delete(p.left, role)
		}
		if len(p.left) == 0 || before != p.problem() {
			again = append(again, key)
		}
	}
	j.mu.Unlock()
	signal(ctx, j.members, again...)
}

// signal has objects looked at by name.
func signal(ctx context.Context, to chan<- event.GenericEvent, keys ...client.ObjectKey) {
	for _, key := range keys {
		o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		select {
		case to <- event.GenericEvent{Object: o}:
		case <-ctx.Done():
			return
		}
	}
}
