// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/time/rate"
)

// calm tells once that spans are lost and once that they are not any more, however long a collector is away.
type calm struct {
	sdktrace.SpanExporter

	log  logr.Logger
	mu   sync.Mutex
	lost bool
}

// ExportSpans is part of [sdktrace.SpanExporter].
func (c *calm) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && !c.lost:
		c.log.Info("Traces are lost: the collector does not take them. Everything else goes on", "error", err.Error())
	case err == nil && c.lost:
		c.log.Info("The collector takes traces again")
	}
	c.lost = err != nil
	return nil // It has been told.
}

// tellEvery is how often the SDK may tell of itself.
const tellEvery = 10 * time.Minute

// logErrors has the SDK tell what it cannot do in the log of the process, and not with each batch.
func logErrors(log logr.Logger) {
	sometimes := rate.Sometimes{First: 1, Interval: tellEvery}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		sometimes.Do(func() { log.Info("Tracing does not work as it is set up", "error", err.Error()) })
	}))
}
