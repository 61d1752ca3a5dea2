// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"hash/fnv"
	"io"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller/reading"
)

// echoes remembers what Roles and bindings were written last, so that the events which that causes are not taken for changes by others: a
// Role of thousands is not gone through again for each.
type echoes struct {
	mu      sync.Mutex
	written map[echo]uint64
}

type echo struct {
	kind string
	key  client.ObjectKey
}

func newEchoes() *echoes { return &echoes{written: map[echo]uint64{}} }

// fingerprint is the same for objects that say the same.
func fingerprint(owner types.UID, items []string) uint64 {
	h := fnv.New64a()
	for _, item := range append([]string{string(owner)}, items...) {
		_, _ = io.WriteString(h, item)
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

func ruleItems(rules []rbacv1.PolicyRule) []string {
	items := make([]string, len(rules))
	for i := range rules {
		items[i] = rules[i].String()
	}
	return items
}

// printOf is what a Role or RoleBinding says; false where it is not marked as ours or has what we never write.
func printOf(o client.Object) (uint64, bool) {
	owner := metav1.GetControllerOf(o)
	if owner == nil || o.GetLabels()[reading.ManagedByLabel] != reading.ManagedBy {
		return 0, false
	}
	switch o := o.(type) {
	case *rbacv1.Role:
		return fingerprint(owner.UID, ruleItems(o.Rules)), true
	case *rbacv1.RoleBinding:
		items := []string{o.RoleRef.Kind, o.RoleRef.Name}
		for _, s := range o.Subjects {
			if !isUser(s) {
				return 0, false
			}
			items = append(items, s.Name)
		}
		return fingerprint(owner.UID, items), true
	}
	return 0, false
}

func (e *echoes) wrote(kind string, key client.ObjectKey, as uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.written[echo{kind, key}] = as
}

// wroteBinding reports whether the binding of that number was written and is not known to be gone again.
func (e *echoes) wroteBinding(role client.ObjectKey, shard int) bool {
	key := client.ObjectKey{Namespace: role.Namespace, Name: access.BindingName(role.Name, shard)}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, known := e.written[echo{"RoleBinding", key}]
	return known
}

func (e *echoes) forget(kind string, key client.ObjectKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.written, echo{kind, key})
}

func (e *echoes) is(kind string, o client.Object) bool {
	as, ok := printOf(o)
	e.mu.Lock()
	defer e.mu.Unlock()
	written, known := e.written[echo{kind, client.ObjectKeyFromObject(o)}]
	return ok && known && written == as
}

// others lets events through but those that an own write caused.
func (e *echoes) others(kind string) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event event.CreateEvent) bool { return !e.is(kind, event.Object) },
		UpdateFunc: func(event event.UpdateEvent) bool { return !e.is(kind, event.ObjectNew) },
		DeleteFunc: func(event event.DeleteEvent) bool {
			e.forget(kind, client.ObjectKeyFromObject(event.Object))
			return true
		},
	}
}
