// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/openid/signing"
)

// CreateKey is for tests.
var CreateKey = createKey

// SigningKeys looks at the keys in a Secret, as the operator does, and returns when to look again. The registry gets its metrics.
func SigningKeys(
	c client.Client, secret client.ObjectKey, clk clock.PassiveClock, told events.EventRecorder, registry prometheus.Registerer,
	newKey func(signing.Turn) (signing.Key, error),
) reconcile.Reconciler {
	return &signingKeys{
		client: c, clock: clk, events: Events{reporting.NewRecorder(told, nil)}, metrics: NewSigningMetrics(registry), secret: secret, make: newKey,
	}
}

// ConsoleList writes a list of people with room for so many bytes, as the operator does.
func ConsoleList(c client.Client, told events.EventRecorder, most int) func(ctx context.Context, people []string) error {
	r := &consoleList{
		client: c, events: Events{reporting.NewRecorder(told, nil)}, metrics: NewMetrics(prometheus.NewRegistry()), console: newConsole(), most: most,
	}
	return func(ctx context.Context, people []string) error {
		list, err := readConsole(ctx, c)
		if err == nil {
			_, err = r.keep(ctx, list, people)
		}
		return err
	}
}
