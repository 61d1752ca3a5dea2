// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// secretWatch tells of Secrets that change, in the namespaces that have profiles with credentials and nowhere else. It sees their
// metadata, never what they hold, and keeps no more than their names and versions.
type secretWatch struct {
	ctx     context.Context
	client  metadata.Interface
	changes chan event.GenericEvent

	mu      sync.Mutex
	running map[string]*watched
}

// watched is a namespace whose Secrets are watched, for the profiles in it.
type watched struct {
	cancel   context.CancelFunc
	profiles map[string]bool
}

// newSecretWatch watches until the context is done.
func newSecretWatch(ctx context.Context, c metadata.Interface) *secretWatch {
	return &secretWatch{ctx: ctx, client: c, changes: make(chan event.GenericEvent), running: map[string]*watched{}}
}

// tokenSecrets leaves out Secrets that are never those of a profile, and may be many and change often.
const tokenSecrets = "type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1,type!=kubernetes.io/dockerconfigjson"

// want starts to watch the namespace of a profile, unless that is done already.
func (w *secretWatch) want(namespace, profile string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if running := w.running[namespace]; running != nil {
		running.profiles[profile] = true
		return
	}
	ctx, cancel := context.WithCancel(w.ctx)
	w.running[namespace] = &watched{cancel: cancel, profiles: map[string]bool{profile: true}}
	informer := metadatainformer.NewFilteredMetadataInformer(w.client, corev1.SchemeGroupVersion.WithResource("secrets"), namespace, 0,
		toolscache.Indexers{}, func(o *metav1.ListOptions) { o.FieldSelector = tokenSecrets }).Informer()
	// Both fail only for an informer that runs already.
	_ = informer.SetTransform(onlyVersion)
	_ = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *toolscache.Reflector, err error) {
		// The profiles say it, where it is a matter of rights; the informer tries again.
		log.FromContext(ctx).V(1).Info("the Secrets of a namespace cannot be watched", "namespace", namespace, "error", err.Error())
	})
	_, _ = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { w.tell(ctx, o) },
		UpdateFunc: func(_, o any) { w.tell(ctx, o) },
		DeleteFunc: func(o any) { w.tell(ctx, o) },
	})
	go informer.RunWithContext(ctx)
}

// release ends the watch of a namespace with the last profile that wants it.
func (w *secretWatch) release(namespace, profile string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	running := w.running[namespace]
	if running == nil {
		return
	}
	delete(running.profiles, profile)
	if len(running.profiles) == 0 {
		running.cancel()
		delete(w.running, namespace)
	}
}

func (w *secretWatch) tell(ctx context.Context, o any) {
	if gone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	secret, ok := o.(*metav1.PartialObjectMetadata)
	if !ok {
		return
	}
	select {
	case w.changes <- event.GenericEvent{Object: secret}:
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
