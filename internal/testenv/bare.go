// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/admission"
)

// StartBare brings up an API server in which nothing of Roster is installed yet, except its namespaces.
func StartBare(ctx context.Context, flags ...Flag) (*Cluster, error) {
	c, err := StartEmpty(ctx, flags...)
	if err != nil {
		return nil, err
	}
	err = eachObject(filepath.Join(Root(), "config/rbac"), func(o *unstructured.Unstructured) error {
		return client.IgnoreNotFound(c.Client.Delete(ctx, o))
	})
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// InstallFile applies the manifests of a release, as people do. When it returns, its policies are active.
func (c *Cluster) InstallFile(ctx context.Context, file string) error {
	if err := c.Kubectl("apply", "--server-side", "-f", file); err != nil {
		return err
	}
	return admission.Await(ctx, c.Client, false)
}
