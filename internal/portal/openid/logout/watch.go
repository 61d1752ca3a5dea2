// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/compact"
	"github.com/roster-dev/roster/internal/openid/grant"
)

// CacheByObject is what the options of a cache have to say of what is watched here: in the namespace of Accounts alone, of Secrets only
// those with grants, and nothing but names, labels and generations of both.
func CacheByObject() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		metadataOf(accountKind()): {
			Namespaces: map[string]cache.Config{rosterv1alpha1.AccountNamespace: {}}, Transform: onlyIdentity,
		},
		metadataOf(secretKind()): {
			Namespaces: map[string]cache.Config{rosterv1alpha1.AccountNamespace: {
				LabelSelector: labels.SelectorFromSet(labels.Set{grant.Label: "true"}),
			}},
			Transform: onlyIdentity,
		},
	}
}

func accountKind() schema.GroupVersionKind { return rosterv1alpha1.GroupVersion.WithKind("Account") }
func secretKind() schema.GroupVersionKind  { return corev1.SchemeGroupVersion.WithKind("Secret") }

func metadataOf(kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(kind)
	return o
}

// onlyIdentity keeps of an object what tells it apart and shows that it changed.
func onlyIdentity(o any) (any, error) {
	if object, err := meta.Accessor(o); err == nil {
		object.SetManagedFields(nil)
		object.SetAnnotations(nil)
		object.SetOwnerReferences(nil)
		compact.Object(o)
	}
	return o, nil
}

// Watch has Accounts looked at when something changes that their grants rest on. It must be called before the cache starts, which must have
// been made with what CacheByObject returns.
func (e *Ender) Watch(ctx context.Context, c cache.Cache) error {
	return errors.Join(
		follow(ctx, c, metadataOf(secretKind()), e.grantsChanged()),
		follow(ctx, c, metadataOf(accountKind()), e.accountChanged()),
		follow(ctx, c, &rosterv1alpha1.Member{}, changes(e.memberChanged)),
		follow(ctx, c, &rosterv1alpha1.Organization{}, changes(func(before, after *rosterv1alpha1.Organization) {
			if before == nil || after == nil || organizationMatters(before, after) {
				e.askAllOf(ctx, c, either(before, after).Namespace)
			}
		})),
		follow(ctx, c, &rosterv1alpha1.Application{}, changes(func(before, after *rosterv1alpha1.Application) {
			if before != nil && (after == nil || before.UID != after.UID || after.DeletionTimestamp != nil) {
				e.gone.note(before)
			}
			if before == nil || after == nil || before.Generation != after.Generation || after.DeletionTimestamp != nil {
				e.askAllOf(ctx, c, either(before, after).Namespace)
			}
		})),
	)
}

// grantsChanged keeps note of the Accounts with grants, and has those looked at that come.
func (e *Ender) grantsChanged() toolscache.ResourceEventHandler {
	known := &names{all: map[string]bool{}}
	e.withGrants = known.has
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(o any, initial bool) {
			name := nameOf(o)
			known.add(name)
			if initial {
				e.queue.Add(name)
			} else {
				// Something that the sign-in rested on may have gone before this replica knew that there was one.
				e.queue.AddAfter(name, settle)
			}
		},
		DeleteFunc: func(o any) { known.remove(nameOf(o)) },
	}
}

// accountChanged has an Account looked at whose spec changes, or that goes.
func (e *Ender) accountChanged() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		UpdateFunc: func(before, after any) {
			b, a := objectOf(before), objectOf(after)
			if b == nil || a == nil || b.GetGeneration() != a.GetGeneration() || b.GetUID() != a.GetUID() || a.GetDeletionTimestamp() != nil {
				e.ask(nameOf(after))
			}
		},
		DeleteFunc: func(o any) { e.ask(nameOf(o)) },
	}
}

// Rounds has all Accounts with grants looked at from time to time. It is part of what runs beside Start.
func (e *Ender) Rounds(ctx context.Context, c cache.Cache) error {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(secretKind())
		if err := c.List(ctx, &list, client.InNamespace(rosterv1alpha1.AccountNamespace)); err != nil {
			if ctx.Err() == nil {
				e.Log.Error(err, "Cannot list the accounts with grants")
			}
			return
		}
		var all []string
		for i := range list.Items {
			all = append(all, list.Items[i].Name)
		}
		e.all(all)
	}, every)
	return nil
}

// memberChanged looks at the person of a Member, and at the one whom it named before.
func (e *Ender) memberChanged(before, after *rosterv1alpha1.Member) {
	if before != nil && after != nil && before.Generation == after.Generation && before.DeletionTimestamp.Equal(after.DeletionTimestamp) &&
		equality.Semantic.DeepEqual(before.Status, after.Status) {
		return
	}
	for _, m := range []*rosterv1alpha1.Member{before, after} {
		if m != nil && m.Spec.AccountRef != nil {
			e.ask(m.Spec.AccountRef.Name)
		}
	}
}

// organizationMatters reports whether a change of an Organization can end grants. Its counts change with every Member.
func organizationMatters(before, after *rosterv1alpha1.Organization) bool {
	return before.Generation != after.Generation || before.UID != after.UID || after.DeletionTimestamp != nil ||
		!equality.Semantic.DeepEqual(before.Status.OwnerRef, after.Status.OwnerRef) ||
		!equality.Semantic.DeepEqual(before.Status.MultiFactorSince, after.Status.MultiFactorSince)
}

// askAllOf looks at all people of an organisation who have grants.
func (e *Ender) askAllOf(ctx context.Context, c client.Reader, namespace string) {
	var list rosterv1alpha1.MemberList
	if err := c.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		e.Log.Error(err, "Cannot list the members of an organisation: their sign-ins are looked at within ten minutes", "namespace", namespace)
		return
	}
	for i := range list.Items {
		if ref := list.Items[i].Spec.AccountRef; ref != nil {
			e.ask(ref.Name)
		}
	}
}

func follow(ctx context.Context, c cache.Cache, kind client.Object, handler toolscache.ResourceEventHandler) error {
	informer, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching for what ends sign-ins: %w", err)
	}
	_, err = informer.AddEventHandler(handler)
	return err
}

// changes calls a function with what an object was and is; nil where it was or is not. What is there at the start is no change.
func changes[T any, P interface {
	*T
	client.Object
}](do func(before, after P)) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(o any, initial bool) {
			if after, ok := o.(P); ok && !initial {
				do(nil, after)
			}
		},
		UpdateFunc: func(b, a any) {
			before, ok := b.(P)
			after, also := a.(P)
			if ok && also && before.GetResourceVersion() != after.GetResourceVersion() {
				do(before, after)
			}
		},
		DeleteFunc: func(o any) {
			if before, ok := last(o).(P); ok {
				do(before, nil)
			}
		},
	}
}

// last is the object as it was known last before it was deleted.
func last(o any) any {
	if gone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		return gone.Obj
	}
	return o
}

func objectOf(o any) client.Object {
	object, _ := last(o).(client.Object)
	return object
}

func nameOf(o any) string {
	if object := objectOf(o); object != nil {
		return object.GetName()
	}
	if gone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		_, name, _ := toolscache.SplitMetaNamespaceKey(gone.Key)
		return name
	}
	return ""
}

func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// names are those of Accounts with grants.
type names struct {
	mu  sync.RWMutex
	all map[string]bool
}

func (n *names) has(name string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.all[name]
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[name] = true
}

func (n *names) remove(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.all, name)
}
