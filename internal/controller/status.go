// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// writeStatus replaces the status under the resourceVersion that the object carries. A full update is the form that costs the API
// server least; see docs/performance.md.
func writeStatus(ctx context.Context, c client.Client, o client.Object) error {
	return c.Status().Update(ctx, o)
}

// report brings the status of an object to what was decided, with one write if it is not so already, and then tells of the change.
func report[T client.Object, S any](ctx context.Context, c client.Client, o T, status *S, decided S, tell func(before, after T)) error {
	if equality.Semantic.DeepEqual(*status, decided) {
		return nil
	}
	before := o.DeepCopyObject().(T)
	*status = decided
	if err := writeStatus(ctx, c, o); err != nil {
		return ignoreConflict(err)
	}
	tell(before, o)
	return nil
}

// ignoreConflict drops the error of a write that somebody else was faster than, and that of a write to an object that is gone: the
// event that tells of it has queued the object again.
func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return client.IgnoreNotFound(err)
}
