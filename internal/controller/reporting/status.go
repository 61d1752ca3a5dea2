// SPDX-License-Identifier: Apache-2.0

// Package reporting writes what controllers found out to where people look: one status at a time, and events for what they should see.
package reporting

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// WriteStatus replaces the status under the resourceVersion that the object carries. A full update is the form that costs the API
// server least; see docs/performance.md.
func WriteStatus(ctx context.Context, c client.Client, o client.Object) error {
	return c.Status().Update(ctx, o)
}

// Status brings the status of an object to what was decided, with one write if it is not so already, and then tells of the change; where
// there is none, of what lasts.
func Status[T client.Object, S any](ctx context.Context, c client.Client, o T, status *S, decided S, tell func(before, after T)) error {
	if equality.Semantic.DeepEqual(*status, decided) {
		tell(o, o)
		return nil
	}
	before := o.DeepCopyObject().(T)
	*status = decided
	if err := WriteStatus(ctx, c, o); err != nil {
		return IgnoreConflict(err)
	}
	tell(before, o)
	return nil
}

// IgnoreConflict drops the error of a write that somebody else was faster than, and that of a write to an object that is gone: the
// event that tells of it has queued the object again.
func IgnoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return client.IgnoreNotFound(err)
}
