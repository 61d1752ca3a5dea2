// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// memory is what a controller knows of objects and their status does not show yet. Within a process a mail is not sent again because the
// cache is stale or the status could not be written. An object that was made again under the same name is another one.
type memory[T any] struct {
	mu sync.Mutex
	of map[client.ObjectKey]recollection[T]
}

type recollection[T any] struct {
	uid  types.UID
	what T
}

// unshown is what is known of an object, if anything. What is shown by now is forgotten.
func (m *memory[T]) unshown(o client.Object, shown func(T) bool) (what T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := client.ObjectKeyFromObject(o)
	known, ok := m.of[key]
	if !ok || known.uid != o.GetUID() {
		return what, false
	}
	if shown(known.what) {
		delete(m.of, key)
		return what, false
	}
	return known.what, true
}

// change changes what is known of an object, which starts with nothing.
func (m *memory[T]) change(o client.Object, change func(what *T)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := client.ObjectKeyFromObject(o)
	known := m.of[key]
	if known.uid != o.GetUID() {
		known = recollection[T]{uid: o.GetUID()}
	}
	change(&known.what)
	if m.of == nil {
		m.of = map[client.ObjectKey]recollection[T]{}
	}
	m.of[key] = known
}

// forget drops what is known of an object that is gone.
func (m *memory[T]) forget(key client.ObjectKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, key)
}
