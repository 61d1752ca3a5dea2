// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/keyring"
)

// createPortalKeys makes a Secret with a random key for the portal, at the start, if there is none. The manager may create it and not read
// it: what the portal seals with it, only the portal opens.
func createPortalKeys(c client.Client, secret client.ObjectKey, log logr.Logger) manager.Runnable {
	return manager.RunnableFunc(func(ctx context.Context) error {
		// The error is that of the context: the process ends.
		_ = wait.PollUntilContextCancel(ctx, reading.KeysRetry, true, func(ctx context.Context) (bool, error) {
			err := createKey(ctx, c, secret)
			if err != nil {
				log.Error(err, "the portal's keys cannot be created; trying again")
			}
			return err == nil, nil
		})
		return nil
	})
}

// portalSecret is a Secret beside the manager.
func (o Options) portalSecret(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: o.Namespace, Name: name}
}

func createKey(ctx context.Context, c client.Client, secret client.ObjectKey) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := c.Create(ctx, keyring.NewSecret(secret.Namespace, secret.Name), reading.Uncached)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating Secret %s: %w", secret, err)
	}
	return nil
}
