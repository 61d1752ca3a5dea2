// SPDX-License-Identifier: Apache-2.0

// Package tracing tells an OpenTelemetry collector what the processes do, and how long it takes. It is off unless the environment names a
// collector, and costs nothing then.
//
// A span says what kind of thing was done, in which organisation, and how it ended. It holds nothing about a person and nothing secret: no
// address, no link, no path or query, no text of an error. That is why the ready-made instrumentation of net/http is not used here: it
// records the whole address of a request. See decision 83.
package tracing

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// The variables of the OpenTelemetry specification that are looked at here; the SDK and the exporter read the others.
const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envExporter       = "OTEL_TRACES_EXPORTER"
	envDisabled       = "OTEL_SDK_DISABLED"
)

// flushWithin is how long the last spans may take to be delivered when a process stops. Nothing else waits for a collector.
const flushWithin = 3 * time.Second

// scope is who makes the spans, as OpenTelemetry calls it.
const scope = "github.com/roster-dev/roster"

// Start begins to trace if the environment names a collector. What runs under the context that it returns is traced; stop delivers the last
// spans. Without a collector, it returns the context that it was given.
func Start(ctx context.Context, service, version string, log logr.Logger) (traced context.Context, stop func(), err error) {
	stop = func() {}
	if on, err := wanted(); err != nil || !on {
		return ctx, stop, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return ctx, stop, fmt.Errorf("tracing: %w", err)
	}
	of, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return ctx, stop, fmt.Errorf("tracing: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	logErrors(log)
	provider := sdktrace.NewTracerProvider(
		// What a panic says may hold anything.
		sdktrace.WithoutPanicRecording(), sdktrace.WithResource(of), sdktrace.WithBatcher(&calm{SpanExporter: exporter, log: log}))
	log.Info("Tracing", "collector", endpoint())
	return With(ctx, provider), func() {
		// The process is being stopped, so its context has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
		defer cancel()
		_ = provider.Shutdown(ctx) // What could not be delivered has been logged.
	}, nil
}

// wanted reports whether the environment asks for traces, and in a way that there is.
func wanted() (bool, error) {
	if endpoint() == "" || os.Getenv(envDisabled) == "true" {
		return false, nil
	}
	switch exporter := os.Getenv(envExporter); exporter {
	case "none":
		return false, nil
	case "", "otlp":
	default:
		return false, fmt.Errorf("%s: %q: must be otlp or none", envExporter, exporter)
	}
	for _, name := range []string{envTracesProtocol, envProtocol} {
		switch protocol := os.Getenv(name); protocol {
		case "":
			continue
		case "http/protobuf", "http/json":
		default:
			return false, fmt.Errorf("%s: %q: must be http/protobuf; collectors listen for it on port 4318", name, protocol)
		}
		break
	}
	return true, nil
}

func endpoint() string {
	if traces := os.Getenv(envTracesEndpoint); traces != "" {
		return traces
	}
	return os.Getenv(envEndpoint)
}

type tracerKey struct{}

// With returns a context under which everything is traced.
func With(ctx context.Context, provider trace.TracerProvider) context.Context {
	return context.WithValue(ctx, tracerKey{}, provider.Tracer(scope))
}

// Base is what a manager of controller-runtime runs everything under that it starts: traced as ctx is, and not ended with it, since the
// manager ends things in its order.
func Base(ctx context.Context) func() context.Context {
	return func() context.Context { return context.WithoutCancel(ctx) }
}

// tracer is what makes spans under a context; nil if nothing is traced.
func tracer(ctx context.Context) trace.Tracer {
	t, _ := ctx.Value(tracerKey{}).(trace.Tracer)
	return t
}

// child returns what makes spans below the one of a context; nil if that is not recorded, so that nothing is lost by not making them. Work
// that belongs to no span, such as following a watch, is not traced.
func child(ctx context.Context) trace.Tracer {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		return span.TracerProvider().Tracer(scope)
	}
	return nil
}
