// SPDX-License-Identifier: Apache-2.0

package compact

import (
	"context"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Scope is where an index is asked for a value: in a namespace, or everywhere at once.
type Scope bool

// The scopes of an index.
const (
	InNamespace Scope = false
	Everywhere  Scope = true
)

// AddIndex is IndexField of a cache with half the memory. That one keeps each value twice, to be asked for in a namespace and everywhere;
// this one as its scope says, and a list by a field in the other scope finds nothing. Where hardly two objects share a value, that is 300
// bytes for each. The names of the index and of its values are those that the readers of controller-runtime look for. They stand in
// pkg/cache/internal/cache_reader.go there; a cache of single namespaces asks in each, and would find nothing everywhere.
func AddIndex(
	ctx context.Context, informers cache.Informers, object client.Object, field string, scope Scope, extract client.IndexerFunc,
) error {
	informer, err := informers.GetInformer(ctx, object, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	return informer.AddIndexers(toolscache.Indexers{"field:" + field: func(o any) ([]string, error) {
		object, ok := o.(client.Object)
		if !ok {
			return nil, nil
		}
		prefix := "__all_namespaces/"
		if scope == InNamespace {
			prefix = object.GetNamespace() + "/"
		}
		values := extract(object)
		keys := make([]string, len(values))
		for i, value := range values {
			keys[i] = prefix + value
		}
		return keys, nil
	}})
}
