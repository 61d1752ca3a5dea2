// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// writeStatus replaces the status under the resourceVersion that the object carries. A full update is the form that costs the API
// server least; see docs/performance.md.
func writeStatus(ctx context.Context, c client.Client, o client.Object) error {
	return c.Status().Update(ctx, o)
}

// ignoreConflict drops the error of a write that somebody else was faster than, and that of a write to an object that is gone: the
// event that tells of it has queued the object again.
func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return client.IgnoreNotFound(err)
}
