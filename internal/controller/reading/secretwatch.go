// SPDX-License-Identifier: Apache-2.0

package reading

import (
	"context"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// SecretWatch tells of Secrets that change, in the namespaces where something wants to know and nowhere else. It sees their metadata, never
// what they hold, and keeps no more than their names and versions.
type SecretWatch struct {
	// Changes are the Secrets that have changed.
	Changes chan event.GenericEvent

	ctx    context.Context
	client metadata.Interface

	mu      sync.Mutex
	running map[string]*watched
}

// watched is a namespace whose Secrets are watched, for the objects in it that want it: the names of their Secrets, by theirs.
type watched struct {
	cancel  context.CancelFunc
	secrets map[string]string
}

// NewSecretWatch watches until the context is done.
func NewSecretWatch(ctx context.Context, c metadata.Interface) *SecretWatch {
	return &SecretWatch{ctx: ctx, client: c, Changes: make(chan event.GenericEvent), running: map[string]*watched{}}
}

// tokenSecrets leaves out Secrets that are never those of a profile or an Application, and may be many and change often.
const tokenSecrets = "type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1,type!=kubernetes.io/dockerconfigjson"

// Want starts to watch the namespace of an object, unless that is done already. The Secret of the object may have gone after it was read
// and before the watch began: then it is told of when it has.
func (w *SecretWatch) Want(namespace, object, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if running := w.running[namespace]; running != nil {
		running.secrets[object] = secret
		return
	}
	ctx, cancel := context.WithCancel(w.ctx)
	w.running[namespace] = &watched{cancel: cancel, secrets: map[string]string{object: secret}}
	informer := metadatainformer.NewFilteredMetadataInformer(w.client, corev1.SchemeGroupVersion.WithResource("secrets"), namespace, 0,
		toolscache.Indexers{}, func(o *metav1.ListOptions) { o.FieldSelector = tokenSecrets }).Informer()
	// Both fail only for an informer that runs already.
	_ = informer.SetTransform(onlyVersion)
	_ = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *toolscache.Reflector, err error) {
		// The objects say it, where it is a matter of rights; the informer tries again.
		log.FromContext(ctx).V(1).Info("the Secrets of a namespace cannot be watched", "namespace", namespace, "error", err.Error())
	})
	_, _ = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { w.tell(ctx, o) },
		UpdateFunc: func(_, o any) { w.tell(ctx, o) },
		DeleteFunc: func(o any) { w.tell(ctx, o) },
	})
	go informer.RunWithContext(ctx)
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			w.tellAbsent(ctx, namespace, informer.GetStore())
		}
	}()
}

// tellAbsent tells of the Secrets that objects want and that are not there. A watch that has just begun tells of those that are.
func (w *SecretWatch) tellAbsent(ctx context.Context, namespace string, there toolscache.Store) {
	for _, name := range w.wanted(namespace) {
		if _, exists, err := there.GetByKey(namespace + "/" + name); err == nil && !exists {
			w.tell(ctx, &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
		}
	}
}

// wanted are the names of the Secrets that objects of a namespace want.
func (w *SecretWatch) wanted(namespace string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	running := w.running[namespace]
	if running == nil {
		return nil
	}
	return slices.Collect(maps.Values(running.secrets))
}

// Release ends the watch of a namespace with the last object that wants it.
func (w *SecretWatch) Release(namespace, object string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	running := w.running[namespace]
	if running == nil {
		return
	}
	delete(running.secrets, object)
	if len(running.secrets) == 0 {
		running.cancel()
		delete(w.running, namespace)
	}
}

func (w *SecretWatch) tell(ctx context.Context, o any) {
	if gone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	secret, ok := o.(*metav1.PartialObjectMetadata)
	if !ok {
		return
	}
	select {
	case w.Changes <- event.GenericEvent{Object: secret}:
	case <-ctx.Done():
	}
}

// onlyVersion drops what nobody reads.
func onlyVersion(o any) (any, error) {
	if secret, ok := o.(*metav1.PartialObjectMetadata); ok {
		secret.ManagedFields, secret.Annotations, secret.Labels, secret.OwnerReferences = nil, nil, nil, nil
	}
	return o, nil
}
