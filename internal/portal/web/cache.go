// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Cache is where pages look things up. What is decided is decided by what a client without a cache reads.
type Cache struct {
	client.Reader
	Log logr.Logger
}

// Look reads what a page can do without. It returns false if that cannot be had.
func (c Cache) Look(ctx context.Context, key client.ObjectKey, o client.Object) bool {
	err := c.Get(ctx, key, o)
	if client.IgnoreNotFound(err) != nil {
		c.Log.Error(err, "Cannot read from the cache", "object", key)
	}
	return err == nil
}
