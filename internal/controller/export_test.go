// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/controller/reporting"
)

// CreateKey is for tests.
var CreateKey = createKey

// ConsoleList writes a list of people with room for so many bytes, as the operator does.
func ConsoleList(c client.Client, told events.EventRecorder, most int) func(ctx context.Context, people []string) error {
	r := &consoleList{
		client: c, events: Events{reporting.NewRecorder(told)}, metrics: NewMetrics(prometheus.NewRegistry()), console: newConsole(), most: most,
	}
	return func(ctx context.Context, people []string) error {
		list, err := readConsole(ctx, c)
		if err == nil {
			_, err = r.keep(ctx, list, people)
		}
		return err
	}
}
