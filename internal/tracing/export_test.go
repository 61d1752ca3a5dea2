// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"github.com/go-logr/logr"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Calm is an exporter that tells once what it loses.
func Calm(next sdktrace.SpanExporter, log logr.Logger) sdktrace.SpanExporter {
	return &calm{SpanExporter: next, log: log}
}
